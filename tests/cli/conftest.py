"""The environment in which commands find the installation of a test."""

import pytest

from app.config import Settings


@pytest.fixture
def installed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands use the test's instance folder, in which the database is unless a test says more."""
    monkeypatch.setenv("ASSENT_INSTANCE", str(settings.instance))
    monkeypatch.setenv("ASSENT_SECRET_KEY", settings.secret_key)
