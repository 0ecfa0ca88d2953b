"""Carriers as gateways meet them: how each is opened over a server of ours, what it answers and calls back with."""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from twilio.request_validator import RequestValidator

from app.gateways.base import Callback, Gateway
from app.gateways.kannel import Kannel
from app.gateways.sandbox import Sandbox
from app.gateways.twilio import Account, Twilio
from tests.receiver import Answer, Received

BASE = "https://consent.example.com"
ACCOUNT_SID, AUTH_TOKEN, SERVICE_SID = "AC" + "a1" * 16, "auth-token", "MG" + "b2" * 16
KANNEL_SECRET = "hook-secret"
OUR_NUMBER, PHONE = "+15005550001", "+14155552671"


@dataclass(frozen=True)
class Carrier:
    """:param open: a gateway that sends to a server at this address
    :param accepts: how the carrier takes a text
    :param inbound: the request for a text with this id and body; :param report: for message 7 and a state
    :param has_server: false: nothing is sent, and no callback comes
    """

    open: Callable[[str], Gateway]
    accepts: Callable[[Received], Answer]
    inbound: Callable[[str, str], Callback]
    report: Callable[[str], Callback]
    states: dict[str, str] = field(default_factory=dict)
    has_server: bool = True


def twilio_callback(
    path: str,
    form: Sequence[tuple[str, str]],
    *,
    token: str = AUTH_TOKEN,
    body: bytes | None = None,
    settings: str = "",
) -> Callback:
    """A request that Twilio signed. ``path`` begins below the public address and may have a query."""
    url = BASE + path
    fields: dict[str, str] = dict(form)
    algorithm = "HMAC_SHA256" if settings else None
    signature = RequestValidator(token).compute_signature(url, fields if body is None else {}, algorithm)
    headers = {"X-Twilio-Signature": signature} | (
        {"X-Twilio-Webhooks-Signature-Settings": settings} if settings else {}
    )
    query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    return Callback("POST", url, headers, query, form, body if body is not None else urlencode(form).encode())


def kannel_callback(
    path: str, *, method: str = "GET", headers: dict[str, str] | None = None, body: bytes = b""
) -> Callback:
    url = BASE + path
    return Callback(method, url, headers or {}, parse_qsl(urlsplit(url).query, keep_blank_values=True), [], body)


def twilio_takes(received: Received) -> Answer:
    """201 with the resource, as Twilio describes it."""
    form = dict(parse_qsl(received.raw.decode()))
    service = form.get("MessagingServiceSid")
    sid = "SM" + secrets.token_hex(16)
    created = {
        "account_sid": ACCOUNT_SID,
        "api_version": "2010-04-01",
        "body": form["Body"],
        "date_created": "Thu, 24 Aug 2023 05:01:45 +0000",
        "date_sent": None,
        "date_updated": "Thu, 24 Aug 2023 05:01:45 +0000",
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": form.get("From"),
        "messaging_service_sid": service,
        "num_media": "0",
        "num_segments": "0" if service else "1",
        "price": None,
        "price_unit": None,
        "sid": sid,
        "status": "accepted" if service else "queued",
        "subresource_uris": {},
        "to": form["To"],
        "uri": f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{sid}.json",
    }
    return 201, {"Content-Type": "application/json"}, json.dumps(created).encode()


def twilio_refuses(code: int, status: int = 400, headers: dict[str, str] | None = None) -> Answer:
    """The body of an error, of which Twilio's description has no schema."""
    more = f"https://www.twilio.com/docs/errors/{code}"
    error = {"code": code, "message": f"About {PHONE}", "more_info": more, "status": status}
    return status, headers or {}, json.dumps(error).encode()


def open_twilio(url: str, *, service_sid: str = SERVICE_SID, sender: str = OUR_NUMBER) -> Twilio:
    account = Account(ACCOUNT_SID, AUTH_TOKEN, "", service_sid, url.removesuffix("/hook"), has_consent_api=True)
    return Twilio(account, sender)


def open_kannel(url: str, *, sender: str = OUR_NUMBER) -> Kannel:
    return Kannel(url, ("app", "password"), sender, KANNEL_SECRET)


def _twilio_inbound(text_id: str, body: str) -> Callback:
    form = [
        ("MessageSid", text_id),
        ("From", PHONE),
        ("To", OUR_NUMBER),
        ("Body", body),
        ("NumMedia", "0"),
        ("FromZip", ""),
    ]
    return twilio_callback("/hooks/twilio/inbound", form)


def _twilio_report(state: str) -> Callback:
    form = [("MessageSid", "SM" + "c" * 32), ("MessageStatus", state)]
    return twilio_callback("/hooks/twilio/status?message=7", form)


def _kannel_inbound(text_id: str, body: str) -> Callback:
    path = f"/hooks/kannel/inbound?secret={KANNEL_SECRET}&id={text_id}"
    headers = {"Content-Type": 'text/plain; charset="UTF-8"', "X-Kannel-From": PHONE, "X-Kannel-To": OUR_NUMBER}
    return kannel_callback(path, method="POST", headers=headers, body=body.encode())


def _kannel_report(state: str) -> Callback:
    return kannel_callback(f"/hooks/kannel/dlr?secret={KANNEL_SECRET}&message=7&type={state}&answer=ACK%2F")


GATEWAYS = {
    "sandbox": Carrier(lambda _url: Sandbox(), lambda _: None, _twilio_inbound, _twilio_report, has_server=False),
    "twilio": Carrier(
        open_twilio,
        twilio_takes,
        _twilio_inbound,
        _twilio_report,
        states={"queued": "", "sent": "sent", "delivered": "delivered", "undelivered": "failed", "brand-new": ""},
    ),
    "kannel": Carrier(
        open_kannel,
        lambda _received: (202, {}, b"0: Accepted for delivery"),
        _kannel_inbound,
        _kannel_report,
        states={"4": "", "8": "sent", "1": "delivered", "2": "failed", "16": "failed"},
    ),
}
WITH_SERVER = [name for name, carrier in GATEWAYS.items() if carrier.has_server]
