"""Segments: saved filters by name. Every agent sees them; marketers and admins change them."""

from collections.abc import Mapping

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, StringField

from app.core import clock
from app.core.accounts.rights import Right
from app.core.contacts import segments
from app.core.errors import InvalidInput, InvalidState
from app.core.wording import translatable
from app.core.workspace import settings
from app.web import formatting
from app.web.contacts import list_page, list_request
from app.web.contacts.blueprint import blueprint
from app.web.formkit import Form
from app.web.i18n import gettext, lazy_gettext, sentence_of
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import agent_required, current_actor, current_agent, marketer_required

_DELETED = translatable("“%(name)s” was deleted. Its contacts are untouched.")
_SAVED = translatable("“%(name)s” was saved.")


class SegmentForm(Form):
    """A name, and the filter of the list as JSON text."""

    name = StringField(lazy_gettext("Name of the segment"))
    filter = HiddenField()


@blueprint.get("/segments")
@agent_required
def segment_list() -> str:
    """Every segment, with its contacts as the worker counted them."""
    with read_only() as session:
        agent = current_agent()
        return render_template(
            "contacts/segments.html",
            segments=segments.find_all(session),
            names=formatting.actor_names(session),
            may_market=agent is not None and agent.may(Right.MARKETING),
            time_zone=settings.get(session).time_zone,
        )


@blueprint.get("/segments/<public_id>")
@agent_required
def segment(public_id: str) -> ResponseReturnValue:
    """The contacts of a segment, listed as all contacts are."""
    asked = list_request.read(request.path, request.args)
    with read_only() as session:
        return list_page.shown(session, asked, segment=segments.find(session, public_id))


@blueprint.post("/segments")
@marketer_required
def save_segment() -> ResponseReturnValue:
    """Save the filter of the list under a name."""
    return _save(None)


@blueprint.post("/segments/<public_id>")
@marketer_required
def change_segment(public_id: str) -> ResponseReturnValue:
    """Change the name and the filter of a segment."""
    return _save(public_id)


@blueprint.post("/segments/<public_id>/delete")
@marketer_required
def delete_segment(public_id: str) -> ResponseReturnValue:
    try:
        with unit_of_work() as session:
            found = segments.find(session, public_id)
            name = found.name
            segments.delete(session, found, actor=current_actor(), at=clock.now())
    except InvalidState as error:
        flash(sentence_of(error), "warning")
        return redirect(url_for("contacts.segment", public_id=public_id), 303)
    flash(gettext(_DELETED, name=name))
    return redirect(url_for("contacts.segment_list"), 303)


def _save(public_id: str | None) -> ResponseReturnValue:
    """Save a new segment, or the one with this id. A refusal leads back to the list, which keeps its filter."""
    form = SegmentForm()
    name, text = form.name.data or "", form.filter.data or ""
    try:
        raw = _raw(text)
        with unit_of_work() as session:
            if public_id is None:
                saved = segments.create(session, name, raw, actor=current_actor(), at=clock.now())
            else:
                saved = segments.find(session, public_id)
                segments.change(session, saved, name=name, query=raw, actor=current_actor(), at=clock.now())
            public_id, name = saved.public_id, saved.name
    except InvalidInput as error:
        flash(sentence_of(error), "warning")
        return redirect(url_for("contacts.list_page", filter=text or None, edit=public_id), 303)
    flash(gettext(_SAVED, name=name))
    return redirect(url_for("contacts.segment", public_id=public_id), 303)


def _raw(text: str) -> Mapping[str, object]:
    """:raises InvalidInput: there is no filter, or it is not valid"""
    query = list_request.selection(text, "")["query"]
    if query is None:
        raise InvalidInput("Add a filter first: a segment is a saved filter.", field="filter")
    return dict(query)
