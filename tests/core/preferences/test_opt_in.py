"""Opting in on the preference page, by the form that the type names."""

from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from app.core import clock
from app.core.consent import eligibility
from app.core.contacts import records as contacts
from app.core.errors import InvalidState, NotFound
from app.core.forms.form_view import FormView, State
from app.core.forms.render_token import RenderToken
from app.core.preferences import acts, links, opt_in
from app.core.preferences.links import Link
from app.core.signing import keys_of, random_token
from app.core.submissions.outcome import Outcome
from app.core.subscriptions import preference_form
from app.db import Database
from app.models import Consent, ConsentState, Contact, EvidenceLevel, Source, SubscriptionType
from tests import make
from tests.make import BRITISH_NUMBER, NOON, SAMS_NUMBER

PERSONAL, UNVERIFIED = EvidenceLevel.PERSONAL_LINK, EvidenceLevel.WEB_UNVERIFIED


def world(session: Session, level: EvidenceLevel = PERSONAL) -> tuple[SubscriptionType, Contact, Link]:
    """A type with its form, a contact with a number, and a link of that contact."""
    offers = make.live_type(session)
    preference_form.choose(session, offers, make.form(session, offers).id, actor="agent:1", at=NOON)
    sam = make.contact(session, phone_number=SAMS_NUMBER)
    return offers, sam, links.find(session, links.issue(session, sam, level=level, at=NOON))


def form_of(session: Session, link: Link, offers: SubscriptionType) -> FormView:
    view = opt_in.form_of(session, link, offers.id, at=NOON)
    assert view
    return view


def shown(session: Session, view: FormView) -> RenderToken:
    """The token of a page that showed the saved number."""
    assert view.saved
    number_hash = keys_of(session).destination_hash(view.saved)
    return RenderToken("x", view.form.version_id, "en", "", number_hash, None, None, random_token(), clock.now())


def answer(session: Session, view: FormView, token: RenderToken | None, level: EvidenceLevel = PERSONAL) -> Outcome:
    said = make.evidence(Source.PREFERENCE_CENTER, level=level)
    return opt_in.answer(session, view, token, said, has_agreed=True, at=clock.now())


def test_an_answer_opts_in_the_contact_of_the_link_and_reverses_its_own_opt_out(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam, link = world(session)
        acts.leave(session, link, offers.id, make.evidence(Source.PREFERENCE_CENTER), at=NOON)
        view = form_of(session, link, offers)
        assert (view.is_public, view.is_unverified, view.saved) == (False, False, SAMS_NUMBER)
        token = shown(session, view)
        assert answer(session, view, token).state == State.DONE
        assert session.get_one(Consent, (sam.id, offers.id)).state == ConsentState.OPTED_IN
        assert eligibility.status(session, sam, offers).is_reachable
        assert opt_in.form_of(session, link, offers.id, at=NOON) is None
        acts.leave(session, link, offers.id, make.evidence(Source.PREFERENCE_CENTER), at=clock.now())
        assert answer(session, form_of(session, link, offers), token).refusal == "shown_again"


def test_an_answer_to_another_number_or_without_the_page_is_shown_again(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam, link = world(session)
        token = shown(session, form_of(session, link, offers))
        contacts.change_phone(session, sam, BRITISH_NUMBER, at=NOON)
        view = form_of(session, link, offers)
        for sent in (token, None, replace(token, destination_hash=None)):
            assert answer(session, view, sent).refusal == "shown_again"
        assert session.get(Consent, (sam.id, offers.id)) is None


def test_an_unproven_answer_is_only_a_claim_where_the_number_opted_out(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, lead, link = world(session, UNVERIFIED)
        view = form_of(session, link, offers)
        assert view.is_unverified
        make.opt_out(session, make.contact(session, phone_number=SAMS_NUMBER), offers)
        outcome = answer(session, view, shown(session, view), UNVERIFIED)
        assert (outcome.state, outcome.is_claim) == (State.DONE, True)
        assert session.get(Consent, (lead.id, offers.id)) is None


def test_no_form_is_shown_where_the_type_names_none_or_the_link_is_old(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, _sam, link = world(session)
        with pytest.raises(InvalidState):
            opt_in.form_of(session, link, offers.id, at=NOON + links.CHANGES_FOR)
        preference_form.choose(session, offers, None, actor="agent:1", at=NOON)
        for type_id in (offers.id, make.draft_type(session).id, 0):
            with pytest.raises(NotFound):
                opt_in.form_of(session, link, type_id, at=NOON)
