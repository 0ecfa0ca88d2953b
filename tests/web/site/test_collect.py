"""What pages claim, over the wire."""

import json
from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.contacts import records
from app.core.site import counts, sample_rows
from app.core.site.known_claims import KnownClaims
from app.core.workspace import settings
from app.models import ConsentEvidence, ConsentType, Contact, SiteCountKind
from app.web.services import services_of
from tests import make
from tests.make import BRITISH_NUMBER, SAMS_NUMBER
from tests.web import pages
from tests.web.site.claiming import SHOP, Shop, find, user

EXAMPLE_OF_INSIDER = "+120394879878"  # E.164 by its form, and too long for its country
Word = bool | None
WORDS: tuple[Word, ...] = (True, False, None)
TABLE = list(product(WORDS, WORDS))
SIGNED = {  # gdpr_optin, sms_optin: what the gate says of a known user with the number
    (False, None): ("gdpr_optout", "not_opted_in"),
    (False, False): ("gdpr_optout", "not_opted_in"),
    (False, True): ("gdpr_optout", "not_opted_in"),
    **{(gdpr, True): () for gdpr in (True, None)},
    **{(gdpr, False): ("opted_out",) for gdpr in (True, None)},
    **{(gdpr, None): ("not_opted_in",) for gdpr in (True, None)},
}


@pytest.fixture
def shop(app: Flask) -> Shop:
    return Shop(app)


def said(gdpr: Word, sms: Word, **more: Any) -> dict[str, Any]:
    """A user object without the keys that have no value."""
    values = {"phone_number": SAMS_NUMBER, "gdpr_optin": gdpr, "sms_optin": sms, **more}
    return {name: value for name, value in values.items() if value is not None}


@pytest.mark.parametrize(("gdpr", "sms"), TABLE)
def test_the_truth_table_of_a_signed_user(shop: Shop, gdpr: Word, sms: Word) -> None:
    user(shop.database, "sam", phone_number=SAMS_NUMBER)
    answer = shop.say(said(gdpr, sms, uuid="sam"), signed="sam")
    assert (answer.status_code, answer.get_json()) == (
        202,
        {"accepted": said(gdpr, sms, uuid="sam"), "refused": []},
    )
    assert shop.reasons("sam") == SIGNED[gdpr, sms]
    assert shop.reasons(lead=SAMS_NUMBER) is None, "a signed claim makes no lead"


@pytest.mark.parametrize(("gdpr", "sms"), TABLE)
def test_the_truth_table_of_an_unsigned_page(shop: Shop, gdpr: Word, sms: Word) -> None:
    user(shop.database, "sam", phone_number=SAMS_NUMBER)
    answer = shop.say(said(gdpr, sms, uuid="sam"))
    assert (answer.status_code, answer.get_json()["refused"]) == (202, [])
    assert shop.reasons("sam") == ("not_opted_in",), "a known user is never changed without a signature"
    assert shop.reasons(lead=SAMS_NUMBER) == (() if sms and gdpr is not False else None)
    assert shop.events() == ([("opt_in", "web_unverified")] if sms and gdpr is not False else [])


@pytest.mark.parametrize(("gdpr", "sms"), TABLE)
def test_the_truth_table_of_a_lead_that_a_page_opted_in(shop: Shop, gdpr: Word, sms: Word) -> None:
    shop.say(said(None, True))
    shop.say(said(gdpr, sms))
    expected = ("gdpr_optout",) if gdpr is False else ("opted_out",) if sms is False else ()
    assert shop.reasons(lead=SAMS_NUMBER) == expected
    with shop.database.read_only() as session:
        lead = find(session, None, SAMS_NUMBER)
        assert lead is not None
        assert lead.gdpr_optin is (False if gdpr is False else None)


def test_an_unknown_signed_user_is_created_with_what_is_recorded(shop: Shop) -> None:
    assert shop.say({"uuid": "sam"}, signed="sam").status_code == 202
    assert shop.reasons("sam") is None, "no contact is created for a visit"
    shop.say(said(None, True, uuid="sam"), signed="sam")
    assert shop.reasons("sam") == ()
    assert shop.events() == [("opt_in", "signed_identity")]
    shop.say(said(False, True, uuid="eve"), signed="eve")
    with shop.database.read_only() as session:
        eve, sam = find(session, "eve", None), find(session, "sam", None)
        assert eve is not None and sam is not None  # noqa: PT018 - for the types
        assert (eve.phone, eve.gdpr_optin, sam.phone) == (None, False, SAMS_NUMBER)


def test_gdpr_false_ends_everything_and_no_page_brings_it_back(shop: Shop) -> None:
    user(shop.database, "sam", phone_number=SAMS_NUMBER)
    shop.say(said(True, True), signed="sam")
    shop.say(said(False, True), signed="sam")
    before = shop.events()
    assert before == [("opt_in", "signed_identity"), ("gdpr_off", "signed_identity")]
    for gdpr, sms in product((True, None), WORDS):
        shop.say(said(gdpr, sms), signed="sam")
        shop.say(said(gdpr, sms))
    assert (shop.events(), shop.reasons("sam")) == (before, ("gdpr_optout",))
    assert shop.reasons(lead=SAMS_NUMBER) is None, "an unsigned page stores nothing about that number either"


def test_of_a_blocked_contact_only_what_it_withdraws_is_recorded(shop: Shop) -> None:
    contact_id = user(shop.database, "sam", phone_number=SAMS_NUMBER)
    with shop.database.unit_of_work() as session:
        records.block(session, session.get_one(Contact, contact_id), at=make.NOON)
    shop.say(said(None, True), signed="sam")
    assert shop.events() == []
    shop.say(said(None, False), signed="sam")
    assert shop.events() == [("opt_out", "signed_identity")]


def test_a_page_takes_back_only_what_a_page_said(shop: Shop) -> None:
    contact_id = user(shop.database, "sam", phone_number=SAMS_NUMBER)
    for sms in (True, False, True):
        shop.say(said(None, sms), signed="sam")
    assert shop.reasons("sam") == ()
    shop.say(said(None, False), signed="sam")
    with shop.database.unit_of_work() as session:
        sam = session.get_one(Contact, contact_id)
        offers = make.live_type(session, name="Other")
        shop_type = session.get_one(type(offers), shop.type_id)
        make.opt_out(session, sam, shop_type)
    for sms in (True, False, True, False, True):
        shop.say(said(None, sms), signed="sam")
        shop.say(said(None, sms))
    assert shop.reasons("sam") == ("opted_out",)
    assert shop.reasons(lead=SAMS_NUMBER) == ("opted_out",)
    claims = [level for action, level in shop.events() if action == "claim"]
    assert sorted(claims) == ["signed_identity", "web_unverified", "web_unverified"], "not one for each view"


def test_the_same_claim_writes_one_event_also_in_another_process(shop: Shop) -> None:
    for _ in range(3):
        shop.say(said(None, True))
        shop.say(said(None, True), jwt_of={"user_id": "sam"})
        shop.forget_claims()
    assert sorted(shop.events()) == [("opt_in", "signed_identity"), ("opt_in", "web_unverified")]


def test_the_evidence_says_what_the_page_said(shop: Shop) -> None:
    shop.say(said(True, True, uuid="guest-7"))
    with shop.database.read_only() as session:
        found = session.scalars(select(ConsentEvidence)).one()
    assert (found.destination, found.ip_address, found.user_agent) == (SAMS_NUMBER, "192.0.2.1", "Browser")
    assert (found.origin, found.page, found.note) == (SHOP, f"{SHOP}/cart/4711?x=1", None)
    assert found.details == {
        "claimed": said(True, True, uuid="guest-7"),
        "object": "insider_object",
        "subscription_type": "Offers",
    }


def test_an_impossible_number_is_kept_as_said_and_never_texted(shop: Shop) -> None:
    answer = shop.say({"phone_number": EXAMPLE_OF_INSIDER, "sms_optin": True})
    assert answer.get_json() == {
        "accepted": {"phone_number": EXAMPLE_OF_INSIDER, "sms_optin": True},
        "refused": [],
    }
    assert shop.reasons(lead=EXAMPLE_OF_INSIDER) == ("phone_invalid", "not_opted_in")
    assert shop.events() == [("claim", "web_unverified")]
    shop.say({"phone_number": EXAMPLE_OF_INSIDER, "sms_optin": True}, signed="sam")
    assert shop.reasons("sam") == ("phone_invalid", "not_opted_in")


def test_a_number_is_saved_where_there_is_none_and_replaced_only_by_a_signed_one(shop: Shop) -> None:
    user(shop.database, "sam")
    shop.say({"phone_number": SAMS_NUMBER, "sms_optin": True}, signed="sam")
    shop.say({"phone_number": BRITISH_NUMBER, "sms_optin": True}, signed="sam")
    assert shop.events() == [("opt_in", "signed_identity"), ("claim", "signed_identity")]
    assert number_of(shop, "sam") == SAMS_NUMBER
    shop.say({"phone_number": BRITISH_NUMBER, "sms_optin": True}, jwt_of={"user_id": "sam", "phone": BRITISH_NUMBER})
    assert number_of(shop, "sam") == BRITISH_NUMBER
    assert [action for action, _ in shop.events()] == ["opt_in", "claim", "number_change", "opt_in"]
    assert shop.reasons("sam") == ()


def number_of(shop: Shop, external_id: str) -> str | None:
    with shop.database.read_only() as session:
        found = find(session, external_id, None)
        return found.phone if found else None


def test_false_ends_every_subscription_to_texts_and_true_takes_back_the_chosen_one(app: Flask) -> None:
    shop = Shop(app, consent_type=ConsentType.OPT_OUT, name="Service")
    user(shop.database, "sam", phone_number=SAMS_NUMBER)
    shop.say(said(None, True), signed="sam")
    assert (shop.reasons("sam"), shop.events()) == ((), []), "who never left is subscribed already"
    shop.say(said(None, False), signed="sam")
    assert shop.reasons("sam") == ("opted_out",)
    shop.say(said(None, True), signed="sam")
    assert shop.reasons("sam") == ()


def test_without_a_live_type_true_signs_nobody_up(shop: Shop) -> None:
    with shop.database.unit_of_work() as session:
        settings.change(session, {"site_subscription_type_id": None}, actor="agent:1", at=make.NOON)
    shop.say(said(None, True))
    shop.say(said(None, True), signed="sam")
    assert (shop.events(), shop.reasons("sam"), shop.reasons(lead=SAMS_NUMBER)) == ([], None, None)
    sample = sample_of(shop)
    assert "sms_optin:no_subscription_type" in sample.problems


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"user_id": "sam", "user_hash": "0" * 64}, "user_hash_wrong"),
        ({"user_jwt": "a.b.c"}, "user_jwt_malformed"),
        ({"user_hash": "0" * 64}, "user_id_missing"),
    ],
)
def test_a_wrong_signature_is_named_and_reaches_no_known_user(shop: Shop, given: dict[str, str], problem: str) -> None:
    user(shop.database, "sam", phone_number=SAMS_NUMBER)
    answer = shop.say(said(False, False), **given)
    assert answer.get_json()["refused"] == [{"field": "identity", "reason": problem}]
    assert (shop.events(), sample_of(shop).identity) == ([], problem)
    assert count(shop, SiteCountKind.IDENTITY, problem) == 1


def test_a_signature_of_another_user_than_the_object_names_proves_nobody(shop: Shop) -> None:
    user(shop.database, "sam", phone_number=SAMS_NUMBER)
    answer = shop.say(said(False, False, uuid="eve"), signed="sam")
    assert answer.get_json()["refused"] == [{"field": "identity", "reason": "user_id_mismatch"}]
    assert shop.events() == []
    assert "uuid:mismatch" in sample_of(shop).problems
    signed_by_the_object = {"uuid": "sam", "gdpr_optin": False}
    assert shop.say(signed_by_the_object, user_hash=shop.hash_of("sam")).get_json()["refused"] == []
    assert shop.events() == [("gdpr_off", "signed_identity")]


def test_the_answer_never_tells_what_is_stored(shop: Shop) -> None:
    user(shop.database, "sam", phone_number=SAMS_NUMBER, gdpr_optin=False)
    user(shop.database, "ana", phone_number=BRITISH_NUMBER)
    answers = {
        json.dumps(shop.say({"phone_number": number, "sms_optin": word, "uuid": "sam"}).get_json()).replace(number, "")
        for number in (SAMS_NUMBER, BRITISH_NUMBER, "+12025550198", EXAMPLE_OF_INSIDER)
        for word in (True,)
    }
    assert len(answers) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"[" * 8000, b'{"key": NaN}', b'"\xff"', json.dumps({"user": {"a": 1}}).encode()],
)
def test_a_hostile_body_is_refused(shop: Shop, body: bytes) -> None:
    assert shop.post(body).status_code in {404, 422}


def test_hostile_values_refuse_themselves(shop: Shop) -> None:
    user_object = {"phone_number": "+1202\0", "sms_optin": {"a": [1]}, "uuid": "\ud800", "gdpr_optin": "true"}
    answer = shop.say(user_object, page="\ud800", source=["x"], user_id={"a": 1}, user_jwt=5, user_hash="\0")
    reasons = {each["field"]: each["reason"] for each in answer.get_json()["refused"]}
    assert (answer.status_code, answer.get_json()["accepted"]) == (202, {})
    assert {name: reasons[name] for name in user_object} == {
        "phone_number": "not_e164",
        "sms_optin": "not_a_boolean",
        "uuid": "junk",
        "gdpr_optin": "not_a_boolean",
    }
    assert count(shop, SiteCountKind.REFUSED, "phone_number:not_e164") == 1
    for value in ("sam", 1, [], True):
        assert shop.say(value).get_json()["refused"] == [{"field": "user", "reason": "not_an_object"}]


def test_pages_without_an_object_and_doubtful_ones_are_reported(shop: Shop) -> None:
    assert shop.say(None, source="", user_id="sam").get_json() == {"accepted": {}, "refused": []}
    sample = sample_of(shop)
    assert (sample.path, sample.source, sample.is_signed_in) == ("/cart/*", "", True)
    assert sample.problems == ("user:missing_when_signed_in",)
    shop.say(said(True, True, uuid="4711"), source="both")
    sample = sample_of(shop)
    assert sample.problems == ("user:both_sources", "uuid:sequential", "uuid:unknown")
    assert (sample.sms_optin, sample.phone_number, sample.identity) == ("true", "given", "unsigned")


def test_only_allowed_websites_with_the_key_may_send(shop: Shop) -> None:
    body = json.dumps({"key": shop.key, "page": SHOP, "user": said(None, True)})
    for origin in ("https://eve.example.com", "null"):
        answer = shop.post(body, origin=origin)
        assert (answer.status_code, answer.get_json()) == (403, {"error": "origin_not_allowed"})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    answer = shop.post(body.replace(shop.key, "another"))
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (404, "*")
    assert count(shop, SiteCountKind.IDENTITY, "unknown_key") == 1
    assert shop.events() == []
    asked = shop.client.options("/site/collect", headers={"Origin": SHOP})
    assert (asked.status_code, asked.headers["Access-Control-Allow-Headers"]) == (204, "Content-Type")
    sent = shop.post(body)
    assert (sent.status_code, sent.headers["Access-Control-Allow-Origin"]) == (202, "*")
    assert "Set-Cookie" not in sent.headers


def test_a_program_without_an_origin_is_heard_and_is_no_page_of_the_check(shop: Shop) -> None:
    assert shop.say(said(None, True)).status_code == 202
    pages_before = written(shop, sample_rows.find)
    body = json.dumps({"key": shop.key, "page": f"{SHOP}/other", "user": said(None, False)})
    assert shop.post(body, origin="").status_code == 202
    assert shop.reasons(lead=SAMS_NUMBER) == ("opted_out",)
    assert written(shop, sample_rows.find) == pages_before


def test_new_claims_are_limited_by_address_number_and_key(shop: Shop) -> None:
    few = {"submissions_per_address": 3, "submissions_per_number": 1}
    with shop.database.unit_of_work() as session:
        settings.change(session, few, actor="agent:1", at=make.NOON)
    with pages.one_window():
        shop.client.get("/")
        statuses = [shop.say({"phone_number": f"+1202555010{n}", "sms_optin": True}).status_code for n in range(5)]
        assert statuses == [202, 202, 202, 429, 429]
        again = shop.say({"phone_number": "+12025550100", "sms_optin": True})
        assert again.status_code == 202, "what is known already is not counted"
        body = {"key": shop.key, "user": {"phone_number": "+12025550101", "sms_optin": False}}
        other = shop.post(json.dumps(body), address="198.51.100.7")
        assert (other.status_code, other.get_json()) == (429, {"error": "rate_limit_exceeded"})
        assert int(other.headers["Retry-After"]) > 0
        assert shop.say(said(None, True), signed="sam").status_code == 202, "a signed user has separate limits"


def test_a_known_claim_asks_the_database_nothing_for_an_hour(shop: Shop) -> None:
    known = services_of(shop.app).known_claims
    KnownClaims.__init__(known)
    user(shop.database, "sam", phone_number=SAMS_NUMBER)
    with time_machine.travel(make.NOON, tick=False) as clock:

        def views() -> None:
            shop.say(said(True, True), signed="sam")
            shop.say(said(True, True, uuid="sam"), jwt_of={"user_id": "sam"})
            shop.say(said(True, True))
            shop.say(None)

        views()
        events = shop.events()
        with pages.statements(shop.app) as seen:
            clock.shift(timedelta(seconds=3))
            views()
            assert seen == []
            clock.shift(timedelta(seconds=3))
            views()
            tables = ("workspace", "optin_forms", "subscription_types", "site_claims")
            assert seen
            assert all(any(f"FROM {name}" in each for name in tables) for each in seen), (
                "the policy alone is read again"
            )
            seen.clear()
            clock.shift(timedelta(hours=1))
            views()
            assert seen
        assert shop.events() == events


def test_a_renewed_secret_is_used_within_seconds(shop: Shop) -> None:
    KnownClaims.__init__(services_of(shop.app).known_claims)
    with time_machine.travel(make.NOON, tick=False) as clock:
        assert shop.say(said(None, True), signed="sam").get_json()["refused"] == []
        with shop.database.unit_of_work() as session:
            workspace = settings.get(session)
            workspace.messenger_secret, workspace.revision = "another", workspace.revision + 1
        clock.shift(timedelta(seconds=6))
        refused = shop.say(said(None, False), signed="sam").get_json()["refused"]
        assert refused == [{"field": "identity", "reason": "user_hash_wrong"}]
        assert shop.reasons("sam") == ()


def sample_of(shop: Shop) -> Any:
    """The last sample of the shop's page, of a visitor who is signed in where there is one."""
    page = next(each for each in written(shop, sample_rows.find) if (each.origin, each.path) == (SHOP, "/cart/*"))
    return page.signed_in or page.signed_out


def count(shop: Shop, kind: SiteCountKind, reason: str) -> int:
    found = written(shop, lambda session: counts.recent(session, kind, at=clock.now()))
    return sum(each.week for each in found if each.reason == reason)


def written(shop: Shop, read: Callable[[Session], Any]) -> Any:
    """What ``read`` returns once everything that waits in this process is written."""
    with shop.database.unit_of_work() as session:
        sample_rows.write_waiting(session, services_of(shop.app).site_reports, at=clock.now())
        return read(session)
