"""The switches that agents see are those that core accepts, and each reason names who can lift it."""

import contextlib
from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from app.core.consent import remedies, suppressions
from app.core.consent.eligibility import Reason
from app.core.consent.remedies import Remedy
from app.core.contacts import profile, subscription_panel
from app.core.contacts import records as contacts
from app.core.errors import AssentError
from app.core.ledger.evidence import reported_by
from app.core.subscriptions import attachments, subscription_types
from app.db import Database
from app.models import Channel, ConsentType, Contact, SubscriptionType, SuppressionCause
from tests import make
from tests.make import BRITISH_NUMBER, NOON, SAMS_NUMBER

AGENT = {"actor": "agent:1", "at": NOON}
SITUATIONS: dict[str, Callable[[Session, Contact, SubscriptionType], object]] = {
    "plain": lambda _session, _sam, _type: None,
    "blocked": lambda session, sam, _type: profile.block(session, sam, **AGENT),
    "archived": lambda session, sam, _type: profile.archive(session, sam, **AGENT),
    "no messages": lambda session, sam, _type: contacts.change_gdpr_optin(session, sam, gdpr_optin=False, at=NOON),
    "no number": lambda session, sam, _type: contacts.change_phone(session, sam, None, at=NOON),
    "no number that is one": lambda session, sam, _type: contacts.change_phone(session, sam, "ask", at=NOON),
    "suppressed": lambda session, _sam, _type: suppressions.add(session, SAMS_NUMBER, "asked", **AGENT),
    "opted in": lambda session, sam, offers: make.opt_in(session, sam, offers),
    "opted out": lambda session, sam, offers: make.opt_out(session, sam, offers),
    "of another": lambda session, _sam, offers: make.opt_out(
        session, make.contact(session, phone_number=SAMS_NUMBER), offers
    ),
    "archived type": lambda session, sam, offers: (
        make.opt_out(session, sam, offers),
        subscription_types.archive(session, offers, **AGENT),
    ),
}


class _Undo(Exception):
    """Rolls the unit of work back."""


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("consent_type", list(ConsentType))
def test_a_switch_can_be_switched_on_exactly_when_an_opt_in_is_accepted(
    database: Database, consent_type: ConsentType
) -> None:
    for name, happens in SITUATIONS.items():
        with contextlib.suppress(_Undo), database.unit_of_work() as session:
            offers = make.live_type(session, consent_type=consent_type)
            sam = make.contact(session, phone_number=SAMS_NUMBER)
            happens(session, sam, offers)
            session.flush()
            (row,) = subscription_panel.rows(session, sam)
            try:
                evidence = reported_by("agent:1", "by phone")
                attachments.opt_in(session, sam.public_id, offers.id, evidence, at=NOON)
            except AssentError:
                assert not row.may_switch_on, name
            else:
                assert row.may_switch_on or row.is_on, name
            assert list(row.remedies) == list(row.status.reasons), name
            raise _Undo


def test_a_row_tells_how_the_state_came_about(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, news = make.live_type(session, name="A"), make.live_type(session, name="B")
        sam = make.contact(session, phone_number=SAMS_NUMBER)
        change = make.opt_in(session, sam, offers)
        asked, never = subscription_panel.rows(session, sam)
        assert (asked.event and asked.event.id, asked.is_on, asked.is_asked) == (change.event_id, True, True)
        assert (never.status.subscription_type.id, never.event, never.is_on, never.is_asked) == (
            news.id,
            None,
            False,
            False,
        )
        contacts.change_phone(session, sam, BRITISH_NUMBER, at=NOON)
        moved, _ = subscription_panel.rows(session, sam)
        assert (moved.is_on, moved.is_asked, moved.remedies) == (
            False,
            False,
            {Reason.NUMBER_CHANGED: Remedy.SWITCH_ON},
        )


def test_each_cause_of_a_suppression_names_who_can_lift_it() -> None:
    assert {cause: remedies.of_suppression(cause) for cause in SuppressionCause} == {
        SuppressionCause.KEYWORD: Remedy.START_FROM_NUMBER,
        SuppressionCause.CARRIER: Remedy.START_FROM_NUMBER,
        SuppressionCause.PREFERENCE_CENTER: Remedy.PREFERENCE_CENTER,
        SuppressionCause.MANUAL: Remedy.LIFT_SUPPRESSION,
        SuppressionCause.REVIEW: Remedy.DECIDE_REVIEW,
    }


def test_an_opt_out_that_no_switch_takes_back_names_what_does(database: Database) -> None:
    with database.unit_of_work() as session:
        letters = make.live_type(session, name="A", channel=Channel.EMAIL)
        offers = make.live_type(session, name="B")
        sam = make.contact(session, phone_number=SAMS_NUMBER, email_address="sam@example.com")
        make.opt_in(session, sam, offers)
        make.opt_out(session, make.contact(session, phone_number=SAMS_NUMBER), offers)
        sam.unsubscribed_from_emails = True
        mail, text = subscription_panel.rows(session, sam)
        assert mail.status.subscription_type.id == letters.id
        assert mail.remedies[Reason.OPTED_OUT] == Remedy.SUBSCRIBE_TO_EMAILS
        assert text.remedies == {Reason.OPTED_OUT: Remedy.SWITCH_AGAIN}
