"""What every gateway does: send a text, and read what its carrier calls back with.

A gateway knows no rules: it gets plain values, and says what an answer means (``Effect``). ``tests/gateways`` has one
contract for all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True)
class Capabilities:
    """:param receives: people can reply to its texts; where not, every text must have another way out
    :param reports: it calls back with delivery reports
    :param handles_keywords: the carrier may answer STOP, START and HELP itself, and says so (``Inbound.opt_out_type``)
    :param takes_consent: consent can be pushed to it (``ConsentPusher``)
    """

    receives: bool
    reports: bool
    handles_keywords: bool = False
    takes_consent: bool = False


@dataclass(frozen=True)
class Outgoing:
    """:param to: E.164; :param encoding: ``gsm7`` or ``ucs2``; :param report_url: where reports about it are sent"""

    message_id: int
    to: str
    body: str
    encoding: str
    report_url: str


class Effect(StrEnum):
    """What the gateway's answer or report means for us, beyond the one text."""

    NONE = "none"
    RETRY = "retry"  # try again later
    SUPPRESS = "suppress"  # the number opted out at the carrier
    UNDELIVERABLE = "undeliverable"  # the number cannot receive texts
    UNREACHABLE = "unreachable"  # not now; after several, it cannot
    REVIEW = "review"  # probably an opt-out; a person decides
    STOP = "stop"  # nothing else will get through: pause what is sending, notify an admin


class Accepted(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"  # it may have been sent


@dataclass(frozen=True)
class SendResult:
    """:param gateway_id: the gateway's id of the text, where it gives one
    :param error_code: the gateway's; :param problem: one sentence for agents
    :param retry_after_s: how long the gateway asks to wait
    :param delivered: it has arrived already, and no report will follow
    """

    accepted: Accepted
    gateway_id: str | None = None
    error_code: str | None = None
    problem: str | None = None
    effect: Effect = Effect.NONE
    retry_after_s: float = 0.0
    delivered: bool = False


@dataclass(frozen=True)
class Callback:
    """A request of the carrier. ``query`` and ``form`` keep repeated and empty values; names are as they came.

    :param url: the address as the carrier called it: the public address with the path and the query, unchanged
    """

    method: str
    url: str
    headers: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    form: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header, by its name in any case; empty when it is missing."""
        wanted = name.lower()
        return next((value for each, value in self.headers.items() if each.lower() == wanted), "")


class BadCallback(Exception):
    """The request is not from the carrier (wrong signature or secret), or cannot be read. Nothing is recorded."""


@dataclass(frozen=True)
class Inbound:
    """A text that a person sent us.

    :param gateway_id: the carrier's id of it; the same id is the same text
    :param sender: E.164 or what the carrier gives; :param recipient: our number
    :param opt_out_type: ``STOP``, ``START`` or ``HELP`` when the carrier has answered it already
    """

    gateway_id: str
    sender: str
    recipient: str
    body: str
    media: tuple[str, ...] = ()
    opt_out_type: str | None = None


class ReportState(StrEnum):
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True)
class Report:
    """A delivery report. It names the text by our id (``message_id``) or by the gateway's."""

    state: ReportState
    message_id: int | None = None
    gateway_id: str | None = None
    error_code: str | None = None
    effect: Effect = Effect.NONE


class Gateway(Protocol):
    """One way by which texts go out and come in. Every method may be called from several threads."""

    @property
    def name(self) -> str: ...
    @property
    def capabilities(self) -> Capabilities: ...
    @property
    def sender(self) -> str:
        """Our number, short code or name, as people see it."""
        ...

    def send(self, text: Outgoing) -> SendResult:
        """Send one text. Never raises for what the gateway or the network does: it is in the result."""
        ...

    def read_inbound(self, callback: Callback) -> Inbound:
        """:raises BadCallback:"""
        ...

    def read_report(self, callback: Callback) -> Report | None:
        """The report; null: a state of no interest. :raises BadCallback:"""
        ...


class ConsentStatus(StrEnum):
    OPTED_IN = "opted_in"
    OPTED_OUT = "opted_out"


class ConsentSource(StrEnum):
    """Where a person said it, as far as carriers distinguish that."""

    WEBSITE = "website"
    MESSAGE = "message"  # a text, such as STOP
    OFFLINE = "offline"
    OTHER = "other"


@dataclass(frozen=True)
class ConsentItem:
    """Whether texts to a number are allowed.

    :param key: unique in a call; the answer names the item by it
    :param phone: E.164; :param said_at: aware UTC
    """

    key: str
    phone: str
    status: ConsentStatus
    source: ConsentSource
    said_at: datetime


@dataclass(frozen=True)
class PushResult:
    """The answer to one call.

    :param refused: the problem of each item that was refused permanently, by its key
    :param problem: one sentence when nothing was taken; try all items again
    :param retry_after_s: how long to wait before that
    """

    refused: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None
    retry_after_s: float = 0.0


class ConsentPusher(Protocol):
    """A gateway whose carrier keeps its own list of consents."""

    @property
    def items_per_call(self) -> int: ...
    @property
    def calls_per_minute(self) -> int: ...

    def push_consents(self, items: Sequence[ConsentItem]) -> PushResult:
        """Push the consents. Never raises for what the carrier or the network does: it is in the result."""
        ...
