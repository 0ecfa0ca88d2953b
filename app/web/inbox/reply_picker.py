"""The picker of saved replies for one conversation. Scripts show the same page in a dialog."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import render_template, request
from sqlalchemy.orm import Session

from app.core.consent import eligibility
from app.core.conversations import lifecycle, saved_replies
from app.core.forms.concerns import Concern
from app.core.workspace import settings
from app.models import Contact, SavedReply
from app.web import ids
from app.web.formkit import CONCERNS, forms_with_concerns
from app.web.inbox.blueprint import blueprint
from app.web.inbox.context import ListChoice
from app.web.services import read_only
from app.web.sign_in.setup import agent_required, current_actor


@dataclass(frozen=True)
class AttachedForm:
    """A saved form that is sent after a message, with what speaks against it for the contact."""

    id: int
    name: str
    warning: str


@dataclass(frozen=True)
class ReplyPick:
    """A saved reply as it is for one contact. ``form`` is null without a form, and where it is no longer offered."""

    id: int
    name: str
    body: str
    form: AttachedForm | None
    has_closed_form: bool


@blueprint.get("/inbox/<int:conversation_id>/replies")
@agent_required
def reply_picker(conversation_id: int) -> str:
    """The saved replies. Each is a link to the conversation, which then has its text in the message box."""
    with read_only() as session:
        conversation = lifecycle.find(session, conversation_id)
        contact = lifecycle.contact_of(session, conversation)
        forms, found = _forms(session, contact), saved_replies.find_all(session)
        return render_template(
            "inbox/pick_reply.html",
            picks=[_pick(each, contact, forms) for each in found],
            conversation=conversation,
            contact=contact,
            time_zone=settings.get(session).time_zone,
            choice=ListChoice.from_request(),
        )


def picked_values(session: Session, contact: Contact) -> dict[str, str]:
    """The values of the reply form for the saved reply in ``?reply=``; none without it, or when it was deleted."""
    reply_id = request.args.get("reply", type=ids.whole_number)
    reply = None if reply_id is None else saved_replies.find_or_none(session, reply_id)
    if reply is None:
        return {}
    return {"body": saved_replies.filled(reply.body, contact.name), "form_id": str(reply.form_id or "")}


def attached_form(session: Session, contact: Contact, form_id: str | None) -> AttachedForm | None:
    """The form with this id, if there is one that can be sent after a message."""
    number = ids.parse_id(form_id)
    return _forms(session, contact).get(number) if number is not None else None


def _forms(session: Session, contact: Contact) -> Mapping[int, AttachedForm]:
    statuses = eligibility.live_statuses(session, contact)
    found = forms_with_concerns(session, statuses, actor=current_actor())
    return {each.form.id: AttachedForm(each.form.id, each.form.name, _warning(concern)) for each, concern in found}


def _pick(reply: SavedReply, contact: Contact, forms: Mapping[int, AttachedForm]) -> ReplyPick:
    form = forms.get(reply.form_id) if reply.form_id is not None else None
    body = saved_replies.filled(reply.body, contact.name)
    return ReplyPick(reply.id, reply.name, body, form, has_closed_form=reply.form_id is not None and form is None)


def _warning(concern: Concern | None) -> str:
    words = str(CONCERNS[concern]) if concern else ""
    return words[:1].upper() + words[1:]
