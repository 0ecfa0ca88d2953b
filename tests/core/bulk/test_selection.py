"""Which contacts a bulk job is about."""

from typing import Any

import pytest

from app.core.bulk import selection
from app.core.errors import InvalidInput
from app.db import Database
from app.models import Contact
from tests import make
from tests.make import NOON


def test_selected_contacts_come_in_the_order_of_their_ids_and_archived_ones_do_not(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        people = [make.contact(session, phone_number=make.SAMS_NUMBER) for _ in range(5)]
        people[1].archived_at = NOON
        people[2].name = "Eve Adams"
        make.opt_in(session, people[4], offers)
        make.opt_in(session, people[3], offers)
        session.flush()
        ids = [each.id for each in people]
        opted_in = {"field": f"subscription_types.{offers.id}", "operator": "=", "value": "opted_in"}
        archived = {"field": "archived", "operator": "=", "value": True}
        cases: list[tuple[dict[str, Any], list[int]]] = [
            ({"contact_ids": [each.public_id for each in reversed(people)]}, [ids[0], *ids[2:]]),
            ({"query": None}, [ids[0], *ids[2:]]),
            ({"query": None, "q": "adams"}, [ids[2]]),
            ({"query": None, "q": people[0].public_id[:8]}, [ids[0]]),
            ({"query": opted_in, "q": ""}, ids[3:]),
            ({"query": archived}, [ids[1]]),
        ]
        for chosen, expected in cases:
            selection.check(session, chosen)
            assert selection.next_ids(session, chosen, 0, 10) == expected, chosen
            assert selection.next_ids(session, chosen, expected[0], 1) == expected[1:2], chosen
            assert selection.count(session, chosen) == len(expected), chosen


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"contact_ids": []},
        {"contact_ids": "all"},
        {"contact_ids": ["eve"]},
        {"contact_ids": ["a" * 24] * (selection.IDS_MAX + 1)},
        {"contact_ids": ["a" * 24], "query": None},
        {"query": {"field": "shoe_size", "operator": "=", "value": "43"}},
        {"query": {"field": "subscription_types.999", "operator": "=", "value": "opted_in"}},
        {"query": None, "q": "a" * 256},
        {"query": None, "q": 7},
    ],
)
@pytest.mark.databases("sqlite")
def test_a_selection_that_cannot_be_evaluated_is_refused(database: Database, chosen: dict[str, Any]) -> None:
    with database.read_only() as session, pytest.raises(InvalidInput):
        selection.check(session, chosen)


def test_a_selection_by_ids_is_about_those_that_exist(database: Database) -> None:
    with database.unit_of_work() as session:
        sam: Contact = make.contact(session)
        chosen = {"contact_ids": [sam.public_id, "f" * 24]}
        assert selection.next_ids(session, chosen, 0, 10) == [sam.id]
