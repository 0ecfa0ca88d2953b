"""The set form of a change of consents."""

from app.core.consent import set_changes
from app.core.consent.set_changes import Outcome, SetChange, Statement
from app.db import Database
from app.models import ConsentState, EvidenceLevel, Source
from tests import make

BULK = make.evidence(
    Source.BULK, actor="agent:1", level=EvidenceLevel.REPORTED, note="paper list", details={"bulk_job": 1}
)


def test_many(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        people = [make.contact(session, phone_number=f"+1202555{100 + n:04}") for n in range(5)]
        change = SetChange(ConsentState.OPTED_IN, offers, BULK)
        results = set_changes.apply(session, change, [Statement(each.id) for each in people], at=make.NOON)
        assert {each.outcome for each in results} == {Outcome.CHANGED}
        change = SetChange(ConsentState.OPTED_OUT, offers, BULK)
        results = set_changes.apply(session, change, [Statement(each.id) for each in people], at=make.NOON)
        assert {each.outcome for each in results} == {Outcome.CHANGED}
        results = set_changes.apply(session, change, [Statement(each.id) for each in people], at=make.NOON)
        assert {each.outcome for each in results} == {Outcome.UNCHANGED}
