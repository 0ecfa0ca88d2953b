"""Reads the numbers of the next chunk in a second process, while this one writes the chunk before.

Reading numbers takes most of the time in which an import does not write. What the process returns is the same as
``numbers.read`` returns here, so nothing depends on it: a number that it has not read, because it has just started or
was killed, is read by the caller. It ends with the job, with this process, or after a minute without work.
"""

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from app.core.imports import numbers
from app.core.imports.reasons import Refusal
from app.core.phone import E164, StoredNumber

# The text of a number, and the country of numbers without a country code.
Asked = tuple[str, str | None]
_ANSWERS_WITHIN_S = 5.0
_IDLE_S = 60.0


class _Process:
    """A process that answers one list of numbers after the other: a line of JSON for a line of JSON.

    Its first line, an empty list, says that it is ready. It may be asked once the answer before was taken.
    """

    def __init__(self) -> None:
        command = [sys.executable, "-P", "-m", "app.core.imports.numbers_ahead"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603
        self._lock = threading.Lock()
        self._owes_answer, self._is_ready = True, False

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def ask(self, asked: Sequence[Asked]) -> None:
        """Ask for the next numbers, unless it is not ready.

        :raises OSError, ValueError: it has ended
        """
        with self._lock:
            if self._owes_answer and not self._is_answered(0):
                return
            self._answer()
            stdin: Any = self._process.stdin
            stdin.write(json.dumps(asked).encode() + b"\n")
            stdin.flush()
            self._owes_answer = True

    def take(self) -> dict[Asked, StoredNumber]:
        """The numbers among the texts that were asked for last.

        :raises OSError, ValueError: it has ended, or does not answer
        """
        with self._lock:
            if not self._is_ready:
                return {}
            if self._owes_answer and not self._is_answered(_ANSWERS_WITHIN_S):
                raise TimeoutError
            return self._answer()

    def close(self) -> None:
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):  # what was written for it cannot be flushed
                    stream.close()
        self._process.wait()

    def _is_answered(self, within_s: float) -> bool:
        stdout: Any = self._process.stdout
        return bool(select.select([stdout], [], [], within_s)[0])

    def _answer(self) -> dict[Asked, StoredNumber]:
        if not self._owes_answer:
            return {}
        stdout: Any = self._process.stdout
        found = json.loads(stdout.readline())
        self._owes_answer, self._is_ready = False, True
        return {(text, region): StoredNumber(E164(e164), *more) for text, region, e164, *more in found}


_processes: dict[int, _Process] = {}


def take(job_id: int) -> Mapping[Asked, StoredNumber]:
    """The numbers that were asked for last, as far as they were read; empty where no process works for this job."""
    process = _processes.get(job_id)
    if process is None:
        return {}
    try:
        return process.take()
    except (OSError, ValueError):
        close(job_id)
        return {}


def ask(job_id: int, asked: Iterable[Asked], *, may_start: bool) -> None:
    """Let the process of a job read numbers.

    :param may_start: whether to start one; on a machine with one processor none is started
    """
    process = _processes.get(job_id)
    if process is None:
        if may_start and (os.cpu_count() or 1) > 1:
            _close_ended()
            _processes[job_id] = _Process()
        return
    try:
        process.ask(list(asked))
    except (OSError, ValueError):
        close(job_id)


def close(job_id: int) -> None:
    """End the process of a job."""
    if (process := _processes.pop(job_id, None)) is not None:
        process.close()


def _close_ended() -> None:
    """Forget the processes of jobs that another worker continued, or that were canceled."""
    for job_id, process in list(_processes.items()):
        if process.has_ended:
            close(job_id)


def main() -> None:
    """The process: answers until its input ends, or nothing was asked for a minute."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal, for the process that started this one
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # end quietly when the reader of the output has ended
    line = "[]"
    while line:
        found = [each for text, region in json.loads(line) if (each := _read(text, region))]
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
        is_asked = select.select([sys.stdin], [], [], _IDLE_S)[0]
        line = sys.stdin.readline() if is_asked else ""


def _read(text: str, region: str | None) -> tuple[str | None, ...] | None:
    try:
        number = numbers.read(text, region=region)
    except Refusal:
        return None
    return text, region, number.e164, number.country, number.refusal


if __name__ == "__main__":
    main()
