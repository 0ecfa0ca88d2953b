"""The message that began a conversation, as the API shows it (``conversations/api_authors.py``), as columns of SQL.

They are null where a form began the conversation, but for ``BODY``.
"""

from typing import Any

from sqlalchemy import ColumnElement, String, case, cast, func, literal, or_, select

from app.core.conversations.appending import BOT, CONTACT, OUTBOUND
from app.models import Agent, Contact, Conversation, Message

_CONVERSATION = Conversation.__table__
_MESSAGE = Message.__table__
_CONTACT = Contact.__table__
_AGENT = Agent.__table__
_AGENTS, _TOKENS = "agent:", "api:"
_AUTHOR = _MESSAGE.c.author


def _of_first(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A value of the message that began the conversation."""
    first = select(column).where(_MESSAGE.c.conversation_id == _CONVERSATION.c.id, _MESSAGE.c.number == 1)
    return first.correlate(_CONVERSATION).scalar_subquery()


def _of_contact(name: str) -> ColumnElement[Any]:
    query = select(_CONTACT.c[name]).where(_CONTACT.c.id == _CONVERSATION.c.contact_id)
    return query.correlate(_CONVERSATION).scalar_subquery()


def _after(kind: str) -> tuple[ColumnElement[bool], ColumnElement[Any]]:
    return _AUTHOR.startswith(kind), func.substr(_AUTHOR, len(kind) + 1)


_IS_CONTACT = _AUTHOR == CONTACT
_IS_RULE = or_(*(_AUTHOR.startswith(f"{kind}:") for kind in (BOT, OUTBOUND)))
_AGENTS_EMAIL = (
    select(_AGENT.c.email)
    .where(literal(_AGENTS) + cast(_AGENT.c.id, String) == _AUTHOR)
    .correlate(_MESSAGE)
    .scalar_subquery()
)
ID = _of_first(_MESSAGE.c.id)
BODY = func.coalesce(_of_first(_MESSAGE.c.body), "")
DELIVERED_AS = _of_first(case((_IS_CONTACT, "customer_initiated"), else_="admin_initiated"))
AUTHOR_TYPE = _of_first(
    case((_IS_CONTACT, _of_contact("role")), (_AUTHOR.startswith(_AGENTS), literal("admin")), else_=literal("bot"))
)
AUTHOR_ID = _of_first(
    case(
        (_IS_CONTACT, _of_contact("public_id")),
        (_IS_RULE, _AUTHOR),
        _after(_AGENTS),
        _after(_TOKENS),
        else_=literal("0"),
    )
)
AUTHOR_EMAIL = _of_first(case((_IS_CONTACT, _of_contact("email")), else_=_AGENTS_EMAIL))
