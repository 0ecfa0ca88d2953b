"""The statements that sessions execute."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from app.db import Database


@contextmanager
def before_statements(database: Database, call: Callable[..., Any]) -> Iterator[None]:
    """Call a function before each statement of a session inside the block, with the arguments of SQLAlchemy's event.

    Compiled statements are seen by ``Database.trace``.
    """
    for engine in database.engines:
        event.listen(engine, "before_cursor_execute", call)
    try:
        yield
    finally:
        for engine in database.engines:
            event.remove(engine, "before_cursor_execute", call)
