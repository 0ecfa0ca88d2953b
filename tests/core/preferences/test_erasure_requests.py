"""Requests for deletion."""

from datetime import timedelta

import pytest

from app.core.contacts import erase, merge
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.core.preferences import erasure_requests
from app.core.workspace import settings
from app.db import Database
from app.models import ErasureRequest, Resolution
from tests import make
from tests.make import NOON

LATER = NOON + timedelta(days=3)


def test_a_request_is_due_when_the_workspace_says_and_a_repetition_changes_nothing(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session)
        settings.change(session, {"erasure_due_days": 14}, actor="agent:1", at=NOON)
        made = erasure_requests.request(session, sam.id, at=NOON)
        assert made.due_at == NOON + timedelta(days=14)
        assert erasure_requests.request(session, sam.id, at=LATER).id == made.id
        (waiting,) = erasure_requests.open_requests(session)
        assert (waiting.request.id, waiting.contact.id, erasure_requests.count_open(session)) == (made.id, sam.id, 1)
        assert not waiting.is_overdue(made.due_at)
        assert waiting.is_overdue(made.due_at + timedelta(seconds=1))


def test_no_request_is_taken_where_the_workspace_does_not_want_any(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session)
        settings.change(session, {"erasure_requests": False}, actor="agent:1", at=NOON)
        with pytest.raises(InvalidState):
            erasure_requests.request(session, sam.id, at=NOON)


def test_a_refusal_needs_a_note_and_sam_may_ask_again(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session)
        made = erasure_requests.request(session, sam.id, at=NOON)
        with pytest.raises(InvalidInput):
            erasure_requests.refuse(session, made.id, " ", actor="agent:1", at=LATER)
        erasure_requests.refuse(session, made.id, "An order is open.", actor="agent:1", at=LATER)
        assert (made.resolved_at, made.resolution, made.note) == (LATER, Resolution.REFUSED, "An order is open.")
        assert erasure_requests.open_requests(session) == []
        with pytest.raises(InvalidState):
            erasure_requests.refuse(session, made.id, "Again.", actor="agent:1", at=LATER)
        with pytest.raises(NotFound):
            erasure_requests.refuse(session, 0, "Again.", actor="agent:1", at=LATER)
        assert erasure_requests.request(session, sam.id, at=LATER).id != made.id


def test_erasing_a_contact_closes_its_requests_and_those_of_contacts_merged_into_it(database: Database) -> None:
    with database.unit_of_work() as session:
        lead, sam = make.contact(session, role="lead", external_id=None), make.contact(session)
        asked = erasure_requests.request(session, lead.id, at=NOON)
        merge.merge(session, lead.public_id, sam.public_id, actor="agent:1", at=NOON)
        assert erasure_requests.request(session, sam.id, at=LATER).id == asked.id
        assert [each.contact.id for each in erasure_requests.open_requests(session)] == [sam.id]
        erase.erase(session, sam, actor="agent:1", at=LATER)
        assert erasure_requests.open_requests(session) == []
        session.expire_all()
        assert session.get_one(ErasureRequest, asked.id).resolution == Resolution.ERASED
