"""Processes: ending with the parent, sharing memory with it."""

import ctypes
import gc
import os
import signal

_PR_SET_PDEATHSIG = 1


def share_memory_with_forks() -> None:
    """Keep what is loaded now in pages that processes forked from here on share.

    The garbage collector writes to every object that it looks at, which would give each process its own copy.
    """
    gc.collect()
    gc.freeze()


def end_with(parent_pid: int) -> None:
    """Ask Linux to stop this process (SIGTERM) when its parent is gone, even if that was killed.

    Without it, a killed supervisor would leave servers behind that hold the port.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGTERM)
