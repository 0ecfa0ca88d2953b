"""What the holder of a link can do: leave, stop all texts, allow them again, ask for deletion."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.consent import eligibility, suppressions
from app.core.errors import InvalidState, NotFound
from app.core.ledger import sealing
from app.core.ledger.evidence import Evidence
from app.core.ledger.verify import verify
from app.core.preferences import acts, center, links
from app.core.preferences.links import Link
from app.core.subscriptions import subscription_types
from app.db import Database
from app.models import (
    Channel,
    ConsentEvent,
    ConsentType,
    Contact,
    DestinationOptOut,
    EvidenceLevel,
    Source,
    SubscriptionType,
    Suppression,
    SuppressionCause,
)
from tests import make
from tests.make import EVES_NUMBER, NOON, SAMS_NUMBER

PERSONAL, UNVERIFIED = EvidenceLevel.PERSONAL_LINK, EvidenceLevel.WEB_UNVERIFIED
LATER, EXPIRED = NOON + timedelta(days=2), NOON + links.CHANGES_FOR


@dataclass
class People:
    """Sam, known and opted in to both types; a lead with the same number, opted in by a public form; and eve."""

    session: Session
    offers: SubscriptionType
    news: SubscriptionType
    sam: Contact
    lead: Contact
    eve: Contact

    def link(self, contact: Contact, level: EvidenceLevel = PERSONAL) -> Link:
        return links.find(self.session, links.issue(self.session, contact, level=level, at=NOON))

    def subscribed(self, contact: Contact, level: EvidenceLevel = PERSONAL) -> dict[str, bool]:
        found = center.read(self.session, self.link(contact, level), "en", at=LATER)
        return {each.text.name: each.is_subscribed for each in found.subscriptions}

    def is_reachable(self, contact: Contact, subscription_type: SubscriptionType) -> bool:
        return eligibility.status(self.session, contact, subscription_type).is_reachable


def people(session: Session) -> People:
    offers = make.live_type(session)
    news = make.live_type(session, name="News", channel=Channel.EMAIL, consent_type=ConsentType.OPT_OUT)
    sam = make.contact(session, phone_number=SAMS_NUMBER, email_address="sam@example.com")
    lead = make.contact(session, role="lead", external_id=None, phone_number=SAMS_NUMBER)
    eve = make.contact(session, phone_number=EVES_NUMBER, email_address="eve@example.com")
    for each, level in ((sam, PERSONAL), (lead, UNVERIFIED), (eve, PERSONAL)):
        make.opt_in(session, each, offers, evidence=make.evidence(level=level))
    return People(session, offers, news, sam, lead, eve)


def said(level: EvidenceLevel = PERSONAL) -> Evidence:
    return make.evidence(Source.PREFERENCE_CENTER, level=level)


def test_leaving_applies_to_every_contact_with_the_number_and_to_no_other(database: Database) -> None:
    with database.unit_of_work() as session:
        world = people(session)
        left = acts.leave(session, world.link(world.sam), world.offers.id, said(), at=LATER)
        assert left.is_new
        assert not acts.leave(session, world.link(world.sam), world.offers.id, said(), at=LATER).is_new
        assert world.subscribed(world.sam) == {"News": True, "Offers": False}
        assert not world.is_reachable(world.lead, world.offers)
        assert world.is_reachable(world.eve, world.offers)
        other = make.contact(session, phone_number=SAMS_NUMBER)
        (shown,) = center.read(session, world.link(other), "en", at=LATER).subscriptions
        assert (shown.state, shown.is_subscribed, shown.is_ended_by_another) == ("never_asked", False, True)


def test_a_link_that_proves_nothing_changes_the_lead_alone_and_shows_nothing_of_others(database: Database) -> None:
    with database.unit_of_work() as session:
        world = people(session)
        link = world.link(world.lead, UNVERIFIED)
        acts.stop_texts(session, link, said(UNVERIFIED), at=LATER)
        assert world.subscribed(world.lead, UNVERIFIED) == {"Offers": False}
        assert world.is_reachable(world.sam, world.offers)
        assert session.scalars(select(DestinationOptOut)).all() == []
        assert session.scalars(select(Suppression)).all() == []
        suppressions.suppress(session, SAMS_NUMBER, SuppressionCause.KEYWORD, "", actor="contact", at=LATER)
        opted_in = make.contact(session, role="lead", external_id=None, phone_number=SAMS_NUMBER)
        make.opt_in(session, opted_in, world.offers)
        acts.leave(session, world.link(world.sam), world.offers.id, said(), at=LATER)
        assert world.subscribed(opted_in, UNVERIFIED) == {"Offers": True}
        assert world.subscribed(opted_in) == {"Offers": False}
        lead = make.contact(session, role="lead", external_id=None, phone_number=SAMS_NUMBER)
        make.opt_in(session, make.contact(session, phone_number=EVES_NUMBER), world.offers)
        shown = center.read(session, world.link(lead, UNVERIFIED), "en", at=LATER)
        (offers,) = shown.subscriptions
        assert (shown.suppressed_by, offers.state, offers.is_ended_by_another) == (None, "never_asked", False)
        with pytest.raises(NotFound):
            acts.request_erasure(session, link, at=LATER)


def test_what_is_done_by_links_follows_from_the_events_of_the_ledger(database: Database) -> None:
    with database.unit_of_work() as session:
        world = people(session)
        acts.leave(session, world.link(world.lead, UNVERIFIED), world.offers.id, said(UNVERIFIED), at=LATER)
        acts.leave(session, world.link(world.eve), world.offers.id, said(), at=LATER)
        acts.stop_texts(session, world.link(world.sam), said(), at=LATER)
        acts.allow_texts(session, world.link(world.sam), said(), at=LATER)
        acts.stop_texts(session, world.link(world.eve), said(), at=LATER)
    sealing.seal(database)
    assert not verify(database).is_tampered, verify(database).as_json()


def test_stop_all_texts_ends_every_sms_type_and_suppresses_the_number(database: Database) -> None:
    with database.unit_of_work() as session:
        world = people(session)
        alerts = make.live_type(session, name="Alerts", consent_type=ConsentType.OPT_OUT)
        link = world.link(world.sam)
        acts.stop_texts(session, link, said(), at=LATER)
        acts.stop_texts(session, link, said(), at=LATER)
        assert world.subscribed(world.sam) == {"Alerts": False, "News": True, "Offers": False}
        assert not world.is_reachable(world.lead, alerts)
        assert world.is_reachable(world.eve, alerts)
        (suppression,) = session.scalars(select(Suppression))
        assert (suppression.cause, suppression.phone) == (SuppressionCause.PREFERENCE_CENTER, SAMS_NUMBER)
        by_page = select(ConsentEvent.action).where(ConsentEvent.source == Source.PREFERENCE_CENTER.value)
        assert sorted(session.scalars(by_page)) == ["opt_out", "opt_out", "suppress"]
        found = center.read(session, link, "en", at=LATER)
        assert (found.suppressed_by, found.may_allow_texts) == (SuppressionCause.PREFERENCE_CENTER, True)
        acts.allow_texts(session, link, said(), at=LATER)
        acts.allow_texts(session, link, said(), at=LATER)
        assert session.scalars(select(Suppression)).all() == []
        assert world.subscribed(world.sam) == {"Alerts": False, "News": True, "Offers": False}


@pytest.mark.parametrize("cause", ["keyword", "carrier", "manual", "review"])
def test_texts_that_were_stopped_in_another_way_are_not_allowed_again_here(database: Database, cause: str) -> None:
    with database.unit_of_work() as session:
        world = people(session)
        link = world.link(world.sam)
        suppressions.suppress(session, SAMS_NUMBER, SuppressionCause(cause), "", actor="system", at=NOON)
        assert not center.read(session, link, "en", at=LATER).may_allow_texts
        with pytest.raises(InvalidState):
            acts.allow_texts(session, link, said(), at=LATER)
        acts.stop_texts(session, link, said(), at=LATER)
        (suppression,) = session.scalars(select(Suppression))
        assert suppression.cause == ("keyword" if cause == "keyword" else "preference_center")


def test_a_link_that_proves_nothing_does_not_allow_texts_again(database: Database) -> None:
    with database.unit_of_work() as session:
        world = people(session)
        acts.stop_texts(session, world.link(world.sam), said(), at=LATER)
        with pytest.raises(InvalidState):
            acts.allow_texts(session, world.link(world.lead, UNVERIFIED), said(UNVERIFIED), at=LATER)
        assert session.scalars(select(Suppression)).all() != []


def test_an_expired_link_only_leaves(database: Database) -> None:
    with database.unit_of_work() as session:
        world = people(session)
        link = world.link(world.sam)
        acts.stop_texts(session, link, said(), at=LATER)
        for refused in (
            lambda: acts.allow_texts(session, link, said(), at=EXPIRED),
            lambda: acts.request_erasure(session, link, at=EXPIRED),
        ):
            with pytest.raises(InvalidState, match="expired"):
                refused()
        assert center.read(session, link, "en", at=EXPIRED).is_expired
        acts.leave_emails(session, link, said(), only=None, at=EXPIRED)
        assert world.subscribed(world.sam) == {"News": False, "Offers": False}
        acts.stop_texts(session, link, said(), at=EXPIRED + timedelta(days=3650))


def test_only_live_types_are_shown_and_a_type_that_was_archived_meanwhile_can_be_left(database: Database) -> None:
    with database.unit_of_work() as session:
        world = people(session)
        draft = make.draft_type(session, name="Draft")
        link = world.link(world.sam)
        subscription_types.archive(session, world.offers, actor="agent:1", at=NOON)
        assert world.subscribed(world.sam) == {"News": True}
        assert acts.leave(session, link, world.offers.id, said(), at=LATER).is_new
        for unknown in (draft.id, 0):
            with pytest.raises(NotFound):
                acts.leave(session, link, unknown, said(), at=LATER)


def test_one_click_leaves_email_types_only(database: Database) -> None:
    with database.unit_of_work() as session:
        world = people(session)
        link = world.link(world.sam)
        with pytest.raises(NotFound):
            acts.leave_emails(session, link, said(), only=world.offers.id, at=LATER)
        tips = make.live_type(session, name="Tips", channel=Channel.EMAIL, consent_type=ConsentType.OPT_OUT)
        acts.leave_emails(session, link, said(), only=tips.id, at=LATER)
        assert world.subscribed(world.sam) == {"News": True, "Offers": True, "Tips": False}
        acts.leave_emails(session, link, said(), only=None, at=LATER)
        assert world.subscribed(world.sam) == {"News": False, "Offers": True, "Tips": False}
