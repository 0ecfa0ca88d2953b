"""What became of each recipient of an outbound chat: lists by state and reason, and a file."""

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import audit, clock
from app.core.outbound_chats import drafts, report
from app.core.outbound_chats.report import Page, Recipient, RecipientState
from app.core.workspace import settings
from app.web import csv_file, ids
from app.web.outbound_chats.blueprint import blueprint
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import current_actor, marketer_required

PAGE_SIZE = 50
_HEADER = ("contact_id", "name", "email", "phone", "state", "reason", "conversation_id", "changed_at")


@blueprint.get("/outbound-chats/<int:chat_id>/recipients")
@marketer_required
def recipients_page(chat_id: int) -> str:
    state, reason = request.args.get("state") or None, request.args.get("reason") or None
    after = request.args.get("after", type=ids.whole_number)
    with read_only() as session:
        chat = drafts.get(session, chat_id)
        found = report.recipients_page(session, chat.id, Page(PAGE_SIZE + 1, state, reason, after), at=clock.now())
        return render_template(
            "outbound_chats/recipients.html",
            chat=chat,
            state_name=state if state in set(RecipientState) else None,
            reason=reason,
            recipients=found[:PAGE_SIZE],
            is_first=after is None,
            next_after=found[PAGE_SIZE - 1].contact_id if len(found) > PAGE_SIZE else None,
            time_zone=settings.get(session).time_zone,
        )


@blueprint.post("/outbound-chats/<int:chat_id>/report")
@marketer_required
def download_report(chat_id: int) -> ResponseReturnValue:
    """What became of each recipient, as a file. The audit log keeps who downloaded it."""
    with unit_of_work() as session:
        subject = drafts.subject(drafts.get(session, chat_id))
        audit.record(session, current_actor(), "outbound_chat.downloaded", subject, {}, at=clock.now())
    rows = csv_file.chunks(lambda session, after: _page(session, chat_id, after), lambda each: each.contact_id, _row)
    return csv_file.response(f"outbound-chat-{chat_id}.csv", _HEADER, rows)


def _page(session: Session, chat_id: int, after: int) -> list[Recipient]:
    return report.recipients_page(session, chat_id, Page(csv_file.CHUNK_SIZE, after=after), at=clock.now())


def _row(each: Recipient) -> tuple[object, ...]:
    person = (each.contact_public_id, each.name, each.email, each.phone)
    return (*person, each.state, each.reason, each.conversation_id, each.changed_at.isoformat(timespec="seconds"))
