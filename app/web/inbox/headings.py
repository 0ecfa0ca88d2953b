"""What is shown above a message: the day, the author, the time. Consecutive messages of one author share a name."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from app.core.conversations.views import AgentMessage
from app.models import MessageKind

_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True)
class Heading:
    """The heading of one message.

    ``day``: null unless it is the first of its day. ``is_named``: whether it shows its author. ``is_timed``: whether it
    shows its time: after a name, and after a pause of five minutes.
    """

    day: date | None
    is_named: bool
    is_timed: bool


def headings(messages: Mapping[int, AgentMessage], time_zone: str) -> dict[int, Heading]:
    """The heading of each message, by its number. It depends only on the message before it, if that is given too."""
    zone = ZoneInfo(time_zone)
    return {number: _heading(message, messages.get(number - 1), zone) for number, message in messages.items()}


def _heading(message: AgentMessage, previous: AgentMessage | None, zone: ZoneInfo) -> Heading:
    day = message.created_at.astimezone(zone).date()
    if previous is None or previous.created_at.astimezone(zone).date() != day:
        return Heading(day, is_named=True, is_timed=True)
    is_named = _voice(previous) != _voice(message)
    return Heading(None, is_named, is_timed=is_named or message.created_at - previous.created_at >= _PAUSE)


def _voice(message: AgentMessage) -> tuple[str, str]:
    """Who speaks and to whom: notes and events do not continue a group of messages."""
    kind = MessageKind.MESSAGE if message.kind == MessageKind.FORM else message.kind
    return message.author, kind
