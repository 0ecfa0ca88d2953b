"""Kannel: an SMS gateway that runs beside Assent, and speaks SMPP and other protocols with carriers.

It takes a text by HTTP (``sendsms``) and gives no id for it, so our id travels in the address that it reports to. What
it does was measured with Kannel 1.4.5; its user guide describes ``sendsms``, ``dlr-mask`` and the escapes (``%d``).
"""

import codecs
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit

from app import http_client as http
from app.config import Settings
from app.gateways.base import (
    Accepted,
    BadCallback,
    Callback,
    Capabilities,
    Effect,
    Inbound,
    Outgoing,
    Report,
    ReportState,
    SendResult,
)

# Kannel answers in a few milliseconds. One that takes longer may still send the text.
LIMITS = http.Limits(connect_s=3, total_s=10, body_bytes=2000)
# Delivered, failed, buffered, accepted by the carrier, refused by the carrier.
DLR_MASK = 31
_CODINGS: Mapping[str, str] = MappingProxyType({"gsm7": "0", "ucs2": "2"})
_UNSURE_STATUSES = frozenset({500, 502, 504})
_ID_LENGTH = 64


@dataclass(frozen=True)
class _Refusal:
    """What a status of ``sendsms`` means. ``sentence`` is for agents."""

    effect: Effect
    sentence: str


_REFUSALS: Mapping[int, _Refusal] = MappingProxyType(
    {
        400: _Refusal(Effect.NONE, "Kannel does not accept the number or the sender."),
        403: _Refusal(Effect.STOP, "Kannel refuses the username or password."),
        404: _Refusal(Effect.STOP, "Kannel has no sendsms at this address."),
        429: _Refusal(Effect.RETRY, "Kannel asks to send more slowly."),
        503: _Refusal(Effect.RETRY, "Kannel cannot take texts at the moment."),
    }
)
_OTHER_REFUSAL = _Refusal(Effect.NONE, "Kannel refuses the text.")
# The types of a delivery report: what happened with the text.
_STATES: Mapping[str, ReportState | None] = MappingProxyType(
    {
        "1": ReportState.DELIVERED,
        "2": ReportState.FAILED,
        "4": None,  # Kannel keeps it and tries again
        "8": ReportState.SENT,
        "16": ReportState.FAILED,
    }
)
# Statuses of SMPP 3.4 (5.1.3): invalid destination address, invalid number of destinations, destination type.
_NO_SUCH_NUMBER = frozenset({"0x0000000b", "0x00000033", "0x00000050", "0x00000051"})
# States of SMPP 3.4 (appendix B): the handset was not reached.
_NOT_REACHED = frozenset({"UNDELIV", "EXPIRED"})


class Kannel:
    """:param url: the address of ``sendsms``
    :param secret: in the addresses that Kannel calls, because it signs nothing
    """

    name = "kannel"

    def __init__(self, url: str, credentials: tuple[str, str], sender: str, secret: str) -> None:
        self._url = url
        self._username, self._password = credentials
        self._secret = secret
        self.sender = sender
        is_name = any(character.isalpha() for character in sender)
        self.capabilities = Capabilities(receives=not is_name, reports=True)
        self._connections = http.Connections(http.Reach.ANYWHERE, LIMITS)

    @classmethod
    def of(cls, settings: Settings) -> "Kannel":
        credentials = settings.kannel_username, settings.kannel_password
        return cls(settings.kannel_sendsms_url, credentials, settings.kannel_from, settings.kannel_secret)

    def send(self, text: Outgoing) -> SendResult:
        """Send by POST, so that number, text and password are in no log of an address."""
        if not text.to or not text.body:  # Kannel would accept both and send an empty text
            return SendResult(Accepted.NO, error_code="empty", problem="The text or its number is empty.")
        try:
            answer = self._connections.request("POST", self._url, body=text.body.encode(), headers=self._headers(text))
        except http.Refused as refused:
            return SendResult(Accepted.NO, error_code="address", problem=str(refused), effect=Effect.STOP)
        except http.Failed as failed:
            return _unanswered(failed)
        return _read_answer(answer)

    def read_inbound(self, callback: Callback) -> Inbound:
        """A text: by ``post-url`` with ``send-sender``, or by ``get-url`` with the names that the documentation has."""
        self._verify(callback)
        is_post = callback.method == "POST"
        values = _posted_values(callback) if is_post else _values_of_query(callback)
        if not values.get("id") or not values.get("from"):
            raise BadCallback("the text has no id or no sender")
        return Inbound(
            gateway_id=values["id"][:_ID_LENGTH],
            sender=values["from"].strip(),
            recipient=values.get("to", "").strip(),
            body=values.get("text", ""),
        )

    def read_report(self, callback: Callback) -> Report | None:
        """A report, by the parameters ``message``, ``type`` and ``answer`` that ``send`` asked for."""
        self._verify(callback)
        values = dict(callback.query)
        kind, message = values.get("type", ""), values.get("message", "")
        if kind not in _STATES or not re.fullmatch(r"[0-9]{1,18}", message):
            raise BadCallback("the address has no message or no known type")
        state = _STATES[kind]
        if state is None:
            return None
        if state != ReportState.FAILED:
            return Report(state, message_id=int(message))
        code, effect = _failure(values.get("answer", ""))
        return Report(state, message_id=int(message), error_code=code, effect=effect)

    def _headers(self, text: Outgoing) -> dict[str, str]:
        report_url = f"{text.report_url}&type=%d&answer=%A" if text.report_url else ""
        reports = {"X-Kannel-DLR-Url": report_url, "X-Kannel-DLR-Mask": str(DLR_MASK)} if report_url else {}
        return {
            "Content-Type": "text/plain; charset=UTF-8",
            "X-Kannel-Username": self._username,
            "X-Kannel-Password": self._password,
            "X-Kannel-From": self.sender,
            "X-Kannel-To": text.to,
            "X-Kannel-Coding": _CODINGS[text.encoding],
        } | reports

    def _verify(self, callback: Callback) -> None:
        given = [value.encode("utf-8", "surrogatepass") for name, value in callback.query if name == "secret"]
        expected = self._secret.encode()
        if len(given) != 1 or not expected or not hmac.compare_digest(given[0], expected):
            raise BadCallback("the secret in the address is missing or wrong")


def _unanswered(failed: http.Failed) -> SendResult:
    """No answer. Where no connection was made, Kannel does not have the text; else it may have it."""
    if failed.may_have_arrived:
        return SendResult(Accepted.UNKNOWN, error_code="no_answer", problem=str(failed))
    return SendResult(Accepted.NO, error_code="unreachable", problem=str(failed), effect=Effect.RETRY)


def _read_answer(answer: http.Response) -> SendResult:
    """202 takes the text: ``0: Accepted for delivery``, or ``3: Queued for later delivery`` without a carrier."""
    code = f"http_{answer.status}"
    if answer.status == 202:
        return SendResult(Accepted.YES)
    if answer.status in _UNSURE_STATUSES or answer.status < 300:
        return SendResult(Accepted.UNKNOWN, error_code=code, problem="Kannel gave an answer that cannot be understood.")
    refusal = _REFUSALS.get(answer.status, _OTHER_REFUSAL)
    return SendResult(Accepted.NO, error_code=code, problem=refusal.sentence, effect=refusal.effect)


def _failure(answer: str) -> tuple[str | None, Effect]:
    """The error code and its meaning, from the carrier's own words (``%A``), of which nothing else is kept.

    ``stat:UNDELIV err:021`` is a receipt, ``NACK/0x0000000b/Invalid Destination Address`` a refusal.
    """
    if refused := re.match(r"NACK/(0x[0-9a-fA-F]{1,8})\b", answer):
        status = f"0x{int(refused[1], 16):08x}"
        return f"NACK {status}", Effect.UNDELIVERABLE if status in _NO_SUCH_NUMBER else Effect.NONE
    if receipt := re.search(r"\bstat:([A-Z]{5,8})(?:.*?\berr:([0-9A-Za-z]{1,8}))?", answer):
        code = " ".join(part for part in receipt.groups() if part)
        return code, Effect.UNREACHABLE if receipt[1] in _NOT_REACHED else Effect.NONE
    return None, Effect.NONE


def _posted_values(callback: Callback) -> dict[str, str]:
    charset = _charset(callback.header("Content-Type").partition("charset=")[2].strip('" '))
    return {
        "id": dict(callback.query).get("id", ""),
        "from": callback.header("X-Kannel-From"),
        "to": callback.header("X-Kannel-To"),
        "text": callback.body.decode(charset, "replace"),
    }


def _values_of_query(callback: Callback) -> dict[str, str]:
    """The query. Only its text may have other than ASCII characters, in the charset that Kannel names."""
    query = urlsplit(callback.url).query
    values = dict(parse_qsl(query, keep_blank_values=True, encoding="latin-1"))
    charset = _charset(values.get("charset", ""))
    return values | {"text": values.get("text", "").encode("latin-1", "replace").decode(charset, "replace")}


def _charset(name: str) -> str:
    """A charset that Python knows; binary messages (``8-BIT``) are read as Latin 1, so that no byte is lost."""
    try:
        found = codecs.lookup(name or "utf-8")
    except (LookupError, ValueError):
        return "latin-1"
    return found.name if found._is_text_encoding else "latin-1"  # noqa: SLF001 - the only mark of bytes-to-bytes codecs
