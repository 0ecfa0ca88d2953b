"""Process trees as ``/proc`` shows them."""

import os
from collections.abc import Iterable
from pathlib import Path


def tree_of(pid: int) -> list[int]:
    """A process and everything that it started, directly or not; the process itself comes first."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        if fields := _stat(int(folder.name)):
            parents[int(folder.name)] = int(fields[1])
    tree = [pid]
    for parent in tree:  # grows while it is read
        tree += sorted(child for child, of in parents.items() if of == parent)
    return tree


def processor_s(pids: Iterable[int]) -> float:
    """The processor time, in seconds, that these processes have used so far."""
    stats = [fields for each in pids if (fields := _stat(each))]
    return sum(int(fields[11]) + int(fields[12]) for fields in stats) / os.sysconf("SC_CLK_TCK")


def memory_kb(pid: int) -> int:
    """The memory of a process, with its share of what it shares with others; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/<pid>/stat`` after the command; empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
