"""Which of two statements prevails."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.consent import current as current_consents
from app.core.consent import eligibility, precedence, set_changes
from app.core.consent.set_decisions import SetChange, Statement
from app.core.contacts import records as contacts
from app.core.errors import InvalidInput, InvalidState
from app.core.ledger import verify
from app.db import Database
from app.models import ConsentEvent, ConsentState, DestinationOptOut, EvidenceLevel, Source, SuppressionCause
from tests import make

UNVERIFIED = make.evidence(level=EvidenceLevel.WEB_UNVERIFIED)


@pytest.mark.parametrize("source", [Source.API, Source.AGENT, Source.FORM])
def test_a_statement_counts_though_the_clock_is_behind(database: Database, source: Source) -> None:
    behind = make.NOON - timedelta(seconds=30)
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, offers, evidence=make.evidence(Source.API), at=make.NOON)
        make.opt_out(session, sam, offers, evidence=make.evidence(source), at=behind)
        current = current_consents.find(session, sam.id, offers.id)
        assert current
        assert (current.state, current.changed_at) == (ConsentState.OPTED_OUT, make.NOON)
        make.opt_in(session, sam, offers, evidence=make.evidence(source, note="they asked"), at=behind)
        assert eligibility.status(session, sam, offers).is_reachable


def test_a_reported_time_before_the_last_change_is_refused(database: Database) -> None:
    reported = make.evidence(Source.API, occurred_at=make.NOON - timedelta(seconds=30))
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_out(session, sam, offers, evidence=make.evidence(Source.API), at=make.NOON)
        with pytest.raises(InvalidState, match="since then"):
            make.opt_in(session, sam, offers, evidence=reported, at=make.NOON + timedelta(hours=1))


@pytest.mark.parametrize(
    "opt_out",
    [
        make.evidence(Source.AGENT, note="by phone"),
        make.evidence(Source.API, note="by phone"),
        make.evidence(Source.API),
        make.evidence(Source.PREFERENCE_CENTER),
    ],
)
def test_an_unverified_answer_only_claims_where_an_opt_out_applies(database: Database, opt_out: object) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        sam, other = (make.contact(session, phone_number=make.SAMS_NUMBER) for _ in range(2))
        make.opt_in(session, sam, offers, evidence=UNVERIFIED)
        make.opt_out(session, sam, offers, evidence=opt_out)
        for person in (sam, other):
            claim = make.opt_in(session, person, offers, evidence=UNVERIFIED, at=make.NOON + timedelta(hours=2))
            assert (claim.is_claim, claim.is_new) == (True, False)
            assert session.get_one(ConsentEvent, claim.event_id).action == "claim"
            assert not eligibility.status(session, person, offers).is_reachable
        assert make.opt_in(session, sam, offers).is_new, "a person with a personal link is known"


def test_an_api_clients_noted_opt_out_is_the_persons_word(database: Database) -> None:
    own, noted = make.evidence(Source.API), make.evidence(Source.API, note="by phone")
    later = make.NOON + timedelta(hours=2)
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_out(session, sam, offers, evidence=own)
        make.opt_in(session, sam, offers, evidence=own, at=later)
        make.opt_out(session, sam, offers, evidence=own, at=later)
        assert make.opt_out(session, sam, offers, evidence=noted, at=later).is_new
        assert not make.opt_out(session, sam, offers, evidence=noted, at=later).is_new
        with pytest.raises(InvalidInput):
            make.opt_in(session, sam, offers, evidence=own, at=later)


def test_only_the_person_or_a_note_allows_messages_again(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        contacts.change_gdpr_optin(session, sam, gdpr_optin=False, at=make.NOON)
        for source in (Source.IMPORT, Source.BULK, Source.SITE, Source.SYSTEM):
            noted = make.evidence(source, note="they asked")
            with pytest.raises(InvalidState):
                contacts.change_gdpr_optin(session, sam, gdpr_optin=None, evidence=noted, at=make.NOON)
        with pytest.raises(InvalidInput) as refused:
            contacts.change_gdpr_optin(session, sam, gdpr_optin=True, evidence=make.evidence(Source.API), at=make.NOON)
        assert refused.value.field == "source_note"
        contacts.change_gdpr_optin(session, sam, gdpr_optin=True, evidence=make.evidence(), at=make.NOON)
        actions = session.scalars(select(ConsentEvent.action).order_by(ConsentEvent.id)).all()
        assert (sam.gdpr_optin, actions) == (True, ["gdpr_off", "gdpr_on"])


def test_an_unverified_opt_out_ends_the_own_consent_and_says_nothing_about_the_number(database: Database) -> None:
    unverified = make.evidence(Source.PREFERENCE_CENTER, level=EvidenceLevel.WEB_UNVERIFIED)
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        lead, sam = (make.contact(session, phone_number=make.SAMS_NUMBER) for _ in range(2))
        for person in (lead, sam):
            make.opt_in(session, person, offers)
        first = make.opt_out(session, lead, offers, evidence=unverified)
        again = make.opt_out(session, lead, offers, evidence=unverified, at=make.NOON + timedelta(hours=2))
        assert (first.is_new, again.is_new, again.event_id) == (True, False, first.event_id)
        assert eligibility.status(session, lead, offers).reasons == ("opted_out",)
        assert eligibility.status(session, sam, offers).is_reachable
        proven = make.opt_out(session, lead, offers, at=make.NOON + timedelta(hours=3))
        assert proven.is_new
        assert eligibility.status(session, sam, offers).reasons == ("opted_out",)


@pytest.mark.parametrize("is_set", [False, True])
def test_a_proven_opt_out_leaves_a_former_number_of_which_only_a_stranger_opted_out(
    database: Database,
    is_set: bool,  # noqa: FBT001
) -> None:
    unverified = make.evidence(Source.PREFERENCE_CENTER, level=EvidenceLevel.WEB_UNVERIFIED)
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_out(session, sam, offers, evidence=unverified)
        contacts.change_phone(session, sam, make.EVES_NUMBER, at=make.NOON)
        next_holder = make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, next_holder, offers)
        if is_set:
            said = SetChange(ConsentState.OPTED_OUT, offers, make.evidence(Source.BULK))
            set_changes.apply(session, said, [Statement(sam.id)], at=make.NOON)
        else:
            make.opt_out(session, sam, offers)
        assert eligibility.status(session, next_holder, offers).is_reachable
    assert not verify.verify(database).is_tampered


def test_an_unverified_repetition_leaves_the_opt_out_of_the_number_as_it_is(database: Database) -> None:
    unverified = make.evidence(Source.PREFERENCE_CENTER, level=EvidenceLevel.WEB_UNVERIFIED)
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        made = make.opt_out(session, sam, offers, at=make.NOON)
        assert not make.opt_out(session, sam, offers, evidence=unverified, at=make.NOON + timedelta(days=9)).is_new
        (opt_out,) = session.scalars(select(DestinationOptOut))
        assert (opt_out.event_id, opt_out.created_at) == (made.event_id, make.NOON)


@pytest.mark.parametrize("cause", list(SuppressionCause))
@pytest.mark.parametrize("source", [Source.PREFERENCE_CENTER, Source.FORM, Source.AGENT])
@pytest.mark.parametrize("level", [EvidenceLevel.PERSONAL_LINK, EvidenceLevel.WEB_UNVERIFIED])
def test_only_the_preference_page_of_a_known_person_lifts_what_it_stopped(
    cause: SuppressionCause, source: Source, level: EvidenceLevel
) -> None:
    is_own = (cause, source, level) == ("preference_center", "preference_center", "personal_link")
    assert precedence.may_lift(cause, make.evidence(source, level=level)) is is_own
