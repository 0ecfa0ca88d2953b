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
from collections.abc import Iterable, Mapping
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

    Its first line, an empty list, says that it is ready.
    """

    def __init__(self) -> None:
        command = [sys.executable, "-P", "-m", "app.core.imports.numbers_ahead"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603
        self._waiting: list[Asked] | None = []

    def ask(self, asked: list[Asked]) -> None:
        """Ask for the next numbers, unless it is not ready."""
        if self._waiting is not None and not self._answered(0):
            return
        self.take()
        stdin: Any = self._process.stdin
        stdin.write(json.dumps(asked).encode() + b"\n")
        stdin.flush()
        self._waiting = asked

    def take(self) -> dict[Asked, StoredNumber]:
        """What was asked for last: the texts that are numbers.

        :raises OSError, ValueError: it has ended, or does not answer
        """
        asked = self._waiting
        if asked is None or not self._answered(_ANSWERS_WITHIN_S if asked else 0):
            if asked:
                raise TimeoutError
            return {}
        self._waiting = None
        stdout: Any = self._process.stdout
        answers = zip(asked, json.loads(stdout.readline()), strict=True)
        return {each: StoredNumber(E164(found[0]), *found[1:]) for each, found in answers if found}

    def close(self) -> None:
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:  # what was written for it cannot be flushed
                    continue
        self._process.wait()

    def _answered(self, within_s: float) -> bool:
        stdout: Any = self._process.stdout
        return bool(select.select([stdout], [], [], within_s)[0])


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
    if job_id not in _processes:
        if may_start and (os.cpu_count() or 1) > 1:
            _processes[job_id] = _Process()
        return
    try:
        _processes[job_id].ask(list(asked))
    except (OSError, ValueError):
        close(job_id)


def close(job_id: int) -> None:
    """End the process of a job."""
    if (process := _processes.pop(job_id, None)) is not None:
        process.close()


def main() -> None:
    """The process: answers until its input ends, or nothing was asked for a minute."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal, for the process that started this one
    answers: list[StoredNumber | None] = []
    while True:
        sys.stdout.write(json.dumps([each and (each.e164, each.country, each.refusal) for each in answers]) + "\n")
        sys.stdout.flush()
        is_asked = select.select([sys.stdin], [], [], _IDLE_S)[0]
        line = sys.stdin.readline() if is_asked else ""
        if not line:
            return
        answers = [_read(text, region) for text, region in json.loads(line)]


def _read(text: str, region: str | None) -> StoredNumber | None:
    try:
        return numbers.read(text, region=region)
    except Refusal:
        return None


if __name__ == "__main__":
    main()
