"""What a page may change by what it says about a person."""

from datetime import timedelta

import pytest

from app.core.consent import eligibility, suppressions
from app.core.consent.changes import Change
from app.core.contacts import records as contacts
from app.core.errors import InvalidInput
from app.core.ledger.evidence import Evidence
from app.db import Database
from app.models import ConsentEvent, EvidenceLevel, Source, SuppressionCause
from tests import make

SIGNED = make.evidence(Source.SITE, level=EvidenceLevel.SIGNED_IDENTITY)
UNSIGNED = make.evidence(Source.SITE, level=EvidenceLevel.WEB_UNVERIFIED)
OTHERS = {
    "preference page": make.evidence(Source.PREFERENCE_CENTER),
    "unverified form": make.evidence(level=EvidenceLevel.WEB_UNVERIFIED),
    "agent": make.evidence(Source.AGENT, note="by phone"),
    "API client": make.evidence(Source.API),
    "API client with a note": make.evidence(Source.API, note="by phone"),
}


class Sam:
    """A contact, and what is said about it, each a minute after the other."""

    def __init__(self, database: Database) -> None:
        self._scope = database.unit_of_work()
        self.session = self._scope.__enter__()
        self.at = make.NOON
        self.offers = make.live_type(self.session)
        self.contact = make.contact(self.session, phone_number=make.SAMS_NUMBER)

    def __enter__(self) -> "Sam":
        return self

    def __exit__(self, *error: object) -> None:
        self._scope.__exit__(*error)  # type: ignore[arg-type]

    def out(self, evidence: Evidence) -> Change:
        self.at += timedelta(minutes=1)
        return make.opt_out(self.session, self.contact, self.offers, evidence=evidence, at=self.at)

    def opt_in(self, evidence: Evidence) -> Change:
        self.at += timedelta(minutes=1)
        return make.opt_in(self.session, self.contact, self.offers, evidence=evidence, at=self.at)

    @property
    def reasons(self) -> tuple[str, ...]:
        return eligibility.status(self.session, self.contact, self.offers).reasons


@pytest.mark.parametrize("page", [SIGNED, UNSIGNED])
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("order", ["other first", "page first"])
def test_a_page_takes_back_no_opt_out_that_others_recorded(
    database: Database, page: Evidence, other: str, order: str
) -> None:
    with Sam(database) as sam:
        for evidence in (OTHERS[other], page) if order == "other first" else (page, OTHERS[other]):
            sam.out(evidence)
        for _ in range(2):
            claim = sam.opt_in(page)
            assert (claim.is_claim, claim.is_new) == (True, False)
        assert sam.session.get_one(ConsentEvent, claim.event_id).action == "claim"
        assert sam.reasons == ("opted_out",)


@pytest.mark.parametrize(
    ("left_by", "page", "counts"),
    [(SIGNED, SIGNED, True), (UNSIGNED, UNSIGNED, True), (UNSIGNED, SIGNED, True), (SIGNED, UNSIGNED, False)],
)
def test_a_page_takes_back_what_a_page_said_that_proved_no_more(
    database: Database, left_by: Evidence, page: Evidence, *, counts: bool
) -> None:
    with Sam(database) as sam:
        sam.out(left_by)
        sam.out(left_by)
        assert sam.opt_in(page).is_new is counts
        assert sam.reasons == (() if counts else ("opted_out",))


def test_what_a_signed_page_said_holds_against_an_unsigned_one_for_a_new_number_too(database: Database) -> None:
    with Sam(database) as sam:
        sam.out(SIGNED)
        contacts.change_phone(sam.session, sam.contact, make.EVES_NUMBER, at=sam.at)
        assert sam.opt_in(UNSIGNED).is_claim
        assert sam.opt_in(SIGNED).is_new


@pytest.mark.parametrize("page", [SIGNED, UNSIGNED])
def test_a_page_lifts_no_suppression_and_opens_no_closed_contact(database: Database, page: Evidence) -> None:
    with Sam(database) as sam:
        found = suppressions.suppress(
            sam.session, make.SAMS_NUMBER, SuppressionCause.KEYWORD, "", actor="contact", at=sam.at
        )
        assert sam.opt_in(page).is_claim
        sam.session.delete(found)
        contacts.block(sam.session, sam.contact, at=sam.at)
        assert sam.opt_in(page).is_claim


def test_an_unsigned_page_says_nothing_about_the_number_and_a_signed_one_does(database: Database) -> None:
    with Sam(database) as sam:
        other = make.contact(sam.session, phone_number=make.SAMS_NUMBER)
        sam.out(UNSIGNED)
        assert eligibility.status(sam.session, other, sam.offers).reasons == ("not_opted_in",)
        sam.opt_in(UNSIGNED)
        sam.out(SIGNED)
        assert eligibility.status(sam.session, other, sam.offers).reasons == ("opted_out",)
        assert make.opt_in(sam.session, other, sam.offers, evidence=SIGNED, at=sam.at).is_claim, "of another contact"


def test_a_client_needs_a_note_to_reverse_what_a_page_said(database: Database) -> None:
    with Sam(database) as sam:
        sam.out(SIGNED)
        with pytest.raises(InvalidInput):
            sam.opt_in(make.evidence(Source.API))
        assert sam.opt_in(make.evidence(Source.API, note="by phone")).is_new
