"""Answers that are submitted while something else changes between reading the form and locking the contact."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import destinations
from app.core.consent import locking
from app.core.contacts import erase as erasure
from app.core.contacts import profile as contact_profile
from app.core.contacts import records as contacts
from app.core.conversations import forms as conversation_forms
from app.core.conversations import lifecycle
from app.core.forms import views as form_views
from app.core.forms.form_view import FormView, State
from app.core.forms.render_token import RenderToken
from app.core.signing import keys_of, random_token
from app.core.submissions import submit as submissions
from app.core.workspace import settings
from app.db import Database
from app.models import Channel, Consent, Contact, InsertedForm, OutboxEvent
from tests import make

AT = make.NOON + timedelta(minutes=5)


@dataclass
class Reader:
    """One person with one form: the rendered page, and the view that is read when their answer arrives."""

    session: Session
    token: str

    def __post_init__(self) -> None:
        self.view: FormView = form_views.inserted_view(self.session, self.token)
        saved = form_views.saved_destination(keys_of(self.session), self.view)
        self.shown = RenderToken(
            self.token,
            self.view.form.version_id,
            "en",
            "words",
            saved.hash if saved else None,
            None,
            None,
            random_token(),
            make.NOON,
        )

    def answer(self, number: str = make.SAMS_NUMBER, channel: str = "sms") -> submissions.Outcome:
        typed = submissions.Typed({channel: destinations.read(keys_of(self.session), number, channel, region=None)})
        evidence = make.evidence()
        return submissions.submit(self.session, self.view, self.shown, typed=typed, evidence=evidence, at=AT)


def block(session: Session, sam: Contact) -> None:
    contacts.block(session, sam, at=make.NOON)


def refuse_gdpr(session: Session, sam: Contact) -> None:
    contacts.change_gdpr_optin(session, sam, gdpr_optin=False, at=make.NOON)


def archive(session: Session, sam: Contact) -> None:
    contact_profile.archive(session, sam, actor="agent:1", at=make.NOON)


def erase(session: Session, sam: Contact) -> None:
    erasure.erase(session, sam, actor="agent:1", at=make.NOON)


@pytest.mark.parametrize("number", [make.SAMS_NUMBER, None], ids=["saved", "typed"])
@pytest.mark.parametrize("meanwhile", [block, refuse_gdpr, archive, erase])
def test_an_answer_of_a_contact_that_was_closed_meanwhile_changes_nothing(
    database: Database, meanwhile: Callable[[Session, Contact], None], number: str | None
) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=number)
        inserted = make.inserted(session, make.form(session), sam, at=make.NOON)
        reader = Reader(session, inserted.token)
        meanwhile(session, locking.lock_contact(session, sam.id))
        session.flush()
        before = (sam.phone, sam.sms_block)
        outcome = reader.answer()
        assert (outcome.state in {State.UNAVAILABLE, State.EXPIRED}, outcome.refusal) == (True, None)
        session.expire_all()
        assert (sam.phone, sam.sms_block) == before
        assert session.scalars(select(Consent)).all() == []
        assert session.get_one(InsertedForm, inserted.id).answered_at is None


def test_a_link_without_a_contact_belongs_to_the_first_of_two_concurrent_answers(database: Database) -> None:
    with database.unit_of_work() as session:
        token = make.inserted(session, make.form(session), None, at=make.NOON).token
        first, second = Reader(session, token), Reader(session, token)
        assert first.answer(make.SAMS_NUMBER).state == State.DONE
        assert second.answer(make.EVES_NUMBER) == submissions.Outcome(State.SIGNED_UP, "shown_again")
        again = Reader(session, token)
        unanswered = replace(again.view.insertion, answered_at=None)
        again.view = replace(again.view, insertion=unanswered, respondent=None)
        again.shown = replace(again.shown, destination_hash=None)
        assert again.answer(make.SAMS_NUMBER).state == State.DONE
        assert session.scalars(select(Contact.phone)).all() == [make.SAMS_NUMBER]
        topics = session.scalars(select(OutboxEvent.topic).order_by(OutboxEvent.id)).all()
        assert topics == ["form.inserted", "contact.created", "granular.subscribe", "form.submitted"]


@pytest.mark.parametrize(
    ("channel", "wrong", "other"), [(Channel.SMS, "eve@example.com", "email"), (Channel.EMAIL, make.SAMS_NUMBER, "sms")]
)
def test_a_field_of_another_channel_than_the_forms_is_ignored(
    database: Database, channel: Channel, wrong: str, other: str
) -> None:
    with database.unit_of_work() as session:
        form = make.form(session, make.live_type(session, channel=channel))
        reader = Reader(session, make.inserted(session, form, make.contact(session), at=make.NOON).token)
        assert reader.answer(wrong, other) == submissions.Outcome(State.ASK, "shown_again")
        assert session.scalars(select(Consent)).all() == []


def test_answers_of_inserted_forms_with_one_number_are_limited(database: Database) -> None:
    with database.unit_of_work() as session:
        settings.change(session, {"submissions_per_number": 1}, actor="agent:1", at=make.NOON)
        form = make.form(session)
        first, second = (make.inserted(session, form, make.contact(session), at=make.NOON).token for _ in range(2))
        assert Reader(session, first).answer().state == State.DONE
        refused = Reader(session, second).answer()
        assert (refused.state, refused.refusal) == (State.ASK, "too_many")
        assert (refused.retry_after_s or 0) > 0
        assert len(session.scalars(select(Consent)).all()) == 1


def test_an_answer_in_a_conversation_gives_its_card_and_the_conversation_a_new_revision(database: Database) -> None:
    with database.unit_of_work() as session:
        sam, form = make.contact(session), make.form(session)
        conversation = lifecycle.start(session, sam.id, at=make.NOON)
        card = conversation_forms.insert_saved(session, conversation.id, form.id, actor="agent:1", at=make.NOON)
        session.flush()
        before = conversation.revision
        token = session.get_one(InsertedForm, card.inserted_form_id).token
        assert Reader(session, token).answer().state == State.DONE
        session.expire_all()
        assert conversation.revision == card.revision == conversation.last_contact_revision
        assert conversation.revision > before


def test_an_answer_that_arrives_while_the_form_is_withdrawn_records_nothing(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        reader = Reader(session, make.inserted(session, make.form(session), sam).token)
        assert reader.view.insertion is not None
        conversation_forms.withdraw(session, reader.view.insertion.id, actor="agent:1", at=make.NOON)
        assert reader.answer().state == State.UNAVAILABLE
        assert session.scalars(select(Consent)).all() == []
