"""``python -m bench.overview``: how long the figures of the overview take at a million contacts.

Builds the workspace by SQL over sets: three live types, a consent and an event of every contact for each (three million
in all), a year of daily counts, ten forms in five languages, and webhooks that wait. Prints the median time of each
figure, of the whole page and of ``/metrics``, and what the worker's jobs take, which no page waits for.
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from app import create_app, logs
from app.core import clock
from app.core.accounts import agents
from app.core.accounts.agents import NewAgent
from app.core.forms import daily_counts as form_counts
from app.core.forms import publishing
from app.core.forms.content import FormContent, FormText
from app.core.forms.publishing import FormSettings
from app.core.ledger import events as ledger
from app.core.ledger import signing_keys
from app.core.overview import funnel, growth, health, reach
from app.core.subscriptions import subscription_types
from app.core.subscriptions.subscription_types import NewSubscriptionType
from app.core.webhooks import endpoints, routing
from app.db import Database
from app.http_client import Reach
from app.jobs.count_reach import count_due
from app.jobs.route_outbox import sweep_outbox
from app.models import (
    Channel,
    ConsentType,
    FormDailyCount,
    LedgerSeal,
    OutboxEvent,
    Role,
    SubscriptionType,
)
from bench import population
from bench.population import Population
from bench.servers import DATABASES, Place, prepared

GOAL_S = 0.3
RUNS = 5
OUTBOX_EVENTS = 10_000
PASSWORD = "correct horse battery"
TOKEN = "bench-metrics-token"
LOCALES = ("en", "es", "fr", "de", "ar")
TYPES = (
    ("Offers", Channel.SMS, ConsentType.OPT_IN),
    ("Orders", Channel.SMS, ConsentType.OPT_OUT),
    ("Letter", Channel.EMAIL, ConsentType.OPT_IN),
)


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench.overview", description=__doc__)
    arguments.add_argument("--contacts", type=int, default=1_000_000, help="each has three consents")
    arguments.add_argument("--database", choices=DATABASES, help="one database instead of both")
    chosen = arguments.parse_args()
    missed = 0
    for name in [chosen.database] if chosen.database else DATABASES:
        with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder, prepared(name, Path(folder)) as place:
            began_s = time.perf_counter()
            build(place.database, chosen.contacts)
            print(f"{name}: {chosen.contacts:,} contacts built in {time.perf_counter() - began_s:.0f} s", flush=True)
            missed += measure(place)
    return 1 if missed else 0


def measure(place: Place) -> int:
    """Print every time; return how many figures miss the goal."""
    database, at = place.database, clock.now()
    for name, job in (("reach of three types", count_due), (f"{OUTBOX_EVENTS:,} outbox events", sweep_outbox)):
        began_s = time.perf_counter()
        job(database)
        print(f"{place.name:10} job: {name:28} {time.perf_counter() - began_s:8.2f} s")
    with database.read_only() as session:
        type_ids = list(session.scalars(select(SubscriptionType.id)))
    figures: dict[str, Callable[[Session], object]] = {
        **{f"growth, {days} days": _growth(type_ids, days, at) for days in growth.RANGES},
        **{f"funnel, {days} days": _funnel(days, at) for days in (30, 365)},
        "reach": reach.find_all,
        "newest events": lambda session: ledger.newest(session, limit=8),
        "health": lambda session: health.read(session, at=at),
    }
    missed = sum(
        _report(place, name, lambda figure=figure: _read(database, figure)) for name, figure in figures.items()
    )
    return missed + _pages(place)


def _growth(type_ids: list[int], days: int, at: datetime) -> Callable[[Session], object]:
    return lambda session: growth.of_types(session, type_ids, days, at=at)


def _funnel(days: int, at: datetime) -> Callable[[Session], object]:
    return lambda session: funnel.read(session, growth.first_day(session, days, at=at))


def _read(database: Database, figure: Callable[[Session], object]) -> None:
    with database.read_only() as session:
        figure(session)


def _pages(place: Place) -> int:
    """The page as an admin gets it, and the metrics, through the application."""
    logs.silence()
    app = create_app(replace(place.settings, metrics_token=TOKEN))
    client = app.test_client()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/sign-in").get_data(as_text=True))
    assert token
    values = {"email": "max@example.com", "password": PASSWORD, "csrf_token": token.group(1)}
    assert client.post("/sign-in", data=values).status_code == 302
    headers = {"Authorization": f"Bearer {TOKEN}"}
    requests = {
        **{f"page, {days} days": f"/admin/overview?days={days}" for days in (30, 365)},
        "/metrics": "/metrics",
    }

    def ask(path: str) -> None:
        assert client.get(path, headers=headers).status_code == 200

    return sum(_report(place, name, lambda path=path: ask(path)) for name, path in requests.items())


def _report(place: Place, name: str, read: Callable[[], object]) -> bool:
    """Print the median of some runs; true when it misses the goal."""
    read()
    times = []
    for _ in range(RUNS):
        began_s = time.perf_counter()
        read()
        times.append(time.perf_counter() - began_s)
    is_missed = (median_s := statistics.median(times)) > GOAL_S
    verdict = "MISSED" if is_missed else "met"
    print(f"{place.name:10} {name:20} {median_s * 1000:8.1f} ms (goal {GOAL_S * 1000:.0f}): {verdict}", flush=True)
    return is_missed


def build(database: Database, contacts: int) -> None:
    """Fill the workspace. What is small is made by the rules, what is large by SQL."""
    at, dialect = clock.now(), "sqlite" if database.is_sqlite else "postgresql"
    with database.unit_of_work() as session:
        new = NewAgent("max@example.com", "Max", Role.ADMIN, agents.hash_password(PASSWORD))
        agents.create_agent(session, new, at=at)
        types = [_type(session, each, at) for each in TYPES]
        forms = [_form(session, types[0].id, number, at) for number in range(10)]
        type_ids, form_ids = [each.id for each in types], [each.id for each in forms]
    population.fill(database, Population(contacts, type_ids, email_types=type_ids[2:], has_evidence=False), at=at)
    _daily_counts(database, dialect, form_ids, at)
    _deliveries(database, at)
    _outbox(database, type_ids[0], contacts, at)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _type(session: Session, values: tuple[str, Channel, ConsentType], at: datetime) -> SubscriptionType:
    name, channel, consent_type = values
    new = NewSubscriptionType(name, channel, consent_type)
    made = subscription_types.create(session, new, actor="agent:1", at=at)
    subscription_types.put_live(session, made, actor="agent:1", at=at)
    return made


def _form(session: Session, type_id: int, number: int, at: datetime) -> publishing.OptInForm:
    content = FormContent(type_id, {"en": FormText(f"Form {number}")})
    return publishing.create(session, content, FormSettings(f"Form {number}"), actor="agent:1", at=at)


def _daily_counts(database: Database, dialect: str, form_ids: list[int], at: datetime) -> None:
    day = {"sqlite": "date(occurred_at)", "postgresql": "CAST(occurred_at AS date)"}[dialect]
    statement = (
        "INSERT INTO subscription_daily_counts (subscription_type_id, day, opted_in, opted_out)"
        f" SELECT subscription_type_id, {day}, sum(CASE WHEN action = 'opt_in' THEN 1 ELSE 0 END),"
        " sum(CASE WHEN action = 'opt_out' THEN 1 ELSE 0 END) FROM consent_events GROUP BY 1, 2"
    )
    days = [at.date() - timedelta(days=each) for each in range(365)]
    with database.unit_of_work() as session:
        session.execute(text(statement))
        for form_id in form_ids:
            session.execute(insert(FormDailyCount), _form_days(form_id, days))


def _form_days(form_id: int, days: list[date]) -> list[dict[str, object]]:
    """Every day and language, as the worker leaves them: the newest days in shards, the others merged."""
    counts = {"inserted": 3, "seen": 2, "submitted": 1, "signed_up": 1}
    return [
        {"form_id": form_id, "day": day, "locale": locale, "shard": shard} | counts
        for age, day in enumerate(days)
        for locale in LOCALES
        for shard in range(form_counts._SHARDS if age < 3 else 1)
    ]


def _deliveries(database: Database, at: datetime) -> None:
    """An endpoint that failed for a while: 20,000 deliveries wait, and 20,000 were given up."""
    with database.unit_of_work() as session:
        url, topics = "https://shop.example.com/", ["contact.created"]
        made = endpoints.create(session, url, topics, reach=Reach.INTERNET, actor="agent:1", at=at)
        delivery_id = routing.send_test(session, made[0].id, actor="agent:1", at=at)
        columns = "endpoint_id, message_id, attempts, earlier_attempts, next_attempt_at, give_up_at, created_at"
        copies = (
            "WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < 20000)"
            f" INSERT INTO webhook_deliveries (state, {columns}) SELECT :state, {columns}"
            f" FROM webhook_deliveries, series WHERE webhook_deliveries.id = {delivery_id}"
        )
        for state in ("waiting", "failed"):
            session.execute(text(copies), {"state": state})


def _outbox(database: Database, type_id: int, contacts: int, at: datetime) -> None:
    with database.unit_of_work() as session:
        rows = [
            {
                "topic": "granular.subscribe",
                "contact_id": number,
                "payload": {"contact_id": number, "subscription_type_id": type_id, "event_id": number},
                "created_at": at,
            }
            for number in range(1, min(OUTBOX_EVENTS, contacts) + 1)
        ]
        session.execute(insert(OutboxEvent), rows)
        _seal(session, 3 * contacts, at)


def _seal(session: Session, last_id: int, at: datetime) -> None:
    """One seal over everything: what is measured is how the lag is found, not how events are hashed."""
    xid = session.scalar(text("SELECT max(recorded_xid) FROM consent_events"))
    session.add(
        LedgerSeal(
            id=1,
            version=1,
            previous=bytes(32),
            root=bytes(32),
            count=last_id,
            ids=[[1, last_id]],
            first_id=1,
            last_id=last_id,
            leaves=b"",
            key_id=signing_keys.ensure(session).id,
            sealed_at=at,
            up_to_xid=xid,
            up_to_id=last_id if xid else None,
            signature=bytes(64),
        )
    )


if __name__ == "__main__":
    sys.exit(main())
