"""What the workspace decides about websites: checks of these settings."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.core.errors import InvalidInput
from app.models import Channel, SubscriptionType, TypeState

_SITE_TYPE = "site_subscription_type_id"


def _subscription_type_id(value: str | int | None) -> int | None:
    if value is None or value == "":
        return None
    if not (text := str(value)).isascii() or not text.isdigit() or int(text) >= 2**31:
        raise _no_such_type()
    return int(text)


def refuse_unusable(session: Session, values: Mapping[str, Any]) -> None:
    """Check a changed subscription type against those that exist.

    :raises InvalidInput: it is no live subscription type for texts
    """
    if (type_id := values.get(_SITE_TYPE)) is None:
        return
    found = session.get(SubscriptionType, type_id)
    if found is None or found.channel != Channel.SMS or found.state != TypeState.LIVE:
        raise _no_such_type()


def _no_such_type() -> InvalidInput:
    return InvalidInput("Choose a live subscription type for texts.", field=_SITE_TYPE)


CHECKS: Mapping[str, Callable[[Any], Any]] = {_SITE_TYPE: _subscription_type_id}
