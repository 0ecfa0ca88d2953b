"""Texts of the inbox: events, times, and what a contact agreed to."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import nh3
from babel.dates import format_skeleton
from markupsafe import Markup

from app.core import clock, phone, wording
from app.core.forms.cards import CardState, FormCard
from app.core.inbox.lists import COUNTED_MAX, InboxRow
from app.core.ledger.events import LedgerLine
from app.models import MessageKind
from app.web import formatting

_LEGAL_TAGS = {"p", "br", "em", "strong", "a"}
_EVENTS = {
    "closed": "closed the conversation",
    "reopened": "reopened the conversation",
    "unassigned": "unassigned the conversation",
}
BOXES = {"open": "Open", "closed": "Closed"}
ASSIGNED = {"all": "All", "me": "Mine", "nobody": "Unassigned", "others": "Others"}
CARD_STATES = {
    "waiting": "Waiting to be seen",
    "seen": "Seen, not answered yet",
    "confirming": "Waiting for their confirmation",
    "signed_up": "Signed up",
    "expired": "Expired without an answer",
    "withdrawn": "Withdrawn before it was answered",
    "unavailable": "Cannot be answered now",
}


@dataclass(frozen=True)
class Agreement:
    """An opt-in by a form: destination, time, and the legal text as it was shown (safe HTML)."""

    event_id: int
    at: datetime
    destination: str
    legal: Markup


def agreement(line: LedgerLine) -> Agreement:
    """What a form's answer agreed to, from its line of the ledger."""
    destination = line.evidence.destination if line.evidence else None
    fields = _fields(line.words)
    legal = nh3.clean(str(fields.get("legal_html", "")), tags=_LEGAL_TAGS, attributes={"a": {"href"}})
    return Agreement(
        line.event.id,
        line.event.occurred_at,
        phone.formatted(destination) if destination else "",
        Markup(legal),  # noqa: S704 - cleaned above
    )


def short_time(at: datetime, time_zone: str) -> Markup:
    """``13:05`` today, else ``2 Nov, 13:05``; as a ``<time>`` element with the full time as its title."""
    zone = ZoneInfo(time_zone)
    local, today = at.astimezone(zone), clock.now().astimezone(zone)
    locale = formatting.reader_locale()
    if local.year != today.year:
        short = format_skeleton("yMMMd", at, tzinfo=zone, locale=locale)
    else:
        short = formatting.day_and_time(at, zone, "" if local.date() == today.date() else "MMMd")
    return _time_element(at, short, time_zone)


def _time_element(at: datetime, short: str, time_zone: str) -> Markup:
    full = formatting.local_time(at, time_zone).striptags()
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(timespec="seconds"), full, short)


def event(code: str, agents: Mapping[int | str, str]) -> str:
    """The text for the code in an event's body: ``closed the conversation`` for ``closed``."""
    name, _, number = code.partition(":")
    if name == "assigned" and number.isdigit():
        return f"assigned the conversation to {agents.get(int(number), 'a teammate')}"
    return _EVENTS.get(code, code)


def counted(number: int) -> str:
    """A count; ``1,000+`` where counting stopped."""
    return f"{number:,}{'+' if number >= COUNTED_MAX else ''}"


def excerpt(row: InboxRow, agents: Mapping[int | str, str], me: int) -> str:
    """The newest message of a conversation, on one short line."""
    if row.kind == MessageKind.FORM and row.form:
        summary = _form_summary(row.form)
    else:
        summary = " ".join(row.body[:400].split())[:160]
    if row.author == "contact" or (row.form and row.form.state == CardState.SIGNED_UP):
        return summary
    author = "You" if row.author == f"agent:{me}" else formatting.actor(row.author, agents)
    return f"{'Note by ' if row.kind == MessageKind.NOTE else ''}{author}: {summary}"


def _form_summary(card: FormCard) -> str:
    if card.state == CardState.SIGNED_UP:
        return f"Already opted in: “{card.title}”" if card.is_signed_up_elsewhere else f"Signed up with “{card.title}”"
    return f"Form “{card.title}”: {CARD_STATES[card.state].lower()}"


def thanks(locale: str) -> str:
    """A sentence for a person who just signed up, in their language."""
    return f"{wording.translator(locale)('Thank you for signing up')}."


def day(date_: date) -> str:
    """``Friday 27 November``; with the year when it is not the current one."""
    skeleton = "EEEEdMMMM" if date_.year == clock.now().year else "yEEEEdMMMM"
    return format_skeleton(skeleton, datetime.combine(date_, time()), locale=formatting.reader_locale())


def clock_time(at: datetime, time_zone: str) -> Markup:
    """``13:05``, as a ``<time>`` element with the full time as its title."""
    return _time_element(at, formatting.day_and_time(at, ZoneInfo(time_zone)), time_zone)


def _fields(body: str | None) -> dict[str, Any]:
    try:
        fields = json.loads(body or "{}")
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}
