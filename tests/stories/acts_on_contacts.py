"""Every act on a contact, on each surface that has it, for ``test_closed_contacts.py``.

A function here prepares an act while the contact is still open, and returns the act: what happens after the contact was
closed. The act returns ``ok`` or the code of the refusal.
"""

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import jwt
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.core.workspace import settings
from app.db import Database
from app.models.base import Base
from tests.web import pages
from tests.web.api.client import Response, api_client
from tests.web.embed.page import EmbedPage, answer, open_form
from tests.web.messenger import panel

Act = Callable[[], str]
Prepare = Callable[["Case"], Act]
# Staff pages and JSON of the messenger have no code of the API: a page shows its sentence.
SENTENCES = {
    "This contact is blocked.": "blocked",
    "This person wants no messages, and no data to be collected.": "gdpr_optout",
    "This contact is archived. Restore it first.": "invalid_state",
}
# Counted before a refusal, or written after the response: when a token or session was last used.
_OPERATIONAL = {"rate_counters", "api_tokens", "agent_sessions"}


class Shop:
    """A shop with a form, an agent and an API token. ``Case`` is one of its contacts."""

    def __init__(self, app: Flask) -> None:
        self.app, self.api, self.ana = app, api_client(app), pages.agent(app)
        self.database: Database = app.extensions["assent"].database
        self.offers, self.news = self.api.live_type(name="Offers"), self.api.live_type(name="News")
        self.alerts = self.api.live_type(name="Alerts", consent_type="opt_out")
        (self.form, self.key), (_, self.news_key) = self._form(self.offers), self._form(self.news)
        self.admin = self.api.get("/admins")["admins"][0]["id"]
        self.tag = self.api.post("/tags", {"name": "Regular"})["id"]
        self.serial = itertools.count(100)
        with self.database.read_only() as session:
            self.secret = settings.get(session).messenger_secret

    def _form(self, type_id: str) -> tuple[str, str]:
        made = self.api.post("/forms", {"subscription_type_id": type_id, "title": "Texts from Harbour Coffee"})
        return made["id"], urlsplit(made["embed_url"]).path

    def rows(self) -> dict[str, set[tuple[Any, ...]]]:
        """Every row of every table, except those that say only that someone was here."""
        names = Base.metadata.tables.keys() - _OPERATIONAL
        with self.database.read_only() as session:
            run: Any = session.connection().connection.cursor().execute  # quicker than by SQLAlchemy
            return {name: set(run(f"SELECT * FROM {name}")) for name in sorted(names)}  # noqa: S608


class Case:
    """A contact that will be closed: ``sams_id``. ``survivor`` is the contact that it is merged into, where it is."""

    def __init__(self, shop: Shop, *, is_lead: bool = False) -> None:
        self.shop, self.api, self.ana, self.sam = shop, shop.api, shop.ana, shop.app.test_client()
        number = next(shop.serial)
        self.user_id, self.phone, self.new_phone = f"sam-{number}", f"+1202555{number:04}", f"+1202556{number:04}"
        who = {"role": "lead"} if is_lead else {"external_id": self.user_id}
        self.sams_id = self.api.contact(phone=self.phone, name="Sam", **who)

    @property
    def identity(self) -> dict[str, str]:
        proof = hmac.new(self.shop.secret.encode(), self.user_id.encode(), hashlib.sha256).hexdigest()
        return {"user_id": self.user_id, "user_hash": proof}

    def close(self, how: str) -> None:
        """Close the contact: ``blocked``, ``gdpr`` (``gdpr_optin`` is false), ``archived``, ``merged``, ``erased``."""
        path = f"/contacts/{self.sams_id}"
        if how == "gdpr":
            closed = self.api.put(path, {"gdpr_optin": False})
        elif how == "merged":
            into = self.api.contact(email=f"other-{next(self.shop.serial)}@example.com")  # takes over the user id
            closed = self.api.post("/contacts/merge", pair(self.sams_id, into))
        else:
            verb = {"blocked": "block", "archived": "archive", "erased": "erase"}[how]
            closed = self.api.post(f"{path}/{verb}")
        assert closed.status == 200, closed.body

    def another(self) -> str:
        return self.api.contact(external_id=f"other-{next(self.shop.serial)}")

    def chat(self) -> str:
        begun = self.api.post("/conversations", {"from": {"type": "user", "id": self.sams_id}, "body": "Hi"})
        return str(begun["conversation_id"])

    def personal_page(self) -> EmbedPage:
        inserted = self.api.post(f"/forms/{self.shop.form}/insert", {"contact_id": self.sams_id})
        return open_form(self.sam, urlsplit(inserted["embed_url"]).path)

    def merge(self, source: str, target: str) -> Act:
        return lambda: code_of(self.api.post("/contacts/merge", pair(source, target)))

    def call(self, method: str, path: str, body: Any = None) -> Act:
        """A call of the API. ``{}`` in the path is the contact."""
        return lambda: code_of(self.api(method, path.format(self.sams_id), body))

    def submit(self, path: str, values: dict[str, str]) -> Act:
        """A form of the staff's pages."""
        return lambda: page_code(pages.submit(self.ana, path.format(self.sams_id), values, page="/account"))

    def answer(self, page: EmbedPage, typed: str | None = None, client: FlaskClient | None = None) -> Act:
        return lambda: form_code(answer(client or self.sam, page, typed))


def pair(source: str, target: str) -> dict[str, Any]:
    return {"from": source, "into": target, "skip_duplicate_validation": True}


def code_of(response: Response) -> str:
    return "ok" if response.status == 200 else response.code


def page_code(response: TestResponse) -> str:
    if response.status_code in {303, 404}:
        return "ok" if response.status_code == 303 else "not_found"
    assert response.status_code in {409, 422}, response.status
    return next((code for sentence, code in SENTENCES.items() if sentence in response.text), "no sentence")


def form_code(page: EmbedPage) -> str:
    return "ok" if page.state == "done" else page.main.get("data-error") or page.state


def panel_code(response: TestResponse) -> str:
    return "ok" if response.status_code == 200 else str(response.get_json()["error"])


def attach(case: Case) -> Act:
    body = {"id": case.shop.offers, "consent_type": "opt_in", "source_note": "by phone"}
    return case.call("POST", "/contacts/{}/subscriptions", body)


def detach_from_opt_out_type(case: Case) -> Act:
    return case.call("DELETE", f"/contacts/{{}}/subscriptions/{case.shop.alerts}?source_note=phone")


def opt_in_by_agent(case: Case) -> Act:
    return case.submit("/contacts/{}/opt-ins", {"subscription_type_id": case.shop.offers, "note": "phone"})


def detach(case: Case) -> Act:
    return case.call("DELETE", f"/contacts/{{}}/subscriptions/{case.shop.offers}")


def attach_to_opt_out_type(case: Case) -> Act:
    body = {"id": case.shop.alerts, "consent_type": "opt_out", "source_note": "by phone"}
    return case.call("POST", "/contacts/{}/subscriptions", body)


def opt_out_by_agent(case: Case) -> Act:
    return case.submit("/contacts/{}/opt-outs", {"subscription_type_id": case.shop.offers, "note": "by phone"})


def insert_by_api(case: Case) -> Act:
    return lambda: code_of(case.api.post(f"/forms/{case.shop.form}/insert", {"contact_id": case.sams_id}))


def insert_by_agent(case: Case) -> Act:
    return case.submit("/contacts/{}/forms", {"form_id": case.shop.form})


def place_by_api(case: Case) -> Act:
    return case.call("POST", f"/conversations/{case.chat()}/forms", {"form_id": case.shop.form})


def place_inline_by_api(case: Case) -> Act:
    body = {"subscription_type_id": case.shop.offers, "title": "Texts"}
    return case.call("POST", f"/conversations/{case.chat()}/forms", body)


def place_by_agent(case: Case) -> Act:
    return case.submit(f"/inbox/{case.chat()}/forms", {"form_id": case.shop.form, "client_key": "k"})


def configure_by_agent(case: Case) -> Act:
    values = {"subscription_type_id": case.shop.offers, "title": "Texts", "locale": "en", "client_key": "k"}
    return case.submit(f"/inbox/{case.chat()}/insert", values)


def start_by_api(case: Case) -> Act:
    sender = {"message_type": "inapp", "body": "Hello", "from": {"type": "admin", "id": case.shop.admin}}
    return lambda: code_of(case.api.post("/messages", sender | {"to": {"type": "user", "id": case.sams_id}}))


def start_by_agent(case: Case) -> Act:
    return case.submit("/inbox/new/{}", {"body": "Hello", "form_id": "", "client_key": "k"})


def reply_by_api(case: Case) -> Act:
    return case.call("POST", f"/conversations/{case.chat()}/reply", by_admin(case, "comment"))


def by_admin(case: Case, message_type: str) -> dict[str, str]:
    return {"message_type": message_type, "type": "admin", "admin_id": case.shop.admin, "body": "Hello"}


def close_with_a_text(case: Case) -> Act:
    return case.call("POST", f"/conversations/{case.chat()}/parts", by_admin(case, "close"))


def reply_by_agent(case: Case) -> Act:
    return case.submit(f"/inbox/{case.chat()}/messages", {"kind": "message", "body": "Hello", "client_key": "k"})


def note_by_api(case: Case) -> Act:
    return case.call("POST", f"/conversations/{case.chat()}/reply", by_admin(case, "note"))


def note_by_agent(case: Case) -> Act:
    return case.submit(f"/inbox/{case.chat()}/messages", {"kind": "note", "body": "Careful", "client_key": "k"})


def begin_as_contact(case: Case) -> Act:
    return lambda: code_of(
        case.api.post("/conversations", {"from": {"type": "user", "id": case.sams_id}, "body": "Hi"})
    )


def reply_as_contact(case: Case) -> Act:
    body = {"message_type": "comment", "type": "user", "intercom_user_id": case.sams_id, "body": "Hi"}
    return case.call("POST", f"/conversations/{case.chat()}/reply", body)


def write_as_user(case: Case) -> Act:
    bearer = panel.session_of(case.sam, case.shop.database, case.user_id)
    return lambda: panel_code(panel.write(case.sam, bearer=bearer, identity=case.identity, new=False))


def write_as_lead(case: Case) -> Act:
    bearer = f"t_{next(case.shop.serial):a>43}"
    panel.write(case.sam, "First", bearer=bearer)
    case.sams_id = case.api.get("/contacts")["data"][0]["id"]
    return lambda: panel_code(panel.write(case.sam, "Second", bearer=bearer, new=False))


def see_messages(case: Case) -> Act:
    bearer, chat = panel.session_of(case.sam, case.shop.database, case.user_id), case.chat()
    case.api.post(f"/conversations/{chat}/reply", by_admin(case, "comment"))
    return lambda: panel_code(panel.post(case.sam, "seen", {"seen": {chat: 1}}, bearer))


def sign_in_with_another_number(case: Case) -> Act:
    now = int(time.time())
    claims = {"user_id": case.user_id, "phone": case.new_phone, "iat": now, "exp": now + 600}
    signed = {"user_jwt": jwt.encode(claims, case.shop.secret, algorithm="HS256")}
    return lambda: panel_code(panel.post(case.sam, "sign-in", {}, identity=signed))


def answer_personal_link(case: Case) -> Act:
    return case.answer(case.personal_page())


def see_personal_link(case: Case) -> Act:
    page = case.personal_page()
    return lambda: "ok" if case.sam.post(f"{page.path}/seen").status_code == 204 else "refused"


def answer_as_signed_user(case: Case) -> Act:
    headers = {"Origin": "http://localhost"}
    told = case.sam.post(f"{case.shop.key}/identify", data=json.dumps(case.identity), headers=headers)
    return case.answer(open_form(case.sam, urlsplit(told.get_json()["embed_url"]).path))


def answer_publicly_with_a_users_number(case: Case) -> Act:
    eve = case.shop.app.test_client()
    return case.answer(open_form(eve, case.shop.key), case.phone, eve)


def answer_publicly_as_lead(case: Case) -> Act:
    case.phone = case.new_phone
    assert form_code(answer(case.sam, open_form(case.sam, case.shop.key), case.phone)) == "ok"
    case.sams_id = case.api.get("/contacts")["data"][0]["id"]
    return case.answer(open_form(case.sam, case.shop.news_key), case.phone)


def merge_from(case: Case) -> Act:
    return case.merge(case.sams_id, case.another())


def merge_into(case: Case) -> Act:
    return case.merge(case.another(), case.sams_id)


def tag(case: Case) -> Act:
    return case.call("POST", "/contacts/{}/tags", {"id": case.shop.tag})


def untag(case: Case) -> Act:
    return case.call("DELETE", f"/contacts/{{}}/tags/{case.shop.tag}")


def api_call(method: str, path: str, body: Any = None) -> Prepare:
    return lambda case: case.call(method, path, body)


def page_form(path: str, values: dict[str, str]) -> Prepare:
    return lambda case: case.submit(path, values)
