"""Engine settings of the web, the worker and the commands."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.config import Settings
from app.db import Database, engine_options


def test_a_relative_sqlite_path_is_relative_to_the_working_directory(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    opened = Database(replace(settings, database_url="sqlite:///here.db"))
    assert opened.file == tmp_path / "here.db"
    opened.close()


def test_only_postgresql_has_a_second_engine_for_autocommit(settings: Settings) -> None:
    options = engine_options(settings, connections=3)
    assert set(options) == ({None} if settings.is_sqlite else {None, "autocommit"})
    assert {each["pool_size"] for each in options.values()} == {3}
