"""The queue of the worker."""

import pytest

from app.config import Settings
from app.core.errors import InvalidState
from app.db import Database
from app.jobs.queue import open_queue


@pytest.mark.databases("sqlite")
def test_a_file_of_the_queue_that_is_damaged_is_named(settings: Settings, database: Database) -> None:
    file = settings.instance / "huey.db"
    file.write_bytes(b"no database " * 1000)
    with pytest.raises(InvalidState, match=f"{file} cannot be used"):
        open_queue(settings, database)
