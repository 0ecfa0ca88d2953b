"""Twilio: its signatures, its errors, its API as it describes it itself, and its list of consents."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import parse_qs

import pytest

from app.config import Settings
from app.gateways.base import (
    Accepted,
    BadCallback,
    Callback,
    ConsentItem,
    ConsentSource,
    ConsentStatus,
    Effect,
    Outgoing,
    ReportState,
)
from app.gateways.twilio import Account, Twilio
from app.gateways.twilio_errors import MEANINGS
from tests.gateways.carriers import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    BASE,
    OUR_NUMBER,
    PHONE,
    SERVICE_SID,
    open_twilio,
    twilio_callback,
    twilio_refuses,
    twilio_takes,
)
from tests.gateways.twilio_openapi import CONSENTS, MESSAGES, assert_answer, assert_request
from tests.receiver import Answer, Received, receiver

TEXT = Outgoing(7, PHONE, "Acme: 50 % off & more 👍", "ucs2", f"{BASE}/hooks/twilio/status?message=7")
AT = datetime(2026, 11, 28, 10, 5, 27, tzinfo=UTC)


def test_a_request_with_the_signature_that_twilio_documents_is_accepted() -> None:
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    form = [
        ("Digits", "1234"),
        ("To", "+18005551212"),
        ("From", "+12349013030"),
        ("Caller", "+12349013030"),
        ("CallSid", "CA1234567890ABCDE"),
    ]
    documented = Callback("POST", url, {"X-Twilio-Signature": "0/KCTR6DLpKmkAf8muzZqo1nDgQ="}, [], form, b"")
    gateway = Twilio(Account(ACCOUNT_SID, "12345"), OUR_NUMBER)
    with pytest.raises(BadCallback, match="no MessageSid"):  # the signature was accepted; it is a call, not a text
        gateway.read_inbound(documented)
    for changed in (
        replace(documented, url=url + "&x=1"),
        replace(documented, form=[*form, ("Empty", "")]),  # blank values are signed like others
        replace(documented, form=form[1:]),
        replace(documented, headers={"X-Twilio-Signature": "0/KCTR6DLpKmkAf8muzZqo1nDgR="}),
        replace(documented, headers={"X-Twilio-Webhooks-Signature-Settings": "algorithm=HMAC_SHA256"}),
    ):
        with pytest.raises(BadCallback, match="signature"):
            gateway.read_inbound(changed)
    ports = [replace(documented, url=url.replace(".com/", f".com{port}/")) for port in (":443", "")]
    for each in ports:
        with pytest.raises(BadCallback, match="no MessageSid"):
            gateway.read_inbound(each)


def test_a_body_of_json_is_verified_by_its_hash() -> None:
    body = json.dumps({"MessageSid": "SM1", "From": PHONE, "To": OUR_NUMBER, "Body": "STOP ü", "NumMedia": 0}).encode()
    path = f"/hooks/twilio/inbound?bodySHA256={sha256(body).hexdigest()}"
    came = twilio_callback(path, [], body=body)
    assert open_twilio("").read_inbound(came).body == "STOP ü"
    for changed in (body + b" ", b"{}", b""):
        with pytest.raises(BadCallback, match="signature"):
            open_twilio("").read_inbound(replace(came, body=changed))
    no_json = f"/hooks/twilio/inbound?bodySHA256={sha256(b'[').hexdigest()}"
    with pytest.raises(BadCallback, match="JSON"):
        open_twilio("").read_inbound(twilio_callback(no_json, [], body=b"["))


def test_a_shared_key_signs_with_sha256() -> None:
    header, form = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256", [("MessageSid", "SM1"), ("From", PHONE)]
    came = twilio_callback("/hooks/twilio/inbound", form, token="shared", settings=header)
    with_key = Twilio(Account(ACCOUNT_SID, AUTH_TOKEN, webhook_key="shared"), OUR_NUMBER)
    assert with_key.read_inbound(came).gateway_id == "SM1"
    assert with_key.read_inbound(twilio_callback("/hooks/twilio/inbound", form)).gateway_id == "SM1", "both are valid"
    for refused in (
        replace(came, headers={"X-Twilio-Signature": came.header("X-Twilio-Signature")}),
        replace(came, headers={**came.headers, "X-Twilio-Webhooks-Signature-Settings": "key=a,algorithm=NONE"}),
    ):
        with pytest.raises(BadCallback):
            with_key.read_inbound(refused)
    with pytest.raises(BadCallback):
        open_twilio("").read_inbound(came)


@pytest.mark.parametrize(("service_sid", "way"), [(SERVICE_SID, "MessagingServiceSid"), ("", "From")])
def test_a_request_is_as_twilio_describes_it_and_so_is_the_answer_of_our_stub(service_sid: str, way: str) -> None:
    answered: list[bytes] = []

    def answer(received: Received) -> Answer:
        taken = twilio_takes(received)
        assert taken is not None
        answered.append(taken[2])
        return taken

    with receiver(answer) as server:
        result = open_twilio(server.url, service_sid=service_sid).send(TEXT)
    (sent,) = server.received
    assert_request(MESSAGES, sent)
    assert_answer(MESSAGES, sent.path, 201, answered[0])
    assert result.gateway_id == json.loads(answered[0])["sid"]
    form = parse_qs(sent.raw.decode())
    assert form.keys() == {"To", "Body", "StatusCallback", way}
    assert (form["To"], form["Body"], form["StatusCallback"]) == ([PHONE], [TEXT.body], [TEXT.report_url])


# What each code must mean (Twilio's page of each, and the policy of this project).
_POLICY = {
    Effect.SUPPRESS: ["21610"],
    Effect.UNDELIVERABLE: ["21211", "21614", "21635", "30006"],
    Effect.UNREACHABLE: ["30003", "30005", "30008"],
    Effect.REVIEW: ["30004"],
    Effect.STOP: ["20003", "21408", "21606", "30002", "30007", "30034", "30450"],
    Effect.RETRY: ["20429", "30001"],
    Effect.NONE: ["21612", "21617"],
}
_CODES = [(code, effect) for effect, codes in _POLICY.items() for code in codes]


def test_every_code_has_a_policy() -> None:
    assert {code for code, _ in _CODES} == set(MEANINGS)


@pytest.mark.parametrize(("code", "effect"), _CODES)
def test_an_error_code_has_its_effect_when_sending_and_in_a_report(code: str, effect: Effect) -> None:
    with receiver(lambda _received: twilio_refuses(int(code))) as server:
        result = open_twilio(server.url).send(TEXT)
    assert (result.accepted, result.error_code, result.effect) == (Accepted.NO, code, effect)
    assert result.problem == MEANINGS[code].sentence
    form = [("MessageSid", "SM1"), ("MessageStatus", "undelivered"), ("ErrorCode", code)]
    report = open_twilio("").read_report(twilio_callback("/hooks/twilio/status?message=7", form))
    assert report is not None
    assert (report.state, report.error_code, report.effect) == (ReportState.FAILED, code, effect)
    assert (report.message_id, report.gateway_id) == (7, "SM1")


def test_an_unknown_code_is_not_tried_again_and_a_wait_that_twilio_asks_for_is_kept() -> None:
    answers: list[Answer] = [
        twilio_refuses(29999),
        twilio_refuses(20429, 429, {"Retry-After": "7"}),
        twilio_refuses(20500, 500, {"Retry-After": "soon"}),
    ]
    with receiver(lambda _received: answers.pop(0)) as server:
        unknown, slower, broken = (open_twilio(server.url).send(TEXT) for _ in range(3))
    assert (unknown.accepted, unknown.effect, unknown.error_code) == (Accepted.NO, Effect.NONE, "29999")
    assert (slower.effect, slower.retry_after_s) == (Effect.RETRY, 7.0)
    assert (broken.effect, broken.retry_after_s) == (Effect.RETRY, 0.0)


def test_media_and_the_answer_that_the_carrier_gave_are_read() -> None:
    form = [("MessageSid", "SM1"), ("From", PHONE), ("To", OUR_NUMBER), ("Body", "Stop"), ("OptOutType", "STOP")]
    media = [("NumMedia", "3"), ("MediaUrl0", "https://api.twilio.com/a"), ("MediaUrl1", "javascript:1")]
    text = open_twilio("").read_inbound(twilio_callback("/hooks/twilio/inbound", form + media))
    assert (text.media, text.opt_out_type) == (("https://api.twilio.com/a",), "STOP")
    strange = [("MessageSid", "SM1"), ("From", f"rcs:{PHONE}"), ("NumMedia", "many"), ("OptOutType", "PAUSE")]
    text = open_twilio("").read_inbound(twilio_callback("/hooks/twilio/inbound", strange))
    assert (text.media, text.opt_out_type, text.sender) == ((), None, PHONE)


def test_a_name_as_sender_receives_nothing() -> None:
    one_way = open_twilio("", service_sid="", sender="Acme").capabilities
    assert (one_way.receives, one_way.takes_consent, one_way.reports) == (False, False, True)
    behind_service = open_twilio("", sender="Acme").capabilities
    assert behind_service.receives


def _item(key: str, **changes: object) -> ConsentItem:
    item = ConsentItem(key, PHONE, ConsentStatus.OPTED_OUT, ConsentSource.MESSAGE, AT)
    return replace(item, **changes)  # type: ignore[arg-type]


def test_consents_are_pushed_as_twilio_describes_it() -> None:
    items = [
        _item("a" * 32),
        _item("b" * 32, status=ConsentStatus.OPTED_IN, source=ConsentSource.MESSAGE),
        _item("c" * 32, status=ConsentStatus.OPTED_IN, source=ConsentSource.WEBSITE),
        _item("d" * 32, source=ConsentSource.OTHER),
    ]
    outcomes = [{"correlation_id": each.key, "error_code": 0, "error_messages": []} for each in items]
    outcomes[3] |= {"error_code": 30646, "error_messages": ["INVALID_CONTACT_ID"]}
    body = json.dumps({"items": outcomes}).encode()
    with receiver(lambda _received: (201, {}, body)) as server:
        result = open_twilio(server.url).push_consents(items)
    (sent,) = server.received
    assert_request(CONSENTS, sent)
    assert_answer(CONSENTS, sent.path, 201, body)
    pushed = [json.loads(each) for each in parse_qs(sent.raw.decode())["Items"]]
    assert pushed[0] == {
        "contact_id": PHONE,
        "correlation_id": "a" * 32,
        "sender_id": SERVICE_SID,
        "status": "opt-out",
        "source": "opt-out-message",
        "date_of_consent": "2026-11-28T10:05:27Z",
    }
    assert [(each["status"], each["source"]) for each in pushed[1:]] == [
        ("opt-in", "opt-in-message"),
        ("opt-in", "website"),
        ("opt-out", "others"),
    ]
    assert (result.problem, dict(result.refused)) == (None, {"d" * 32: "30646 INVALID_CONTACT_ID"})


@pytest.mark.parametrize(
    ("answer", "problem", "wait_s"),
    [
        (twilio_refuses(20429, 429, {"Retry-After": "9"}), "Twilio answered 429.", 9.0),
        (twilio_refuses(20404, 404), "Twilio does not offer its Consent API to this account.", 3600.0),
        ((201, {}, b"<html>"), "Twilio's answer cannot be read.", 0.0),
        (None, "The connection was closed without an answer.", 0.0),
    ],
)
def test_a_push_that_is_not_taken_says_why(answer: Answer, problem: str, wait_s: float) -> None:
    with receiver(lambda _received: answer) as server:
        result = open_twilio(server.url).push_consents([_item("a" * 32)])
    assert (result.problem, result.retry_after_s, dict(result.refused)) == (problem, wait_s, {})


def test_the_settings_of_the_installation_open_it(settings: Settings) -> None:
    chosen = replace(
        settings, sms_gateway="twilio", twilio_account_sid=ACCOUNT_SID, twilio_auth_token="t", twilio_from=OUR_NUMBER
    )
    gateway = Twilio.of(chosen)
    assert (gateway.sender, gateway.capabilities.takes_consent) == (OUR_NUMBER, True)
    assert not Twilio.of(replace(chosen, twilio_consent_api=False)).capabilities.takes_consent
