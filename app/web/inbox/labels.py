"""Texts of the inbox: events, times, and what a contact agreed to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from markupsafe import Markup

from app.core import clock, phone, wording
from app.core.forms.cards import CardState, FormCard
from app.core.inbox.lists import COUNTED_MAX, InboxRow
from app.core.ledger.events import LedgerLine
from app.core.wording import translatable
from app.models import MessageKind, SmsState
from app.web import formatting, shown_words
from app.web.i18n import gettext

_EVENTS = {
    "closed": translatable("%(author)s closed the conversation"),
    "reopened": translatable("%(author)s reopened the conversation"),
    "unassigned": translatable("%(author)s unassigned the conversation"),
}
BOXES = {"open": translatable("Open"), "closed": translatable("Closed")}
ASSIGNED = {
    "all": translatable("All"),
    "me": translatable("Mine"),
    "nobody": translatable("Unassigned"),
    "others": translatable("Others"),
}
CARD_STATES = {
    "waiting": translatable("Waiting to be seen"),
    "seen": translatable("Seen, not answered yet"),
    "confirming": translatable("Waiting for their confirmation"),
    "signed_up": translatable("Signed up"),
    "expired": translatable("Expired without an answer"),
    "withdrawn": translatable("Withdrawn before it was answered"),
    "unavailable": translatable("Cannot be answered now"),
}
TEXT_STATES = {
    SmsState.QUEUED: translatable("Waiting to be sent as a text"),
    SmsState.SENDING: translatable("Being sent as a text"),
    SmsState.SENT: translatable("Sent as a text"),
    SmsState.DELIVERED: translatable("Delivered as a text"),
    SmsState.FAILED: translatable("The text failed"),
    SmsState.UNKNOWN: translatable("It is not known whether the text was sent"),
    SmsState.SKIPPED: translatable("Not sent"),
    SmsState.CANCELED: translatable("Not sent"),
}
_CARD_SUMMARIES = {
    CardState.WAITING: translatable("Form “%(title)s”: waiting to be seen"),
    CardState.SEEN: translatable("Form “%(title)s”: seen, not answered yet"),
    CardState.CONFIRMING: translatable("Form “%(title)s”: waiting for their confirmation"),
    CardState.SIGNED_UP: translatable("Signed up with “%(title)s”"),
    CardState.EXPIRED: translatable("Form “%(title)s”: expired without an answer"),
    CardState.WITHDRAWN: translatable("Form “%(title)s”: withdrawn before it was answered"),
    CardState.UNAVAILABLE: translatable("Form “%(title)s”: cannot be answered now"),
}

_USABLE = translatable("Valid, can receive texts")
_REFUSED_NUMBERS = {
    "phone_invalid": translatable("Not a valid number"),
    "phone_not_sms_capable": translatable("Valid, but cannot receive texts"),
}


@dataclass(frozen=True)
class Agreement:
    """An opt-in by a form: destination, time, and the legal text as it was shown (safe HTML), in ``locale``."""

    event_id: int
    at: datetime
    destination: str
    legal: Markup
    locale: str


def agreement(line: LedgerLine) -> Agreement:
    """What a form's answer agreed to, from its line of the ledger."""
    destination = line.evidence.destination if line.evidence else None
    shown = shown_words.reproduction(line.words or "{}")
    return Agreement(
        line.event.id,
        line.event.occurred_at,
        phone.formatted(destination) if destination else "",
        shown.legal,
        shown.locale,
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


def event(code: str, author: str, agents: Mapping[int | str, str]) -> str:
    """The sentence for the code in an event's body: ``Ana closed the conversation`` for ``closed``."""
    name, _, number = code.partition(":")
    if name == "assigned" and number.isdigit():
        if assignee := agents.get(int(number)):
            return gettext("%(author)s assigned the conversation to %(name)s", author=author, name=assignee)
        return gettext("%(author)s assigned the conversation to a teammate", author=author)
    return gettext(_EVENTS[code], author=author) if code in _EVENTS else f"{author} {code}"


def number_state(refusal: str | None, country: str | None) -> str:
    """Whether a stored number can receive texts, and its country: ``Valid, can receive texts, Ireland``.

    :param refusal: why it cannot (``phone.refusal_of_stored``)
    :param country: ISO code
    """
    state = gettext(_REFUSED_NUMBERS.get(refusal or "", _USABLE))
    return gettext("%(state)s, %(country)s", state=state, country=formatting.country(country)) if country else state


def counted(number: int) -> str:
    """A count; ``1,000+`` where counting stopped."""
    shown = formatting.decimal(number)
    return gettext("%(number)s+", number=shown) if number >= COUNTED_MAX else shown


def excerpt(row: InboxRow, agents: Mapping[int | str, str], me: int) -> str:
    """The newest message of a conversation, on one short line."""
    if row.kind == MessageKind.FORM and row.form:
        summary = _form_summary(row.form)
    else:
        summary = " ".join(row.body[:400].split())[:160]
    if row.author == "contact" or (row.form and _is_by_person(row.form)):
        return summary
    is_note, is_mine = row.kind == MessageKind.NOTE, row.author == f"agent:{me}"
    if is_mine:
        return gettext("Your note: %(text)s", text=summary) if is_note else gettext("You: %(text)s", text=summary)
    author = formatting.actor(row.author, agents)
    if is_note:
        return gettext("Note by %(author)s: %(text)s", author=author, text=summary)
    return gettext("%(author)s: %(text)s", author=author, text=summary)


def _is_by_person(card: FormCard) -> bool:
    return card.state == CardState.SIGNED_UP or card.is_withdrawn_by_person


def _form_summary(card: FormCard) -> str:
    if card.is_withdrawn_by_person:
        return gettext("Withdrew from “%(title)s”", title=card.title)
    if card.state == CardState.SIGNED_UP and card.is_signed_up_elsewhere:
        return gettext("Already opted in: “%(title)s”", title=card.title)
    return gettext(_CARD_SUMMARIES[card.state], title=card.title)


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
