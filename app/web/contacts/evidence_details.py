"""Texts for the details of an event's evidence: their names, and those values that are codes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.core.wording import translatable
from app.web import formatting
from app.web.contacts import labels
from app.web.i18n import gettext

_NAMES = {
    "answered_at": translatable("Form answered at"),
    "answered_level": translatable("Level before the confirmation"),
    "before": translatable("Before"),
    "cause": translatable("Cause"),
    "confirmed_by": translatable("Confirmed by"),
    "confirmed_from": translatable("Confirmed from the address"),
    "confirmed_text": translatable("Text that confirmed it"),
    "conversation": translatable("Conversation"),
    "country": translatable("Country"),
    "event_id": translatable("Event id"),
    "form": translatable("Form"),
    "form_version": translatable("Form version"),
    "inserted_by": translatable("Inserted by"),
    "merged_from": translatable("Merged from"),
    "reason": translatable("Reason"),
    "numbering_plans": translatable("Numbering plans"),
    "restored_event": translatable("Restored event"),
    "shown_as": translatable("Shown as"),
    "subscription_type": translatable("Subscription type"),
    "typed_as": translatable("Typed as"),
    "undo_of": translatable("Undoes event"),
}
_METHODS = {
    "code": translatable("A code that we texted"),
    "reply": translatable("A reply to our text"),
    "sms_link": translatable("A text that they sent us"),
}
_WORDS: dict[str, Mapping[Any, str]] = {
    "answered_level": labels.LEVELS,
    "cause": labels.CAUSES,
    "confirmed_by": _METHODS,
}


def detail_name(key: str) -> str:
    """The name of a detail. One that is not known is named by its key."""
    return gettext(_NAMES[key]) if key in _NAMES else key.replace("_", " ").capitalize()


def detail_value(value: Any, key: str, names: Mapping[int | str, str], time_zone: str) -> Any:
    """A detail as people read it: codes in words, actors by name, times to the second.

    :param names: of actors, from ``formatting.actor_names``
    """
    if key == "inserted_by":
        return formatting.actor(value, names)
    if key == "answered_at":
        return formatting.exact_time(datetime.fromisoformat(value), time_zone)
    words = _WORDS.get(key, {})
    return gettext(words[value]) if value in words else value
