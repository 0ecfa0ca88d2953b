"""A bulk change on its way to be started."""

import pytest

from app.core.bulk import drafts, jobs
from app.core.errors import InvalidInput, NotFound
from app.db import Database
from app.models import JobKind, JobState
from tests import make
from tests.make import NOON

MAX, ANA = "agent:1", "agent:2"


def test_a_draft_becomes_the_job_that_its_preview_counted(database: Database) -> None:
    with database.unit_of_work() as session:
        sam, eve = make.contact(session, phone_number=make.SAMS_NUMBER), make.contact(session)
        offers = make.live_type(session)
        selected = {"contact_ids": [sam.public_id, eve.public_id]}
        draft = drafts.begin(session, JobKind.SUBSCRIBE, selected, actor=MAX, at=NOON)
        assert drafts.preview_of(session, draft) is None
        preview = drafts.choose(session, draft, subscription_type_id=offers.id, at=NOON)
        assert drafts.preview_of(session, draft) is preview
        assert (preview.state, preview.changed, preview.skipped) == (JobState.DONE, 1, {"no_phone": 1})
        assert drafts.examples(session, preview) == {"changed": [sam], "no_phone": [eve]}
        assert jobs.newest(session, limit=9) == []
        with pytest.raises(InvalidInput):
            drafts.start(session, draft, " ", actor=ANA, at=NOON)
        drafts.start(session, draft, " At the fair. ", actor=ANA, at=NOON)
        assert jobs.waiting(session, at=NOON) == [draft.id]
        assert (draft.created_by, draft.is_reading, draft.parameters["note"]) == (ANA, False, "At the fair.")
        assert draft.parameters["selection"] == selected
        with pytest.raises(NotFound):
            drafts.lock(session, draft.id)


def test_a_large_preview_waits_for_the_worker(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "COUNTED_AT_ONCE", 1)
    with database.unit_of_work() as session:
        for _ in range(2):
            make.contact(session)
        draft = drafts.begin(session, JobKind.ARCHIVE, {"query": None}, actor=MAX, at=NOON)
        preview = drafts.preview_of(session, draft)
        assert preview is not None
        assert (preview.state, preview.is_reading) == (JobState.QUEUED, True)


def test_only_a_draft_of_a_bulk_change_is_one(database: Database) -> None:
    with database.unit_of_work() as session:
        upload = jobs.create(session, JobKind.IMPORT, {}, actor=MAX, at=NOON)
        with pytest.raises(NotFound):
            drafts.find(session, upload.id)
