"""The variables of the inbox's templates, for its pages and its poll."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import request, url_for
from sqlalchemy.orm import Session

from app.core import phone
from app.core.accounts import agents, api_tokens
from app.core.contacts import records as contacts
from app.core.contacts import subscription_panel
from app.core.conversations import texts, views
from app.core.conversations.views import AgentMessage, AgentView
from app.core.errors import InvalidState
from app.core.inbox import lists, presence, replying, search
from app.core.inbox.lists import Assigned, InboxList
from app.core.ledger import events as ledger
from app.core.workspace import settings
from app.models import Agent, Contact, Conversation, ConversationState, TypeState
from app.web import ids
from app.web.i18n import sentence_of
from app.web.inbox import form_preview, headings, labels
from app.web.sign_in.setup import current_agent

_THANKED_WITHIN = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ListChoice:
    """Which list a page shows: by state and assignee, after a certain row, or the results of a search."""

    box: ConversationState
    assigned: Assigned | int
    typed: str
    before: tuple[datetime, int] | None

    @classmethod
    def from_request(cls) -> "ListChoice":
        box, assigned = request.args.get("box", ""), request.args.get("assigned", "")
        return cls(
            ConversationState(box) if box in set(ConversationState) else ConversationState.OPEN,
            Assigned(assigned) if assigned in set(Assigned) else ids.parse_id(assigned) or Assigned.ALL,
            request.args.get("q", "")[:200].strip(),
            _parse_key(request.args.get("before", "")),
        )

    @property
    def is_live(self) -> bool:
        """Whether the poll updates the list: only the first page of a list; not a search and not older pages."""
        return not self.typed and self.before is None

    def params(self, box: str | None = None, assigned: str | None = None, before: str | None = None) -> dict[str, Any]:
        """Query parameters for ``url_for`` that show this page of the list again, without default values.

        Another box or assignee may be given; that ends a search and shows the first page.

        :param before: another page; empty: the first one
        """
        is_same = box is None and assigned is None
        if before is None:
            before = _key_text(self.before) if self.before and is_same else ""
        chosen = {
            "box": box or self.box.value,
            "assigned": assigned or str(self.assigned),
            "q": self.typed if is_same else "",
            "before": before,
        }
        defaults = {"box": "open", "assigned": "all", "q": "", "before": ""}
        return {name: value for name, value in chosen.items() if value != defaults[name]}


def my_id() -> int:
    """The id of the signed-in agent. Only for views with ``agent_required``."""
    agent = current_agent()
    assert agent is not None  # noqa: S101 - agent_required ensures it
    return agent.id


def list_context(session: Session, choice: ListChoice, *, at: datetime) -> dict[str, Any]:
    """The variables of ``inbox/_list.html``."""
    me, workspace, team = my_id(), settings.get(session), agents.find_all(session)
    next_page = ""
    if choice.typed:
        rows = search.search(session, me, choice.typed, region=workspace.default_country, at=at)
    else:
        wanted = InboxList(choice.box, choice.assigned, choice.before, limit=lists.PAGE_SIZE + 1)
        found = lists.page(session, me, wanted, at=at)
        rows = found[: lists.PAGE_SIZE]
        if len(found) > lists.PAGE_SIZE:
            next_page = url_for("inbox.list_page", **choice.params(before=_key_text(rows[-1].key)))
    return {
        "choice": choice,
        "rows": rows,
        "is_cut": bool(choice.typed) and len(rows) >= search.FOUND_MAX,
        "next_page": next_page,
        "counts": lists.counts(session, me),
        "agents": _names(session, team),
        "others": {each.id: agents.label(each) for each in team if each.active and each.id != me},
        "me": me,
        "time_zone": workspace.time_zone,
        "labels": labels,
    }


def conversation_context(
    session: Session, conversation: Conversation, view: AgentView, *, at: datetime, earlier: Mapping[int, AgentMessage]
) -> dict[str, Any]:
    """The variables of ``inbox/_head.html``, ``_message.html`` and ``_panel.html``.

    :param earlier: messages that precede those of ``view``, by number
    """
    contact = contacts.find_by_ids(session, [conversation.contact_id])[conversation.contact_id]
    me, workspace, team = my_id(), settings.get(session), agents.find_all(session)
    answered = [each.form.inserted_form_id for each in view.messages if each.form and each.form.answered_at]
    opt_ins = ledger.of_inserted_forms(session, answered)
    return {
        "choice": ListChoice.from_request(),
        "conversation": conversation,
        "contact": contact,
        "view": view,
        "headings": headings.headings(
            {**earlier, **{each.number: each for each in view.messages}}, workspace.time_zone
        ),
        "agreements": {form_id: labels.agreement(line) for form_id, line in opt_ins.items()},
        "assignable": {each.id: agents.label(each) for each in team if each.active},
        "viewers": [agents.label(each) for each in presence.other_viewers(session, conversation.id, me, at=at)],
        "agents": _names(session, team),
        "me": me,
        "time_zone": workspace.time_zone,
        "labels": labels,
        **_text_context(session, conversation, view),
        "thanks": labels.thanks(form_preview.language_of(contact)),
        "is_recent": lambda moment: at - moment < _THANKED_WITHIN,
        "client_key": new_client_key(),
        **_panel_context(session, contact, conversation.id),
    }


def _text_context(session: Session, conversation: Conversation, view: AgentView) -> dict[str, Any]:
    """Of a conversation by text: how its messages were sent, the number, and why no reply can be sent."""
    if not texts.is_by_text(conversation):
        return {"by_text": False, "sent_texts": {}, "text_number": None, "text_refusal": None}
    refusal: InvalidState | None = None
    try:
        replying.number_to_text(session, conversation)
    except InvalidState as error:
        refusal = error
    sent = texts.sent_for(session, conversation.id, [each.number for each in view.messages])
    return {
        "by_text": True,
        "sent_texts": sent,
        "text_number": texts.number_of(session, conversation.id),
        "text_refusal": sentence_of(refusal) if refusal else None,
    }


def new_client_key() -> str:
    """An idempotency key for one form of a page: sending the form twice has one effect."""
    return secrets.token_urlsafe(12)


def _panel_context(session: Session, contact: Contact, conversation_id: int) -> dict[str, Any]:
    return {
        "subscriptions": [
            each
            for each in subscription_panel.rows(session, contact)
            if each.status.subscription_type.state == TypeState.LIVE
        ],
        "refusal": phone.refusal_of_stored(contact.phone) if contact.phone else None,
        "formatted": phone.formatted,
        "previous": [each for each in views.for_contact(session, contact.id) if each.id != conversation_id],
    }


def _key_text(key: tuple[datetime, int]) -> str:
    """The key of a row as a query parameter: ``microseconds-id``."""
    updated_at, conversation_id = key
    return f"{(updated_at - _EPOCH) // timedelta(microseconds=1)}-{conversation_id}"


def _parse_key(text: str) -> tuple[datetime, int] | None:
    micros, _, conversation_id = text.partition("-")
    if not (text.isascii() and micros.isdigit() and conversation_id.isdigit() and len(text) < 40):
        return None
    try:
        return _EPOCH + timedelta(microseconds=int(micros)), min(int(conversation_id), 2**62)
    except OverflowError:
        return None


def _names(session: Session, team: Sequence[Agent]) -> dict[int | str, str]:
    """The names of agents by id, and of API tokens by actor, as ``formatting.actor_names`` without reading the team."""
    return {each.id: agents.label(each) for each in team} | api_tokens.names(session)
