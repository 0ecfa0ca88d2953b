"""Subscription types: made as drafts, put live, archived, brought back."""

from collections.abc import Callable
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import ImmutableField
from app.core.subscriptions import subscription_types
from app.models import Channel, ConsentType
from app.schemas.subscription import (
    CHANNELS,
    ChangedTypeSchema,
    NewTypeSchema,
    SubscriptionListSchema,
    SubscriptionSchema,
    locale_of,
    subscription_body,
)
from app.web.api import auth as callers
from app.web.api import ids
from app.web.api.blueprint import Room
from app.web.api.responses import Body, polled, written

room = Room("subscription types", __name__, url_prefix="/api", description="What one can subscribe to.")


@room.call("GET", "/subscription_types", SubscriptionListSchema)
def list_subscription_types() -> Response:
    """List every subscription type: live, then drafts, then archived; by name."""
    types = subscription_types.find_all(callers.looking())
    return polled({"type": "list", "data": [subscription_body(kind) for kind in types]})


@room.call("POST", "/subscription_types", SubscriptionSchema, body=NewTypeSchema, errors=(409,))
def create_subscription_type(asked: dict[str, Any]) -> Response:
    """Create a subscription type, as a draft.

    Channel (`content_types`) and consent type stay what they are from here on.
    """

    def act(session: Session) -> Body:
        made = subscription_types.create(
            session,
            name=asked["name"],
            description=asked["description"],
            channel=Channel(CHANNELS[asked["content_types"][0]]),
            consent_type=ConsentType(asked["consent_type"]),
            locale=locale_of(asked["locale"]),
            translations=_translations(asked["translations"]),
            actor=callers.current().actor,
            at=clock.now(),
        )
        return subscription_body(made)

    return written(act)


@room.call("GET", "/subscription_types/<subscription_type_id>", SubscriptionSchema, errors=(404,))
def find_subscription_type(subscription_type_id: str) -> Response:
    """Find a subscription type by its id."""
    found = subscription_types.find(callers.looking(), ids.number(subscription_type_id) or 0)
    return polled(subscription_body(found))


@room.call(
    "PUT",
    "/subscription_types/<subscription_type_id>",
    SubscriptionSchema,
    body=ChangedTypeSchema,
    errors=(404, 422),
)
def update_subscription_type(asked: dict[str, Any], subscription_type_id: str) -> Response:
    """Change the words of a subscription type.

    `immutable_field`: another channel or consent type is given. Make a new type instead.
    """

    def act(session: Session) -> Body:
        kind = subscription_types.find(session, ids.number(subscription_type_id) or 0)
        translations = asked["translations"]
        try:
            subscription_types.edit(
                session,
                kind,
                name=asked["name"],
                description=asked["description"],
                translations=_translations(translations) if translations is not None else None,
                channel=_channel(asked["content_types"]),
                consent_type=asked["consent_type"],
                actor=callers.current().actor,
                at=clock.now(),
            )
        except ImmutableField as refused:
            field = "content_types" if refused.field == "channel" else refused.field
            raise ImmutableField(refused.message, field=field) from None
        return subscription_body(kind)

    return written(act)


@room.call("POST", "/subscription_types/<subscription_type_id>/put_live", SubscriptionSchema, errors=(404, 409))
def put_subscription_type_live(subscription_type_id: str) -> Response:
    """Put a draft live."""
    return _stepped(subscription_type_id, subscription_types.put_live)


@room.call("POST", "/subscription_types/<subscription_type_id>/archive", SubscriptionSchema, errors=(404, 409))
def archive_subscription_type(subscription_type_id: str) -> Response:
    """Archive a subscription type: offered nowhere any more; consents and history stay."""
    return _stepped(subscription_type_id, subscription_types.archive)


@room.call("POST", "/subscription_types/<subscription_type_id>/unarchive", SubscriptionSchema, errors=(404, 409))
def unarchive_subscription_type(subscription_type_id: str) -> Response:
    """Bring an archived subscription type back, live if it was."""
    return _stepped(subscription_type_id, subscription_types.unarchive)


def _stepped(subscription_type_id: str, step: Callable[..., None]) -> Response:
    def act(session: Session) -> Body:
        kind = subscription_types.find(session, ids.number(subscription_type_id) or 0)
        step(session, kind, actor=callers.current().actor, at=clock.now())
        return subscription_body(kind)

    return written(act)


def _channel(content_types: list[str] | None) -> str | None:
    """The channel that is given; one that is none of ours differs from every type's."""
    if content_types is None:
        return None
    return CHANNELS.get(content_types[0], "other") if len(content_types) == 1 else "other"


def _translations(given: list[dict[str, str]]) -> dict[str, tuple[str, str]]:
    return {locale_of(each["locale"]): (each["name"], each["description"]) for each in given}
