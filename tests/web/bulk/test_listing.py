"""The list of bulk jobs."""

from flask.testing import FlaskClient

from app.core import clock
from app.core.bulk import jobs
from app.db import Database
from app.models import JobKind, JobState
from app.web.bulk import listing
from tests.web.bulk.test_job import finished, job


def test_jobs_are_listed_newest_first_with_state_and_counts(max_: FlaskClient, database: Database) -> None:
    empty = max_.get("/bulk").text
    assert "No bulk changes yet" in empty
    assert '<a href="/contacts" aria-current="page">' in empty
    first, second = finished(database), job(database, JobKind.TAG)
    html = max_.get("/bulk").text
    assert html.index("Add tag: VIP") < html.index("Subscribe users: Offers")
    assert "Max" in html
    assert html.count("state-done") == 1
    assert html.count("state-queued") == 1
    assert f'href="/bulk/{first}"' in html
    older = max_.get(f"/bulk?before={second}").text
    assert "Add tag: VIP" not in older
    assert "Subscribe users: Offers" in older
    assert "There is nothing older" in max_.get(f"/bulk?before={first}").text
    assert 'href="/bulk"' in max_.get("/contacts").text


def test_the_list_pages_by_key(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        for _ in range(listing.PAGE_SIZE + 1):
            made = jobs.create(session, JobKind.ARCHIVE, {}, actor="agent:1", at=clock.now())
            made.state = JobState.CANCELED
        oldest_shown = made.id - listing.PAGE_SIZE + 1
    assert f'href="/bulk?before={oldest_shown}"' in max_.get("/bulk").text
    assert max_.get(f"/bulk?before={oldest_shown}").text.count("state-canceled") == 1
