"""A person who is erased is in no saved filter any more, and filters about others stay."""

from typing import Any

import pytest

from app.core.bulk import drafts, jobs, selection
from app.core.campaigns import drafts as campaigns
from app.core.contacts import erase, filters, search, segments
from app.core.contacts.filters import ERASED
from app.core.outbound_chats import drafts as chats
from app.core.workspace import settings
from app.db import Database
from app.models import Contact, JobKind
from tests import make
from tests.make import NOON, SAMS_NUMBER

MAX = "agent:1"


def equal(field: str, value: object, operator: str = "=") -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


ABOUT_SAM = (
    equal("email", "Sam@Example.com"),
    equal("email", "sam@example.com", "~"),
    equal("phone", "(202) 555-0123"),
    equal("phone", "+1 202 555 0123", "^"),
    equal("formatted_phone", SAMS_NUMBER, "!="),
    equal("name", "Sam Rivera"),
    equal("name", "sam rivera", "!~"),
    equal("external_id", "sam-1"),
    equal("custom_attributes.card", 4711),
    equal("custom_attributes.card", 4711, "!="),
)
ABOUT_OTHERS = (
    equal("name", "Lee"),
    equal("name", "Rivera", "~"),
    equal("email", "eve@example.com"),
    equal("email", None),
    equal("phone", "+12025550188"),
    equal("role", "user"),
    equal("custom_attributes.plan", "pro"),
    equal("tag_id", "5"),
)


@pytest.fixture
def sam(database: Database) -> str:
    """Sam, erased soon, with a merged lead named Lee; another Lee stays, and eve has the same plan."""
    with database.unit_of_work() as session:
        settings.change(session, {"default_country": "US"}, actor=MAX, at=NOON)
        given = {"name": "Sam Rivera", "email_address": "sam@example.com", "external_id": "sam-1"}
        sam = make.contact(session, phone_number=SAMS_NUMBER, **given)
        sam.custom_attributes = {"card": 4711, "plan": "pro"}
        lead = make.contact(session, name="Lee")
        make.contact(session, name="Lee")
        eve = make.contact(session, name="Eve", email_address="eve@example.com")
        eve.custom_attributes = {"plan": "pro"}
        session.flush()
        lead.merged_into_id, lead.archived_at = sam.id, NOON
        return sam.public_id


def erased(database: Database, public_id: str) -> None:
    with database.unit_of_work() as session:
        contact = session.query(Contact).filter_by(public_id=public_id).one()
        erase.erase(session, contact, actor=MAX, at=NOON)


def test_every_saved_filter_with_a_value_of_the_person_gets_one_that_matches_no_one(
    database: Database, sam: str
) -> None:
    mixed = {"operator": "AND", "value": [*ABOUT_OTHERS[:3], {"operator": "OR", "value": list(ABOUT_SAM)}]}
    listed = equal("email", ["eve@example.com", "sam@example.com"], "IN")
    with database.unit_of_work() as session:
        live = make.live_type(session)
        made = [segments.create(session, "One", each, actor=MAX, at=NOON).id for each in (mixed, listed)]
        campaign = make.campaign(session, live, query=mixed)
        chat = make.outbound_chat(session, query=listed)
        by_filter = drafts.begin(session, JobKind.TAG, {"query": mixed, "q": "Sam Rivera"}, actor=MAX, at=NOON).id
        by_text = [
            drafts.begin(session, JobKind.TAG, {"query": None, "q": each}, actor=MAX, at=NOON).id
            for each in ("202-555-0123", "SAM@example.com", "sam-1", "Lee", "Riv")
        ]
        chosen = drafts.begin(session, JobKind.TAG, {"contact_ids": [sam]}, actor=MAX, at=NOON).id
        revision = campaign.revision
        ids = (campaign.id, chat.id)
    erased(database, sam)
    with database.unit_of_work() as session:
        found = {each.id: each.query for each in segments.find_all(session)}
        inner = [{**each, "value": ERASED} for each in ABOUT_SAM]
        expected = {"operator": "AND", "value": [*ABOUT_OTHERS[:3], {"operator": "OR", "value": inner}]}
        assert found[made[0]] == expected
        assert found[made[1]] == equal("email", ["eve@example.com", ERASED], "IN")
        assert campaigns.get(session, ids[0]).query == expected
        assert campaigns.get(session, ids[0]).revision == revision + 1
        assert chats.get(session, ids[1]).query == found[made[1]]
        assert jobs.find(session, by_filter).parameters["selection"] == {"query": expected, "q": ERASED}
        kept = [jobs.find(session, each).parameters["selection"]["q"] for each in by_text]
        assert kept == [ERASED, ERASED, ERASED, "Lee", "Riv"]
        assert selection.count(session, jobs.find(session, by_text[0]).parameters["selection"]) == 0
        assert jobs.find(session, chosen).parameters["selection"] == {"contact_ids": [sam]}


@pytest.mark.parametrize("query", [*ABOUT_SAM, *ABOUT_OTHERS])
def test_a_filter_matches_the_same_contacts_after_the_erasure_as_right_before(
    database: Database, sam: str, query: dict[str, Any]
) -> None:
    def matching() -> set[int]:
        with database.read_only() as session:
            (saved,) = segments.find_all(session)
            found = search.page(session, filters.read(saved.query), search.Place(50))
            return set(found.ids)

    with database.unit_of_work() as session:
        segments.create(session, "One", query, actor=MAX, at=NOON)
        sam_id = session.query(Contact).filter_by(public_id=sam).one().id
    before = matching()
    erased(database, sam)
    assert matching() == before - {sam_id}
    with database.read_only() as session:
        (saved,) = segments.find_all(session)
        assert (saved.query == query) == (query in ABOUT_OTHERS)
