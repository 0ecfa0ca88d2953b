"""The settings of sending."""

from flask.testing import FlaskClient

from app.core.workspace import settings
from app.db import Database
from tests.web import pages

PATH = "/admin/sending"
VALUES = {
    "stop_scope": "all_channels",
    "standard": "y",
    "start": "09:30",
    "end": "20:00",
    "days": ["mon", "tue"],
    "holidays": "y",
    "closed": "2026-12-24\n2026-12-26",
    "cap_messages": "3",
    "cap_hours": "24",
    "texts_per_second": "10",
    "approval_above": "5000",
    "currency": "eur",
    "text_prices": "DE 0.075\nUS 0,0083",
}


def test_every_setting_of_sending_is_saved_and_shown(max_: FlaskClient, database: Database) -> None:
    assert pages.submit(max_, PATH, VALUES).status_code == 303

    with database.read_only() as session:
        kept = settings.get(session)
    assert kept.quiet_hours == {
        "rules": "standard",
        "start": "09:30",
        "end": "20:00",
        "days": ["mon", "tue"],
        "holidays": True,
        "closed": ["2026-12-24", "2026-12-26"],
    }
    assert (kept.stop_scope, kept.currency, kept.texts_per_second) == ("all_channels", "EUR", 10)
    assert (kept.frequency_cap, kept.approval_above) == ({"messages": 3, "hours": 24}, 5000)
    assert kept.text_prices == {"DE": 75_000, "US": 8_300}
    html = max_.get(PATH).get_data(as_text=True)
    for shown in ("DE 0.075", "US 0.0083", "January 31, 2027", "Texas, Sunday", "12:00–21:00", "2026-12-26"):
        assert shown in html
    empty = dict.fromkeys(("start", "end", "closed", "cap_messages", "cap_hours", "texts_per_second"), "")
    values = empty | {"approval_above": "", "text_prices": "", "stop_scope": "all_sms", "currency": "USD"}
    assert pages.submit(max_, PATH, values).status_code == 303
    with database.read_only() as session:
        kept = settings.get(session)
    assert (kept.quiet_hours, kept.frequency_cap, kept.approval_above, kept.texts_per_second) == (None, None, None, 0)


def test_prices_that_are_no_prices_are_refused(max_: FlaskClient) -> None:
    for price in ("1e999999", "1e400000", "-1e400000", "NaN", "Infinity", "9" * 5000):
        assert pages.submit(max_, PATH, {**VALUES, "text_prices": f"US {price}"}).status_code == 422, price


def test_all_mistakes_are_listed_and_nothing_is_saved(max_: FlaskClient, database: Database) -> None:
    wrong = {**VALUES, "start": "21:00", "end": "22:00", "cap_hours": "", "currency": "Euro", "text_prices": "Germany"}

    refused = pages.submit(max_, PATH, wrong)

    html = refused.get_data(as_text=True)
    assert refused.status_code == 422
    for sentence in (
        "Include at least one hour between 12:00 and 17:00",
        "Give both a number of texts and a number of hours.",
        "Give the currency as three letters",
        "Write one country per line",
    ):
        assert sentence in html
    with database.read_only() as session:
        assert settings.get(session).stop_scope == "all_sms"


def test_the_stop_switch_stops_and_starts_sending(max_: FlaskClient, database: Database) -> None:
    assert pages.submit(max_, f"{PATH}/stop", {}, page=PATH).status_code == 303
    with database.read_only() as session:
        assert settings.get(session).sending_stopped_at is not None
    assert "Sending is stopped since" in max_.get(PATH).get_data(as_text=True)
    assert "Sending is stopped" in max_.get("/campaigns").get_data(as_text=True)
    assert pages.submit(max_, f"{PATH}/resume", {}, page=PATH).status_code == 303
    with database.read_only() as session:
        assert settings.get(session).sending_stopped_at is None
