"""A command beside the web server stops once, and in peace."""

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
