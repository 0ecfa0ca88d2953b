"""Live updates: the changes since the page's last poll, or 204 from the cache when there are none."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flask import jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import clock
from app.core.conversations import changes as conversation_changes
from app.core.conversations import lifecycle, texts, views
from app.core.conversations.appending import CONTACT
from app.core.conversations.changes import ChangeFeed
from app.core.conversations.views import AgentMessage, AgentView
from app.core.errors import NotFound
from app.core.inbox import lists, presence
from app.core.inbox.lists import InboxRow
from app.models import ConversationState
from app.web import formatting, ids, people
from app.web.inbox import labels
from app.web.inbox.blueprint import blueprint
from app.web.inbox.context import ListChoice, conversation_context, list_context, my_id
from app.web.services import changes, read_connection, read_only, unit_of_work
from app.web.sign_in.setup import agent_required

_ANNOUNCED_WITHIN = timedelta(days=1)


@blueprint.get("/inbox/poll")
@agent_required
def poll() -> ResponseReturnValue:
    """``{cursor, unread, news, list?, waiting?, conversation?}``; from ``list`` on as HTML, if the page shows it.

    With ``refresh=yes`` they are rendered even if nothing changed: forms expire, and consents change elsewhere.
    """
    at, cursor = clock.now(), request.args.get("cursor")
    is_refresh = request.args.get("refresh") == "yes"
    changes().follow(read_connection)
    if changes().has_none_since(cursor) and not is_refresh:
        return "", 204
    with read_only() as session:
        feed = conversation_changes.changed_since(session, cursor)
        if not feed.conversation_ids and not is_refresh:
            return "", 204
        return jsonify(_news(session, feed, is_refresh=is_refresh, at=at))


@blueprint.post("/inbox/<int:conversation_id>/here")
@agent_required
def here(conversation_id: int) -> ResponseReturnValue:
    """The page reports that the conversation is on the screen, up to ``revision``."""
    revision = request.form.get("revision", 0, type=ids.whole_number)
    with unit_of_work() as session:
        presence.mark_viewing(session, conversation_id, my_id(), revision, at=clock.now())
    return "", 204


@blueprint.post("/inbox/<int:conversation_id>/leave")
@agent_required
def leave(conversation_id: int) -> ResponseReturnValue:
    """The page reports that the conversation is no longer on the screen."""
    with unit_of_work() as session:
        conversation = lifecycle.find(session, conversation_id)
        presence.leave(session, conversation.id, my_id(), at=clock.now())
    return "", 204


def _news(session: Session, feed: ChangeFeed, *, is_refresh: bool, at: datetime) -> dict[str, Any]:
    me, choice = my_id(), ListChoice.from_request()
    context = list_context(session, choice, at=at)
    changed = lists.rows_of(session, me, feed.conversation_ids, at=at)
    news: dict[str, Any] = {
        "cursor": feed.cursor,
        "unread": context["counts"].unread,
        "news": [_announcement(session, row, context["time_zone"]) for row in changed if _concerns(row, me, at)],
    }
    open_id = request.args.get("conversation", 0, type=ids.whole_number)
    if choice.is_live:
        news["list"] = render_template("inbox/_list.html", open_id=open_id, **context)
    if choice.is_live and not open_id:
        news["waiting"] = render_template("inbox/_waiting.html", **context)
    if open_id:
        after = request.args.get("after", 0, type=ids.whole_number)
        news["conversation"] = _conversation(session, open_id, max(0, after), is_refresh=is_refresh, at=at)
    return news


def _concerns(row: InboxRow, me: int, at: datetime) -> bool:
    """Whether an agent is to hear of it. Conversations that are moved here from another product are old."""
    is_open = row.is_unread and row.state == ConversationState.OPEN
    return is_open and row.assignee_id in {None, me} and row.updated_at > at - _ANNOUNCED_WITHIN


def _announcement(session: Session, row: InboxRow, time_zone: str) -> dict[str, Any]:
    """One announcement for the page, which announces each ``key`` once."""
    return {
        "key": row.news_key,
        "is_mine": row.assignee_id == my_id(),
        "id": row.conversation_id,
        "address": url_for("inbox.conversation_page", conversation_id=row.conversation_id),
        "name": people.label(row, time_zone),
        "text": labels.excerpt(row, formatting.actor_names(session), my_id()),
    }


def _conversation(
    session: Session, conversation_id: int, after: int, *, is_refresh: bool, at: datetime
) -> dict[str, Any] | None:
    try:
        conversation = lifecycle.find(session, conversation_id)
    except NotFound:
        return None
    view = views.agent_news(session, conversation_id, after=after, at=at)
    if is_refresh:
        view = _with_states(session, view, at=at, by_text=texts.is_by_text(conversation))
    elif view.revision == after:
        return None
    earlier = _predecessors(session, view, at=at)
    context = conversation_context(session, conversation, view, at=at, earlier=earlier)
    return {
        "revision": view.revision,
        "is_more": view.revision < conversation.revision,
        "seen": view.contact_seen_number,
        "messages": [
            {"number": each.number, "html": render_template("inbox/_message.html", message=each, **context)}
            for each in view.messages
        ],
        "head": render_template("inbox/_head.html", **context),
        "panel": render_template("inbox/_panel.html", **context),
    }


def _predecessors(session: Session, view: AgentView, *, at: datetime) -> dict[int, AgentMessage]:
    """The message before each message of the view, as far as the view lacks it."""
    shown = {each.number for each in view.messages}
    missing = [number for number in sorted(shown) if number > 1 and number - 1 not in shown]
    pages = (views.agent_page(session, view.conversation_id, at=at, before=number, limit=1) for number in missing)
    return {each.number: each for page in pages for each in page.messages}


def _with_states(session: Session, view: AgentView, *, at: datetime, by_text: bool) -> AgentView:
    """Add the newest forms and texts: what is shown of them may have changed without a new revision."""
    newest = views.agent_page(session, view.conversation_id, at=at).messages
    stateful = [each for each in newest if each.form or (by_text and each.author != CONTACT)]
    messages = {each.number: each for each in [*stateful, *view.messages]}
    return replace(view, messages=[messages[number] for number in sorted(messages)])
