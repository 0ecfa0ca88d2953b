"""What became of each recipient of an outbound chat, and how many have each state.

A recipient that got it has the state of the form. Without a form, or until it is seen, the message counts: it was
delivered, or the person has seen it in the messenger.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, select
from sqlalchemy.orm import Session

from app.core.forms import cards
from app.core.forms.cards import CardState
from app.db import run
from app.models import ChatOutcome, Contact, Conversation, OutboundChatRecipient

_RECIPIENT = OutboundChatRecipient.__table__
_CONVERSATION = Conversation.__table__
_PERSON = Contact.__table__.alias("person")


class RecipientState(StrEnum):
    """In the order of a report."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    SEEN = "seen"
    CONFIRMING = "confirming"
    SIGNED_UP = "signed_up"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    UNAVAILABLE = "unavailable"
    SKIPPED = "skipped"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Report:
    """How many recipients have each state, without those that none has. ``skipped``: by reason."""

    states: dict[RecipientState, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)

    @property
    def delivered(self) -> int:
        """How many got it, whatever they did since."""
        not_delivered = {RecipientState.WAITING, RecipientState.SKIPPED, RecipientState.STOPPED}
        return sum(many for state, many in self.states.items() if state not in not_delivered)

    @property
    def done(self) -> int:
        """How many do not wait any more."""
        return sum(self.states.values()) - self.states.get(RecipientState.WAITING, 0)


@dataclass(frozen=True)
class Recipient:
    """One row of the report."""

    contact_id: int
    contact_public_id: str
    name: str | None
    email: str | None
    phone: str | None
    state: str
    reason: str | None
    conversation_id: int | None
    changed_at: datetime


@dataclass(frozen=True)
class Page:
    """Which recipients to read, in the order of contacts.

    :param state, reason: only those with this state, or this reason
    :param after: the contact that the page before ended with
    """

    limit: int
    state: str | None = None
    reason: str | None = None
    after: int | None = None


def counts(session: Session, chat_id: int, *, at: datetime) -> Report:
    """How many recipients have each state now."""
    state, source = _state(at)
    of_each = select(state.label("state"), _RECIPIENT.c.reason).select_from(source)
    found = of_each.where(_RECIPIENT.c.outbound_chat_id == chat_id).subquery()
    grouped = select(found.c.state, found.c.reason, func.count()).group_by(found.c.state, found.c.reason)
    states: dict[RecipientState, int] = {}
    skipped: dict[str, int] = {}
    rows: Any = run(session, grouped)
    for name, reason, many in rows:
        states[RecipientState(name)] = states.get(RecipientState(name), 0) + int(many)
        if name == RecipientState.SKIPPED:
            skipped[reason or ""] = int(many)
    return Report(
        {each: states[each] for each in RecipientState if each in states},
        dict(sorted(skipped.items(), key=lambda pair: (-pair[1], pair[0]))),
    )


def recipients_page(session: Session, chat_id: int, page: Page, *, at: datetime) -> list[Recipient]:
    """One page of the recipients, with the state that they have now."""
    query = _recipients(at).where(_RECIPIENT.c.outbound_chat_id == chat_id)
    if page.state is not None:
        query = query.where(_state(at)[0] == page.state)
    if page.reason is not None:
        query = query.where(_RECIPIENT.c.reason == page.reason)
    if page.after is not None:
        query = query.where(_RECIPIENT.c.contact_id > page.after)
    rows = run(session, query.order_by(_RECIPIENT.c.contact_id).limit(page.limit)).mappings()
    return [Recipient(**row) for row in rows]


def delivered_counts(session: Session, chat_ids: list[int]) -> dict[int, int]:
    """How many got each of these outbound chats, by id; one read of an index."""
    delivered = select(_RECIPIENT.c.outbound_chat_id, func.count()).where(
        _RECIPIENT.c.outbound_chat_id.in_(chat_ids), _RECIPIENT.c.outcome == ChatOutcome.DELIVERED.value
    )
    rows: Any = run(session, delivered.group_by(_RECIPIENT.c.outbound_chat_id)) if chat_ids else []
    return {int(chat_id): int(many) for chat_id, many in rows}


def _recipients(at: datetime) -> Select[Any]:
    state, source = _state(at)
    columns = [
        *(_RECIPIENT.c[name] for name in ("contact_id", "reason", "conversation_id", "changed_at")),
        _PERSON.c.public_id.label("contact_public_id"),
        *(_PERSON.c[name] for name in ("name", "email", "phone")),
        state.label("state"),
    ]
    return select(*columns).select_from(source.join(_PERSON, _PERSON.c.id == _RECIPIENT.c.contact_id))


def _state(at: datetime) -> tuple[ColumnElement[str], FromClause]:
    """The state of a recipient, and the tables that it is read from."""
    source = cards.joined_to(_RECIPIENT, _RECIPIENT.c.inserted_form_id).outerjoin(
        _CONVERSATION, _CONVERSATION.c.id == _RECIPIENT.c.conversation_id
    )
    card = cards.state_at(at)
    has_card = and_(_RECIPIENT.c.inserted_form_id.is_not(None), card != CardState.WAITING.value)
    state = case(
        (_RECIPIENT.c.outcome != ChatOutcome.DELIVERED.value, _RECIPIENT.c.outcome),
        (has_card, card),
        (_CONVERSATION.c.contact_seen_number >= _RECIPIENT.c.message_number, RecipientState.SEEN.value),
        else_=RecipientState.DELIVERED.value,
    )
    return state, source
