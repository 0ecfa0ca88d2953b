"""``python -m bench.memory``: what ``assent serve`` occupies when nothing happens, with one web process and with two.

Prints the proportional set size (PSS) of every process, so that what processes share is counted once. A second
reading follows some requests, after which everything that is loaded late is loaded.
"""

import argparse
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.processes import processor_s, tree_of
from bench.servers import DATABASES, SECRET_KEY, postgresql_url, started

GOAL_MB, GOAL_FURTHER_MB = 170, 45  # with one web process; for each one more
IDLE_CPU_S, IDLE_FOR_S = 0.05, 3  # idle: no more processor time than this for so long
PATIENCE_S = 60
PAGES = ("/sign-in", "/embed.js", "/messenger.js", "/api/openapi.json", "/api/docs", "/readyz")


@dataclass(frozen=True)
class Process:
    """One process of the tree below ``assent serve``."""

    pid: int
    command: str
    pss_mb: float


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    arguments.add_argument("--database", choices=DATABASES, default="sqlite")
    arguments.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="web processes")
    chosen = arguments.parse_args()
    totals = {workers: measure(chosen.database, workers) for workers in chosen.workers}
    missed = 0
    for workers, total in totals.items():
        goal = GOAL_MB + GOAL_FURTHER_MB * (workers - 1)
        missed += total > goal
        verdict = "met" if total <= goal else "MISSED"
        print(f"{chosen.database:10} {workers} web: {total:.0f} MB in all when idle (goal {goal} or less): {verdict}")
    return 1 if missed else 0


def measure(name: str, workers: int) -> float:
    """Print the processes of a fresh ``assent serve``; return the MB that they occupy in all when idle."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assent-bench-")))
        environ = {"ASSENT_INSTANCE": str(folder / "instance"), "ASSENT_SECRET_KEY": SECRET_KEY}
        if name == "postgresql":
            environ["ASSENT_DATABASE_URL"] = stack.enter_context(postgresql_url(folder))
        command = [str(Path(sys.executable).with_name("assent")), "serve", "--workers", str(workers)]
        address, pid = stack.enter_context(started(command, environ))
        idle = _print_tree(f"{name}, {workers} web, idle", pid)
        for _ in range(20 * workers):
            for page in PAGES:
                urllib.request.urlopen(f"{address}{page}", timeout=10).read()
        _print_tree(f"{name}, {workers} web, idle after requests", pid)
    return idle


def _print_tree(title: str, pid: int) -> float:
    _wait_until_idle(pid)
    processes = [process_of(each) for each in tree_of(pid)]
    print(f"{title}:")
    for each in processes:
        print(f"  {each.pid:>8} {each.pss_mb:6.1f} MB  {each.command}")
    total = sum(each.pss_mb for each in processes)
    print(f"  in all   {total:6.1f} MB\n", flush=True)
    return total


def _wait_until_idle(pid: int) -> None:
    """Return when the tree has used next to no processor time for a while."""
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        before = processor_s(tree_of(pid))
        time.sleep(IDLE_FOR_S)
        if processor_s(tree_of(pid)) - before <= IDLE_CPU_S:
            return
    raise RuntimeError(f"not idle within {PATIENCE_S} s")


def process_of(pid: int) -> Process:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    pss_kb = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return Process(pid, command[-80:], pss_kb / 1024)


if __name__ == "__main__":
    sys.exit(main())
