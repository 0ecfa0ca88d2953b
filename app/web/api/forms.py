"""Opt-in forms: configured, and inserted for a contact in any messenger."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.core import audit, clock, public_urls
from app.core.consent import locking
from app.core.contacts import views
from app.core.conversations import api_views
from app.core.conversations import forms as conversation_forms
from app.core.conversations.api_views import Inserted
from app.core.errors import InvalidInput, named
from app.core.forms import content as form_content
from app.core.forms import insertion, publishing
from app.core.forms.content import FormContent, FormText
from app.core.forms.insertion import LinkOptions
from app.core.forms.publishing import FormSettings
from app.core.wording import DEFAULT_LOCALE
from app.models import Contact, OptInForm, OptInFormVersion
from app.schemas.fields import locale_of
from app.schemas.form import (
    ChangedFormSchema,
    FormListSchema,
    FormSchema,
    FormValue,
    InsertedFormSchema,
    InsertSchema,
    NewFormSchema,
)
from app.web import security, texting
from app.web.api import auth, ids
from app.web.api.blueprint import ApiBlueprint
from app.web.api.etags import use_etag

blueprint = ApiBlueprint("forms", __name__, description="Opt-in forms, and where they were inserted.")
_TEXTS = ("title", "button_text", "legal_text", "success_text", "checkbox_text")


@blueprint.get("/forms")
@blueprint.response(200, FormListSchema)
def list_forms() -> dict[str, Any]:
    """List every form in its newest version.

    Those in use come first, each newest first.
    """
    use_etag()
    return {"data": [_value(each.form, each.version) for each in publishing.find_all(auth.read_session())]}


@blueprint.post("/forms", errors=(409, 422))
@blueprint.arguments(NewFormSchema)
@blueprint.commit(FormSchema, creates=True)
def create_form(session: Session, body: dict[str, Any]) -> FormValue:
    """Create a form with its first version.

    Its subscription type must be live. An empty `button_text` says “Sign Up Now”.
    """
    form = publishing.create(
        session,
        content_of(body),
        FormSettings(body.get("name", ""), body.get("allowed_origins", ())),
        actor=auth.caller().actor,
        at=clock.now(),
    )
    return _newest(session, form)


@blueprint.get("/forms/<form_id>", errors=(404,))
@blueprint.response(200, FormSchema)
def find_form(form_id: str) -> FormValue:
    """Find a form by its id."""
    use_etag()
    session = auth.read_session()
    return _newest(session, _find(session, form_id))


def _current(session: Session, _names: Collection[str], form_id: str) -> FormValue:
    return _newest(session, _find(session, form_id))


@blueprint.put("/forms/<form_id>", errors=(404, 409, 422))
@blueprint.arguments(ChangedFormSchema)
@blueprint.commit(FormSchema, current=_current)
def update_form(session: Session, body: dict[str, Any], form_id: str) -> FormValue:
    """Change a form.

    Changed texts become a new version; what was inserted earlier keeps its texts.
    """
    form = _find(session, form_id)
    current = form_content.content_of(publishing.newest_version(session, form))
    publishing.publish(
        session,
        form,
        content_of(body, current),
        FormSettings(body.get("name", form.name), body.get("allowed_origins", form.allowed_origins)),
        actor=auth.caller().actor,
        at=clock.now(),
    )
    return _newest(session, form)


@blueprint.post("/forms/<form_id>/archive", errors=(404,))
@blueprint.commit(FormSchema)
def archive_form(session: Session, form_id: str) -> FormValue:
    """Archive a form.

    Forms that were inserted say that sign-up is closed, and record nothing.
    """
    form = _find(session, form_id)
    publishing.archive(session, form, actor=auth.caller().actor, at=clock.now())
    return _newest(session, form)


@blueprint.post("/forms/<form_id>/unarchive", errors=(404,))
@blueprint.commit(FormSchema)
def unarchive_form(session: Session, form_id: str) -> FormValue:
    """Restore an archived form."""
    form = _find(session, form_id)
    publishing.unarchive(session, form, actor=auth.caller().actor, at=clock.now())
    return _newest(session, form)


@blueprint.post("/forms/<form_id>/insert", errors=(404, 409, 410, 422))
@blueprint.arguments(InsertSchema, required=False)
@blueprint.commit(InsertedFormSchema, creates=True)
def insert_form(session: Session, body: dict[str, Any], form_id: str) -> Inserted:
    """Insert a form for one contact.

    For any messenger: show `embed_url` in an iframe. Without a contact it is for the person who opens it first and
    types a number; they become a lead.
    """
    form, contact, at = _find(session, form_id), _contact(session, body), clock.now()
    actor = auth.caller().actor
    inserted = insertion.insert_for(
        session,
        form,
        contact,
        inserted_by=actor,
        at=at,
        link=LinkOptions(body["origin"], timedelta(seconds=body["expires_in"])),
    )
    audit.record(session, actor, "form.inserted", f"inserted_form:{inserted.id}", {}, at=at)
    return _inserted(session, inserted.id)


@blueprint.get("/inserted_forms/<inserted_form_id>", errors=(404,))
@blueprint.response(200, InsertedFormSchema)
def find_inserted_form(inserted_form_id: str) -> Inserted:
    """Find an inserted form.

    With its state, when it was seen and answered, and the consent event.
    """
    return _inserted(auth.read_session(), ids.number(inserted_form_id) or 0)


@blueprint.post("/inserted_forms/<inserted_form_id>/withdraw", errors=(404, 409))
@blueprint.commit(InsertedFormSchema)
def withdraw_inserted_form(session: Session, inserted_form_id: str) -> Inserted:
    """Withdraw an inserted form that was not answered.

    Its page says that sign-up is closed, and records nothing.
    """
    number = ids.number(inserted_form_id) or 0
    conversation_forms.withdraw(session, number, actor=auth.caller().actor, at=clock.now())
    return _inserted(session, number)


def content_of(body: dict[str, Any], current: FormContent | None = None) -> FormContent:
    """The content of a form, from a body and, where it leaves out a field, from the current content.

    :raises InvalidInput: the subscription type's id; a translation into the form's own language; or no text reaches us,
        which this way to confirm a number needs
    """
    if "verify_number" in body:
        texting.refuse_method(body["verify_number"])
    type_id = ids.number(body.get("subscription_type_id")) if "subscription_type_id" in body else None
    if type_id is None and (current is None or "subscription_type_id" in body):
        raise InvalidInput("Choose a subscription type that is live.", field="subscription_type_id")
    before = current or FormContent(0, {})
    locale = locale_of(body.get("locale", before.locale or DEFAULT_LOCALE))
    own = before.texts.get(before.locale, FormText(""))
    texts = {name: body.get(name, getattr(own, name)) for name in _TEXTS}
    translations = _translations(body, before)
    if locale in translations:
        raise InvalidInput("This is the form's own language. Leave it out of the translations.", field="translations")
    return FormContent(
        subscription_type_id=type_id or before.subscription_type_id,
        texts={**translations, locale: FormText(**texts)},
        locale=locale,
        accent_color=body.get("accent_color", before.accent_color),
        default_country=body.get("default_country", before.default_country),
        verify_number=body.get("verify_number", before.verify_number),
    )


def _translations(body: dict[str, Any], before: FormContent) -> dict[str, FormText]:
    if "translations" not in body:
        return {locale: text for locale, text in before.texts.items() if locale != before.locale}
    return {locale_of(each["locale"]): FormText(*(each[name] for name in _TEXTS)) for each in body["translations"]}


def _find(session: Session, form_id: str) -> OptInForm:
    return publishing.find(session, ids.number(form_id) or 0)


def _contact(session: Session, body: dict[str, Any]) -> Contact | None:
    """The contact that a body names, locked; null where it names none. :raises InvalidInput: it names two"""
    public_id, external_id = body["contact_id"], body["external_id"]
    if public_id is None and external_id is None:
        return None
    if public_id is None:
        with named("external_id"):
            public_id = views.find_by_external_id(session, external_id).row.public_id
    with named("contact_id"):
        contact = locking.lock_contact_by_public_id(session, public_id)
    if external_id not in {None, contact.external_id}:
        raise InvalidInput("The contact with this contact_id has another external_id.", field="external_id")
    return contact


def _newest(session: Session, form: OptInForm) -> FormValue:
    return _value(form, publishing.newest_version(session, form))


def _value(form: OptInForm, version: OptInFormVersion) -> FormValue:
    return FormValue(form, version, public_urls.public_form(form.key, base=security.public_url()))


def _inserted(session: Session, inserted_form_id: int) -> Inserted:
    return api_views.inserted(session, inserted_form_id, public_url=security.public_url(), at=clock.now())
