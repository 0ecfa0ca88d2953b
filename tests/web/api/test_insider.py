"""Insider's contract over HTTP: its headers, limits, errors, and a failure for each record that cannot be stored."""

import json
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from app.core import clock
from app.core.consent import suppressions
from app.core.ledger import verify
from app.core.workspace import settings
from app.models import Consent, ConsentEvent, Contact, OutboxEvent, SuppressionCause
from tests import make
from tests.make import NOON, SAMS_NUMBER
from tests.web.api.client import Response, check_shape, database, description, token
from tests.web.api.test_conventions import run_concurrently

CASES = json.loads((Path(__file__).parent.parent.parent / "data" / "insider-users.json").read_text())


class Shop:
    """A client that speaks Insider's contract. Each answer is held against our description."""

    def __init__(self, app: Flask, shown: str | None = None) -> None:
        self._client = app.test_client()
        self.headers = {"X-PARTNER-NAME": "shop", "X-REQUEST-TOKEN": shown or token(app, "write")}

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> Response:
        sent = {"json": body} | more
        raw = self._client.open(f"/api{path}", method=method, headers=self.headers, buffered=True, **sent)
        described = description()["paths"][path][method.lower()]["responses"][str(raw.status_code)]
        check_shape(described["content"]["application/json"]["schema"], raw.get_json(), path)
        return Response(raw.status_code, raw.get_json(), raw.headers)

    def upsert(self, *users: Any) -> dict[str, Any]:
        answer = self("POST", "/user/v1/upsert", {"users": list(users)})
        assert answer.status == 200, answer.body
        data: dict[str, Any] = answer["data"]
        return data

    def numbers(self, what: str, *numbers: Any) -> dict[str, Any]:
        data: dict[str, Any] = self("POST", f"/sms/v2/{what}", {"phone_numbers": list(numbers)})["data"]
        return data


@pytest.fixture
def shop(app: Flask) -> Shop:
    """The shop, whose ``sms_optin`` opts in to Offers."""
    with database(app).unit_of_work() as session:
        offers = make.live_type(session)
        settings.change(session, {"site_subscription_type_id": offers.id}, actor="agent:1", at=clock.now())
    return Shop(app)


def user(uuid: str | None = None, **attributes: Any) -> dict[str, Any]:
    identifiers = {"uuid": uuid, **{name: attributes.pop(name, None) for name in ("email", "phone_number")}}
    return {
        "identifiers": {name: value for name, value in identifiers.items() if value},
        "attributes": attributes or {"city": "Boston"},
    }


def contact_of(app: Flask, **values: Any) -> Contact:
    with database(app).read_only() as session:
        found = session.scalars(select(Contact).filter_by(**values)).one()
        session.expunge(found)
        return found


def states(app: Flask, contact: Contact) -> list[str]:
    with database(app).read_only() as session:
        return list(session.scalars(select(Consent.state).where(Consent.contact_id == contact.id)))


def counts(app: Flask) -> tuple[int, ...]:
    with database(app).read_only() as session:
        tables = (ConsentEvent, OutboxEvent, Contact)
        return tuple(session.scalar(select(func.count()).select_from(each)) or 0 for each in tables)


def test_each_documented_example_is_stored_or_fails_alone(app: Flask, shop: Shop) -> None:
    for case in CASES:
        data = shop.upsert(user("other"), case["user"])
        expected = {f"users.1.{path}" for path in case.get("errors", [])}
        assert set(data["fail"]["errors"]) == expected, case["case"]
        assert (data["successful"]["count"], data["fail"]["count"]) == ((1, 1) if expected else (2, 0)), case["case"]
    sam = contact_of(app, external_id="a-81f3")
    assert (sam.name, sam.email, sam.phone, sam.locale) == ("Sam Porter", "sam@example.com", SAMS_NUMBER, "en-US")
    assert (sam.custom_attributes["sizes"], sam.custom_attributes["age"], sam.gdpr_optin) == ("s, m", 36, True)
    assert states(app, sam) == ["opted_in"]
    impossible = contact_of(app, phone="+120394879878")
    assert (impossible.role, impossible.sms_block) == ("lead", "phone_invalid")
    with database(app).read_only() as session:
        assert session.scalar(select(func.count()).where(Contact.external_id == "a-2")) == 0, "events are not stored"


@pytest.mark.databases("sqlite", "postgresql")
def test_the_same_record_again_writes_nothing(app: Flask, shop: Shop) -> None:
    users = [
        CASES[0]["user"],
        user(phone_number="+12025550177", sms_optin=True),
        user("no", phone_number="+12025550178", sms_optin=False, gdpr_optin=False),
        user("claim", phone_number="+12025550179", sms_optin=False),
    ]
    claim = user("claim", sms_optin=True)
    for each in (users, [claim]):
        shop.upsert(*each)
    before = counts(app)
    assert shop.upsert(*users[:3], claim)["claims"]["reasons"] == {"users.3.attributes.sms_optin": "opted_out"}
    assert counts(app) == before


@pytest.mark.databases("sqlite", "postgresql")
def test_concurrent_calls_store_each_person_once(app: Flask, shop: Shop) -> None:
    users = [user(f"u{number}", phone_number=f"+1202555014{number}", sms_optin=True) for number in range(5)]
    users.append(user(phone_number=SAMS_NUMBER, sms_optin=True))
    answers: list[dict[str, Any]] = []
    run_concurrently([lambda: answers.append(Shop(app, shop.headers["X-REQUEST-TOKEN"]).upsert(*users))] * 4)
    assert [each["successful"]["count"] for each in answers] == [6] * 4
    with database(app).read_only() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 6
        assert session.scalar(select(func.count()).select_from(ConsentEvent)) == 6


def test_what_is_reported_lifts_no_opt_out_no_suppression_and_no_gdpr_false(app: Flask, shop: Shop) -> None:
    shop.upsert(user("out", phone_number=SAMS_NUMBER, sms_optin=False), user("stop", phone_number="+12025550177"))
    shop.upsert(user("gdpr", phone_number="+12025550178", gdpr_optin=False))
    shop.upsert({**user("mail"), "attributes": {"email_optin": False}})
    with database(app).unit_of_work() as session:
        cause = SuppressionCause.KEYWORD
        suppressions.suppress(session, "+12025550177", cause, "", actor="contact", at=clock.now())
    yes = {"sms_optin": True, "gdpr_optin": True, "email_optin": True}
    data = shop.upsert(*(user(each, **yes) for each in ("out", "stop", "gdpr", "mail")))
    assert data["claims"]["reasons"] == {
        "users.0.attributes.sms_optin": "opted_out",
        "users.1.attributes.sms_optin": "suppressed",
        "users.2.attributes.gdpr_optin": "gdpr_optout",
        "users.2.attributes.sms_optin": "gdpr_optout",
    }
    assert list(data["fail"]["errors"]) == ["users.3.attributes.sms_optin.no_phone_number"]
    assert shop.upsert(user("mail", email_optin=True))["claims"]["reasons"] == {
        "users.0.attributes.email_optin": "opted_out"
    }
    assert states(app, contact_of(app, external_id="out")) == ["opted_out"]
    assert states(app, contact_of(app, external_id="stop")) == []
    assert contact_of(app, external_id="gdpr").gdpr_optin is False
    assert contact_of(app, external_id="mail").unsubscribed_from_emails
    assert shop.numbers("subscribe", SAMS_NUMBER)["claims"]["reasons"] == {"phone_numbers.0.sms_optin": "opted_out"}
    assert not verify.verify(database(app)).is_tampered


def test_identifiers_of_different_people_fail_and_nobody_is_merged(app: Flask, shop: Shop) -> None:
    shop.upsert(user("u1", email="one@example.com", phone_number=SAMS_NUMBER), user("u2", email="two@example.com"))
    before = counts(app)
    data = shop.upsert(
        user("u1", email="two@example.com"),
        user("u2", phone_number=SAMS_NUMBER),
        user("u3", email="one@example.com"),
        user("u1", phone_number="+12025550177"),
    )
    assert list(data["fail"]["errors"]) == [
        "users.0.identifiers.conflict",
        "users.1.identifiers.conflict",
        "users.2.identifiers.uuid.differs",
        "users.3.identifiers.phone_number.differs",
    ]
    assert counts(app) == before
    shop.upsert(user("u2", phone_number="+12025550177"), user(email="two@example.com", plan="pro"))
    two = contact_of(app, external_id="u2")
    assert (two.phone, two.custom_attributes["plan"]) == ("+12025550177", "pro")
    assert shop.upsert(user(phone_number=SAMS_NUMBER, plan="free"))["successful"]["count"] == 1
    assert contact_of(app, external_id="u1").custom_attributes["plan"] == "free", "a number alone is its one user"


def test_lists_are_added_to_what_is_stored_unless_they_replace_it(app: Flask, shop: Shop) -> None:
    def sizes(*given: str | bool | float, **more: bool) -> str:
        shop.upsert(user("u1", custom={"sizes": list(given)}) | more)
        return str(contact_of(app, external_id="u1").custom_attributes["sizes"])

    assert sizes("s", "m") == "s, m"
    assert sizes("m", "l") == "s, m, l"
    assert sizes("xl", not_append=True) == "xl"
    assert sizes("s", not_append=True, append=True) == "xl, s"
    assert sizes("m", append=False) == "m"
    assert sizes(True, False, 1, 2.5, append=False) == "true, false, 1, 2.5"


def test_without_a_chosen_type_an_opt_in_fails_and_says_so(app: Flask) -> None:
    data = Shop(app).upsert(user("u1", phone_number=SAMS_NUMBER, sms_optin=True), user("u2", sms_optin=False))
    assert list(data["fail"]["errors"]) == ["users.0.attributes.sms_optin.no_subscription_type"]
    assert data["successful"]["count"] == 1


def test_a_changed_number_has_no_opt_in_of_the_old_one(app: Flask, shop: Shop) -> None:
    shop.upsert(user("u1", phone_number=SAMS_NUMBER, sms_optin=True), user("u2", email="two@example.com"))
    new = {"old_identifier": {"phone_number": SAMS_NUMBER}, "new_identifier": {"phone_number": "+12025550177"}}
    for _ in range(2):
        assert shop("PATCH", "/user/v1/identity", new).status == 200
    with database(app).read_only() as session:
        changed = session.scalars(select(ConsentEvent).where(ConsentEvent.action == "number_change")).all()
        assert [each.source for each in changed] == ["connector"]
    assert contact_of(app, external_id="u1").phone == "+12025550177"

    def refused(method: str, body: Any) -> tuple[int, str]:
        answer = shop(method, "/user/v1/identity", body)
        return answer.status, answer.body["error"]

    taken = {"old_identifier": {"uuid": "u1"}, "new_identifier": {"uuid": "u2"}}
    assert refused("PATCH", taken) == (409, "another user has the new_identifier: conflict")
    unknown = {"old_identifier": {"uuid": "u9"}, "new_identifier": {"uuid": "u8"}}
    assert refused("PATCH", unknown) == (404, "no user has the old_identifier: not found")
    mixed = {"old_identifier": {"uuid": "u1"}, "new_identifier": {"email": "one@example.com"}}
    assert refused("PATCH", mixed)[0] == 400
    assert refused("PATCH", {"old_identifier": {"uuid": "u1"}, "new_identifier": {"uuid": "null"}}) == (
        400,
        "new_identifier.uuid.junk is no id of one person: bad request",
    )
    assert shop("PATCH", "/user/v1/identity", {**unknown, "old_identifier": {"uuid": "u1"}}).status == 200
    assert refused("DELETE", {"identifier": {"email": "none@example.com"}})[0] == 404
    assert shop("DELETE", "/user/v1/identity", {"identifier": {"email": "two@example.com"}}).status == 200
    assert refused("DELETE", {"identifier": {"uuid": "u2"}})[0] == 409
    assert shop("DELETE", "/user/v1/identity", {"identifier": {"phone_number": "+12025550177"}}).status == 200
    assert contact_of(app, external_id="u8").phone is None


def test_numbers_are_opted_in_and_out_and_a_bad_one_fails_alone(app: Flask, shop: Shop) -> None:
    shop.upsert(user("u1", phone_number=SAMS_NUMBER), user("u2", email="two@example.com"))
    data = shop.numbers("subscribe", SAMS_NUMBER, "12025550177", 7, "+12025550178")
    assert list(data["fail"]["errors"]) == ["phone_numbers.1.format", "phone_numbers.2.format"]
    assert data["successful"]["count"] == 2
    sam, lead = contact_of(app, external_id="u1"), contact_of(app, phone="+12025550178")
    assert (states(app, sam), states(app, lead), lead.role) == (["opted_in"], ["opted_in"], "lead")
    shop.numbers("unsubscribe", SAMS_NUMBER, "+12025550178", "+12025550179")
    unknown = contact_of(app, phone="+12025550179")
    assert [states(app, each) for each in (sam, lead, unknown)] == [["opted_out"]] * 3
    before = counts(app)
    shop.numbers("unsubscribe", SAMS_NUMBER, "+12025550178", "+12025550179")
    assert counts(app) == before


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "users must be defined: bad request"),
        ({"users": []}, "users must be defined: bad request"),
        ({"users": {}}, "users must be defined: bad request"),
        ({"users": None}, "users must be defined: bad request"),
        ({"users": [{}] * 1001}, "users must be at most 1000: bad request"),
        ([], "body must be an object: bad request"),
    ],
)
def test_a_call_that_cannot_be_read_is_400(app: Flask, body: Any, error: str) -> None:
    answer = Shop(app)("POST", "/user/v1/upsert", body)
    assert (answer.status, answer.body) == (400, {"error": error})


def test_the_size_of_a_call_is_limited_to_5_mb(app: Flask) -> None:
    shop = Shop(app)
    large = {"users": [{"identifiers": {"uuid": "u1"}, "attributes": {"a": "x" * 4_500_000}}]}
    assert shop("POST", "/user/v1/upsert", large).status == 200
    answer = shop("POST", "/user/v1/upsert", {"users": ["x" * 5_100_000]})
    assert (answer.status, answer.body) == (413, {"error": "rejected: payload too large"})
    assert shop("POST", "/user/v1/upsert", data=b"{").body == {"error": "body must be valid JSON: bad request"}


def test_a_call_without_its_headers_or_the_scope_is_403(app: Flask) -> None:
    shown = token(app, "write")
    for headers in (
        {},
        {"X-PARTNER-NAME": "shop"},
        {"X-REQUEST-TOKEN": shown},
        {"X-PARTNER-NAME": "Shop", "X-REQUEST-TOKEN": shown},
        {"X-PARTNER-NAME": "shop", "X-REQUEST-TOKEN": "assent_wrong"},
        {"X-PARTNER-NAME": "shop", "Authorization": f"Bearer {shown}"},
        {"X-PARTNER-NAME": "shop", "X-REQUEST-TOKEN": token(app, "read")},
    ):
        shop = Shop(app)
        shop.headers = headers
        answer = shop("POST", "/user/v1/upsert", {"users": [user("u1")]})
        assert (answer.status, list(answer.body)) == (403, ["error"]), headers
    assert answer.body["error"] == "This token may not do that: it needs the scope “write”: forbidden"
    assert counts(app)[2] == 0


def test_too_many_calls_are_429_with_the_time_to_wait(app: Flask) -> None:
    with database(app).unit_of_work() as session:
        settings.change(session, {"api_calls_per_minute": 6}, actor="agent:1", at=NOON)
    with time_machine.travel(NOON, tick=False):
        shop = Shop(app)
        shop.upsert(user("u1"))
        answer = shop("POST", "/user/v1/upsert", {"users": [user("u1")]})
    assert (answer.status, answer.body) == (429, {"error": "rejected: too many requests"})
    assert 1 <= int(answer.headers["Retry-After"]) <= 11
