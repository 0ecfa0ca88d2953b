"""Which of two statements prevails."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.consent import current as current_consents
from app.core.consent import eligibility
from app.core.contacts import records as contacts
from app.core.errors import InvalidInput, InvalidState
from app.db import Database
from app.models import ConsentEvent, ConsentState, EvidenceLevel, Source
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
