"""The API beside a bare Flask app on the same server and database, and over 10 thousand to a million contacts.

python -m bench.api --database sqlite --contacts 10000 100000 1000000
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, text

from app.core import clock
from app.core.accounts import api_tokens as tokens
from app.core.signing import Keys
from app.core.workspace import settings
from bench.forms import form_key
from bench.load import CONNECTIONS, THREADS, Reading, median
from bench.servers import DATABASES, SECRET_KEY, Place, assent_server, floor_server, prepared

HERE = Path(__file__).parent
GOAL = 0.6  # of the floor's throughput, for finding and attaching
GROWTH, GROWTH_OF_BOTH = 1.5, 3.0  # times the latency, from the smallest workspace to the largest
RUNS = 3  # of ours, and of the floor; an odd number
SLICE_MAX = 20_000  # people of one run
CALLS = ("find", "phone =", "phone ^", "by state", "attach", "detach")
STEADY = CALLS[:-1]
WRITING = {"attach", "detach"}
Pair = tuple[Reading, Reading]  # of ours, of the floor
_AT = "2026-11-02 12:00:00"


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench.api", description=__doc__)
    arguments.add_argument("--seconds", type=int, default=2, help="length of one run, of which each call has several")
    arguments.add_argument("--contacts", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    arguments.add_argument("--database", choices=DATABASES, help="one database instead of both")
    chosen = arguments.parse_args()
    if shutil.which("wrk") is None:
        print("bench: wrk is missing; as root: apt-get install wrk", file=sys.stderr)
        return 2
    missed = 0
    for name in [chosen.database] if chosen.database else DATABASES:
        read = {}
        for contacts in sorted(chosen.contacts):
            failed, read[contacts] = measure(name, contacts, seconds=chosen.seconds)
            missed += failed
        if len(read) > 1:
            missed += grown(name, read[min(read)], read[max(read)])
    return 1 if missed else 0


def measure(name: str, contacts: int, *, seconds: int) -> tuple[int, dict[str, Pair]]:
    """Print each call on a fresh database of this size; how many goals were missed comes back, with what was read."""
    missed, read = 0, {}
    with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder, prepared(name, Path(folder)) as place:
        token = _fill(place, contacts)
        floor_app = "bench.api_floor:create_app"
        with assent_server(place) as ours, floor_server(place, floor_app) as floor:
            for call in CALLS:
                pair = read[call] = _measured(place, call, contacts, (ours, floor), token, seconds)
                missed += _told(name, call, contacts, pair)
    return missed, read


def grown(name: str, smallest: dict[str, Pair], largest: dict[str, Pair]) -> int:
    """Print how many times as long each call takes in the largest workspace; how many grow comes back.

    A larger database is slower for everybody, so what counts is beside the floor; but not where both grow far.
    """
    missed = 0
    for call in STEADY:
        (ours_small, floor_small), (ours, floor) = smallest[call], largest[call]
        plain, of_floor = ours.p50 / ours_small.p50, floor.p50 / floor_small.p50
        held = plain <= GROWTH or (plain / of_floor <= GROWTH and plain <= GROWTH_OF_BOTH)
        missed += not held
        verdict = "" if held else ": MISSED"
        print(f"{name:10} {call:8} p50 grows {plain:.2f} times, the floor's {of_floor:.2f} (goal {GROWTH}{verdict})")
    return missed


def _measured(place: Place, call: str, contacts: int, addresses: tuple[str, str], token: str, seconds: int) -> Pair:
    """The medians of ours and the floor's: runs by turns, each on people of its own."""
    slices = _slices(place, call, contacts)
    once = call in WRITING
    for address in addresses:
        _load(place, address, next(slices), token, 1, once=once)
    readings: tuple[list[Reading], list[Reading]] = ([], [])
    for run in range(RUNS):
        for side in (0, 1) if run % 2 == 0 else (1, 0):
            readings[side].append(_load(place, addresses[side], next(slices), token, seconds, once=once))
    return median(readings[0]), median(readings[1])


def _told(name: str, call: str, contacts: int, pair: Pair) -> int:
    ours, floor = pair
    ratio, is_goal = ours.rate / floor.rate, call in {"find", "attach"}
    held = (not is_goal or ratio >= GOAL) and ours.errors == floor.errors == 0
    goal = f" (goal {GOAL})" if is_goal else ""
    print(
        f"{name:10} {contacts:>9,} {call:8} ours {ours.rate:6.0f} req/s p50 {ours.p50:6.2f} p99 {ours.p99:5.0f}"
        f" ms floor {floor.rate:6.0f} req/s p50 {floor.p50:6.2f} ms  errors {ours.errors}/{floor.errors}"
        f" ratio {ratio:.2f}{goal}{'' if held else ': MISSED'}",
        flush=True,
    )
    return not held


def _load(place: Place, address: str, lines: list[str], token: str, seconds: int, *, once: bool) -> Reading:
    file = place.folder / "calls.txt"
    file.write_text("\n".join(lines))
    environ = os.environ | {"BENCH_THREADS": str(THREADS), "BENCH_TOKEN": token}
    command = ["wrk", f"-t{THREADS}", f"-c{CONNECTIONS}", f"-d{seconds}", "-s", str(HERE / "calls.lua"), address]
    command += ["--", str(file), *(["once"] if once else [])]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env=environ).stdout
    result = json.loads(printed.partition("JSON ")[2])
    return Reading(
        result["requests"] / result["seconds"], result["p50"], result["p95"], result["p99"], result["errors"]
    )


def _slices(place: Place, call: str, contacts: int) -> Iterator[list[str]]:
    """Prepared calls for each run: two to warm up, then those that are measured. No two runs are about one person
    where a call writes: the second would find nothing to do.
    """
    chance, runs = random.Random(call), 2 * RUNS
    if call in WRITING:
        people = _who_can(place, call)
        chance.shuffle(people)
        warm = max(1, len(people) // 50)
        ends = [warm, 2 * warm]
        share = min(SLICE_MAX, (len(people) - 2 * warm) // runs)
        ends += [2 * warm + share * (run + 1) for run in range(runs)]
        for begin, end in zip([0, *ends], ends, strict=False):
            yield [_line(call, each) for each in people[begin:end]]
    else:
        for _ in range(runs + 2):
            yield [_line(call, chance.randint(1, contacts)) for _ in range(20_000)]


def _who_can(place: Place, call: str) -> list[int]:
    """Whom the call changes something for: never asked to attach, opted in to detach."""
    opted_in = "SELECT contact_id FROM consents WHERE subscription_type_id = 1 AND state = 'opted_in'"
    asked = "SELECT 1 FROM consents WHERE subscription_type_id = 1 AND contact_id = contacts.id"
    never_asked = f"SELECT id FROM contacts WHERE NOT EXISTS ({asked})"
    wanted = opted_in if call == "detach" else never_asked
    with place.database.engine.connect() as connection:
        return sorted(row[0] for row in connection.exec_driver_sql(wanted))


def _line(call: str, each: int) -> str:
    match call:
        case "find":
            return f"GET /api/contacts/{each:024x}"
        case "phone =":
            return _search("phone", "=", f"+1202{2_000_000 + each}")
        case "phone ^":
            return _search("phone", "^", f"+1202{2_000_000 + each}"[:10])
        case "by state":
            return _search("subscription_types.1", "=", "opted_in")
        case "attach":
            return f'POST /api/contacts/{each:024x}/subscriptions {{"id":"1","consent_type":"opt_in"}}'
        case _:
            return f"DELETE /api/contacts/{each:024x}/subscriptions/1"


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
