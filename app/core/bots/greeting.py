"""Greetings: the message of a rule, shown to a visitor, and stored once they act on it.

Choosing one only reads. A visitor without a contact is greeted without anything being stored; of a contact, only that
the rule greeted them is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.core.bots import matching, people, working_rules
from app.core.bots.matching import Person, Rule, Visit
from app.core.consent import locking, reach
from app.core.conversations import appending, forms, lifecycle
from app.core.conversations.appending import BOT, NewMessage
from app.core.forms import publishing
from app.core.wording import DEFAULT_BUTTON_TEXT, first_known, translator
from app.core.workspace import office_hours, settings
from app.db import insert_or_ignore, run
from app.models import BotGreeting, BotTrigger, Contact, Conversation, Message, Workspace

_CONVERSATION = Conversation.__table__
_MESSAGE = Message.__table__
_GREETING_TRIGGERS = (BotTrigger.OPEN, BotTrigger.PAGE)
_STORED = (
    select(_MESSAGE.c.id)
    .join(_CONVERSATION, _CONVERSATION.c.id == _MESSAGE.c.conversation_id)
    .where(_CONVERSATION.c.contact_id == bindparam("contact_id"), _MESSAGE.c.author == bindparam("author"))
    .limit(1)
)


@dataclass(frozen=True)
class Guest:
    """Who is to be greeted.

    :param contact_id: null: there is no contact yet
    :param greeted: when each rule greeted them, as their browser remembers it
    :param locale: the language of the panel
    """

    contact_id: int | None
    is_signed_in: bool
    greeted: Mapping[int, datetime] = field(default_factory=dict)
    locale: str = "en"


@dataclass(frozen=True)
class OfferedForm:
    """The form of a greeting before it is inserted."""

    title: str
    button_text: str
    locale: str


@dataclass(frozen=True)
class Greeting:
    rule_id: int
    body: str
    form: OfferedForm | None


@dataclass(frozen=True)
class Choice:
    """The greeting to show now; or in how many seconds on this page to ask again."""

    greeting: Greeting | None = None
    wait_s: int | None = None


@dataclass(frozen=True)
class Shown:
    """What a visitor sees when they write or press something: the page, and the greeting, if there is one."""

    page: str = ""
    rule_id: int | None = None


NOTHING_SHOWN = Shown()


def choose(session: Session, guest: Guest, visit: Visit, *, at: datetime) -> Choice:
    """Which greeting a visitor gets now, if any. Writes nothing.

    :param visit: ``is_office_open`` is set here
    """
    rules = working_rules.working(session, visit.trigger) if visit.trigger in _GREETING_TRIGGERS else []
    if not rules or not _may_be_greeted(session, guest.contact_id):
        return Choice()
    workspace = settings.get(session)
    visit = at_this_time(workspace, visit, at=at)
    found = matching.match(
        rules,
        visit,
        _person(session, guest, rules, at=at),
        at=at,
        pause=timedelta(hours=workspace.bot_pause_hours),
    )
    return Choice(_greeting(session, found.rule, guest.locale) if found.rule else None, found.wait_s)


def again(session: Session, guest: Guest, rule_id: int) -> Greeting | None:
    """A greeting that was shown before, for another page of the visitor; null once it is stored or no longer given."""
    rule = _working(session, rule_id)
    if rule is None or not _may_be_greeted(session, guest.contact_id):
        return None
    if guest.contact_id is not None and _is_stored(session, guest.contact_id, rule):
        return None
    return _greeting(session, rule, guest.locale)


def is_recorded(session: Session, contact_id: int, rule_id: int) -> bool:
    """Whether it is stored that this rule applied to the contact."""
    return session.get(BotGreeting, (rule_id, contact_id)) is not None


def record(session: Session, contact_id: int, rule_id: int, *, at: datetime) -> bool:
    """Record that a rule greeted a contact, once. Returns false when there is no such rule, or it may not greet."""
    if _working(session, rule_id) is None or not _may_be_greeted(session, contact_id):
        return False
    if not working_rules.is_kept(session, rule_id):
        return False
    row = {"rule_id": rule_id, "contact_id": contact_id, "greeted_at": at}
    return insert_or_ignore(session, BotGreeting, row)


def place(session: Session, guest: Guest, shown: Shown, *, at: datetime) -> bool:
    """Store a greeting that the contact acts on, and insert its form. Locks the contact's row.

    The rule is checked again, but for what was only true when it was shown: time, office hours, pause. Returns false,
    and writes nothing, when it does not fit the person or was stored before.
    """
    if shown.rule_id is None or guest.contact_id is None:
        return False
    contact_id = guest.contact_id
    contact = locking.lock_contact(session, contact_id)
    rule = _working(session, shown.rule_id)
    if rule is None or reach.is_out_of_reach(contact) or _is_stored(session, contact_id, rule):
        return False
    if not matching.fits(rule, shown.page, _person(session, guest, [rule], at=at)):
        return False
    if not working_rules.is_kept(session, rule.id):
        return False
    conversation = lifecycle.find_or_start(session, contact_id, at=at)
    write(session, conversation.id, rule, at=at)
    insert_or_ignore(session, BotGreeting, {"rule_id": rule.id, "contact_id": contact_id, "greeted_at": at})
    return True


def write(session: Session, conversation_id: int, rule: Rule, *, at: datetime) -> None:
    """Append the message of a rule, and its form, to a conversation of a contact whose row is locked."""
    conversation = appending.lock(session, conversation_id)
    author = f"{BOT}:{rule.id}"
    appending.append(session, conversation, NewMessage(author, rule.body), at=at)
    if rule.form_id is not None:
        forms.insert_saved(session, conversation_id, rule.form_id, actor=author, at=at)


def at_this_time(workspace: Workspace, visit: Visit, *, at: datetime) -> Visit:
    """The visit, with whether it is within office hours."""
    is_open = office_hours.is_open(workspace.office_hours, workspace.time_zone, at=at)
    return Visit(visit.trigger, visit.page, visit.seconds, visit.text, is_open)


def _working(session: Session, rule_id: int) -> Rule | None:
    return next((each for each in working_rules.working(session, *_GREETING_TRIGGERS) if each.id == rule_id), None)


def _person(session: Session, guest: Guest, rules: list[Rule], *, at: datetime) -> Person:
    visitor = people.anonymous(guest.greeted, is_signed_in=guest.is_signed_in, at=at)
    return visitor if guest.contact_id is None else people.known(session, guest.contact_id, rules, visitor)


def _may_be_greeted(session: Session, contact_id: int | None) -> bool:
    contact = session.get(Contact, contact_id) if contact_id is not None else None
    return contact is None or not reach.is_out_of_reach(contact)


def _is_stored(session: Session, contact_id: int, rule: Rule) -> bool:
    found = run(session, _STORED, {"contact_id": contact_id, "author": f"{BOT}:{rule.id}"})
    return found.first() is not None


def _greeting(session: Session, rule: Rule, locale: str) -> Greeting:
    return Greeting(rule.id, rule.body, offered(session, rule.form_id, locale) if rule.form_id is not None else None)


def offered(session: Session, form_id: int, locale: str) -> OfferedForm:
    """The texts of a form in this language, or in its own. :raises NotFound: there is no such form"""
    version = publishing.newest_version(session, publishing.find(session, form_id))
    texts = {each.locale: each for each in version.texts}
    chosen = texts[first_known([locale], texts) or version.locale]
    button = chosen.button_text or translator(chosen.locale)(DEFAULT_BUTTON_TEXT)
    return OfferedForm(chosen.title, button, chosen.locale)
