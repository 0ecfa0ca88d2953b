"""Subscription types: created as drafts, put live, archived, unarchived."""

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import ImmutableField, InvalidInput
from app.core.subscriptions import preference_form, subscription_types, welcome_text
from app.core.subscriptions.subscription_types import NewSubscriptionType, TypeChange
from app.models import Channel, ConsentType, SubscriptionType
from app.schemas.fields import locale_of
from app.schemas.subscription_type import (
    CHANNELS,
    ChangedTypeSchema,
    NewTypeSchema,
    SubscriptionListSchema,
    SubscriptionSchema,
)
from app.web.api import auth, ids
from app.web.api.blueprint import ApiBlueprint
from app.web.api.etags import use_etag

blueprint = ApiBlueprint("subscription types", __name__, description="What one can subscribe to.")


@blueprint.get("/subscription_types")
@blueprint.response(200, SubscriptionListSchema)
def list_subscription_types() -> dict[str, Any]:
    """List every subscription type.

    Live ones first, then drafts, then archived ones; each by name.
    """
    use_etag()
    return {"data": subscription_types.find_all(auth.read_session())}


@blueprint.post("/subscription_types", errors=(409, 422))
@blueprint.arguments(NewTypeSchema)
@blueprint.commit(SubscriptionSchema, creates=True)
def create_subscription_type(session: Session, body: dict[str, Any]) -> SubscriptionType:
    """Create a subscription type as a draft.

    Channel (`content_types`) and consent type stay what they are from here on.
    """
    locale, translations = locale_of(body["locale"]), _translations(body["translations"])
    name, description = _own_words(translations.get(locale), body | {"description": body["description"] or None})
    new = NewSubscriptionType(
        name=name or "",
        channel=Channel(CHANNELS[body["content_types"][0]]),
        consent_type=ConsentType(body["consent_type"]),
        description=description or "",
        locale=locale,
        translations=translations,
    )
    return subscription_types.create(session, new, actor=auth.caller().actor, at=clock.now())


@blueprint.get("/subscription_types/<subscription_type_id>", errors=(404,))
@blueprint.response(200, SubscriptionSchema)
def find_subscription_type(subscription_type_id: str) -> SubscriptionType:
    """Find a subscription type by its id."""
    use_etag()
    return _find(auth.read_session(), subscription_type_id)


def _current(session: Session, _names: Collection[str], subscription_type_id: str) -> SubscriptionType:
    return _find(session, subscription_type_id)


@blueprint.put("/subscription_types/<subscription_type_id>", errors=(404, 422))
@blueprint.arguments(ChangedTypeSchema)
@blueprint.commit(SubscriptionSchema, current=_current)
def update_subscription_type(session: Session, body: dict[str, Any], subscription_type_id: str) -> SubscriptionType:
    """Change a subscription type.

    Its words, or the form by which people opt in on their preference page. `immutable_field`: another channel, consent
    type or first language is given. Make a new type instead.
    """
    subscription_type, given = _find(session, subscription_type_id), body["translations"]
    translations = _translations(given) if given is not None else None
    if body["locale"] is not None and locale_of(body["locale"]) != subscription_type.locale:
        raise ImmutableField("The language of the first texts stays. Add a translation.", field="locale")
    own = (translations or {}).get(subscription_type.locale)
    is_kept = own == (subscription_type.name, subscription_type.description)
    name, description = _own_words(None if is_kept else own, body)
    try:
        change = TypeChange(name, description, translations, _channel(body["content_types"]), body["consent_type"])
        subscription_types.edit(session, subscription_type, change, actor=auth.caller().actor, at=clock.now())
        if "preference_form_id" in body:
            _choose_form(session, subscription_type, body["preference_form_id"])
        if "welcome" in body or "welcome_text" in body:
            _change_welcome(session, subscription_type, body)
    except ImmutableField as refused:
        if refused.field == "channel":
            refused.field = "content_types"
        raise
    return subscription_type


def _change_welcome(session: Session, found: SubscriptionType, body: dict[str, Any]) -> None:
    welcome_text.change(
        session,
        found,
        welcome=body.get("welcome", found.welcome),
        text=body.get("welcome_text", found.welcome_text),
        actor=auth.caller().actor,
        at=clock.now(),
    )


@blueprint.post("/subscription_types/<subscription_type_id>/put_live", errors=(404, 409))
@blueprint.commit(SubscriptionSchema)
def put_subscription_type_live(session: Session, subscription_type_id: str) -> SubscriptionType:
    """Publish a draft."""
    return _change_state(session, subscription_type_id, subscription_types.put_live)


@blueprint.post("/subscription_types/<subscription_type_id>/archive", errors=(404, 409))
@blueprint.commit(SubscriptionSchema)
def archive_subscription_type(session: Session, subscription_type_id: str) -> SubscriptionType:
    """Archive a subscription type.

    It is no longer offered. Consents and history are kept.
    """
    return _change_state(session, subscription_type_id, subscription_types.archive)


@blueprint.post("/subscription_types/<subscription_type_id>/unarchive", errors=(404, 409))
@blueprint.commit(SubscriptionSchema)
def unarchive_subscription_type(session: Session, subscription_type_id: str) -> SubscriptionType:
    """Restore an archived subscription type.

    It is live again if it was live before.
    """
    return _change_state(session, subscription_type_id, subscription_types.unarchive)


def _choose_form(session: Session, subscription_type: SubscriptionType, form_id: str | None) -> None:
    chosen = None if form_id is None else ids.number(form_id) or 0
    preference_form.choose(session, subscription_type, chosen, actor=auth.caller().actor, at=clock.now())


def _find(session: Session, subscription_type_id: str) -> SubscriptionType:
    return subscription_types.find(session, ids.number(subscription_type_id) or 0)


def _change_state(session: Session, subscription_type_id: str, change: Callable[..., None]) -> SubscriptionType:
    subscription_type = _find(session, subscription_type_id)
    change(session, subscription_type, actor=auth.caller().actor, at=clock.now())
    return subscription_type


def _channel(content_types: list[str] | None) -> str | None:
    """The channel of a content type. A content type that we do not know differs from the channel of every type."""
    if content_types is None:
        return None
    return CHANNELS.get(content_types[0], "other") if len(content_types) == 1 else "other"


def _own_words(own: tuple[str, str] | None, body: dict[str, Any]) -> tuple[str | None, str | None]:
    """Name and description in the first language: the body's, or those that its translations have for it.

    :raises InvalidInput: it has both, and they differ
    """
    name, description = body["name"], body["description"]
    if own is None:
        return name, description
    if name not in {None, own[0]} or description not in {None, own[1]}:
        raise InvalidInput("The translations have other words for the first language.", field="translations")
    return own


def _translations(given: list[dict[str, str]]) -> dict[str, tuple[str, str]]:
    return {locale_of(each["locale"]): (each["name"], each["description"]) for each in given}
