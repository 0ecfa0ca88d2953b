"""``python -m bench.site``: page views of websites whose user object did not change, beside a bare Flask view.

Every visitor's claim is recorded first; then their pages send it over and over. Prints views a second of both, their
ratio, and on PostgreSQL how many transactions the database saw during the run: what the two processes read every five
seconds. In the same process it also counts the statements of 1,000 views. Needs wrk.
"""

import argparse
import hashlib
import hmac
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import jwt
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import event, text

from app import create_app
from app.core import clock
from app.core.ledger.evidence import Evidence
from app.core.site import claims, page_call, policy
from app.core.site.known_claims import KnownClaims
from app.core.subscriptions import subscription_types
from app.core.subscriptions.subscription_types import NewSubscriptionType
from app.core.workspace import settings
from app.models import Channel, ConsentType, EvidenceLevel, Source
from app.web.services import services_of
from bench.load import Reading, Request, load, median
from bench.servers import DATABASES, Place, assent_server, floor_server, prepared

SHOP = "https://shop.example.com"
GOAL = 2_000
VISITORS, WARMING_S = 1_500, 4
_COUNTED = 1_000
_TRANSACTIONS = text("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()")


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench.site", description=__doc__)
    arguments.add_argument("--seconds", type=int, default=8, help="length of one run")
    arguments.add_argument("--runs", type=int, default=3, help="runs of each, by turns; medians are printed")
    arguments.add_argument("--database", choices=DATABASES, help="one database instead of both")
    chosen = arguments.parse_args()
    os.environ["BENCH_ORIGIN"] = SHOP
    rates = []
    for name in [chosen.database] if chosen.database else DATABASES:
        with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder, prepared(name, Path(folder)) as place:
            rates.append(measure(place, seconds=chosen.seconds, runs=chosen.runs))
    return 0 if min(rates) >= GOAL else 1


def measure(place: Place, *, seconds: int, runs: int) -> float:
    """Print one line; returns the views a second."""
    views = list(_views(place))
    _record(place, views)
    floors, ours, transactions = [], [], 0
    with floor_server(place, "bench.site:create_floor") as floor, assent_server(place) as address:
        load(place, floor, views, WARMING_S)
        load(place, address, views, 2 * WARMING_S)  # each process meets every visitor
        for _ in range(runs):
            floors.append(load(place, floor, views, seconds))
            before = _transactions(place)
            ours.append(load(place, address, views, seconds))
            transactions += _transactions(place) - before
    bare, found = median(floors), median(ours)
    print(
        f"{place.name:10} {_shown('bare Flask', bare)}   {_shown('Assent', found)}   ratio {found.rate / bare.rate:.2f}"
    )
    if not place.database.is_sqlite:
        served = sum(each.rate for each in ours) * seconds
        print(f"{'':10} {transactions} transactions in {runs * seconds} s, for {served:,.0f} views")
    counted, time_us = _statements(place, views)
    print(f"{'':10} {counted} statements for {_COUNTED:,} known views, {time_us:.0f} µs of processor time each")
    return found.rate


def create_floor() -> Flask:
    """What any endpoint costs that parses JSON and answers with JSON."""
    app = Flask(__name__)
    app.add_url_rule("/site/collect", "collect", _echo, methods=["POST"])
    app.add_url_rule("/readyz", "readyz", lambda: "ready")
    return app


def _echo() -> ResponseReturnValue:
    body = json.loads(request.get_data())
    response = jsonify(accepted=body["user"], refused=[])
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response, 202


def _views(place: Place) -> Iterator[Request]:
    """A third of the visitors is unsigned, a third signed by a hash, a third by a JWT; each has its own IP address."""
    at = clock.now()
    with place.database.unit_of_work() as session:
        new = NewSubscriptionType("Offers", Channel.SMS, ConsentType.OPT_IN)
        offers = subscription_types.create(session, new, actor="bench", at=at)
        subscription_types.put_live(session, offers, actor="bench", at=at)
        chosen = {"allowed_origins": [SHOP], "site_subscription_type_id": offers.id}
        workspace = settings.change(session, chosen, actor="bench", at=at)
        key, secret = workspace.messenger_key, workspace.messenger_secret
    for number in range(VISITORS):
        user_id = f"{hashlib.sha256(str(number).encode()).hexdigest()[:24]}"
        user = {"phone_number": f"+1415{2_000_000 + number}", "sms_optin": True, "gdpr_optin": True, "uuid": user_id}
        if number % 3 == 0:
            del user["uuid"]
        body = {"key": key, "page": f"{SHOP}/products", "source": "insider_object", "user": user}
        body |= (_unsigned, _hash, _jwt)[number % 3](user_id, secret)
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        yield Request("/site/collect", "POST", "text/plain;charset=UTF-8", address, body=json.dumps(body))


def _record(place: Place, views: list[Request]) -> None:
    """Record every claim, a few a minute: so many unsigned ones would exceed the limit of the key."""
    at = clock.now()
    with place.database.unit_of_work() as session:
        known = policy.read(session, at=at)
        for number, each in enumerate(views):
            judged = page_call.judge(page_call.read(each.body.encode()), known, at=at)
            evidence = Evidence(Source.SITE, "contact", EvidenceLevel.WEB_UNVERIFIED, origin=SHOP)
            earlier = at - timedelta(minutes=2 + number // 300)
            if claims.record(session, judged.claim(evidence), at=earlier).retry_after_s is not None:
                raise RuntimeError("a claim was refused")


def _unsigned(_user_id: str, _secret: str) -> dict[str, str]:
    return {}


def _hash(user_id: str, secret: str) -> dict[str, str]:
    return {"user_id": user_id, "user_hash": hmac.new(secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()}


def _jwt(user_id: str, secret: str) -> dict[str, str]:
    now_s = int(clock.now().timestamp())
    return {"user_jwt": jwt.encode({"user_id": user_id, "iat": now_s, "exp": now_s + 7200}, secret, "HS256")}


def _transactions(place: Place) -> int:
    if place.database.is_sqlite:
        return 0
    with place.database.engine.connect() as connection:
        return int(connection.execute(_TRANSACTIONS).scalar_one())


def _statements(place: Place, views: list[Request]) -> tuple[int, float]:
    """The statements of an application in this process, between two readings of the policy.

    And the processor time of one view in microseconds, with that of the client.
    """
    app = create_app(place.settings)
    services, seen = services_of(app), list[str]()
    KnownClaims.__init__(services.known_claims, policy_lasts=timedelta(minutes=5))
    client = app.test_client()

    def send(count: int) -> None:
        for each in views[:count]:
            headers = {"Origin": SHOP, "Content-Type": each.content_type, "X-Forwarded-For": each.address}
            if client.post(each.path, data=each.body, headers=headers).status_code != 202:
                raise RuntimeError("a view was refused")

    send(_COUNTED)
    services.database.trace = seen.append
    for engine in services.database.engines:
        event.listen(engine, "before_cursor_execute", lambda *call: seen.append(str(call[2])))
    began_s = time.process_time()
    send(_COUNTED)
    took_s = time.process_time() - began_s
    services.database.close()
    return len(seen), took_s / _COUNTED * 1e6


def _shown(name: str, reading: Reading) -> str:
    errors = f", {reading.errors} errors" if reading.errors else ""
    return f"{name} {reading.rate:6.0f} views/s, p99 {reading.p99:5.1f} ms{errors}"


if __name__ == "__main__":
    sys.exit(main())
