"""The page of API tokens: created, shown once, revoked."""

import re

import pytest
from flask import Flask
from sqlalchemy import select

from app.core import clock
from app.core.accounts import api_tokens
from app.models import ApiToken
from tests.web import pages
from tests.web.api.client import ApiClient, database


@pytest.mark.databases("sqlite", "postgresql")
def test_a_new_token_is_shown_once(app: Flask) -> None:
    client = pages.admin(app)
    made = pages.submit(client, "/admin/tokens", {"name": "the <shop>", "scope": "write", "lasts": "30"})
    page = made.get_data(as_text=True)
    shown = re.search(r'value="(assent_[\w-]+)"', page)
    assert shown
    assert "the &lt;shop&gt;" in page
    assert "no-store" in made.headers["Cache-Control"]
    api = ApiClient(app, shown[1])
    assert api.get("/me")["name"] == "Max"
    assert api.post("/contacts", {"role": "lead"}).status == 200
    listed = client.get("/admin/tokens").get_data(as_text=True)
    assert shown[1] not in listed
    assert "the &lt;shop&gt;" in listed
    assert "read, write" not in listed
    kept = one(app)
    assert (kept.created_by, kept.expires_at is not None, (kept.expires_at - kept.created_at).days) == (
        "agent:1",
        True,
        30,
    )


def test_a_revoked_token_is_refused_from_the_next_call(app: Flask) -> None:
    with database(app).unit_of_work() as session:
        made, text = api_tokens.create(session, "the shop", ["read"], at=clock.now())
    api, client = ApiClient(app, text), pages.admin(app)
    assert api.get("/contacts").status == 200
    answer = pages.submit(client, f"/admin/tokens/{made.id}/revoke", page="/admin/tokens")
    assert answer.status_code == 303
    assert api.get("/contacts").status == 401
    assert "Revoked" in client.get("/admin/tokens").get_data(as_text=True)
    assert pages.submit(client, "/admin/tokens/999/revoke", page="/admin/settings").status_code == 404


@pytest.mark.parametrize("given", [{"name": " "}, {"name": "x" * 121}, {"scope": "root"}, {"lasts": "forever"}])
def test_an_invalid_token_form_is_refused_on_the_page(app: Flask, given: dict[str, str]) -> None:
    client = pages.admin(app)
    answer = pages.submit(client, "/admin/tokens", {"name": "shop", "scope": "read", "lasts": ""} | given)
    assert answer.status_code == 422
    with database(app).read_only() as session:
        assert session.scalars(select(ApiToken)).all() == []


def test_the_page_is_for_admins(app: Flask) -> None:
    client = pages.agent(app)
    assert client.get("/admin/tokens").status_code == 403
    assert app.test_client().get("/admin/tokens").status_code == 302


def one(app: Flask) -> ApiToken:
    with database(app).read_only() as session:
        return session.scalars(select(ApiToken)).one()
