"""Twilio: texts by a messaging service or a number, signed callbacks, and its list of consents.

The official client is loaded when the first text is sent, so never in the web server, which only checks signatures.
Source: https://www.twilio.com/docs/messaging/api/message-resource and /docs/usage/webhooks/webhooks-security
"""

import importlib.util
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from app import http_client as http
from app.config import BadSetting, Settings
from app.gateways.base import (
    Accepted,
    BadCallback,
    Callback,
    Capabilities,
    ConsentItem,
    ConsentSource,
    ConsentStatus,
    Effect,
    Inbound,
    Outgoing,
    PushResult,
    Report,
    ReportState,
    SendResult,
)
from app.gateways.twilio_errors import meaning

if TYPE_CHECKING:
    from twilio.rest import Client

    from app.gateways.twilio_client import ApiError

_SIGNATURE, _SIGNATURE_SETTINGS = "X-Twilio-Signature", "X-Twilio-Webhooks-Signature-Settings"
_UNSURE_STATUSES = frozenset({502, 504})
_MEDIA_MAX = 10
# The statuses that callbacks are read for. Others, also new ones, are ignored.
_STATES: Mapping[str, ReportState] = MappingProxyType(
    {
        "sent": ReportState.SENT,
        "delivered": ReportState.DELIVERED,
        "read": ReportState.DELIVERED,
        "undelivered": ReportState.FAILED,
        "failed": ReportState.FAILED,
        "canceled": ReportState.FAILED,
    }
)
_OPT_OUT_TYPES = frozenset({"STOP", "START", "HELP"})
_STATUSES = {ConsentStatus.OPTED_IN: "opt-in", ConsentStatus.OPTED_OUT: "opt-out"}
_SOURCES = {ConsentSource.WEBSITE: "website", ConsentSource.OFFLINE: "offline", ConsentSource.OTHER: "others"}
# The Consent API is a pilot; an account without it gets these.
_NO_CONSENT_API, _ASK_AGAIN_S = frozenset({401, 403, 404}), 3600.0


@dataclass(frozen=True)
class Account:
    """:param webhook_key: the secret of a shared key, if callbacks are signed with one instead of the auth token
    :param service_sid: the messaging service; empty: texts go out by ``sender``
    :param api_url: another address of the API; empty: Twilio itself
    """

    sid: str
    auth_token: str
    webhook_key: str = ""
    service_sid: str = ""
    api_url: str = ""
    has_consent_api: bool = False


class Twilio:
    name = "twilio"
    items_per_call = 25
    calls_per_minute = 100

    def __init__(self, account: Account, sender: str) -> None:
        self._account = account
        self.sender = sender
        is_name = any(character.isalpha() for character in sender) and not account.service_sid
        self.capabilities = Capabilities(
            receives=not is_name,
            reports=True,
            handles_keywords=not is_name,
            takes_consent=account.has_consent_api and not is_name,
        )
        self._opened: Client | None = None
        self._opening = threading.Lock()

    @classmethod
    def of(cls, settings: Settings) -> "Twilio":
        """:raises BadSetting: the library is not installed"""
        if importlib.util.find_spec("twilio") is None:
            raise BadSetting("ASSENT_SMS_GATEWAY: twilio needs the extra: pip install 'assent-sms[twilio]'")
        account = Account(
            settings.twilio_account_sid,
            settings.twilio_auth_token,
            settings.twilio_webhook_key,
            settings.twilio_messaging_service_sid,
            settings.twilio_api_url,
            has_consent_api=settings.twilio_consent_api,
        )
        return cls(account, settings.twilio_from)

    def send(self, text: Outgoing) -> SendResult:
        """Send by the messaging service, else by the number. Twilio gives an id for the text."""
        from app.gateways.twilio_client import ApiError

        service = self._account.service_sid
        way = {"messaging_service_sid": service} if service else {"from_": self.sender}
        try:
            created = self._client().messages.create(to=text.to, body=text.body, status_callback=text.report_url, **way)
        except ApiError as error:
            return _refusal(error)
        except http.Refused as refused:
            return SendResult(Accepted.NO, error_code="address", problem=str(refused), effect=Effect.STOP)
        except http.Failed as failed:
            return _unanswered(failed)
        except (ValueError, KeyError, TypeError):  # what the client raises for an answer that it cannot read
            return SendResult(Accepted.UNKNOWN, error_code="no_answer", problem="Twilio's answer cannot be read.")
        return SendResult(Accepted.YES, gateway_id=created.sid)

    def read_inbound(self, callback: Callback) -> Inbound:
        values = self._verified_values(callback)
        sid, sender = values.get("MessageSid", ""), values.get("From", "")
        if not sid or not sender:
            raise BadCallback("the text has no MessageSid or no From")
        opt_out_type = values.get("OptOutType", "").upper()
        return Inbound(
            gateway_id=sid[:64],
            sender=_number(sender),
            recipient=_number(values.get("To", "")),
            body=values.get("Body", ""),
            media=_media(values),
            opt_out_type=opt_out_type if opt_out_type in _OPT_OUT_TYPES else None,
        )

    def read_report(self, callback: Callback) -> Report | None:
        values = self._verified_values(callback)
        sid = values.get("MessageSid", "")
        if not sid:
            raise BadCallback("the report has no MessageSid")
        state = _STATES.get(values.get("MessageStatus", ""))
        if state is None:
            return None
        our_id = dict(callback.query).get("message", "")
        code = values.get("ErrorCode") or None
        return Report(
            state,
            message_id=int(our_id) if our_id.isascii() and our_id.isdigit() and len(our_id) <= 18 else None,
            gateway_id=sid[:64],
            error_code=code[:64] if code and state == ReportState.FAILED else None,
            effect=meaning(code).effect if state == ReportState.FAILED else Effect.NONE,
        )

    def push_consents(self, items: Sequence[ConsentItem]) -> PushResult:
        """Push to Twilio's Consent API. Source: https://www.twilio.com/docs/messaging/api/bulk-consents"""
        from app.gateways.twilio_client import ApiError

        sender_id = self._account.service_sid or self.sender
        try:
            answer = self._client().accounts.v1.bulk_consents.create(
                items=[_consent(each, sender_id) for each in items]
            )
            outcomes = [(str(each["correlation_id"]), each) for each in answer.items or []]
            refused = {key: _consent_problem(each) for key, each in outcomes if each.get("error_code")}
        except ApiError as error:
            if error.status in _NO_CONSENT_API:
                problem = "Twilio does not offer its Consent API to this account."
                return PushResult(problem=problem, retry_after_s=_ASK_AGAIN_S)
            return PushResult(problem=f"Twilio answered {error.status}.", retry_after_s=error.retry_after_s)
        except (http.Refused, http.Failed) as problem:
            return PushResult(problem=str(problem))
        except (ValueError, KeyError, TypeError, AttributeError):
            return PushResult(problem="Twilio's answer cannot be read.")
        return PushResult(refused=refused)

    def _client(self) -> "Client":
        with self._opening:
            if self._opened is None:
                from app.gateways.twilio_client import open_client

                account = self._account
                self._opened = open_client(account.sid, account.auth_token, account.api_url)
            return self._opened

    def _verified_values(self, callback: Callback) -> dict[str, str]:
        """The parameters of a request that Twilio signed.

        :raises BadCallback: the signature is missing or wrong
        """
        from twilio.request_validator import RequestValidator, get_signature_algorithm

        settings = callback.header(_SIGNATURE_SETTINGS)
        secret = (self._account.webhook_key if settings else "") or self._account.auth_token
        has_body_hash = "bodySHA256" in parse_qs(urlsplit(callback.url).query)
        signed: str | _Form = callback.body.decode("utf-8", "replace") if has_body_hash else _Form(callback.form)
        signature, algorithm = callback.header(_SIGNATURE), get_signature_algorithm(settings)
        if not signature or not RequestValidator(secret).validate(callback.url, signed, signature, algorithm):
            raise BadCallback("the signature is missing or wrong")
        return dict(callback.form) if isinstance(signed, _Form) else _json_values(signed)


class _Form(dict[str, list[str]]):
    """The fields of a form as Twilio's validator reads them: each value of a repeated name."""

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        for name, value in fields:
            self.setdefault(name, []).append(value)

    def getlist(self, name: str) -> list[str]:
        return self[name]


def _json_values(body: str) -> dict[str, str]:
    try:
        content = json.loads(body)
    except ValueError:
        raise BadCallback("the body is not JSON") from None
    if not isinstance(content, dict):
        raise BadCallback("the body is not an object")
    return {name: str(value) for name, value in content.items() if isinstance(value, str | int)}


def _number(address: str) -> str:
    """The number of an address such as ``rcs:+15551234567``. Its STOP is a STOP by this number, too."""
    return address.rpartition(":")[2]


def _media(values: Mapping[str, str]) -> tuple[str, ...]:
    """The links of an MMS. Only links of the web are kept."""
    count = values.get("NumMedia", "0")
    numbers = range(min(int(count), _MEDIA_MAX)) if count.isascii() and count.isdigit() and len(count) < 4 else ()
    links = [values.get(f"MediaUrl{number}", "") for number in numbers]
    return tuple(link for link in links if link.startswith("https://"))


def _refusal(error: "ApiError") -> SendResult:
    code = error.code or f"http_{error.status}"
    if error.status in _UNSURE_STATUSES:
        return SendResult(Accepted.UNKNOWN, error_code=code, problem="Twilio's answer did not come through.")
    effect, sentence = meaning(error.code, error.status)
    return SendResult(Accepted.NO, error_code=code, problem=sentence, effect=effect, retry_after_s=error.retry_after_s)


def _unanswered(failed: http.Failed) -> SendResult:
    """No answer. Where no connection was made, Twilio does not have the text; else it may have it."""
    if failed.may_have_arrived:
        return SendResult(Accepted.UNKNOWN, error_code="no_answer", problem=str(failed))
    return SendResult(Accepted.NO, error_code="unreachable", problem=str(failed), effect=Effect.RETRY)


def _consent(item: ConsentItem, sender_id: str) -> dict[str, str]:
    said = "opt-in-message" if item.status == ConsentStatus.OPTED_IN else "opt-out-message"
    return {
        "contact_id": item.phone,
        "correlation_id": item.key,
        "sender_id": sender_id,
        "status": _STATUSES[item.status],
        "source": _SOURCES.get(item.source, said),
        "date_of_consent": item.said_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _consent_problem(outcome: Mapping[str, Any]) -> str:
    names = ", ".join(str(each) for each in outcome.get("error_messages") or [])
    return f"{outcome['error_code']} {names}".strip()[:200]
