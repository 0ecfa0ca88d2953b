"""What a change of many contacts may ask for."""

from typing import Any

import pytest

from app.core.bulk import changes
from app.core.bulk.changes import Change
from app.core.errors import AssentError
from app.db import Database
from app.models import BulkJob, JobKind, JobState
from tests import make

ALL: dict[str, Any] = {"query": None}


@pytest.mark.databases("sqlite")
def test_a_change_that_cannot_be_started_is_refused_with_its_field(database: Database) -> None:
    with database.unit_of_work() as session:
        live, draft = make.live_type(session), make.draft_type(session)
        refused: list[tuple[Change, str]] = [
            (Change(JobKind.EXPORT, ALL), "parameter_invalid"),
            (Change(JobKind.SUBSCRIBE, ALL, note="paper"), "parameter_invalid"),
            (Change(JobKind.SUBSCRIBE, ALL, live.id, note=" "), "parameter_invalid"),
            (Change(JobKind.SUBSCRIBE, ALL, live.id, note="a" * 2001), "parameter_invalid"),
            (Change(JobKind.SUBSCRIBE, ALL, draft.id, note="paper"), "invalid_state"),
            (Change(JobKind.UNSUBSCRIBE, ALL, 99, note="paper"), "not_found"),
            (Change(JobKind.SUBSCRIBE, {}, live.id, note="paper"), "parameter_invalid"),
            (Change(JobKind.TAG, ALL, tag=" "), "parameter_invalid"),
            (Change(JobKind.UNTAG, ALL, tag="VIP"), "not_found"),
        ]
        for change, code in refused:
            with pytest.raises(AssentError) as error:
                changes.create(session, change, actor="agent:1", at=make.NOON)
            assert error.value.code == code, change
        for change in (
            Change(JobKind.UNSUBSCRIBE, ALL, draft.id, note="paper"),
            Change(JobKind.SUBSCRIBE, ALL, live.id, is_dry_run=True),
        ):
            job = changes.create(session, change, actor="agent:1", at=make.NOON)
            assert isinstance(job, BulkJob)
            assert (job.state, job.is_reading) == (JobState.QUEUED, change.is_dry_run)
