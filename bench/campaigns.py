"""``python -m bench.campaigns``: audiences of a million contacts, and the expansion of a campaign.

The workspace is that of ``bench.contacts``: five types, three consents of each contact. The audience is printed beside
a bare pass over the same rows: contacts and their consent of the type, grouped by state. ``--folder`` keeps workspaces.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select, text

from app.core import clock
from app.core.campaigns import audience, drafts, lifecycle, outcomes
from app.core.campaigns.drafts import CampaignValues
from app.jobs import run_campaigns
from app.models import CampaignRecipient, SmsMessage
from bench import contacts
from bench.contacts import Workspace
from bench.servers import DATABASES, prepared

RUNS, RECIPIENTS = 3, 100_000
_BARE = (
    "SELECT k.state, c.sms_block, count(*) FROM contacts c LEFT JOIN consents k"
    " ON k.contact_id = c.id AND k.subscription_type_id = {} GROUP BY k.state, c.sms_block"
)


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench.campaigns", description=__doc__)
    arguments.add_argument("--contacts", type=int, default=1_000_000)
    arguments.add_argument("--database", choices=DATABASES, help="one database instead of both")
    arguments.add_argument("--folder", type=Path, help="keep the workspaces here, or use those that are here")
    chosen = arguments.parse_args()
    missed = 0
    for name in [chosen.database] if chosen.database else DATABASES:
        with contacts._folder(chosen.folder, name) as folder, prepared(name, folder) as place:
            workspace = contacts.ready(place, chosen.contacts)
            missed += preview(workspace)
            expansion(workspace)
    return 1 if missed else 0


def preview(workspace: Workspace) -> int:
    """The audience of all contacts, and of a filter."""
    database, type_id = workspace.place.database, workspace.type_ids[0]
    plan = {"field": "custom_attributes.plan", "operator": "=", "value": "pro"}
    missed = 0
    for name, query in (("audience of all", None), ("audience of a filter", plan)):

        def ours(query: dict[str, str] | None = query) -> None:
            with database.read_only() as session:
                audience.preview(session, type_id, query)

        def floor() -> None:
            with database.read_only() as session:
                session.execute(text(_BARE.format(type_id))).all()

        missed += workspace.report(name, _best(ours), _best(floor), 4.0)
    return missed


def expansion(workspace: Workspace) -> None:
    """``RECIPIENTS`` recipients and texts, written by the worker's own steps; then counted, paused and resumed."""
    database, at = workspace.place.database, clock.now()
    with database.unit_of_work() as session:
        values = CampaignValues("Bench", workspace.type_ids[0], "Hello {{ name | there }}")
        campaign_id = drafts.create(session, values, actor="agent:1", at=at).id
        lifecycle.send(session, campaign_id, actor="agent:1", at=at)
    part, longest = "bench", 0.0
    run_campaigns.run_part(database, campaign_id, part, seconds=0)  # counts the audience, too
    began = time.perf_counter()
    written = 0
    while written < RECIPIENTS:
        step = time.perf_counter()
        if not run_campaigns.run_part(database, campaign_id, part, seconds=0):
            break
        longest = max(longest, time.perf_counter() - step)
        with database.read_only() as session:
            written = drafts.get(session, campaign_id).eligible
    took = time.perf_counter() - began
    print(
        f"{workspace.place.name:10} {written:,} recipients written in {took:.1f} s, {written / took:,.0f} a second;"
        f" longest chunk {longest * 1000:.0f} ms",
        flush=True,
    )
    with database.unit_of_work() as session:
        lifecycle.cancel(session, campaign_id, actor="agent:1", at=clock.now())
    follower, began, rounds = run_campaigns.Follower(database), time.perf_counter(), 0
    while True:
        follower.step()
        rounds += 1
        with database.read_only() as session:
            campaign = drafts.get(session, campaign_id)
            if campaign.settled_to is None:
                break
    took = time.perf_counter() - began
    with database.read_only() as session:
        began = time.perf_counter()
        found = outcomes.counts(session, drafts.get(session, campaign_id))
        counted = time.perf_counter() - began
        rows = session.scalar(select(func.count()).select_from(CampaignRecipient)) or 0
        texts = session.scalar(select(func.count()).select_from(SmsMessage)) or 0
    print(
        f"{workspace.place.name:10} {found['canceled']:,} canceled in {rounds} rounds of {took / rounds * 1000:.0f} ms;"
        f" counts read in {counted * 1000:.0f} ms ({rows:,} recipients, {texts:,} texts)",
        flush=True,
    )


def _best(act: Callable[[], None]) -> float:
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        act()
        times.append(time.perf_counter() - began)
    return min(times)


if __name__ == "__main__":
    sys.exit(main())
