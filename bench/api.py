"""The API beside a bare Flask app on the same server and database, and over 10 thousand to a million contacts.

python -m bench.api --only sqlite --contacts 10000 100000 1000000
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sqlalchemy import Connection, text

from app.core import clock, settings, tokens
from app.core.signing import Keys
from bench.forms import form_key
from bench.load import CONNECTIONS, THREADS, Reading
from bench.servers import DATABASES, SECRET_KEY, Place, assent_server, floor_server, prepared

HERE = Path(__file__).parent
GOAL = 0.6  # of the floor's throughput, for finding and attaching
CALLS = ("find", "phone =", "phone ^", "by state", "attach", "detach")
_AT = "2026-11-02 12:00:00"


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench.api", description=__doc__)
    arguments.add_argument("--seconds", type=int, default=4, help="length of one run")
    arguments.add_argument("--contacts", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    arguments.add_argument("--database", choices=DATABASES, help="one database instead of both")
    chosen = arguments.parse_args()
    if shutil.which("wrk") is None:
        print("bench: wrk is missing; as root: apt-get install wrk", file=sys.stderr)
        return 2
    missed = 0
    for name in [chosen.database] if chosen.database else DATABASES:
        for contacts in chosen.contacts:
            missed += measure(name, contacts, seconds=chosen.seconds)
    return 1 if missed else 0


def measure(name: str, contacts: int, *, seconds: int) -> int:
    """Print each call on a fresh database of this size; how many goals were missed comes back."""
    missed = 0
    with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder, prepared(name, Path(folder)) as place:
        token = _fill(place, contacts)
        for call in CALLS:
            with assent_server(place) as address:
                ours = _load(address, _calls(place, call, contacts), token, seconds)
            with floor_server(place, "bench.api_floor:create_app") as address:
                floor = _load(address, _calls(place, call, contacts), token, seconds)
            ratio = ours.rate / floor.rate
            is_goal = call in {"find", "attach"}
            held = (not is_goal or ratio >= GOAL) and ours.errors == 0
            missed += not held
            goal = f" (goal {GOAL}{'' if held else ': MISSED'})" if is_goal else ""
            print(
                f"{name:10} {contacts:>9,} {call:8} ours {ours.rate:6.0f} req/s p50 {ours.p50:6.2f} p99 {ours.p99:5.0f}"
                f" ms floor {floor.rate:6.0f} req/s p50 {floor.p50:6.2f} ms  errors {ours.errors}/{floor.errors}"
                f" ratio {ratio:.2f}{goal}",
                flush=True,
            )
    return missed


def _load(address: str, calls: Path, token: str, seconds: int) -> Reading:
    environ = os.environ | {"BENCH_THREADS": str(THREADS), "BENCH_TOKEN": token}
    base = ["wrk", f"-t{THREADS}", f"-c{CONNECTIONS}", "-s", str(HERE / "calls.lua")]
    printed = ""
    for length in (1, seconds):
        command = [*base, f"-d{length}", address, "--", str(calls)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True, env=environ).stdout
    result = json.loads(printed.partition("JSON ")[2])
    return Reading(
        result["requests"] / result["seconds"], result["p50"], result["p95"], result["p99"], result["errors"]
    )


def _calls(place: Place, call: str, contacts: int) -> Path:
    """Prepared calls on people chosen at random; who attaches or detaches is somebody new for as long as it lasts."""
    chance, file = random.Random(call), place.folder / "calls.txt"
    people = [chance.randint(1, contacts) for _ in range(20_000)]
    if call in {"attach", "detach"}:
        people = chance.sample(range(1, contacts + 1), min(contacts, 40_000))
    lines = {
        "find": lambda each: f"GET /api/contacts/{each:024x}",
        "phone =": lambda each: _search("phone", "=", f"+1202{2_000_000 + each}"),
        "phone ^": lambda each: _search("phone", "^", f"+1202{2_000_000 + each}"[:10]),
        "by state": lambda _: _search("subscription_types.1", "=", "opted_in"),
        "attach": lambda each: f'POST /api/contacts/{each:024x}/subscriptions {{"id":"1","consent_type":"opt_in"}}',
        "detach": lambda each: f"DELETE /api/contacts/{each:024x}/subscriptions/1",
    }
    file.write_text("\n".join(lines[call](each) for each in people))
    return file


def _search(field: str, operator: str, value: str) -> str:
    query = {"field": field, "operator": operator, "value": value}
    return "POST /api/contacts/search " + json.dumps({"query": query, "pagination": {"per_page": 50}})


def _fill(place: Place, contacts: int) -> str:
    """So many contacts, a third of them opted in; a token that may call as often as it can comes back."""
    database = place.database
    with database.unit_of_work() as session:
        form_key(session, clock.now())  # makes the live type, the first one
        settings.change(session, {"api_calls_per_minute": 1_000_000}, actor="bench", at=clock.now())
        _, token = tokens.create(session, "bench", [], at=clock.now())
        connection = session.connection()
        hashed = Keys(SECRET_KEY).destination_hash
        for begin in range(1, contacts + 1, 20_000):
            ids = range(begin, min(begin + 20_000, contacts + 1))
            _insert(
                connection, [(each, f"+1202{2_000_000 + each}", hashed(f"+1202{2_000_000 + each}")) for each in ids]
            )
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        connection.commit()
    return token


def _insert(connection: Connection, people: list[tuple[int, str, str]]) -> None:
    connection.execute(
        text(
            "INSERT INTO contacts (id, public_id, role, external_id, email, phone, phone_hash, phone_country, "
            "custom_attributes, unsubscribed_from_emails, created_at, updated_at) VALUES (:id, :public_id, 'user', "
            ":external_id, :email, :phone, :hash, 'US', '{}', false, :at, :at)"
        ),
        [
            {
                "id": number,
                "public_id": f"{number:024x}",
                "external_id": str(number),
                "email": f"a{number}@example.com",
                "phone": phone,
                "hash": hashed,
                "at": _AT,
            }
            for number, phone, hashed in people
        ],
    )
    opted_in = [each for each in people if each[0] % 3 == 0]
    first = {"first": people[0][0], "last": people[-1][0], "at": _AT}
    connection.execute(
        text(
            "INSERT INTO consent_events (contact_id, subscription_type_id, action, source, actor, evidence_level, "
            "destination_hash, occurred_at, recorded_at) SELECT id, 1, 'opt_in', 'api', 'api:1', 'reported', "
            "phone_hash, :at, :at FROM contacts WHERE id BETWEEN :first AND :last AND id % 3 = 0"
        ),
        first,
    )
    if opted_in:
        connection.execute(
            text(
                "INSERT INTO consents (contact_id, subscription_type_id, state, destination, destination_hash, "
                "changed_at, event_id) SELECT c.id, 1, 'opted_in', c.phone, c.phone_hash, :at, e.id FROM contacts c "
                "JOIN consent_events e ON e.contact_id = c.id WHERE c.id BETWEEN :first AND :last AND c.id % 3 = 0"
            ),
            first,
        )


if __name__ == "__main__":
    sys.exit(main())
