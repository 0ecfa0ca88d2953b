"""The settings page."""

import io
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core.workspace import settings
from app.db import Database
from app.models import Channel, Workspace
from tests import make
from tests.web import pages

PATH = "/admin/settings"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
VALUES = {
    "name": "Harbour Coffee",
    "time_zone": "Europe/Berlin",
    "default_country": "DE",
    "allowed_countries": ["DE", "GB"],
    "allowed_origins": "https://shop.example.com\nhttps://www.example.com",
    "privacy_url": "https://example.com/privacy",
    "terms_url": "https://example.com/terms",
    "help_contact": "help@example.com",
    "controller_name": "Harbour Coffee Ltd",
    "controller_address": " 1 Quay Street \n\n Bristol",
    "controller_contact": "privacy@example.com",
    "jurisdiction": "United Kingdom",
    "storage_location": "European Union",
    "recipients": "Twilio Inc.\n\nTwilio Inc.\nMailer Ltd",
    "purpose": "Direct marketing",
    "accent_color": "#AA3300",
    "agents_write_legal_text": "y",
    "erasure_requests": "y",
    "erasure_due_days": "14",
    "evidence_retention_years": "7",
    "submissions_per_address": "100",
    "submissions_per_number": "10",
    "api_calls_per_minute": "600",
    "bot_pause_hours": "12",
    "confirm_address_hour": "8",
    "confirm_number_hour": "4",
    "confirm_prefix_hour": "16",
    "confirm_country_hour": "64",
    "confirm_total_day": "256",
    "confirm_spend_day": "20",
}


def test_the_type_of_the_user_object_is_chosen_among_live_ones_for_texts(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        offers, draft = make.live_type(session, name="Offers by text"), make.draft_type(session, name="Not live")
        news = make.live_type(session, name="News by mail", channel=Channel.EMAIL)
    page = max_.get(PATH).text
    assert "Offers by text" in page
    assert not {each for each in ("Not live", "News by mail") if f">{each}<" in page}
    field = "site_subscription_type_id"
    for refused in (draft.id, news.id, 999, "x"):
        answer = pages.submit(max_, PATH, {**VALUES, field: str(refused)})
        assert (answer.status_code, _workspace(database).site_subscription_type_id) == (422, None)
    for chosen in (offers.id, None):
        assert pages.submit(max_, PATH, {**VALUES, field: str(chosen or "")}).status_code == 303
        assert _workspace(database).site_subscription_type_id == chosen


def _workspace(database: Database) -> Workspace:
    with database.read_only() as session:
        return settings.get(session)


def test_an_agent_may_not_see_or_change_settings(app: Flask, database: Database) -> None:
    ana = pages.agent(app)
    assert ana.get(PATH).status_code == 403
    for path in (PATH, f"{PATH}/logo", f"{PATH}/logo/remove"):
        assert pages.submit(ana, path, VALUES, page="/account").status_code == 403
    assert _workspace(database).name == "My business"


@pytest.mark.databases("sqlite", "postgresql")
def test_every_setting_is_saved_and_shown(max_: FlaskClient, database: Database) -> None:
    assert pages.submit(max_, PATH, VALUES).status_code == 303
    kept = _workspace(database)
    assert (kept.name, kept.time_zone, kept.default_country) == ("Harbour Coffee", "Europe/Berlin", "DE")
    assert kept.allowed_countries == ["DE", "GB"]
    assert kept.evidence_retention_years == 7
    assert kept.allowed_origins == ["https://shop.example.com", "https://www.example.com"]
    assert (kept.privacy_url, kept.terms_url) == ("https://example.com/privacy", "https://example.com/terms")
    assert (kept.help_contact, kept.submissions_per_address, kept.submissions_per_number) == (
        "help@example.com",
        100,
        10,
    )
    assert (kept.controller_name, kept.controller_address) == ("Harbour Coffee Ltd", "1 Quay Street\nBristol")
    assert (kept.controller_contact, kept.jurisdiction) == ("privacy@example.com", "United Kingdom")
    assert (kept.storage_location, kept.purpose) == ("European Union", "Direct marketing")
    assert kept.recipients == ["Twilio Inc.", "Mailer Ltd"]
    assert (kept.accent_color, kept.erasure_requests, kept.erasure_due_days) == ("#aa3300", True, 14)
    html = max_.get(PATH).get_data(as_text=True)
    assert "Twilio Inc.\nMailer Ltd</textarea>" in html
    assert 'value="Harbour Coffee"' in html
    assert html.count(" checked") == 4
    assert 'value="#aa3300"' in max_.get("/admin/forms/new").text
    assert "Settings changed" in html


def test_agents_may_write_legal_texts_until_an_admin_forbids_it(max_: FlaskClient, database: Database) -> None:
    assert _workspace(database).agents_write_legal_text is True
    pages.submit(max_, PATH, {name: value for name, value in VALUES.items() if name != "agents_write_legal_text"})
    assert _workspace(database).agents_write_legal_text is False


def test_all_countries_are_allowed_when_none_is_ticked(max_: FlaskClient, database: Database) -> None:
    pages.submit(max_, PATH, VALUES)
    pages.submit(max_, PATH, VALUES | {"allowed_countries": [], "default_country": ""})
    assert _workspace(database).allowed_countries == []
    assert _workspace(database).default_country is None
    assert "None selected: all countries are allowed." in max_.get(PATH).get_data(as_text=True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "n" * 121),
        ("time_zone", "Mars/Olympus"),
        ("default_country", "ZZ"),
        ("allowed_countries", ["ZZ"]),
        ("allowed_origins", "ftp://shop.example.com"),
        ("privacy_url", "javascript:alert(1)"),
        ("terms_url", "example.com"),
        ("help_contact", "h" * 255),
        ("accent_color", "green"),
        ("erasure_due_days", "0"),
        ("evidence_retention_years", "0"),
        ("evidence_retention_years", "31"),
        ("submissions_per_address", "0"),
        ("submissions_per_number", "many"),
        ("submissions_per_number", ""),
        ("controller_name", "n" * 121),
        ("recipients", "\n".join(f"Carrier {number}" for number in range(21))),
    ],
)
def test_an_invalid_value_is_named_at_its_field_and_the_others_are_kept(
    max_: FlaskClient, database: Database, field: str, value: object
) -> None:
    answer = pages.submit(max_, PATH, VALUES | {"help_contact": "kept@example.com"} | {field: value})
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert f'id="{field}-error" role="alert"' in html
    if field != "help_contact":
        assert 'value="kept@example.com"' in html
    assert _workspace(database).name == "My business"


def test_the_summary_names_what_is_wrong_in_the_order_of_the_page(max_: FlaskClient) -> None:
    wrong = dict.fromkeys(VALUES, "") | {"privacy_url": "x", "accent_color": "green", "help_contact": "h" * 255}
    wrong |= {"closes-mon": "09:00", "closes-sun": "09:00"}
    html = pages.submit(max_, PATH, wrong).text
    summary, _, page = html.partition('class="summary"')[2].partition("</ul>")
    named = re.findall(r'href="#([^"]+)"', summary)
    assert len(named) > 12
    assert named == sorted(named, key=lambda name: page.index(f'id="{name}"'))
    assert "Monday, to" in summary


def _send_logo(client: FlaskClient, content: bytes) -> int:
    values = {"logo": (io.BytesIO(content), "logo.png")}
    return pages.submit(client, f"{PATH}/logo", values, page=PATH).status_code


def test_a_saved_logo_is_served_without_sign_in(app: Flask, max_: FlaskClient, database: Database) -> None:
    assert app.test_client().get("/logo").status_code == 404
    assert _send_logo(max_, PNG) == 303
    version = _workspace(database).logo_hash
    assert f'src="/logo?v={version}"' in max_.get(PATH).get_data(as_text=True)
    assert f'src="/logo?v={version}"' in max_.get("/contacts").get_data(as_text=True)
    served = app.test_client().get(f"/logo?v={version}")
    assert (served.data, served.mimetype) == (PNG, "image/png")
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in served.headers["Cache-Control"]
    assert "Set-Cookie" not in served.headers
    assert "immutable" not in app.test_client().get("/logo?v=other").headers["Cache-Control"]


def test_a_logo_can_be_removed(app: Flask, max_: FlaskClient, database: Database) -> None:
    _send_logo(max_, PNG)
    assert pages.submit(max_, f"{PATH}/logo/remove", page=PATH).status_code == 303
    assert _workspace(database).logo_hash is None
    assert app.test_client().get("/logo").status_code == 404


@pytest.mark.parametrize("content", [b"<svg onload=alert(1)>", PNG + bytes(200_000), b""])
def test_a_file_that_is_no_picture_or_too_large_is_refused(
    max_: FlaskClient, database: Database, content: bytes
) -> None:
    assert _send_logo(max_, content) == 422
    assert _workspace(database).logo_hash is None


def test_a_photo_of_megabytes_is_refused_at_its_field_with_the_limit(app: Flask, max_: FlaskClient) -> None:
    limit = "The logo must be at most 200 kB."
    for client, is_admin in ((max_, True), (pages.agent(app), False), (app.test_client(), False)):
        answer = client.post(f"{PATH}/logo", data=bytes(2_000_000), content_type="multipart/form-data; boundary=x")
        found = (answer.status_code, limit in answer.text, "erasure_due_days" in answer.text)
        assert found == (413, is_admin, is_admin)
        assert is_admin == ('id="logo-error" role="alert"' in answer.text)
        assert is_admin != ("What you sent is larger than 1,000 kB." in answer.text)


def test_a_long_text_is_refused_at_its_field_up_to_the_limit_of_a_request(max_: FlaskClient) -> None:
    values = VALUES | {"privacy_url": "https://example.com/" + "x" * 700_000}
    answer = pages.submit(max_, PATH, values)
    assert (answer.status_code, 'id="privacy_url-error" role="alert"' in answer.text) == (422, True)
    values["privacy_url"] += "x" * 700_000
    answer = pages.submit(max_, PATH, values)
    assert (answer.status_code, "shorten the text" in answer.text) == (413, True)


def test_a_missing_logo_file_is_named_at_its_field(max_: FlaskClient) -> None:
    answer = pages.submit(max_, f"{PATH}/logo", page=PATH)
    assert answer.status_code == 422
    assert 'id="logo-error" role="alert"' in answer.get_data(as_text=True)


def test_the_country_of_the_time_zone_is_proposed_while_there_is_no_default(max_: FlaskClient) -> None:
    pages.submit(max_, PATH, VALUES | {"default_country": ""})
    assert "Your time zone is that of Germany." in max_.get(PATH).text
    pages.submit(max_, PATH, VALUES)
    assert "Your time zone" not in max_.get(PATH).text


def test_office_hours_are_set_for_each_day_and_all_mistakes_are_shown(app: Flask, database: Database) -> None:
    max_ = pages.admin(app)
    hours = {"opens-mon": "09:00", "closes-mon": "17:00", "opens-fri": "18:00", "closes-fri": "00:00"}
    assert pages.submit(max_, PATH, VALUES | hours).status_code == 303
    stored = _workspace(database)
    assert stored.office_hours == {"mon": ["09:00", "17:00"], "fri": ["18:00", "00:00"]}
    assert stored.bot_pause_hours == 12
    shown = max_.get(PATH).text
    assert 'name="closes-mon" type="time" value="17:00"' in shown
    wrong = {"opens-mon": "17:00", "closes-mon": "09:00", "opens-tue": "09:00", "bot_pause_hours": "9999"}
    refused = pages.submit(max_, PATH, VALUES | wrong)
    assert refused.status_code == 422
    for sentence in ("A day must end after it begins.", "both a time from and a time to", "from 0 to 744"):
        assert sentence in refused.text
    assert pages.submit(max_, PATH, VALUES | dict.fromkeys(hours, "")).status_code == 303
    assert _workspace(database).office_hours is None
