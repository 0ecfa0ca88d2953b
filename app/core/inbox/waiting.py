"""Conversations that wait for an answer, and the mails to agents about them.

A conversation waits since the first message of its contact that no agent or API client answered, and that no one
closed. A message of a bot or an outbound chat is no answer. An agent is mailed once about it, however many messages the
contact adds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import and_, delete, func, not_, or_, select, update
from sqlalchemy.orm import Session, aliased

from app.core.consent import reach
from app.core.conversations.appending import BOT, CONTACT, OUTBOUND
from app.core.inbox.presence import PRESENT_FOR
from app.db import insert_or_ignore
from app.models import (
    Agent,
    AgentNotice,
    Contact,
    Conversation,
    ConversationPresence,
    ConversationState,
    MailedAbout,
    Message,
    MessageKind,
)

# A conversation that waited longer is not mailed about any more, as when an agent changes the settings.
MAILED_WITHIN = timedelta(days=1)
WAITING_MAX = 1000
KEEP = timedelta(days=30)
_BATCH = 1000
_OPTIONS: dict[str, Any] = {"synchronize_session": False}


@dataclass(frozen=True)
class WaitingConversation:
    """A conversation that waits since ``since``, the time of the message with this number."""

    id: int
    number: int
    since: datetime
    assignee_id: int | None
    contact_name: str | None


@dataclass(frozen=True)
class DueMail:
    """What one agent is to be mailed about now, the longest wait first."""

    agent_id: int
    address: str
    locale: str | None
    conversations: Sequence[WaitingConversation]


def due_mails(session: Session, *, at: datetime) -> list[DueMail]:
    """The mails that are due, by the settings of each agent who can sign in. Three statements, however many agents.

    Conversations that the agent has on the screen, or was mailed about, are left out, and so are those of contacts that
    cannot be answered.
    """
    can_sign_in = Agent.active, Agent.password.is_not(None), Agent.mailed_about != MailedAbout.OFF
    team = session.scalars(select(Agent).where(*can_sign_in).order_by(Agent.id)).all()
    shortest = min((each.mailed_after_minutes for each in team), default=None)
    if shortest is None:
        return []
    waiting = find(session, since=at - MAILED_WITHIN, until=at - timedelta(minutes=shortest))
    left_out = _left_out(session, [each.id for each in waiting], at=at)
    mails = []
    for agent in team:
        until = at - timedelta(minutes=agent.mailed_after_minutes)
        due = [each for each in waiting if each.since <= until and _is_wanted(each, agent)]
        due = [each for each in due if not left_out & {(each.id, agent.id, None), (each.id, agent.id, each.number)}]
        if due:
            mails.append(DueMail(agent.id, agent.email, agent.locale, due))
    return mails


def find(session: Session, *, since: datetime, until: datetime) -> list[WaitingConversation]:
    """The open conversations that have waited since a time between these two, the longest wait first.

    Where there are more than ``WAITING_MAX``, those with the shortest waits. Contacts that are blocked, erased or want
    no messages are left out.
    """
    answer, first = aliased(Message), aliased(Message)
    is_automatic = or_(*(answer.author.startswith(f"{kind}:") for kind in (BOT, OUTBOUND)))
    is_answer = or_(
        and_(
            answer.kind.in_([MessageKind.MESSAGE.value, MessageKind.FORM.value]),
            answer.author != CONTACT,
            not_(is_automatic),
        ),
        and_(answer.kind == MessageKind.EVENT.value, answer.body == "closed"),
    )
    answered = select(func.max(answer.number)).where(answer.conversation_id == Conversation.id, is_answer)
    unanswered = select(func.min(first.number)).where(
        first.conversation_id == Conversation.id,
        first.kind == MessageKind.MESSAGE.value,
        first.author == CONTACT,
        first.number > func.coalesce(answered.correlate(Conversation).scalar_subquery(), 0),
    )
    query = (
        select(Conversation.id, Message.number, Message.created_at, Conversation.assignee_id, Contact.name)
        .join(Contact, Contact.id == Conversation.contact_id)
        .join(Message, Message.conversation_id == Conversation.id)
        .where(Conversation.state == ConversationState.OPEN.value, Conversation.updated_at >= since)
        .where(Message.number == unanswered.correlate(Conversation).scalar_subquery())
        .where(Message.created_at >= since, Message.created_at <= until)
        .where(Contact.erased_at.is_(None), reach.IS_OPEN)
        .order_by(Message.created_at.desc(), Conversation.id.desc())
        .limit(WAITING_MAX)
    )
    return [WaitingConversation(*row) for row in session.execute(query)][::-1]


def claim(session: Session, mail: DueMail, *, at: datetime) -> DueMail | None:
    """Reserve the mail for this caller, before it sends it: no conversation is mailed about twice to one agent.

    :returns: the mail with the conversations that no one else has claimed; null when none is left
    """
    claimed = [
        each
        for each in mail.conversations
        if insert_or_ignore(
            session,
            AgentNotice,
            {"conversation_id": each.id, "agent_id": mail.agent_id, "number": each.number, "claimed_at": at},
        )
    ]
    return DueMail(mail.agent_id, mail.address, mail.locale, claimed) if claimed else None


def record_sent(session: Session, mail: DueMail, *, at: datetime) -> None:
    """Record that a claimed mail was sent."""
    for each in mail.conversations:
        sent = update(AgentNotice).where(*_notice(mail, each)).values(sent_at=at)
        session.execute(sent, execution_options=_OPTIONS)


def release(session: Session, mail: DueMail) -> None:
    """Give a claimed mail back after it was not sent, so that a later run sends it."""
    for each in mail.conversations:
        session.execute(delete(AgentNotice).where(*_notice(mail, each)), execution_options=_OPTIONS)


def delete_old(session: Session, *, at: datetime) -> int:
    """Delete one batch of notices that are older than 30 days; returns how many."""
    keys = AgentNotice.conversation_id, AgentNotice.agent_id, AgentNotice.number
    old = session.execute(select(*keys).where(AgentNotice.claimed_at < at - KEEP).limit(_BATCH)).all()
    for key in old:
        session.execute(delete(AgentNotice).where(*(column == value for column, value in zip(keys, key, strict=True))))
    return len(old)


def _left_out(session: Session, conversation_ids: list[int], *, at: datetime) -> set[tuple[int, int, int | None]]:
    """Conversation, agent, and the number that the agent was mailed about; null: the agent has it on the screen."""
    notices = select(AgentNotice.conversation_id, AgentNotice.agent_id, AgentNotice.number).where(
        AgentNotice.conversation_id.in_(conversation_ids)
    )
    present = select(ConversationPresence.conversation_id, ConversationPresence.agent_id).where(
        ConversationPresence.conversation_id.in_(conversation_ids), ConversationPresence.seen_at >= at - PRESENT_FOR
    )
    left_out: set[tuple[int, int, int | None]] = {(row[0], row[1], row[2]) for row in session.execute(notices)}
    return left_out | {(row[0], row[1], None) for row in session.execute(present)}


def _is_wanted(waiting: WaitingConversation, agent: Agent) -> bool:
    wanted = {
        MailedAbout.MINE: waiting.assignee_id == agent.id,
        MailedAbout.MINE_OR_UNASSIGNED: waiting.assignee_id in {agent.id, None},
    }
    return wanted.get(cast(MailedAbout, agent.mailed_about), True)


def _notice(mail: DueMail, waiting: WaitingConversation) -> tuple[Any, ...]:
    return (
        AgentNotice.conversation_id == waiting.id,
        AgentNotice.agent_id == mail.agent_id,
        AgentNotice.number == waiting.number,
    )
