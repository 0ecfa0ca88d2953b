"""A lead who signs in becomes that user, with its conversations and what it said about texts."""

import contextlib
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.consent import eligibility
from app.core.contacts import records as contacts
from app.core.conversations import appending, lifecycle
from app.core.conversations import forms as conversation_forms
from app.core.errors import NotFound
from app.core.messenger import signing_in, visitors
from app.core.messenger.identity import SignedUser
from app.core.messenger.visitors import Visitor
from app.db import Database
from app.models import (
    Consent,
    ConsentState,
    Contact,
    Conversation,
    EvidenceLevel,
    InsertedForm,
    OutboxEvent,
    SubscriptionType,
)
from tests import make
from tests.core.messenger.test_visitors import TOKEN, sender, signed_sender, write
from tests.make import BRITISH_NUMBER, EVES_NUMBER, NOON, SAMS_NUMBER

UNVERIFIED = {"level": EvidenceLevel.WEB_UNVERIFIED}


def sign_in(session: Session, token: str | None = TOKEN, **user: Any) -> None:
    assert signing_in.sign_in(session, SignedUser("sam", **user), token, address=None, at=NOON) is None


def lead_who_wrote(session: Session, phone: str | None = None) -> Contact:
    write(session, sender(name="Sam"), "as a lead")
    lead = session.scalars(select(Contact).where(Contact.role == "lead")).one()
    contacts.change_phone(session, lead, phone, at=NOON)
    return lead


def sam(session: Session) -> Contact:
    return session.scalars(select(Contact).where(Contact.external_id == "sam")).one()


def consent_of(session: Session, contact: Contact, subscription_type: SubscriptionType) -> tuple[str, str | None]:
    found = session.get_one(Consent, (contact.id, subscription_type.id))
    return found.state, found.destination


def test_a_lead_who_signs_in_keeps_conversations_number_and_opt_in(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, news = make.live_type(session), make.live_type(session, name="News")
        lead = lead_who_wrote(session, SAMS_NUMBER)
        make.opt_in(session, lead, offers, evidence=make.evidence(**UNVERIFIED))
        make.opt_out(session, lead, news)
        (first,) = session.scalars(select(Conversation))
        waiting = make.inserted(session, make.form(session, offers), lead)
        conversation_forms.place(session, appending.lock(session, first.id), waiting, author="agent:1", at=NOON)
        lifecycle.close(session, first.id, actor="agent:1", at=NOON)
        write(session, sender(is_new=False), "again", client_key="2")
    with database.unit_of_work() as session:
        sign_in(session)
        sign_in(session)  # a second tab
    with database.unit_of_work() as session:
        user = sam(session)
        write(session, signed_sender(session), "as Sam", client_key="3")
        assert set(session.scalars(select(Conversation.contact_id))) == {user.id}
        assert session.scalars(select(InsertedForm.contact_id)).one() == user.id
        assert (user.phone, user.custom_attributes) == (SAMS_NUMBER, {}), "no claim becomes an attribute"
        assert consent_of(session, user, offers) == (ConsentState.OPTED_IN, SAMS_NUMBER)
        assert consent_of(session, user, news) == (ConsentState.OPTED_OUT, SAMS_NUMBER)
        assert session.scalars(select(Contact.merged_into_id).where(Contact.role == "lead")).all() == [user.id]
        merged = [each for each in audit.newest(session) if each.action == "contact.merged"]
        assert [(each.actor, each.subject) for each in merged] == [("contact", f"contact:{user.id}")]
        topics = list(session.scalars(select(OutboxEvent.topic)))
        assert topics.count("contact.deleted") == 1
        with pytest.raises(NotFound):
            visitors.visitor(session, TOKEN)


def test_an_opt_in_for_another_number_than_the_users_stays_with_the_lead(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        lead = lead_who_wrote(session, EVES_NUMBER)
        make.opt_in(session, lead, offers)
        sign_in(session, phone=SAMS_NUMBER)
        user = sam(session)
        assert (user.phone, session.scalars(select(Conversation.contact_id)).one()) == (SAMS_NUMBER, user.id)
        assert session.get(Consent, (user.id, offers.id)) is None
        assert (lead.merged_into_id, consent_of(session, lead, offers)) == (
            None,
            (ConsentState.OPTED_IN, EVES_NUMBER),
        )
        with pytest.raises(NotFound):
            visitors.visitor(session, TOKEN)


def test_without_a_possible_merge_only_the_conversations_move(database: Database) -> None:
    with database.unit_of_work() as session:
        make.contact(session, external_id="third", email_address="sam@example.com")
        lead = lead_who_wrote(session)
        contacts.set_email(session, lead, "sam@example.com")
    with database.unit_of_work() as session:
        sign_in(session)
        assert session.scalars(select(Conversation.contact_id)).one() == sam(session).id
        assert session.scalars(select(Contact.merged_into_id).where(Contact.role == "lead")).one() is None


@pytest.mark.parametrize("closed", ["lead", "user"])
@pytest.mark.parametrize("how", ["blocked", "gdpr"])
def test_nothing_moves_from_or_to_a_closed_contact(database: Database, closed: str, how: str) -> None:
    with database.unit_of_work() as session:
        lead = lead_who_wrote(session, SAMS_NUMBER)
        make.opt_in(session, lead, make.live_type(session))
        user = make.contact(session, external_id="sam", name=None)
        shut = lead if closed == "lead" else user
        if how == "blocked":
            contacts.block(session, shut, at=NOON)
        else:
            contacts.change_gdpr_optin(session, shut, gdpr_optin=False, at=NOON)
        sign_in(session)
        assert session.scalars(select(Conversation.contact_id)).one() == lead.id
        assert (lead.phone, lead.merged_into_id, user.phone) == (SAMS_NUMBER, None, None)
        assert session.scalars(select(Consent.contact_id)).one() == lead.id


@pytest.mark.parametrize("change", [{"role": "user", "external_id": "ana"}, {"lead_key": "sms:" + "h" * 32}])
def test_a_user_and_a_lead_known_by_its_number_never_become_part_of_another(
    database: Database, change: dict[str, str]
) -> None:
    with database.unit_of_work() as session:
        lead = lead_who_wrote(session)
        for name, value in change.items():
            setattr(lead, name, value)
        session.flush()
        sign_in(session)
        assert session.scalars(select(Conversation.contact_id)).one() == lead.id
        assert lead.merged_into_id is None


def test_signing_in_again_or_with_an_unknown_token_changes_nothing(database: Database) -> None:
    with database.unit_of_work() as session:
        write(session, sender())
        sign_in(session)
        for token in (TOKEN, "t_" + "b" * 43, None):
            assert signing_in.sign_in(session, SignedUser("eve"), token, address=None, at=NOON) is None
        assert set(session.scalars(select(Contact.external_id))) == {None, "sam"}
        assert session.scalars(select(Conversation.contact_id)).one() == sam(session).id


def test_signing_in_alone_creates_no_contact(database: Database) -> None:
    with database.unit_of_work() as session:
        sign_in(session, None, name="Sam")
        assert session.scalar(select(func.count()).select_from(Contact)) == 0
        bearer, is_stale = visitors.session_for(session, SignedUser("sam"))
        assert (visitors.visitor(session, bearer), is_stale) == (Visitor(None, "sam"), False)


def test_a_server_that_ends_in_the_middle_leaves_everything_as_it_was(database: Database) -> None:
    with database.unit_of_work() as session:
        lead_id = lead_who_wrote(session, SAMS_NUMBER).id
    with contextlib.suppress(KeyboardInterrupt), database.unit_of_work() as session:
        sign_in(session)
        raise KeyboardInterrupt
    with database.unit_of_work() as session:
        assert session.scalars(select(Contact.id)).all() == [lead_id]
        assert visitors.visitor(session, TOKEN) == Visitor(lead_id)
        sign_in(session)
        assert sam(session).phone == SAMS_NUMBER


NUMBERS = (None, SAMS_NUMBER, BRITISH_NUMBER)
someone = st.tuples(st.sampled_from(NUMBERS), st.sampled_from((None, "opt_in", "opt_out")))


class _Undo(Exception):
    """Rolls the unit of work back."""


def subscribed_numbers(session: Session, subscription_type: SubscriptionType) -> set[str]:
    reached = set()
    for contact in session.scalars(select(Contact).where(Contact.archived_at.is_(None))):
        status = eligibility.status(session, contact, subscription_type)
        if status.is_subscribed and not status.reasons and contact.phone:
            reached.add(contact.phone)
    return reached


@pytest.mark.databases("sqlite")
@hypothesis.settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lead=someone, user=st.none() | someone)
def test_signing_in_never_loses_an_opt_in_and_never_lifts_an_opt_out(
    database: Database, lead: tuple[str | None, str | None], user: tuple[str | None, str | None] | None
) -> None:
    with contextlib.suppress(_Undo), database.unit_of_work() as session:
        offers = make.live_type(session)
        anonymous = lead_who_wrote(session, lead[0])
        people = [(anonymous, lead[1])]
        if user is not None:
            people.append((make.contact(session, external_id="sam", phone_number=user[0]), user[1]))
        for contact, act in people:
            if act and contact.phone:
                (make.opt_in if act == "opt_in" else make.opt_out)(session, contact, offers)
        session.flush()
        before = subscribed_numbers(session, offers)
        has_opted_out = any(act == "opt_out" and contact.phone for contact, act in people)
        sign_in(session)
        after = subscribed_numbers(session, offers)
        assert after <= before
        if not has_opted_out:
            assert after == before
        if has_opted_out and anonymous.merged_into_id is not None:
            assert after == set()
        assert session.scalars(select(Conversation.contact_id)).one() == sam(session).id
        raise _Undo
