"""What a person decides about a rule, and the checks of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.core import origins
from app.core.bots import matching
from app.core.conversations import appending
from app.core.errors import InvalidInput
from app.models import BotHours, BotTrigger, OptInForm, Segment, SubscriptionType, TypeState

NAME_MAX, PAGE_MAX, WORDS_MAX, WORD_MAX, SECONDS_MAX = 120, 300, 50, 60, 3600


@dataclass(frozen=True)
class RuleValues:
    """What a person decides about a rule. The fields are those of ``BotRule``."""

    name: str
    trigger: str
    body: str
    words: Sequence[str] = ()
    page: str = ""
    seconds: int = 0
    is_signed_in: bool | None = None
    not_asked_type_id: int | None = None
    segment_id: int | None = None
    hours: str = BotHours.ALWAYS
    form_id: int | None = None


NAMES = tuple(RuleValues.__dataclass_fields__)


def check_name(typed: str) -> str:
    """:raises InvalidInput: it is empty or too long"""
    if not (name := " ".join(typed.split())) or len(name) > NAME_MAX:
        raise InvalidInput("Give the bot a name of at most %(most)s characters.", field="name", most=NAME_MAX)
    return name


def check_page(typed: str) -> str:
    """A path with ``*`` for anything, or a whole address; empty: every page.

    :raises InvalidInput: it is neither, has a query or a fragment, or is too long
    """
    page = typed.strip()
    if not page:
        return ""
    parts = origins.parts_of(page) if "://" in page else None
    is_address = parts is not None and parts.scheme in {"http", "https"} and bool(parts.netloc)
    if len(page) > PAGE_MAX or any(each in page for each in "?# ") or not (is_address or page.startswith(("/", "*"))):
        raise InvalidInput("Enter a path such as /shop/*, without ? and #.", field="page")
    return page if not is_address or (parts and parts.path) else f"{page}/"


def check_words(typed: Iterable[str]) -> list[str]:
    """Words and phrases, each once, as they were typed.

    :raises InvalidInput: there are too many, or one is too long
    """
    words: dict[str, str] = {}
    for each in typed:
        if word := " ".join(each.split()):
            words.setdefault(matching.folded(word), word)
    if len(words) > WORDS_MAX or any(len(word) > WORD_MAX for word in words.values()):
        raise InvalidInput(
            "Enter at most %(most)s words of at most %(longest)s characters.",
            field="words",
            most=WORDS_MAX,
            longest=WORD_MAX,
        )
    return list(words.values())


def check_seconds(value: int | None) -> int:
    """:raises InvalidInput: it is not from 0 to ``SECONDS_MAX``"""
    if value is None or not 0 <= value <= SECONDS_MAX:
        raise InvalidInput("Give a number from 0 to %(most)s.", field="seconds", most=SECONDS_MAX)
    return value


def checked(session: Session, values: RuleValues) -> dict[str, Any]:
    """The values as they are stored, by name. Those that the trigger does not use are emptied.

    :raises InvalidInput: one is refused; ``field`` names it
    """
    if values.trigger not in set(BotTrigger):
        raise InvalidInput("Choose when the bot writes.", field="trigger")
    if values.hours not in set(BotHours):
        raise InvalidInput("Choose one of the office hours.", field="hours")
    is_reply = values.trigger == BotTrigger.WORDS
    words = check_words(values.words) if is_reply else []
    if is_reply and not words:
        raise InvalidInput("Enter at least one word.", field="words")
    return {
        "name": check_name(values.name),
        "trigger": BotTrigger(values.trigger),
        "words": words,
        "page": check_page(values.page),
        "seconds": 0 if is_reply else check_seconds(values.seconds),
        "is_signed_in": values.is_signed_in,
        "not_asked_type_id": _live_type(session, values.not_asked_type_id),
        "segment_id": _existing(session, Segment, values.segment_id, "segment_id"),
        "hours": BotHours(values.hours),
        "body": appending.clean_body(values.body),
        "form_id": _existing(session, OptInForm, values.form_id, "form_id"),
    }


def _live_type(session: Session, type_id: int | None) -> int | None:
    found = session.get(SubscriptionType, type_id) if type_id is not None else None
    if type_id is not None and (found is None or found.state != TypeState.LIVE):
        raise InvalidInput("Choose a subscription type that is live.", field="not_asked_type_id")
    return type_id


def _existing(session: Session, table: type[Segment | OptInForm], row_id: int | None, field: str) -> int | None:
    if row_id is not None and session.get(table, row_id) is None:
        raise InvalidInput("Choose one of the list.", field=field)
    return row_id
