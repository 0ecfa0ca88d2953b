"""``python -m bench.outbound_chats``: the audience, the expansion, visits and the report of an outbound chat.

The workspace is that of ``bench.contacts``. ``--folder`` keeps workspaces.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from app.core import clock
from app.core.outbound_chats import audience, delivering, drafts, lifecycle, report
from app.core.outbound_chats.drafts import ChatValues
from app.db import Database
from app.jobs import run_outbound_chats
from bench import contacts
from bench.servers import DATABASES, prepared
from tests import make

VISITS = 500


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench.outbound_chats", description=__doc__)
    arguments.add_argument("--contacts", type=int, default=150_000)
    arguments.add_argument("--database", choices=DATABASES, help="one database instead of both")
    arguments.add_argument("--folder", type=Path, help="keep the workspaces here, or use those that are here")
    chosen = arguments.parse_args()
    for name in [chosen.database] if chosen.database else DATABASES:
        with contacts._folder(chosen.folder, name) as folder, prepared(name, folder) as place:
            workspace = contacts.ready(place, chosen.contacts)
            measure(name, workspace.place.database, workspace.type_ids[0])
    return 0


def measure(name: str, database: Database, type_id: int) -> None:
    """Everyone who has not opted in to a type is asked for it."""
    with database.unit_of_work() as session:
        form_id = make.form(session, session.get_one(make.SubscriptionType, type_id)).id
        values = ChatValues("Bench", "Hello {{ first_name | there }}", form_id)
        chat_id = drafts.create(session, values, actor="agent:1", at=clock.now()).id
        lifecycle.send(session, chat_id, actor="agent:1", at=clock.now())

    def preview() -> object:
        with database.read_only() as session:
            return audience.preview(session, form_id, None)

    print(f"{name:10} audience in {_seconds(preview):.2f} s: {preview()}", flush=True)
    longest, parts, began = 0.0, 0, time.perf_counter()
    is_more = True
    while is_more:
        step = time.perf_counter()
        is_more = run_outbound_chats.run_part(database, chat_id, "bench", seconds=0)
        longest, parts = max(longest, time.perf_counter() - step), parts + 1
    took = time.perf_counter() - began
    with database.read_only() as session:
        written = drafts.get(session, chat_id).eligible
        ids = audience.people(session, form_id, None, None, limit=VISITS)
    print(f"{name:10} {written:,} recipients in {took:.1f} s, {parts} parts of {longest:.2f} s at most", flush=True)
    began = time.perf_counter()
    for contact_id in ids:
        with database.unit_of_work() as session:
            delivering.deliver(session, contact_id, at=clock.now())
    print(f"{name:10} a visit writes in {(time.perf_counter() - began) / VISITS * 1000:.1f} ms", flush=True)

    def counts() -> object:
        with database.read_only() as session:
            return report.counts(session, chat_id, at=clock.now())

    print(f"{name:10} report in {_seconds(counts):.2f} s: {counts()}", flush=True)


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
