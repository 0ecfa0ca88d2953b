"""``python -m bench.compiled``: what compiled statements save on each path, for ``docs/decisions/0018``.

Each request is made inside this process on SQLite, by turns with compiled statements and with the same statements run
by the session. Prints the processor time of one request: the best of several rounds. Statements that change rows and
name a parameter like a column stay compiled, because the session refuses such names; the saving is larger than printed.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.exc import CompileError
from sqlalchemy.orm import Session

from app.db import CompiledStatement, Database
from bench.traces import Walks

ROUNDS, REQUESTS = 8, 5  # more would meet the rate limits of the messenger


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="assent-compiled-") as folder:
        walks = Walks(Path(folder))
        for name, prepare in (
            ("form-get", walks.look_at_form),
            ("answer", walks.opt_in),
            ("message", walks.post_message),
            ("poll", walks.poll),
            ("find", walks.find),
            ("attach", walks.attach),
        ):
            measure(name, prepare)


def measure(name: str, prepare: Callable[[], Callable[[], Any]]) -> None:
    """Print the milliseconds of processor time of one request in both ways."""
    compiled, plain = [], []
    for _ in range(ROUNDS):
        requests = [prepare() for _ in range(2 * REQUESTS)]
        compiled.append(_cost_ms(requests[:REQUESTS]))
        with _by_session():
            plain.append(_cost_ms(requests[REQUESTS:]))
    print(f"{name:10} compiled {min(compiled):.2f} ms, by the session {min(plain):.2f} ms", flush=True)


def _cost_ms(requests: list[Callable[[], Any]]) -> float:
    began = time.process_time()
    for request in requests:
        response = request()
        if response.status_code >= 400:
            raise RuntimeError(f"{response.status_code} {response.get_data(as_text=True)[:300]}")
    return (time.process_time() - began) / REQUESTS * 1000


@contextmanager
def _by_session() -> Iterator[None]:
    """Run compiled statements as Core statements of the session instead."""
    built: dict[CompiledStatement, Any] = {}
    fetch_compiled, run_compiled = CompiledStatement.all, CompiledStatement.run

    def execute(self: CompiledStatement, session: Session, values: dict[str, Any]) -> Any:
        if self not in built:
            statement: Any = self._statement
            built[self] = statement("sqlite") if callable(statement) else statement
        try:
            return session.connection().execute(built[self], values)
        except CompileError:
            return None

    def fetch(self: CompiledStatement, session: Session, **values: Any) -> list[Any]:
        result = execute(self, session, values)
        if result is None:
            return fetch_compiled(self, session, **values)
        return [tuple(row) for row in result] if result.returns_rows else []

    def run(self: CompiledStatement, session: Session, **values: Any) -> int:
        result = execute(self, session, values)
        return run_compiled(self, session, **values) if result is None else result.rowcount

    replaced = {
        (CompiledStatement, "all"): fetch,
        (CompiledStatement, "run"): run,
        (Database, "read_connection"): Database.read_only,
    }
    before = {key: getattr(*key) for key in replaced}
    for key, function in replaced.items():
        setattr(*key, function)
    try:
        yield
    finally:
        for key, function in before.items():
            setattr(*key, function)


if __name__ == "__main__":
    main()
