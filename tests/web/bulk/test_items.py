"""Lists and the file of what a job did with each contact."""

import csv
import io

import pytest
from flask.testing import FlaskClient

from app.core import audit
from app.db import Database
from app.models import BulkJobItem
from app.web import csv_file
from tests import make
from tests.web import pages
from tests.web.bulk.test_job import finished


def with_people(database: Database) -> tuple[int, str]:
    """The id of a job with items of sam, whose number is suppressed, and eve; the public id of sam."""
    job_id = finished(database)
    with database.unit_of_work() as session:
        sam = make.contact(session, name="=Sam Rivera", phone_number=make.SAMS_NUMBER)
        eve = make.contact(session, name="Eve Stone")
        session.add(BulkJobItem(job_id=job_id, contact_id=sam.id, outcome="suppressed"))
        session.add(BulkJobItem(job_id=job_id, contact_id=eve.id, outcome="changed", undo_outcome="restored"))
        return job_id, sam.public_id


def test_the_contacts_of_an_outcome_are_listed(max_: FlaskClient, database: Database) -> None:
    job_id, sam = with_people(database)
    path = f"/bulk/{job_id}/contacts"
    suppressed = max_.get(f"{path}?outcome=suppressed").text
    assert f'href="/contacts/{sam}"' in suppressed
    assert "Eve Stone" not in suppressed
    restored = max_.get(f"{path}?undo_outcome=restored").text
    assert "Eve Stone" in restored
    assert "Undo: Restored" in restored
    assert "Sam Rivera" not in restored
    assert "Sam Rivera" in max_.get(path).text
    assert "No contacts are listed" in max_.get(f"{path}?outcome=blocked").text
    assert "There are no further contacts" in max_.get(f"{path}?outcome=changed&after=999999").text


def test_the_result_is_a_file_that_is_read_in_chunks(
    max_: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id, sam = with_people(database)
    monkeypatch.setattr(csv_file, "CHUNK_SIZE", 1)
    answer = pages.submit(max_, f"/bulk/{job_id}/result", page=f"/bulk/{job_id}")
    text = answer.get_data(as_text=True)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="bulk-change-{job_id}.csv"'
    header, first, second = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    assert header == ["contact_id", "external_id", "name", "phone", "email", "outcome", "undo_outcome"]
    assert (first[0], first[2], first[5], first[6]) == (sam, "'=Sam Rivera", "suppressed", "")
    assert (second[2], second[5], second[6]) == ("Eve Stone", "changed", "restored")
    with database.read_only() as session:
        acts = audit.find(session, audit.Filter(actions=["bulk_job.downloaded"]), limit=9)
        assert [(each.actor, each.subject) for each in acts] == [("agent:1", f"bulk_job:{job_id}")]
    assert f'href="/bulk/{job_id}"' in max_.get("/admin/audit").text
