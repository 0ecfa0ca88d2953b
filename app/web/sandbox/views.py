"""The page ``/sandbox``: a phone for each number. Works without scripts; ``js/sandbox.js`` keeps it live."""

from functools import partial
from typing import Any

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from app.core import clock, phone
from app.core.errors import NotFound
from app.core.inbound import sandbox_phones
from app.core.workspace import settings
from app.web import services
from app.web.formkit import Form, accepted, text
from app.web.i18n import lazy_gettext
from app.web.services import gateway, read_only, unit_of_work
from app.web.sign_in.setup import agent_required

BODY_MAX = 1600
QUICK_TEXTS = ("STOP", "START", "HELP", "YES")
blueprint = Blueprint("sandbox", __name__, url_prefix="/sandbox")


class TextForm(Form):
    """A text from the phone. A quick button sends its own ``body``."""

    body = TextAreaField(
        lazy_gettext("Text"),
        [DataRequired(lazy_gettext("Write something first.")), Length(max=BODY_MAX)],
        filters=[text],
    )


class NewPhoneForm(Form):
    number = StringField(
        lazy_gettext("Another number"), [DataRequired(lazy_gettext("Enter a number.")), Length(max=40)], filters=[text]
    )


@blueprint.app_template_global()
def has_sandbox() -> bool:
    """Whether texts are carried by the sandbox."""
    return services.settings().sms_gateway == sandbox_phones.GATEWAY


@blueprint.before_request
def refuse_without_sandbox() -> None:
    """:raises NotFound: texts are carried by a real gateway"""
    if not has_sandbox():
        raise NotFound("There is no sandbox: texts are carried by a gateway.")


@blueprint.get("")
@agent_required
def phones_page() -> str:
    return _page(None)


@blueprint.post("")
@agent_required
def open_phone() -> ResponseReturnValue:
    """Show the phone of a number that was typed."""
    form = NewPhoneForm()
    return accepted(form, _opened) or (_page(None, new_phone=form), 422)


@blueprint.get("/<number>")
@agent_required
def phone_page(number: str) -> str:
    return _page(_read(number))


@blueprint.get("/<number>/live")
@agent_required
def live(number: str) -> str:
    """The texts of the phone and the list of phones, for the page's script."""
    with read_only() as session:
        return render_template("sandbox/_live.html", **_context(session, _read(number)))


@blueprint.post("/<number>/texts")
@agent_required
def send(number: str) -> ResponseReturnValue:
    form, found = TextForm(), _read(number)
    return accepted(form, partial(_sent, number=found)) or (_page(found, form=form), 422)


def _opened(form: NewPhoneForm) -> ResponseReturnValue:
    found = phone.read_any_kind(form.number.data or "", region=None)
    return redirect(url_for("sandbox.phone_page", number=found.e164), 303)


def _sent(form: TextForm, number: str) -> ResponseReturnValue:
    with unit_of_work() as session:
        sandbox_phones.send(session, number, form.body.data or "", recipient=gateway().sender, at=clock.now())
    return redirect(url_for("sandbox.phone_page", number=number, _anchor="reply"), 303)


def _read(number: str) -> str:
    """:raises NotFound: this is not how a number is stored"""
    if phone.normalize(number)[0] != number or not number.startswith("+"):
        raise NotFound("There is no such phone.")
    return number


def _page(number: str | None, form: TextForm | None = None, new_phone: NewPhoneForm | None = None) -> str:
    with read_only() as session:
        return render_template(
            "sandbox/phones.html",
            form=form or TextForm(formdata=None),
            new_phone=new_phone or NewPhoneForm(formdata=None),
            quick_texts=QUICK_TEXTS,
            most=BODY_MAX,
            **_context(session, number),
        )


def _context(session: Session, number: str | None) -> dict[str, Any]:
    return {
        "number": number,
        "phones": sandbox_phones.phones(session),
        "texts": sandbox_phones.texts_of(session, number) if number else [],
        "contact": sandbox_phones.owner(session, number) if number else None,
        "time_zone": settings.get(session).time_zone,
        "formatted": phone.formatted,
        "sender": gateway().sender,
    }
