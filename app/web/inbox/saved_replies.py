"""The pages of saved replies: the list, and one reply to write, change or delete."""

from functools import partial

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectField, StringField
from wtforms.validators import DataRequired, Length

from app.core import clock
from app.core.conversations import saved_replies
from app.core.conversations.saved_replies import NAME_MAX, ReplyContent
from app.core.forms import publishing
from app.models import SavedReply
from app.web import ids
from app.web.formatting import agent_names
from app.web.formkit import Form, accepted, choices, offered_forms, text
from app.web.i18n import gettext, lazy_gettext
from app.web.inbox.blueprint import blueprint
from app.web.inbox.message_field import message_field
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import agent_required, current_actor


class SavedReplyForm(Form):
    name = StringField(
        lazy_gettext("Name"),
        [
            DataRequired(lazy_gettext("Give the saved reply a name.")),
            Length(max=NAME_MAX, message=lazy_gettext("Use at most %(most)s characters.", most=NAME_MAX)),
        ],
        filters=[text],
    )
    body = message_field(lazy_gettext("Message"))
    form_id = SelectField(lazy_gettext("Form"), validate_choice=False)

    def content(self) -> ReplyContent:
        """The content as it was sent. Core checks it."""
        return ReplyContent(self.name.data or "", self.body.data or "", ids.parse_id(self.form_id.data))


@blueprint.get("/inbox/replies")
@agent_required
def replies_page() -> str:
    with read_only() as session:
        return render_template(
            "inbox/replies.html",
            replies=saved_replies.find_all(session),
            forms={each.form.id: each for each in publishing.find_all(session)},
            agents=agent_names(session),
        )


@blueprint.route("/inbox/replies/new", methods=["GET", "POST"])
@agent_required
def new_reply() -> ResponseReturnValue:
    form = SavedReplyForm()
    return accepted(form, _created) or (_page(form), form.status)


@blueprint.route("/inbox/replies/<int:reply_id>", methods=["GET", "POST"])
@agent_required
def saved_reply(reply_id: int) -> ResponseReturnValue:
    """A saved reply. Agents who may not change it can read it."""
    with read_only() as session:
        reply = saved_replies.find(session, reply_id)
    form = SavedReplyForm(data={"name": reply.name, "body": reply.body, "form_id": str(reply.form_id or "")})
    return accepted(form, partial(_changed, reply_id=reply_id)) or (_page(form, reply), form.status)


@blueprint.post("/inbox/replies/<int:reply_id>/delete")
@agent_required
def delete_reply(reply_id: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        saved_replies.delete(session, reply_id, actor=current_actor(), at=clock.now())
    return _done(gettext("The saved reply is deleted."))


def _created(form: SavedReplyForm) -> ResponseReturnValue:
    with unit_of_work() as session:
        saved_replies.create(session, form.content(), actor=current_actor(), at=clock.now())
    return _done(gettext("The reply is saved."))


def _changed(form: SavedReplyForm, reply_id: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        saved_replies.change(session, reply_id, form.content(), actor=current_actor(), at=clock.now())
    return _done(gettext("The reply is saved."))


def _done(message: str) -> ResponseReturnValue:
    flash(message)
    return redirect(url_for("inbox.replies_page"), 303)


def _page(form: SavedReplyForm, reply: SavedReply | None = None) -> str:
    with read_only() as session:
        offered = offered_forms(session, [], actor=current_actor())
        if reply and reply.form_id and str(reply.form_id) not in dict(offered):
            name = publishing.find(session, reply.form_id).name
            offered.append((str(reply.form_id), gettext("%(form)s (no longer offered)", form=name)))
        form.form_id.choices = choices([("", gettext("No form")), *offered])
        return render_template(
            "inbox/reply.html",
            form=form,
            reply=reply,
            may_change=reply is None or saved_replies.may_change(session, reply, current_actor()),
        )
