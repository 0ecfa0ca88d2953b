"""Live updates: what changed since the page last asked; 204 when nothing did, told from memory."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import jsonify, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import clock
from app.core.conversations import changes as inbox_changes
from app.core.conversations import messages as conversations
from app.core.conversations import views as conversation_views
from app.core.conversations.changes import Changes
from app.core.conversations.views import AgentView
from app.core.errors import NotFound
from app.core.inbox import lists as inbox
from app.core.inbox.lists import Row
from app.models import Conversation, ConversationState
from app.web import formatting as display
from app.web import ids as numbers
from app.web.inbox import blueprint
from app.web.inbox import context as reading
from app.web.inbox import labels as words
from app.web.inbox.context import Choice
from app.web.services import changes, read_connection, read_only, unit_of_work
from app.web.sign_in.setup import agent_required


@blueprint.get("/inbox/poll")
@agent_required
def poll() -> ResponseReturnValue:
    """``{cursor, unread, news, list?, conversation?}``; the list and the conversation as HTML, where they are shown.

    With ``refresh=yes`` it is told as it stands although nothing was said: forms run out, consents change elsewhere.
    """
    at, cursor = clock.now(), request.args.get("cursor")
    is_refresh = request.args.get("refresh") == "yes"
    changes().follow(read_connection)
    if changes().has_none_since(cursor) and not is_refresh:
        return "", 204
    with read_only() as session:
        found = inbox_changes.changed_since(session, cursor)
        if not found.conversation_ids and not is_refresh:
            return "", 204
        return jsonify(_told(session, found, is_refresh=is_refresh, at=at))


def _told(session: Session, found: Changes, *, is_refresh: bool, at: datetime) -> dict[str, Any]:
    me, choice, ids = reading.my_id(), Choice.of_request(), found.conversation_ids
    listed = reading.list_of(session, choice, at=at)
    rows = inbox.rows_where(session, me, Conversation.id.in_(ids), at=at) if ids else []
    answer: dict[str, Any] = {
        "cursor": found.cursor,
        "unread": listed["counts"].unread,
        "news": [_news(session, row) for row in rows if _concerns(row, me)],
    }
    if choice.is_live:
        answer["list"] = render_template("inbox/_list.html", open_id=_open_id(), **listed)
    if _open_id():
        after = request.args.get("after", 0, type=numbers.whole)
        answer["conversation"] = _conversation(session, _open_id(), max(0, after), is_refresh=is_refresh, at=at)
    return answer


@blueprint.post("/inbox/<int:conversation_id>/here")
@agent_required
def here(conversation_id: int) -> ResponseReturnValue:
    """The conversation is on the screen, up to ``revision``."""
    revision = request.form.get("revision", 0, type=numbers.whole)
    with unit_of_work() as session:
        found = conversations.find(session, conversation_id)
        inbox.mark_present(session, found.id, reading.my_id(), at=clock.now())
        inbox.mark_read(session, found.id, reading.my_id(), max(0, min(revision, found.revision)))
    return "", 204


@blueprint.post("/inbox/<int:conversation_id>/leave")
@agent_required
def leave(conversation_id: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        found = conversations.find(session, conversation_id)
        inbox.leave(session, found.id, reading.my_id(), at=clock.now())
    return "", 204


def _open_id() -> int:
    return request.args.get("conversation", 0, type=numbers.whole)


def _concerns(row: Row, me: int) -> bool:
    return row.is_unread and row.state == ConversationState.OPEN and row.assignee_id in {None, me}


def _news(session: Session, row: Row) -> dict[str, Any]:
    """What is announced; ``key`` makes it once."""
    return {
        "key": row.news_key,
        "id": row.conversation_id,
        "name": words.name_of(row),
        "text": words.excerpt(row, display.agent_names(session), reading.my_id()),
    }


def _conversation(
    session: Session, conversation_id: int, after: int, *, is_refresh: bool, at: datetime
) -> dict[str, Any] | None:
    try:
        found = conversations.find(session, conversation_id)
    except NotFound:
        return None
    view = conversation_views.messages_after(session, conversation_id, after, at=at)
    if is_refresh:
        view = _with_forms(session, view, at=at)
    elif view.revision == after:
        return None
    shown = reading.conversation_of(session, found, view, at=at)
    return {
        "revision": view.revision,
        "is_more": view.revision < found.revision,
        "seen": view.contact_seen_number,
        "lines": [
            {"number": line.number, "html": render_template("inbox/_line.html", line=line, **shown)}
            for line in view.lines
        ],
        "head": render_template("inbox/_head.html", **shown | {"choice": Choice.of_request()}),
        "panel": render_template("inbox/_panel.html", **shown | {"choice": Choice.of_request()}),
    }


def _with_forms(session: Session, view: AgentView, *, at: datetime) -> AgentView:
    """With the newest forms, too, which may look different although nothing was written."""
    newest = conversation_views.page(session, view.conversation_id, at=at).lines
    lines = {line.number: line for line in [*(line for line in newest if line.form), *view.lines]}
    return replace(view, lines=[lines[number] for number in sorted(lines)])
