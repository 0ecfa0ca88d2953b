"""Memory of processes, and forked processes: share memory with the parent, end when it ends."""

import ctypes
import gc
import os
import signal

_PR_SET_PDEATHSIG = 1


def share_memory_with_forks() -> None:
    """Let processes that are forked later share the memory of all present objects.

    The garbage collector writes to each object that it visits, which would copy that memory in each process.
    """
    exempt_present_objects()


def exempt_present_objects() -> None:
    """Let the garbage collector visit only objects that are made later.

    A job that makes many objects lets it visit all of them again and again: a fifth of the time of a bulk change.
    """
    gc.collect()
    gc.freeze()


def end_with(parent_pid: int) -> None:
    """Let Linux send SIGTERM to this process when its parent ends, even when the parent is killed.

    Otherwise the servers of a killed supervisor would keep the port.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGTERM)
