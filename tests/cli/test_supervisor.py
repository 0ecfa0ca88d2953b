"""Children of the web server: a command beside it stops once, and in peace; work before it that is killed is named."""

from pathlib import Path

from tests import launcher
from tests.processes import PATIENCE_S, environment

# Exits with 1 when a second SIGTERM arrives while it is finishing.
_COMMAND = """
import multiprocessing, signal, sys, click
from app.cli.supervisor import Child, Companion

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
is_asked = multiprocessing.Event()

@click.command()
def jobs():
    signal.sigwait({signal.SIGTERM})
    is_asked.set()
    sys.exit(signal.sigtimedwait({signal.SIGTERM}, 0.2) is not None)

companion = Companion(Child(jobs))
companion.ask_to_stop()
assert is_asked.wait(60)
sys.exit(companion.stop())
"""


def test_a_command_that_is_stopping_is_not_interrupted_by_a_second_signal(tmp_path: Path) -> None:
    done = launcher.run(_COMMAND, env=environment(tmp_path), timeout_s=PATIENCE_S)
    assert (done.returncode, done.stderr) == (0, "")


_KILLED_WORK = """
import os, signal
from app.cli.supervisor import finish_first

finish_first("prepare", lambda: os.kill(os.getpid(), signal.SIGKILL))
"""


def test_work_that_is_killed_before_the_server_starts_is_named(tmp_path: Path) -> None:
    done = launcher.run(_KILLED_WORK, env=environment(tmp_path), timeout_s=PATIENCE_S)
    assert (done.returncode, done.stderr) == (9, "assent: prepare was ended by SIGKILL\n")
