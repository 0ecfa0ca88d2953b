"""Sam asks to be erased: nothing personal is left, in no table and in no file of the database."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import inspect, text, update

from app.core.bulk import jobs
from app.core.contacts import purge, records
from app.db import Database
from app.jobs import route_outbox
from app.models import BulkJobItem, JobKind, WebhookDelivery
from tests import make
from tests.web import pages
from tests.web.api.client import ApiClient, api_client, database
from tests.web.embed.page import answer, open_form

pytestmark = pytest.mark.own_database

FIRST, SECOND, THIRD = "+12025550123", "+12025550188", make.BRITISH_NUMBER
# One group of three letters whose bytes begin no other entry of the search index.
RARE = "ñ☃漢"
PERSONAL = (
    *(FIRST, SECOND, THIRD, "2025550123", "2025550188", "7400123456"),
    *("Ottokar", "ottokar@example.com", "otto-avatar", "Beekeeper", "From his letter", "Kiel asked", "Second thoughts"),
    *("Hello, I am", "internal remark", "a reply to", "203.0.113.77", "OttosBrowser"),
    *("Lead of", "an earlier chat", RARE, "opened by the shop"),
)


class Shop:
    """The shop's server, which sends a new key with each call."""

    def __init__(self, api: ApiClient) -> None:
        self.api, self.keys = api, iter(range(1000))

    def post(self, path: str, body: object = None) -> dict[str, object]:
        found: dict[str, object] = self.api.post(path, body, Idempotency_Key=f"call-{next(self.keys)}").body
        assert found.get("type") != "error.list", found
        return found


def known_in_every_way(app: Flask, sam: FlaskClient) -> str:
    """The id of a contact about whom every table has something."""
    shop, hooks = api_client(app), api_client(app, "read", "write", "admin")
    calls, offers = Shop(shop), shop.live_type()
    topics = ["contact.created", "contact.updated", "granular.subscribe", "suppression.created", "form.submitted"]
    endpoint = hooks.post("/webhook_endpoints", {"url": "https://hooks.example.com/x", "topics": topics})["id"]
    given = {"external_id": "u-1", "name": "Ottokar", "email": "ottokar@example.com", "phone": FIRST}
    otto = str(calls.post("/contacts", given)["id"])
    by_address = {"field": "email", "operator": "IN", "value": ["ottokar@example.com", "sam@example.com"]}
    calls.post("/segments", {"name": "Friends", "query": by_address})
    shop.put(
        f"/contacts/{otto}", {"custom_attributes": {"job": "Beekeeper"}, "avatar": "https://example.com/otto-avatar"}
    )
    attached = {"id": offers, "consent_type": "opt_in", "source_note": "From his letter."}
    calls.post(f"/contacts/{otto}/subscriptions", attached)
    for number in (FIRST, SECOND, SECOND):
        shop.put(f"/contacts/{otto}", {"phone": number})
        calls.post("/suppressions", {"phone": number, "note": "Otto from Kiel asked us"})
    (held,) = shop.get(f"/suppressions?phone=%2B{SECOND[1:]}")["data"]
    shop.delete(f"/suppressions/{held['id']}")  # else the form could not be answered
    admin = str(pages.make_agent(app, "ana@example.com"))
    begun = calls.post("/conversations", {"from": {"type": "user", "id": otto}, "body": f"Hello, I am {RARE}."})
    reply = f"/conversations/{begun['conversation_id']}/reply"
    calls.post(reply, {"type": "user", "message_type": "comment", "intercom_user_id": otto, "body": "Second thoughts"})
    note = {"type": "admin", "admin_id": admin, "message_type": "note", "body": "internal remark"}
    calls.post(reply, note)
    calls.post(reply, note | {"message_type": "comment", "body": "a reply to him"})
    opened = {"message_type": "inapp", "body": "opened by the shop", "from": {"type": "admin", "id": admin}}
    calls.post("/messages", opened | {"to": {"type": "user", "id": otto}})
    form = shop.post("/forms", {"name": "F", "subscription_type_id": offers, "title": "Texts"})["id"]
    link = str(calls.post(f"/forms/{form}/insert", {"contact_id": otto})["embed_url"])
    path = "/" + link.split("/", 3)[3]
    browser = {"User-Agent": "OttosBrowser", "Referer": "https://shop.example/"}
    page = open_form(sam, path, **browser)
    client = sam.application.test_client()
    client.environ_base["REMOTE_ADDR"] = "203.0.113.77"
    answer(client, page, headers=browser)
    lead = str(calls.post("/contacts", {"role": "lead", "name": "Lead of Otto", "phone": THIRD})["id"])
    calls.post("/conversations", {"from": {"type": "lead", "id": lead}, "body": "an earlier chat"})
    calls.post("/contacts/merge", {"from": lead, "into": otto})
    route_outbox.sweep_outbox(database(app))
    with database(app).unit_of_work() as session:
        session.execute(update(WebhookDelivery).values(state="failed", attempts=1))
        imported = jobs.create(session, JobKind.IMPORT, {}, actor="agent:1", at=make.NOON)
        replaced = {"contact_id": records.find(session, otto).id, "details": {"name": "Ottokar"}}
        session.add(BulkJobItem(job_id=imported.id, outcome="changed", **replaced))
    sent = hooks.get(f"/webhook_endpoints/{endpoint}/deliveries")["data"]
    assert {each["topic"] for each in sent} == set(topics)
    again = Shop(hooks)
    for each in sent:
        again.post(f"/webhook_endpoints/{endpoint}/deliveries/{each['id']}/replay")
    return otto


def test_nothing_personal_is_left_of_an_erased_person(app: Flask, sam: FlaskClient) -> None:
    otto, found = known_in_every_way(app, sam), database(app)
    assert left_in(found) == set(PERSONAL), "the story writes all of it first"
    api_client(app).post(f"/contacts/{otto}/erase", Idempotency_Key="erase")
    assert in_tables(found) == set()
    assert purge.execute(found)
    assert left_in(found) == set()


def left_in(database: Database) -> set[str]:
    """Which of the personal values are in a table or, on SQLite, in a file."""
    return in_tables(database) | in_files(database)


def in_tables(database: Database) -> set[str]:
    left = set()
    with database.engine.connect() as connection:
        for table in inspect(connection).get_table_names():
            if table.startswith("message_search"):
                continue
            for row in connection.execute(text(f'SELECT * FROM "{table}"')):  # noqa: S608
                words = repr(tuple(row))
                left |= {
                    each for each in PERSONAL if each in words or repr(each)[1:-1] in words or escaped(each) in words
                }
    return left


def escaped(value: str) -> str:
    """As JSON in a text column has it."""
    return value.encode("unicode_escape").decode()


def in_files(database: Database) -> set[str]:
    if database.file is None:
        return set()
    files = [Path(f"{database.file}{suffix}") for suffix in ("", "-wal", "-shm")]
    content = b"".join(file.read_bytes() for file in files if file.exists())
    return {each for each in PERSONAL if each.encode() in content}
