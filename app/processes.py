"""What concerns a process as such: it ends when the one that started it does."""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1


def end_with(parent_pid: int) -> None:
    """Ask Linux to stop this process (SIGTERM) when its parent is gone, even if that was killed.

    Without it, a killed supervisor would leave servers behind that hold the port.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGTERM)
