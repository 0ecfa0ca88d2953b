"""The page of one outbound chat: its audience before it begins, then its progress and its report."""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from flask import render_template
from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import AssentError
from app.core.forms import publishing
from app.core.outbound_chats import audience, drafts, report
from app.core.outbound_chats.audience import Audience
from app.core.workspace import settings
from app.models import OutboundChat, OutboundChatState
from app.web import composing, formatting
from app.web.composing import ScheduleForm
from app.web.i18n import sentence_of
from app.web.outbound_chats import labels, preview
from app.web.outbound_chats.blueprint import blueprint
from app.web.services import read_only
from app.web.sign_in.setup import marketer_required

# While it is shorter than this, an active one is asked about each second: its report is counted again each time.
LIVE_UP_TO = 5_000
_BEGINNING = frozenset({OutboundChatState.SCHEDULED, OutboundChatState.EXPANDING})


@dataclass(frozen=True)
class Before:
    """What is known before it begins. ``problem``: why its audience cannot be counted."""

    audience: Audience | None = None
    problem: str = ""


@blueprint.get("/outbound-chats/<int:chat_id>")
@marketer_required
def chat_page(chat_id: int) -> str:
    with read_only() as session:
        return shown(session, drafts.get(session, chat_id))


@blueprint.get("/outbound-chats/<int:chat_id>/progress")
@marketer_required
def progress(chat_id: int) -> str:
    """The part of the page that changes. ``data-unfinished`` is gone at the end."""
    with read_only() as session:
        return render_template("outbound_chats/_progress.html", **_progress(session, drafts.get(session, chat_id)))


def shown(session: Session, chat: OutboundChat, *, schedule: ScheduleForm | None = None) -> str:
    """The page of an outbound chat, with the form that was refused."""
    zone = settings.get(session).time_zone
    return render_template(
        "outbound_chats/chat.html",
        before=_before(session, chat) if chat.state in drafts.EDITABLE else None,
        preview=preview.of(session, chat.body, chat.form_id, chat.query),
        form_name=publishing.names(session, [chat.form_id]).get(chat.form_id, "") if chat.form_id else "",
        chosen=composing.chosen(session, chat.query, ZoneInfo(zone)),
        schedule_form=schedule or ScheduleForm(formdata=None, data={"send_at": composing.local(chat.send_at, zone)}),
        held=composing.held(session, chat.state, zone),
        names=formatting.actor_names(session),
        **_progress(session, chat),
    )


def _before(session: Session, chat: OutboundChat) -> Before:
    try:
        return Before(audience.preview(session, chat.form_id, chat.query))
    except AssentError as error:
        return Before(problem=sentence_of(error))


def _progress(session: Session, chat: OutboundChat) -> dict[str, Any]:
    """What the page and its changing part both show."""
    is_active = chat.state == OutboundChatState.ACTIVE and chat.eligible <= LIVE_UP_TO
    has_begun = chat.state not in drafts.EDITABLE
    return {
        "chat": chat,
        "report": report.counts(session, chat.id, at=clock.now()) if has_begun else None,
        "is_unfinished": is_active or chat.state in _BEGINNING or chat.is_withdrawing,
        "stops": labels.STOPS,
        "time_zone": settings.get(session).time_zone,
    }
