"""Opt-in forms: configured, inserted for a contact in whatever messenger."""

from datetime import timedelta
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from app.core import clock
from app.core.contacts import profile as contact_profile
from app.core.contacts import views as contact_views
from app.core.conversations import api_views as conversation_records
from app.core.errors import InvalidInput, NotAvailable
from app.core.forms import publishing as optin_forms
from app.core.forms.publishing import FormContent, FormText
from app.core.wording import DEFAULT_BUTTON_TEXT, DEFAULT_LOCALE
from app.models import Contact, OptInForm
from app.schemas.form import (
    ChangedFormSchema,
    FormListSchema,
    FormSchema,
    InsertedFormSchema,
    InsertSchema,
    NewFormSchema,
    form_body,
    inserted_body,
)
from app.schemas.subscription import locale_of
from app.web.api import auth as callers
from app.web.api import exchange, ids
from app.web.api.blueprint import Room
from app.web.api.responses import Body, answer, polled, written

room = Room("forms", __name__, url_prefix="/api", description="Opt-in forms, and where they were inserted.")
_TEXTS = ("title", "button_text", "legal_text", "success_text")


@room.call("GET", "/forms", FormListSchema)
def list_forms() -> Response:
    """List every form in its newest version: those in use first, newest first."""
    found = optin_forms.find_all(callers.looking())
    return polled({"type": "list", "data": [_form_body(each.form, each.version) for each in found]})


@room.call("POST", "/forms", FormSchema, body=NewFormSchema, errors=(409, 422))
def create_form(asked: dict[str, Any]) -> Response:
    """Create a form with its first version.

    Its subscription type must be live. An empty `button_text` says “Sign Up Now”.
    """

    def act(session: Session) -> Body:
        made = optin_forms.create(
            session,
            content_of(asked),
            name=asked.get("name", ""),
            allowed_origins=asked.get("allowed_origins", ()),
            actor=callers.current().actor,
            at=clock.now(),
        )
        return _newest(session, made)

    return written(act)


@room.call("GET", "/forms/<form_id>", FormSchema, errors=(404,))
def find_form(form_id: str) -> Response:
    """Find a form by its id, in its newest version."""
    session = callers.looking()
    return polled(_newest(session, find(session, form_id)))


@room.call("PUT", "/forms/<form_id>", FormSchema, body=ChangedFormSchema, errors=(404, 409, 422))
def update_form(asked: dict[str, Any], form_id: str) -> Response:
    """Change a form.

    Changed words become a new version; what was inserted earlier keeps the words that it had.
    """

    def act(session: Session) -> Body:
        form = find(session, form_id)
        standing = optin_forms.content_of(optin_forms.newest_version(session, form))
        optin_forms.publish(
            session,
            form,
            content_of(asked, standing),
            name=asked.get("name", form.name),
            allowed_origins=asked.get("allowed_origins", form.allowed_origins),
            actor=callers.current().actor,
            at=clock.now(),
        )
        return _newest(session, form)

    return written(act)


@room.call("POST", "/forms/<form_id>/archive", FormSchema, errors=(404,))
def archive_form(form_id: str) -> Response:
    """Archive a form: what was inserted says that it is over, and records nothing."""

    def act(session: Session) -> Body:
        form = find(session, form_id)
        optin_forms.archive(session, form, actor=callers.current().actor, at=clock.now())
        return _newest(session, form)

    return written(act)


@room.call("POST", "/forms/<form_id>/unarchive", FormSchema, errors=(404,))
def unarchive_form(form_id: str) -> Response:
    """Bring an archived form back."""

    def act(session: Session) -> Body:
        form = find(session, form_id)
        optin_forms.unarchive(session, form, actor=callers.current().actor, at=clock.now())
        return _newest(session, form)

    return written(act)


@room.call(
    "POST",
    "/forms/<form_id>/insert",
    InsertedFormSchema,
    body=InsertSchema,
    errors=(404, 409, 410),
    takes_no_body_too=True,
)
def insert_form(asked: dict[str, Any], form_id: str) -> Response:
    """Insert a form for one contact, for any messenger: show `embed_url` in an iframe.

    Without a contact it is for whoever opens it first and types a number; they become a lead.
    """

    def act(session: Session) -> Body:
        form, contact = find(session, form_id), _contact(session, asked)
        inserted = optin_forms.insert_for(
            session,
            form,
            contact,
            inserted_by=callers.current().actor,
            origin=asked["origin"],
            expires_in=timedelta(seconds=asked["expires_in"]),
            at=clock.now(),
        )
        return _inserted(session, inserted.id)

    return written(act, audited="form.inserted")


@room.call("GET", "/inserted_forms/<inserted_form_id>", InsertedFormSchema, errors=(404,))
def find_inserted_form(inserted_form_id: str) -> Response:
    """Find an inserted form: its state, when it was seen and answered, the consent event."""
    return answer(_inserted(callers.looking(), ids.number(inserted_form_id) or 0))


def find(session: Session, form_id: str) -> OptInForm:
    """:raises NotFound: there is no such form"""
    return optin_forms.find(session, ids.number(form_id) or 0)


def content_of(asked: dict[str, Any], standing: FormContent | None = None) -> FormContent:
    """What a call says of a form, over what stands.

    :raises NotAvailable: numbers are to be verified
    :raises InvalidInput: the subscription type's id
    """
    if asked.get("verify_number"):
        raise NotAvailable("Verifying numbers is not available yet.", field="verify_number")
    type_id = ids.number(asked.get("subscription_type_id")) if "subscription_type_id" in asked else None
    if type_id is None and (standing is None or "subscription_type_id" in asked):
        raise InvalidInput("Choose a subscription type that is live.", field="subscription_type_id")
    before = standing or FormContent(0, {})
    locale = locale_of(asked.get("locale", before.locale or DEFAULT_LOCALE))
    own = before.texts.get(before.locale, FormText(""))
    words = {name: asked.get(name, getattr(own, name)) for name in _TEXTS}
    return FormContent(
        subscription_type_id=type_id or before.subscription_type_id,
        texts={**_others(asked, before), locale: FormText(**words)},
        locale=locale,
        accent_color=asked.get("accent_color", before.accent_color),
        default_country=asked.get("default_country", before.default_country),
    )


def _others(asked: dict[str, Any], before: FormContent) -> dict[str, FormText]:
    if "translations" not in asked:
        return {locale: text for locale, text in before.texts.items() if locale != before.locale}
    return {locale_of(each["locale"]): FormText(*(each[name] for name in _TEXTS)) for each in asked["translations"]}


def _contact(session: Session, asked: dict[str, Any]) -> Contact | None:
    if asked["contact_id"] is not None:
        return contact_profile.hold(session, asked["contact_id"])
    if asked["external_id"] is not None:
        return contact_profile.hold(
            session, contact_views.find_by_external_id(session, asked["external_id"]).row.public_id
        )
    return None


def _newest(session: Session, form: OptInForm) -> Body:
    return _form_body(form, optin_forms.newest_version(session, form))


def _form_body(form: OptInForm, version: Any) -> Body:
    return form_body(form, version, default_button=DEFAULT_BUTTON_TEXT, home=exchange.home())


def _inserted(session: Session, inserted_form_id: int) -> Body:
    inserted = conversation_records.inserted(session, inserted_form_id, at=clock.now())
    return inserted_body(inserted, home=exchange.home())
