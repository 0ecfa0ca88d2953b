"""Two web servers and two workers on one PostgreSQL: one of each is killed, and clients do not notice."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from subprocess import Popen

import pytest
from sqlalchemy import update

from app.config import Settings
from app.core import clock
from app.core.accounts import api_tokens
from app.core.webhooks import endpoints
from app.db import Database
from app.http_client import Reach
from app.models import DeliveryState, WebhookDelivery
from tests import make
from tests.jobs.test_deliver_webhooks import wait_until, waiting
from tests.processes import PATIENCE_S, descendants, environment_of, free_port, started, wait_until_ready
from tests.receiver import OK, Answer, Received, receiver

PEOPLE = 60


def slowly(_came: Received) -> Answer:
    time.sleep(0.05)  # so that the killed worker has running attempts
    return OK


@pytest.mark.slow
@pytest.mark.databases("postgresql")
def test_every_request_succeeds_and_every_webhook_arrives_though_a_server_and_a_worker_are_killed(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session).id
        people = [make.contact(session, phone_number=f"+1202555{number:04}").public_id for number in range(100, 160)]
        token = api_tokens.create(session, "shop", ("write",), at=clock.now())[1]
    env = environment_of(settings) | {"ASSENT_ALLOW_LOOPBACK": "true"}
    ports = [free_port(), free_port()]
    with ExitStack() as running, receiver(slowly) as there:
        with database.unit_of_work() as session:
            url, reach = there.url, Reach.LOOPBACK_TOO
            endpoints.create(session, url, ["granular.subscribe"], reach=reach, actor="agent:1", at=clock.now())

        def start(name: str, *arguments: str) -> "Popen[bytes]":
            return running.enter_context(started(*arguments, env=env, log=tmp_path / f"{name}.log"))

        webs = [start(f"web{port}", "web", "--port", str(port), "--workers", "1") for port in ports]
        workers = [start(f"worker{number}", "worker") for number in range(2)]
        for port, web in zip(ports, webs, strict=True):
            wait_until_ready(port, web, tmp_path / f"web{port}.log")
        turns = cycle(ports)
        for position, person in enumerate(people):
            if position == PEOPLE // 2:
                wait_until(lambda: len(there.received) > 0)
                for killed in (webs[0], workers[0]):
                    for each in [killed.pid, *descendants(killed.pid)]:
                        os.kill(each, signal.SIGKILL)
            subscribe(turns, token, person, offers)
        expire_leases_of_the_dead(database)
        wait_until(lambda: waiting(database) == 0 and len(set(there.ids)) == PEOPLE)
    delivered = {came.item["contact"]["id"] for came in there.received}
    assert delivered == set(people)
    assert len({came.item["consent"]["event_id"] for came in there.received}) == PEOPLE, "each opted in once"


def subscribe(turns: "cycle[int]", token: str, person: str, offers: int) -> None:
    """Subscribe as behind a proxy: when one server does not respond, use the next."""
    body = json.dumps({"id": str(offers), "consent_type": "opt_in"}).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    for port in (next(turns), next(turns)):
        call = urllib.request.Request(f"http://127.0.0.1:{port}/api/contacts/{person}/subscriptions", body, headers)
        try:
            with urllib.request.urlopen(call, timeout=PATIENCE_S) as answer:
                assert answer.status == 200
                return
        except urllib.error.HTTPError:
            raise
        except OSError:
            continue
    raise AssertionError("no server responds")


def expire_leases_of_the_dead(database: Database) -> None:
    """Expire the leases of the killed worker now, instead of waiting a minute."""
    time.sleep(0.5)
    with database.unit_of_work() as session:
        leased = WebhookDelivery.state == DeliveryState.WAITING.value, WebhookDelivery.leased_until.is_not(None)
        session.execute(update(WebhookDelivery).where(*leased).values(leased_until=clock.now()))
