"""``/metrics``: for those who have the token, right over several processes, and without anything about a person."""

import re
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from app.config import ROOT
from app.core import clock
from app.core.bulk import jobs
from app.core.ledger import verifications
from app.core.problems import workers
from app.core.sms import switch
from app.db import Database
from app.jobs.count_reach import count_due
from app.models import JobKind, JobState, Role
from tests import make
from tests.installations import Installation, make_app
from tests.serve import web_process
from tests.web import pages

TOKEN = "scrape-me"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def measured(installation: Installation) -> Flask:
    """An application with a metrics token."""
    return make_app(replace(installation.settings, metrics_token=TOKEN))


def values(text: str, name: str) -> dict[str, float]:
    """The samples of a metric by their labels."""
    found = re.findall(rf"^{name}(\{{.*\}})? (\S+)$", text, re.MULTILINE)
    return {labels.strip("{}"): float(value) for labels, value in found}


def test_without_a_token_there_is_no_such_page(app: Flask) -> None:
    assert app.test_client().get("/metrics", headers=BEARER).status_code == 404


def test_a_wrong_token_is_refused(measured: Flask) -> None:
    client = measured.test_client()
    for sent in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": "é"}):
        response = client.get("/metrics", headers=sent)
        assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    pages.make_agent(measured, "max@example.com", role=Role.ADMIN)
    assert pages.signed_in(measured, "max@example.com").get("/metrics").status_code == 401


def test_metrics_tell_what_waits_fails_and_reaches(measured: Flask) -> None:
    database: Database = measured.extensions["assent"].database
    seen_at = clock.now() - timedelta(minutes=3)
    with database.unit_of_work() as session:
        offers = make.live_type(session, name="Offers")
        sam = make.contact(session, phone_number=make.SAMS_NUMBER, name="Sam Rivera", at=seen_at)
        make.opt_in(session, sam, offers, at=seen_at)
        workers.beat(session, "w", started_at=seen_at, at=seen_at)
        switch.stop_all(session, actor="agent:1", at=seen_at)
        verifications.request(session, actor="system", at=seen_at).finished_at = seen_at
        session.flush()
        asked = verifications.last(session)
        assert asked is not None
        asked.result = {"result": "tampered"}
        waits, also_waits, runs = (jobs.create(session, JobKind.TAG, {}, actor="agent:1", at=seen_at) for _ in range(3))
        for each in (waits, also_waits, runs):
            jobs.start(session, each, at=seen_at)
        runs.state = JobState.RUNNING
    count_due(database)
    client = measured.test_client()
    client.get("/f/form/unknown")
    client.get("/api/me")
    client.get("/sign-in")
    text = client.get("/metrics", headers=BEARER).get_data(as_text=True)
    of_offers = f'id="{offers.id}",name="Offers"'
    assert values(text, "assent_contacts_opted_in") == {of_offers: 1}
    assert values(text, "assent_contacts_reachable") == {of_offers: 1}
    assert values(text, "assent_worker_last_seen_timestamp_seconds") == {"": pytest.approx(seen_at.timestamp())}
    assert values(text, "assent_ledger_events_unsealed") == {"": 1}
    assert (values(text, "assent_ledger_tampered"), values(text, "assent_sending_stopped")) == ({"": 1}, {"": 1})
    assert values(text, "assent_ledger_verified_timestamp_seconds") == {"": pytest.approx(seen_at.timestamp())}
    assert values(text, "assent_sms_messages_unknown") == {"": 0}
    assert values(text, "assent_bulk_jobs_waiting") == {"": 2}
    assert values(text, "assent_bulk_jobs_running") == {"": 1}
    assert values(text, "assent_consent_pushes_waiting") == {"": 0}
    assert values(text, "assent_consent_push_lag_seconds") == {"": 0}
    assert values(text, "assent_consent_pushes_refused") == {"": 0}
    assert 0 < values(text, "assent_ledger_seal_lag_seconds")[""] < 100
    assert values(text, "assent_outbox_events_waiting")[""] > 0
    assert 180 <= values(text, "assent_oldest_unsent_age_seconds")[""] < 1000
    counts = values(text, "assent_http_request_duration_seconds_count")
    assert counts == {
        'status="4xx",surface="embed"': 1,
        'status="4xx",surface="api"': 1,
        'status="2xx",surface="staff"': 1,
    }
    described = set(re.findall(r"`(assent_\w+)`", (ROOT / "docs" / "deploy" / "README.md").read_text()))
    assert {
        each for each in re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE) if not each.endswith("_created")
    } == described
    assert "Sam" not in text
    assert make.SAMS_NUMBER[1:] not in text


def test_each_process_adds_the_requests_of_the_others(installation: Installation) -> None:
    settings = replace(installation.settings, metrics_token=TOKEN)
    with web_process(settings, workers=2) as address:
        for _ in range(40):
            with suppress(urllib.error.HTTPError):
                urllib.request.urlopen(f"{address}/f/form/unknown")
        assert {answered(address) for _ in range(12)} == {40}, "whichever process is asked, it knows all requests"


def answered(address: str) -> float:
    """How many forms were not found, as one of the processes says."""
    asked = urllib.request.Request(f"{address}/metrics", headers=BEARER)
    text = urllib.request.urlopen(asked).read().decode()
    return values(text, "assent_http_request_duration_seconds_count")['status="4xx",surface="embed"']
