from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.consent import current as current_consents
from app.core.consent import eligibility, locking
from app.core.consent.eligibility import Reason
from app.core.contacts import leads
from app.core.contacts import records as contacts
from app.core.destinations import Destination
from app.core.errors import AssentError, InvalidInput, InvalidState
from app.core.workspace import settings
from app.db import Database
from app.models import (
    Channel,
    ConsentEvent,
    ConsentState,
    ConsentType,
    Contact,
    DestinationOptOut,
    OutboxEvent,
    Source,
    Suppression,
)
from tests import make

OTHER_SOURCES = [Source.AGENT, Source.API, Source.IMPORT, Source.BULK, Source.CONNECTOR, Source.CARRIER]


def suppress(session: object, number: str) -> None:
    phone_hash = session.info["assent_keys"].destination_hash(number)  # type: ignore[attr-defined]
    session.add(Suppression(phone_hash=phone_hash, phone=number, cause="keyword", created_at=make.NOON))  # type: ignore[attr-defined]
    session.flush()  # type: ignore[attr-defined]


def topics(session: Session) -> list[str]:
    return list(session.scalars(select(OutboxEvent.topic).order_by(OutboxEvent.id)))


def test_an_opt_in_is_recorded_and_published_once_with_its_number(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        first, second = make.opt_in(session, sam, offers), make.opt_in(session, sam, offers)
        current = current_consents.find(session, sam.id, offers.id)
        assert (first.is_new, second.is_new, second.event_id) == (True, False, first.event_id)
        assert current
        assert (current.state, current.destination) == (ConsentState.OPTED_IN, make.SAMS_NUMBER)
        assert eligibility.status(session, sam, offers).is_reachable
        assert topics(session) == ["contact.created", "granular.subscribe"]


def test_an_opt_out_takes_effect_immediately_and_is_published_once(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, offers)
        first, second = make.opt_out(session, sam, offers), make.opt_out(session, sam, offers)
        assert (first.is_new, second.is_new) == (True, False)
        assert eligibility.status(session, sam, offers).reasons == (Reason.OPTED_OUT,)
        assert topics(session) == ["contact.created", "granular.subscribe", "granular.unsubscribe"]


def test_an_opt_out_type_reaches_contacts_that_did_not_opt_out(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session, consent_type=ConsentType.OPT_OUT)
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        before = eligibility.status(session, sam, offers)
        assert (before.state, before.is_subscribed, before.is_reachable) == ("never_asked", True, True)
        make.opt_out(session, sam, offers)
        after = eligibility.status(session, sam, offers)
        assert (after.state, after.is_subscribed, after.reasons) == ("opted_out", False, (Reason.OPTED_OUT,))


@pytest.mark.parametrize("source", OTHER_SOURCES)
def test_only_the_person_opts_in_a_suppressed_number(database: Database, source: Source) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        suppress(session, make.SAMS_NUMBER)
        with pytest.raises(AssentError) as refused:
            make.opt_in(session, sam, offers, evidence=make.evidence(source, note="they called"))
        assert refused.value.code == "suppressed"
        assert session.scalars(select(ConsentEvent)).all() == []


@pytest.mark.parametrize("source", [Source.IMPORT, Source.BULK, Source.CONNECTOR])
def test_no_import_or_bulk_change_reverses_an_opt_out(database: Database, source: Source) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_out(session, sam, offers)
        other = make.contact(session, phone_number=make.SAMS_NUMBER)
        later = make.NOON + timedelta(hours=2)
        for person in (sam, other):
            with pytest.raises(InvalidState, match="Only they can reverse it"):
                make.opt_in(session, person, offers, evidence=make.evidence(source, note="they asked"), at=later)
        assert len(session.scalars(select(ConsentEvent)).all()) == 1


def test_an_agent_reverses_an_opt_out_only_with_a_note(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_out(session, sam, offers)
        with pytest.raises(InvalidInput) as refused:
            make.opt_in(session, sam, offers, evidence=make.evidence(Source.AGENT))
        assert refused.value.field == "note"
        make.opt_in(session, sam, offers, evidence=make.evidence(Source.AGENT, note="asked by phone on Monday"))
        assert eligibility.status(session, sam, offers).is_reachable


def test_an_opt_out_with_a_number_applies_to_every_contact_with_it_until_its_holder_opts_in(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        sam, other = (make.contact(session, phone_number=make.SAMS_NUMBER) for _ in range(2))
        make.opt_out(session, sam, offers)
        make.opt_in(session, other, offers)
        assert eligibility.status(session, other, offers).reasons == (Reason.OPTED_OUT,)
        make.opt_in(session, other, offers, evidence=make.evidence(Source.VERIFICATION))
        assert eligibility.status(session, other, offers).reasons == (Reason.OPTED_OUT,)
        make.opt_out(session, other, offers)
        make.opt_in(session, other, offers, evidence=make.evidence(Source.VERIFICATION))
        assert session.scalars(select(DestinationOptOut)).all() == []
        assert eligibility.status(session, other, offers).is_reachable


def test_an_opt_in_with_a_new_number_leaves_the_opt_out_of_the_old_one(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_out(session, sam, offers)
        contacts.change_phone(session, sam, make.EVES_NUMBER, at=make.NOON)
        make.opt_in(session, sam, offers, at=make.NOON + timedelta(hours=2))
        assert eligibility.status(session, sam, offers).is_reachable
        next_holder = make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, next_holder, offers)
        assert eligibility.status(session, next_holder, offers).reasons == (Reason.OPTED_OUT,)


def test_an_api_client_never_replaces_the_persons_own_opt_out(database: Database) -> None:
    """Neither by opting out again with another number, nor with another contact's number."""
    api = make.evidence(Source.API)
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        said = make.opt_out(session, sam, offers)
        for number in (make.EVES_NUMBER, make.SAMS_NUMBER):
            contacts.change_phone(session, sam, number, at=make.NOON)
            again = make.opt_out(session, sam, offers, evidence=api)
            assert (again.is_new, again.event_id) == (False, said.event_id)
            with pytest.raises(InvalidInput):
                make.opt_in(session, sam, offers, evidence=api, at=make.NOON + timedelta(hours=2))
        eve = make.contact(session, phone_number=make.EVES_NUMBER)
        make.opt_in(session, eve, offers)
        assert eligibility.status(session, eve, offers).reasons == (Reason.OPTED_OUT,)


def test_the_persons_own_opt_out_replaces_an_api_clients(database: Database) -> None:
    api, later = make.evidence(Source.API), make.NOON + timedelta(hours=2)
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_out(session, sam, offers, evidence=api)
        assert make.opt_out(session, sam, offers).is_new
        assert not make.opt_out(session, sam, offers).is_new
        with pytest.raises(InvalidInput):
            make.opt_in(session, sam, offers, evidence=api, at=later)
        other = make.contact(session, phone_number=make.SAMS_NUMBER)
        with pytest.raises(InvalidInput):
            make.opt_in(session, other, offers, evidence=api, at=later)


def test_a_repeated_opt_out_applies_again_after_another_contact_with_the_number_opted_in(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        sam, other = (make.contact(session, phone_number=make.SAMS_NUMBER) for _ in range(2))
        make.opt_out(session, sam, offers)
        make.opt_in(session, other, offers, evidence=make.evidence(Source.AGENT, note="they share it"))
        assert eligibility.status(session, other, offers).is_reachable
        assert make.opt_out(session, sam, offers, at=make.NOON + timedelta(hours=2)).is_new
        assert eligibility.status(session, other, offers).reasons == (Reason.OPTED_OUT,)


@pytest.mark.parametrize("is_same_contact", [True, False])
def test_a_backdated_opt_in_loses_against_a_repeated_opt_out(database: Database, *, is_same_contact: bool) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        other = make.contact(session, phone_number=make.SAMS_NUMBER)
        first = make.opt_out(session, sam, offers, at=make.NOON)
        again = make.opt_out(session, sam, offers, at=make.NOON + timedelta(days=4))
        assert (again.event_id, again.is_new) == (first.event_id, False)
        on_paper = make.evidence(Source.API, note="on paper", occurred_at=make.NOON + timedelta(days=2))
        with pytest.raises(InvalidState):
            make.opt_in(
                session, sam if is_same_contact else other, offers, evidence=on_paper, at=make.NOON + timedelta(days=5)
            )


def test_a_backdated_opt_in_revokes_no_newer_opt_out_of_the_number(database: Database) -> None:
    said_at = make.NOON - timedelta(days=3)
    noted, earlier = (make.evidence(Source.API, note="on paper", occurred_at=each) for each in (None, said_at))
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        sam, other = (make.contact(session, phone_number=make.SAMS_NUMBER) for _ in range(2))
        make.opt_out(session, sam, offers, at=make.NOON)
        with pytest.raises(InvalidState, match="since then"):
            make.opt_in(session, other, offers, evidence=earlier, at=make.NOON)
        make.opt_in(session, other, offers, evidence=noted, at=make.NOON)
        assert eligibility.status(session, other, offers).is_reachable


def test_reasons_are_listed_in_the_documented_order(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.draft_type(session)
        sam = make.contact(session, phone_number="+442079460018", gdpr_optin=False)
        sam.archived_at = sam.blocked_at = make.NOON
        suppress(session, "+442079460018")
        settings.change(session, {"allowed_countries": ["US"]}, actor="agent:1", at=make.NOON)
        make.opt_out(session, sam, offers)
        assert [str(reason) for reason in eligibility.status(session, sam, offers).reasons] == [
            "type_not_live",
            "archived",
            "blocked",
            "gdpr_optout",
            "phone_not_sms_capable",
            "country_not_allowed",
            "suppressed",
            "opted_out",
        ]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "no_phone"),
        ({"phone_number": "ask me"}, "phone_invalid"),
        ({"phone_number": "+442079460018"}, "phone_not_sms_capable"),
        ({"phone_number": make.SAMS_NUMBER, "gdpr_optin": False}, "gdpr_optout"),
        ({"phone_number": make.EVES_NUMBER}, None),
        ({"phone_number": make.SAMS_NUMBER}, None),
    ],
)
def test_sms_block_is_the_contacts_first_reason_that_stops_texts_of_every_type(
    database: Database, values: dict[str, object], reason: str | None
) -> None:
    with database.unit_of_work() as session:
        suppress(session, make.EVES_NUMBER)
        sam = make.contact(session, **values)
        session.expire(sam)
        assert sam.sms_block == reason
        contacts.change_phone(session, sam, make.EVES_NUMBER, at=make.NOON)
        assert session.get_one(Contact, sam.id).sms_block in {None, "gdpr_optout"}


def test_an_email_type_needs_an_email_address(database: Database) -> None:
    with database.unit_of_work() as session:
        letter = make.live_type(session, channel=Channel.EMAIL)
        sam = make.contact(session, email_address="sam@example.com")
        assert eligibility.status(session, sam, letter).reasons == (Reason.NOT_OPTED_IN,)
        make.opt_in(session, sam, letter)
        assert eligibility.status(session, sam, letter).is_reachable
        assert eligibility.status(session, make.contact(session), letter).reasons[0] == Reason.NO_EMAIL


def test_an_email_address_is_stored_normalized(database: Database) -> None:
    with database.unit_of_work() as session:
        sam, odd = (make.contact(session, email_address=each) for each in ("Sam@Example.COM", "ask at the till"))
        assert (sam.email, odd.email) == ("sam@example.com", "ask at the till")


def test_saving_the_same_number_again_keeps_the_lead(database: Database) -> None:
    with database.unit_of_work() as session:
        phone_hash = session.info["assent_keys"].destination_hash(make.SAMS_NUMBER)
        typed = Destination(make.SAMS_NUMBER, phone_hash, "US")
        lead_id = leads.lead_for(session, "sms", typed, locale="en", at=make.NOON).id
        contacts.change_phone(session, locking.lock_contact(session, lead_id), "+1 202-555-0123", at=make.NOON)
        again = leads.lead_for(session, "sms", typed, locale="en", at=make.NOON)
        assert (again.id, again.topics) == (lead_id, ())


def test_statuses_cover_live_types_and_types_with_a_consent(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        live, draft, gone = (
            make.live_type(session, name="A"),
            make.draft_type(session),
            make.live_type(session, name="B"),
        )
        make.opt_in(session, sam, gone)
        from app.core.subscriptions import subscription_types

        subscription_types.archive(session, gone, actor="agent:1", at=make.NOON)
        listed = eligibility.statuses(session, sam)
        assert [each.subscription_type.id for each in listed] == [live.id, gone.id]
        assert draft.id not in {each.subscription_type.id for each in listed}


def test_an_opt_in_with_another_number_is_a_new_opt_in(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        first = make.opt_in(session, sam, offers)
        contacts.change_phone(session, sam, make.EVES_NUMBER, at=make.NOON)
        second = make.opt_in(session, sam, offers)
        assert (second.is_new, second.event_id > first.event_id) == (True, True)
        assert eligibility.status(session, sam, offers).is_reachable


def test_an_opt_out_also_applies_to_the_number_that_the_opt_in_was_given_for(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, offers)
        contacts.change_phone(session, sam, make.EVES_NUMBER, at=make.NOON)
        make.opt_out(session, sam, offers)
        for number in (make.SAMS_NUMBER, make.EVES_NUMBER):
            next_holder = make.contact(session, phone_number=number)
            make.opt_in(session, next_holder, offers)
            assert eligibility.status(session, next_holder, offers).reasons == (Reason.OPTED_OUT,)


def test_a_change_in_the_same_second_is_recorded_no_earlier_than_the_previous_one(database: Database) -> None:
    api, later = make.evidence(Source.API), make.NOON + timedelta(milliseconds=500)
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, offers, evidence=api, at=later)
        opted_out = make.opt_out(session, sam, offers, evidence=api, at=make.NOON)
        event = session.get_one(ConsentEvent, opted_out.event_id)
        assert event.occurred_at == later


def test_an_invalid_email_address_is_not_reachable(database: Database) -> None:
    with database.unit_of_work() as session:
        news = make.live_type(session, channel=Channel.EMAIL)
        sam = make.contact(session, email_address="ask at the till")
        make.opt_in(session, sam, news)
        assert eligibility.status(session, sam, news).reasons[0] == Reason.EMAIL_INVALID
