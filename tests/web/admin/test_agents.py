"""The agents page: invitations, new links, roles, disabling and enabling."""

import re
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app import config, create_app
from app.core import audit
from app.core.accounts import agents
from app.core.conversations import lifecycle
from app.db import Database
from app.models import Agent, Role
from tests.core.conversations.chats import started_by_contact
from tests.mail_server import mail_server
from tests.web import pages

IVY = "ivy@example.com"


def test_the_list_shows_every_agent_with_their_status(app: Flask) -> None:
    client = pages.admin(app)
    pages.make_agent(app, "ana@example.com", name="Ana <b>")
    _invite(client)
    page = client.get("/admin/agents").get_data(as_text=True)
    assert "max@example.com" in page
    assert "Ana &lt;b&gt;" in page
    assert "Invited" in page


def test_an_invitation_shows_its_link_once(app: Flask) -> None:
    client = pages.admin(app)
    page = _invite(client).get_data(as_text=True)
    path = _link(page)
    assert path not in client.get(f"/admin/agents/{_agent(app).id}").get_data(as_text=True)
    assert _agent(app).role == "admin"
    newcomer = app.test_client()
    values = {"password": "my own pass phrase", "password_confirm": "my own pass phrase", "name": "Ivy"}
    assert pages.submit(newcomer, path, values).status_code == 302
    assert pages.signed_in_by_password(app, IVY, "my own pass phrase").get("/admin/agents").status_code == 200


def test_the_link_is_at_the_public_address(settings: config.Settings) -> None:
    app = create_app(config.Settings(**(vars(settings) | {"public_url": "https://consent.example.com"})))
    app.config["PREFERRED_URL_SCHEME"] = "https"
    page = _invite(pages.admin(app)).get_data(as_text=True)
    assert "https://consent.example.com/reset-password/" in page
    app.extensions["assent"].database.close()


@pytest.mark.parametrize("deliver", ["mail", "link"])
def test_an_invitation_is_emailed_or_shown_as_chosen(settings: config.Settings, deliver: str) -> None:
    with mail_server() as server:
        app = create_app(config.Settings(**(vars(settings) | {"smtp_url": server.url})))
        answer = _invite(pages.admin(app), deliver=deliver)
    mails = server.mails
    if deliver == "mail":
        assert answer.status_code == 302
        (mail,) = mails
        assert mail["To"] == IVY
        assert "/reset-password/" in mail.get_content()
    else:
        assert mails == []
        assert _link(answer.get_data(as_text=True))
    app.extensions["assent"].database.close()


def test_a_link_is_shown_and_a_problem_listed_when_the_mail_server_refuses_the_email(
    settings: config.Settings,
) -> None:
    app = create_app(config.Settings(**(vars(settings) | {"smtp_url": "smtp://127.0.0.1:9"})))
    client = pages.admin(app)
    page = _invite(client, deliver="mail").get_data(as_text=True)
    assert "refused the email" in page
    assert _link(page)
    assert IVY in client.get("/admin/failures").get_data(as_text=True)
    app.extensions["assent"].database.close()


@pytest.mark.parametrize("email", ["", "nobody", "max@example.com"])
def test_a_refused_invitation_shows_the_reason_and_keeps_the_fields(app: Flask, email: str) -> None:
    answer = _invite(pages.admin(app), email=email, name="Ivy Long")
    assert answer.status_code == 422
    assert "Ivy Long" in answer.get_data(as_text=True)
    assert 'aria-invalid="true"' in answer.get_data(as_text=True)


def test_a_new_link_replaces_the_earlier_one(app: Flask) -> None:
    client = pages.admin(app)
    first = _link(_invite(client).get_data(as_text=True))
    second = _link(_post(client, _agent(app).id, "link").get_data(as_text=True))
    stranger = app.test_client()
    assert stranger.get(first).status_code == 302
    assert stranger.get(second).status_code == 200


def test_disabling_signs_an_agent_out_and_enabling_allows_sign_in(app: Flask, database: Database) -> None:
    client, ana = pages.admin(app), pages.agent(app)
    ana_id = pages.make_agent(app, "ana@example.com")
    with database.unit_of_work() as session:
        chat = started_by_contact(session, assignee_id=ana_id)
    assert _post(client, ana_id, "disable").status_code == 302
    with database.read_only() as session:
        assert lifecycle.find(session, chat).assignee_id is None
    assert ana.get("/account").status_code == 302
    assert pages.sign_in(app.test_client(), "ana@example.com").status_code == 200
    _post(client, ana_id, "enable")
    with database.read_only() as session:
        assert lifecycle.find(session, chat).assignee_id == ana_id
    pages.signed_in_by_password(app, "ana@example.com")


def test_a_changed_role_applies_from_the_next_request(app: Flask) -> None:
    client, ana = pages.admin(app), pages.agent(app)
    ana_id = pages.make_agent(app, "ana@example.com")
    _post(client, ana_id, "role", role="admin")
    assert ana.get("/admin/agents").status_code == 200
    _post(client, ana_id, "role", role="agent")
    assert ana.get("/admin/agents").status_code == 403


@pytest.mark.parametrize(("step", "values"), [("disable", {}), ("role", {"role": "agent"})])
def test_the_last_admin_cannot_be_disabled_or_demoted(app: Flask, step: str, values: dict[str, str]) -> None:
    client = pages.admin(app)
    me = pages.make_agent(app, "max@example.com")
    answer = _post(client, me, step, **values)
    assert "is the last admin" in client.get(answer.location).get_data(as_text=True)
    assert client.get("/admin/agents").status_code == 200


def test_an_admin_resets_a_lost_second_factor(app: Flask) -> None:
    client = pages.admin(app)
    ana_id = pages.make_agent(app, "ana@example.com")
    with app.extensions["assent"].database.unit_of_work() as session:
        ana = agents.find(session, ana_id)
        ana.tf_primary_method, ana.tf_totp_secret = "authenticator", "lost"
    assert "Reset second factor" in client.get(f"/admin/agents/{ana_id}").get_data(as_text=True)
    _post(client, ana_id, "reset-second-factor")
    pages.signed_in_by_password(app, "ana@example.com")


@pytest.mark.databases("sqlite", "postgresql")
def test_changes_by_admins_are_audited_with_their_name(app: Flask) -> None:
    client = pages.admin(app)
    me = pages.make_agent(app, "max@example.com")
    _invite(client)
    ivy = _agent(app)
    for step in ("link", "disable", "enable", "reset-second-factor"):
        _post(client, ivy.id, step)
    _post(client, ivy.id, "role", role="agent")
    with app.extensions["assent"].database.read_only() as session:
        entries = audit.newest(session, subject=f"agent:{ivy.id}")
    assert [entry.action for entry in entries] == [
        "agent.role_changed",
        "agent.second_factor_reset",
        "agent.enabled",
        "agent.disabled",
        "agent.link_made",
        "agent.created",
    ]
    assert {entry.actor for entry in entries} == {f"agent:{me}"}
    assert "Second factor reset" in client.get(f"/admin/agents/{ivy.id}").get_data(as_text=True)


def test_an_unknown_agent_is_not_found(app: Flask) -> None:
    client = pages.admin(app)
    assert client.get("/admin/agents/999").status_code == 404
    assert _post(client, 999, "disable").status_code == 404


def test_a_request_without_csrf_token_cannot_disable_an_agent(app: Flask) -> None:
    client = pages.admin(app)
    ana_id = pages.make_agent(app, "ana@example.com")
    assert client.post(f"/admin/agents/{ana_id}/disable").status_code == 400
    with app.extensions["assent"].database.read_only() as session:
        assert agents.find(session, ana_id).active


def _invite(client: FlaskClient, **values: str):  # type: ignore[no-untyped-def]
    return pages.submit(
        client, "/admin/agents/invite", {"email": IVY, "name": "", "role": Role.ADMIN.value, "deliver": "link"} | values
    )


def _post(client: FlaskClient, agent_id: int, step: str, **values: str):  # type: ignore[no-untyped-def]
    return pages.submit(client, f"/admin/agents/{agent_id}/{step}", values, page="/admin/agents/invite")


def _link(page: str) -> str:
    found = re.search(r'value="(http[^"]*/reset-password/[^"]+)"', page)
    assert found, page
    return urlsplit(found[1]).path


def _agent(app: Flask) -> Agent:
    with app.extensions["assent"].database.read_only() as session:
        return session.scalars(select(Agent).where(Agent.email == IVY)).one()
