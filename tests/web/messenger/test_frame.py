"""The panel's page and scripts: framing, languages, sizes, caching."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.config import ROOT
from app.core.wording import LOCALES, language_tag
from app.core.workspace import settings
from app.db import Database
from app.models import Workspace
from tests import make
from tests.web.pages import statements

SHOP = "https://shop.example.com"


@pytest.fixture
def key(database: Database) -> str:
    with database.unit_of_work() as session:
        values = {
            "name": "Harbour Coffee",
            "allowed_origins": [SHOP],
            "messenger_accent_color": "#ffdd00",
            "messenger_greeting": {"de": "Moin <b>Moin</b>"},
        }
        return settings.change(session, values, actor="agent:1", at=make.NOON).messenger_key


def frame(client: FlaskClient, key: str, language: str = "en", **more: str) -> str:
    answer = client.get("/messenger/frame", query_string={"key": key} | more, headers={"Accept-Language": language})
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_only_allowed_origins_may_frame_the_page_and_it_sets_no_cookie(client: FlaskClient, key: str) -> None:
    answer = client.get(f"/messenger/frame?key={key}")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.endswith(f"frame-ancestors 'self' {SHOP}")
    assert "unsafe-inline" not in policy
    assert "frame-src 'self'" in policy
    assert (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert "X-Frame-Options" not in answer.headers


@pytest.mark.parametrize("query", ["", "?key=", "?key=nobody"])
def test_a_wrong_key_is_a_404_in_the_language_of_the_browser(client: FlaskClient, key: str, query: str) -> None:
    answer = client.get(f"/messenger/frame{query}", headers={"Accept-Language": "fr"})
    assert answer.status_code == 404
    assert 'lang="fr"' in answer.get_data(as_text=True)
    assert key not in answer.get_data(as_text=True)


@pytest.mark.parametrize("locale", LOCALES)
def test_the_page_is_in_the_readers_language(client: FlaskClient, key: str, locale: str) -> None:
    tag = language_tag(locale)
    html = frame(client, key, tag)
    assert f'<html lang="{tag}" dir="{"rtl" if locale == "ar" else "ltr"}"' in html
    assert ("Close the chat" in html) == (locale == "en")
    assert ("Moin &lt;b&gt;Moin" in html) == (locale == "de")
    assert f'lang="{tag}"' in frame(client, key, "en", lang=tag)


def test_the_accent_keeps_its_contrast_and_a_theme_can_be_requested(client: FlaskClient, key: str) -> None:
    html = frame(client, key, theme="dark")
    assert 'data-theme="dark"' in html
    assert 'data-accent="#ffdd00" data-on="#101414"' in html
    assert 'data-theme="' not in frame(client, key, theme="red")


def test_changed_settings_apply_to_the_next_request(client: FlaskClient, key: str, database: Database) -> None:
    assert "Harbour Coffee" in frame(client, key)
    with database.unit_of_work() as session:
        settings.change(session, {"messenger_office_name": "The <Office>"}, actor="agent:1", at=make.NOON)
    assert "The &lt;Office&gt;" in frame(client, key)


def test_no_response_to_a_visitor_contains_the_secret(client: FlaskClient, key: str, database: Database) -> None:
    with database.read_only() as session:
        secret = session.get_one(Workspace, 1).messenger_secret
    assert len(secret) >= 32
    for path in (f"/messenger/frame?key={key}", "/messenger.js"):
        assert secret not in fetched(client, path).decode(errors="ignore")


def test_showing_the_page_reads_the_workspace_and_the_rules_of_bots(app: Flask, client: FlaskClient, key: str) -> None:
    frame(client, key)
    with statements(app) as sent:
        frame(client, key)
    assert len([each for each in sent if not each.startswith("BEGIN")]) == 2
    assert all(each.lstrip().startswith("SELECT") for each in sent)


def test_the_loader_is_at_most_5_kb_and_all_files_at_most_25(client: FlaskClient, key: str) -> None:
    html = frame(client, key)
    parts = re.findall(r'(?:href|src)="(/(?:static|modules)/[^"]+)"', html)
    assert len(parts) == 1 + len(list((ROOT / "static" / "js" / "messenger").glob("*.js")))
    sizes = {path: len(fetched(client, path, compressed=True)) for path in ("/messenger.js", *parts)}
    sizes["frame"] = len(fetched(client, f"/messenger/frame?key={key}", compressed=True))
    assert sizes["/messenger.js"] <= 5_100
    assert sum(sizes.values()) <= 25_000, sizes
    with client.get("/messenger.js") as loader:
        assert loader.mimetype == "text/javascript"
        assert loader.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_modules_are_cached_forever_under_one_version(client: FlaskClient, key: str) -> None:
    addresses = re.findall(r'(?:href|src)="(/modules/[^"]+)"', frame(client, key))
    assert len({address.split("/")[2] for address in addresses}) == 1
    for address in addresses:
        with client.get(address) as answer:
            assert answer.status_code == 200
            assert answer.mimetype == "text/javascript"
            assert "immutable" in answer.headers["Cache-Control"]
            for other in re.findall(r'from "\./(\w+)\.js"', answer.get_data(as_text=True)):
                assert address.rpartition("/")[0] + f"/{other}.js" in addresses
    with client.get(addresses[0].replace(addresses[0].split("/")[2], "of-before")) as answer:
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-cache"
    for path in (
        "/modules/1/js/messenger/nothing.js",
        "/modules/1/css/tokens.js",
        "/modules/1/js/messenger/..%2fstaff.js",
    ):
        assert client.get(path).status_code == 404


def fetched(client: FlaskClient, path: str, *, compressed: bool = False) -> bytes:
    with client.get(path, headers={"Accept-Encoding": "gzip"} if compressed else {}) as answer:
        assert answer.status_code in {200}
        assert (answer.headers.get("Content-Encoding") == "gzip") == compressed, path
        return answer.get_data()
