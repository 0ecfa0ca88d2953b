"""``python -m bench.mutants``: break one line of a rule at a time, and see a test fail.

Each mutant of ``mutants.toml`` is applied alone to a copy of the tree; the tests of its area run there on SQLite until
the first failure. Printed is who survived: a surviving mutant means that a rule has no test.

A mutant names no file: ``before`` is looked for in all of ``app`` and must be there exactly once, so that it
follows code that moves. Where code was rewritten, ``--check`` says which mutants must be rewritten, too.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
MUTANTS = Path(__file__).with_name("mutants.toml")
SOURCE = Path("app")
COPIED = ("app", "bench", "docs", "static", "templates", "tests", "pyproject.toml")
TIMEOUT_S = 600
PASSED, FAILED = 0, 1  # of pytest; every other status is a mistake of the run, not the verdict of a test


@dataclass(frozen=True)
class Mutant:
    """One change that must not go unnoticed."""

    number: int
    area: str
    rule: str
    before: str
    after: str
    tests: tuple[str, ...]


class CannotRun(Exception):
    """The list does not fit the code, or the tests fail without any mutant."""


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench.mutants", description=__doc__)
    arguments.add_argument("--only", type=int, nargs="+", metavar="N", help="these mutants, by their numbers")
    arguments.add_argument("--area", action="append", help="the mutants of one area; may be given several times")
    arguments.add_argument("--check", action="store_true", help="only look whether every mutant can be applied")
    arguments.add_argument("--trust", action="store_true", help="do not run the tests without a mutant first")
    chosen = arguments.parse_args()
    try:
        mutants = [
            each
            for each in read_mutants()
            if (not chosen.only or each.number in chosen.only) and (not chosen.area or each.area in chosen.area)
        ]
        places = find_all(mutants)
        if chosen.check:
            print(f"{len(mutants)} mutants can be applied.")
            return 0
        survivors = run_all(mutants, places, trust=chosen.trust)
    except CannotRun as problem:
        print(f"mutants: {problem}", file=sys.stderr)
        return 2
    for each in survivors:
        print(f"survived: {each.number} {each.area}: {each.rule}")
    print(f"{len(mutants) - len(survivors)} of {len(mutants)} killed")
    return 1 if survivors else 0


def read_mutants() -> list[Mutant]:
    """The list, numbered from 1 in its order."""
    listed = tomllib.loads(MUTANTS.read_text())
    return [
        Mutant(number, each["area"], each["rule"], each["before"], each["after"], tuple(listed["tests"][each["area"]]))
        for number, each in enumerate(listed["mutant"], 1)
    ]


def find_all(mutants: Iterable[Mutant]) -> dict[int, Path]:
    """The file of each mutant, by its number.

    :raises CannotRun: ``before`` is not there exactly once, or a file of tests is missing; names all of them
    """
    sources = {path.relative_to(ROOT): path.read_text() for path in sorted((ROOT / SOURCE).rglob("*.py"))}
    found, problems = {}, []
    for each in mutants:
        places = [path for path, source in sources.items() for _ in range(source.count(each.before))]
        if len(places) == 1:
            found[each.number] = places[0]
        else:
            problems.append(f"{each.number} ({each.rule}): found {len(places)} times: {each.before!r}")
        problems += [f"{each.number}: no {name}" for name in each.tests if not (ROOT / name).exists()]
    if problems:
        raise CannotRun("\n".join(["these mutants do not fit the code:", *dict.fromkeys(problems)]))
    return found


def run_all(mutants: list[Mutant], places: dict[int, Path], *, trust: bool) -> list[Mutant]:
    """Print the verdict on each mutant; return those that no test noticed.

    :raises CannotRun: the tests cannot run, or fail already without a mutant
    """
    with tempfile.TemporaryDirectory(prefix="assent-mutants-") as folder:
        copy = Path(folder)
        _copy_tree(copy)
        if not trust:
            for tests in dict.fromkeys(each.tests for each in mutants):
                began = time.monotonic()
                status = _run_tests(copy, tests)
                print(f"without a mutant {time.monotonic() - began:4.0f} s  {' '.join(tests)}", flush=True)
                if status != PASSED:
                    raise CannotRun(f"without a mutant, pytest ends with {status}: {' '.join(tests)}")
        return [each for each in mutants if not _is_killed(copy, each, places[each.number])]


def _is_killed(copy: Path, mutant: Mutant, place: Path) -> bool:
    path, began = copy / place, time.monotonic()
    original = path.read_text()
    path.write_text(original.replace(mutant.before, mutant.after))
    try:
        status = _run_tests(copy, mutant.tests)
    finally:
        path.write_text(original)
    if status not in {PASSED, FAILED}:
        raise CannotRun(f"with mutant {mutant.number} ({mutant.rule}), pytest ends with {status}: is it valid Python?")
    verdict = "killed" if status == FAILED else "SURVIVED"
    took_s = time.monotonic() - began
    print(f"{mutant.number:3} {verdict:8} {took_s:4.0f} s  {mutant.area:24} {place}: {mutant.rule}", flush=True)
    return status == FAILED


def _run_tests(copy: Path, tests: tuple[str, ...]) -> int:
    """The status of pytest; what takes too long counts as a failure."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "bench.no_shrinking"]
    command += ["-k", "not postgresql", "-m", "not browser", *tests]
    environ = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        run = subprocess.run(command, cwd=copy, env=environ, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return FAILED
    return run.returncode


def _copy_tree(copy: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)


if __name__ == "__main__":
    sys.exit(main())
