"""Memory of processes, and forked processes: share memory with the parent, end when it ends."""

import ctypes
import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_PR_SET_PDEATHSIG = 1
# The garbage collector runs after so many new objects; by default after 700.
_COLLECTED_AFTER = 20_000


def share_memory_with_forks() -> None:
    """Let processes that are forked later share the memory of all present objects.

    The garbage collector writes to each object that it visits, which would copy that memory in each process.
    """
    _exempt_present_objects()


def prepare_for_jobs() -> None:
    """Let the garbage collector visit only objects that are made later, and seldom.

    Otherwise it takes a fifth of the time of a bulk change: a chunk makes many objects that stay until its end.
    """
    _exempt_present_objects()
    gc.set_threshold(_COLLECTED_AFTER, *gc.get_threshold()[1:])


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """While the block runs, importing these packages fails as if they were not installed.

    Libraries import what they find for features that Assent does not use. A package that is imported already stays.
    """
    hidden = [each for each in packages if each not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # Python documents null here for this
    try:
        yield
    finally:
        for each in hidden:
            del sys.modules[each]


def end_with(parent_pid: int) -> None:
    """Let Linux send SIGTERM to this process when its parent ends, even when the parent is killed.

    Otherwise the servers of a killed supervisor would keep the port.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGTERM)


def _exempt_present_objects() -> None:
    gc.collect()
    gc.freeze()
