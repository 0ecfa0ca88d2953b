"""The composer: write an outbound chat, see it as in the messenger, and save it as a draft."""

from typing import Any
from zoneinfo import ZoneInfo

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import clock
from app.core.contacts import filter_form
from app.core.errors import InvalidInput, InvalidState
from app.core.outbound_chats import drafts
from app.core.workspace import settings
from app.models import OutboundChat
from app.web import composing, filter_words
from app.web.composing import Built
from app.web.formkit import refuse
from app.web.i18n import gettext, sentence_of
from app.web.ids import parse_id
from app.web.outbound_chats import fields, preview
from app.web.outbound_chats.blueprint import blueprint
from app.web.outbound_chats.fields import ChatForm
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import current_actor, marketer_required


@blueprint.route("/outbound-chats/new", methods=["GET", "POST"])
@marketer_required
def new_chat() -> ResponseReturnValue:
    return _composer(None)


@blueprint.route("/outbound-chats/<int:chat_id>/edit", methods=["GET", "POST"])
@marketer_required
def edit_chat(chat_id: int) -> ResponseReturnValue:
    return _composer(chat_id)


@blueprint.post("/outbound-chats/preview")
@marketer_required
def preview_chat() -> str:
    """How the message looks as it is typed. Nothing is saved."""
    with read_only() as session:
        form, built = ChatForm(session), Built(filter_form.from_fields(request.form))
        zone = settings.get(session).time_zone
        shown = _preview(session, form, built)
        return render_template("outbound_chats/_preview.html", preview=shown, time_zone=zone)


def _composer(chat_id: int | None) -> ResponseReturnValue:
    with read_only() as session:
        chat = drafts.get_editable(session, chat_id) if chat_id is not None else None
        zone = ZoneInfo(settings.get(session).time_zone)
        first = composing.first_audience(session, request.args.get("segment"))
        values, built = fields.values_of(chat, zone) if chat else (first, Built())
        form = ChatForm(session, data=values)
        if request.method == "GET":
            return _page(session, form, built, chat)
        built, act = Built(filter_form.from_fields(request.form)), request.form.get("do", "save")
        if act != "save":
            return _page(session, form, composing.pressed(form, built, act, request.form.get("new", "")), chat)
        query, errors = composing.query_of(form, built, zone)
    if form.validate() and not errors:
        try:
            with unit_of_work() as session:
                saved = _save(session, form, query, chat_id, zone)
                address = url_for("outbound_chats.chat_page", chat_id=saved.id)
            flash(gettext("The outbound chat is saved. Nothing is sent yet."))
            return redirect(address, 303)
        except (InvalidInput, InvalidState) as error:
            refuse(form, error)
    if wrong := errors.get("segment") or errors.get(""):
        refuse(form, wrong)
    with read_only() as session:
        chat = drafts.get(session, chat_id) if chat_id is not None else None
        return _page(session, form, Built(built.form, errors), chat), 422


def _save(
    session: Session, form: ChatForm, query: dict[str, Any] | None, chat_id: int | None, zone: ZoneInfo
) -> OutboundChat:
    values, actor, at = form.values(query, zone), current_actor(), clock.now()
    if chat_id is None:
        return drafts.create(session, values, actor=actor, at=at)
    return drafts.change(session, chat_id, values, revision=parse_id(form.revision.data), actor=actor, at=at)


def _preview(session: Session, form: ChatForm, built: Built) -> preview.Preview:
    query, _ = composing.query_of(form, built, ZoneInfo(settings.get(session).time_zone))
    return preview.of(session, form.body.data or "", parse_id(str(form.form_id.data or "")), query)


def _page(session: Session, form: ChatForm, built: Built, chat: OutboundChat | None) -> str:
    return render_template(
        "outbound_chats/edit.html",
        form=form,
        built=built,
        errors={place: sentence_of(error) for place, error in built.errors.items() if place != "segment"},
        words=filter_words.of_workspace(session),
        chat=chat,
        preview=_preview(session, form, built),
        variables=composing.variables(session),
        variable_example=composing.VARIABLE_EXAMPLE,
        time_zone=settings.get(session).time_zone,
    )
