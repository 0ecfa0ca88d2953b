"""The checks of the settings of sending."""

from typing import Any

import pytest

from app.core.errors import InvalidInput
from app.core.workspace import settings
from app.db import Database
from tests import make


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("stop_scope", "programme", "programme"),
        ("frequency_cap", {"messages": 3, "hours": 24}, {"messages": 3, "hours": 24}),
        ("frequency_cap", {}, None),
        ("texts_per_second", None, 0),
        ("approval_above", 0, 0),
        ("approval_above", None, None),
        ("currency", " eur", "EUR"),
        ("text_prices", {"us": 8300, "DE": 75_000}, {"DE": 75_000, "US": 8300}),
        ("quiet_hours", {"rules": "standard"}, {"rules": "standard"}),
    ],
)
def test_a_setting_of_sending_is_stored_in_one_form(name: str, value: Any, stored: Any) -> None:
    assert settings.check(name, value) == stored


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stop_scope", "nothing"),
        ("frequency_cap", {"messages": 3}),
        ("frequency_cap", {"messages": 0, "hours": 24}),
        ("frequency_cap", {"messages": True, "hours": 24}),
        ("texts_per_second", -1),
        ("approval_above", -1),
        ("currency", "EURO"),
        ("text_prices", {"XX": 1}),
        ("text_prices", {"US": -1}),
        ("text_prices", {"US": 0.5}),
    ],
)
def test_a_wrong_setting_of_sending_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        settings.check(name, value)
    assert refused.value.field == name


def test_settings_of_sending_are_audited(database: Database) -> None:
    with database.unit_of_work() as session:
        settings.change(session, {"frequency_cap": {"messages": 3, "hours": 24}}, actor="agent:1", at=make.NOON)
    with database.read_only() as session:
        assert settings.get(session).frequency_cap == {"messages": 3, "hours": 24}
