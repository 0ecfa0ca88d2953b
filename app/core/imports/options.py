"""What a person decides about an import beside the columns: country, consents, dates, existing contacts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from app.core import phone, typed_text
from app.core.errors import InvalidInput, NotFound
from app.core.imports import dates
from app.core.imports.dates import DateOrder
from app.core.imports.fields import Column, Field
from app.core.subscriptions import subscription_types
from app.core.subscriptions.subscription_types import SubscriptionTypeView
from app.models import ConsentState, TypeState

NOTE_MAX = 2000


class ConsentFrom(StrEnum):
    NOWHERE = "nowhere"
    ALL = "all"
    COLUMN = "column"


class Existing(StrEnum):
    """What happens to contacts that exist already. ``fill``: only empty fields get a value."""

    FILL = "fill"
    OVERWRITE = "overwrite"
    LEAVE = "leave"


YES_WORDS = (
    *("opted in", "opt in", "subscribed", "confirmed", "yes", "y", "true", "1", "on"),
    *("ja", "oui", "si", "sim", "نعم"),
)
NO_WORDS = (
    *("opted out", "opt out", "unsubscribed", "stop", "stopped", "no", "n", "false", "0", "off"),
    *("nein", "non", "nao", "لا"),
)
# The person was not asked, or the file does not say.
NOTHING_SAID = frozenset({"", "none", "null", "nan", "never subscribed", "never asked", "not subscribed", "unknown"})
# These never opt anyone in, whatever a person enters.
NEVER_YES = frozenset(NO_WORDS) | NOTHING_SAID


@dataclass(frozen=True)
class Options:
    """:param default_country: ISO code of the country of numbers without a country code; null: they are refused

    :param state: of all rows, where ``consent`` is ``all``
    :param yes_words, no_words: what the column of consents says for opted in and opted out; other words change nothing
    :param note: where the consents come from, and how they were given
    :param consent_at: when all were given, where no column says so (ISO date); empty: not known
    """

    default_country: str | None = None
    subscription_type_id: int | None = None
    consent: ConsentFrom = ConsentFrom.NOWHERE
    state: ConsentState = ConsentState.OPTED_OUT
    yes_words: tuple[str, ...] = YES_WORDS
    no_words: tuple[str, ...] = NO_WORDS
    note: str = ""
    consent_at: str = ""
    date_order: DateOrder = DateOrder.UNKNOWN
    existing: Existing = Existing.FILL

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def has_consents(self) -> bool:
        return self.consent != ConsentFrom.NOWHERE

    @property
    def consents_at(self) -> datetime | None:
        """When the consents of all rows were given."""
        if not self.consent_at:
            return None
        return dates.read(self.consent_at, order=DateOrder.UNKNOWN, zone=UTC)


def options_of(stored: Mapping[str, Any]) -> Options:
    """The options that ``Options.as_json`` wrote."""
    return Options(
        default_country=stored["default_country"],
        subscription_type_id=stored["subscription_type_id"],
        consent=ConsentFrom(stored["consent"]),
        state=ConsentState(stored["state"]),
        yes_words=tuple(stored["yes_words"]),
        no_words=tuple(stored["no_words"]),
        note=stored["note"],
        consent_at=stored["consent_at"],
        date_order=DateOrder(stored["date_order"]),
        existing=Existing(stored["existing"]),
    )


def word(text: str) -> str:
    """An answer in a column of consents, to compare: ``Opted-In`` and ``opted_in`` are one word."""
    return " ".join(typed_text.without_marks(text.strip().lstrip("'")).replace("_", " ").replace("-", " ").split())


def words_of(text: str) -> tuple[str, ...]:
    """The words of a list with commas, to compare."""
    return tuple(dict.fromkeys(found for each in text.split(",") if (found := word(each))))


def refuse_mistakes(session: Session, options: Options, columns: Sequence[Column], *, at: datetime) -> None:
    """Check the options against the columns and the subscription type.

    :raises InvalidInput: ``field`` names the option at fault
    """
    if options.default_country is not None and options.default_country not in phone.countries():
        raise InvalidInput("There is no such country.", field="default_country")
    if not options.has_consents:
        return
    if options.consent == ConsentFrom.COLUMN and Field.CONSENT not in {column.field for column in columns}:
        raise InvalidInput("Choose which column holds the consents.", field="consent")
    _refuse_type(session, options)
    if not options.note.strip() or len(options.note) > NOTE_MAX:
        raise InvalidInput(
            "Say where the consents come from and how they were given, in at most %(most)s characters.",
            field="note",
            most=NOTE_MAX,
        )
    given_at = options.consents_at
    if options.consent_at and (given_at is None or given_at > at):
        raise InvalidInput("Give a date in the past, such as 2025-12-31.", field="consent_at")
    _refuse_words(options)


def _refuse_type(session: Session, options: Options) -> None:
    try:
        found: SubscriptionTypeView = subscription_types.view(session, options.subscription_type_id or 0)
    except NotFound:
        raise InvalidInput("Choose a subscription type.", field="subscription_type_id") from None
    opts_in = options.consent == ConsentFrom.COLUMN or options.state == ConsentState.OPTED_IN
    if opts_in and found.state != TypeState.LIVE:
        raise InvalidInput("This subscription type is not live. Put it live first.", field="subscription_type_id")


def _refuse_words(options: Options) -> None:
    if options.consent != ConsentFrom.COLUMN:
        return
    if never := sorted(set(options.yes_words) & NEVER_YES):
        raise InvalidInput("“%(word)s” never means that a person opted in.", field="yes_words", word=never[0])
    if both := sorted(set(options.yes_words) & set(options.no_words)):
        raise InvalidInput("“%(word)s” cannot mean both.", field="no_words", word=both[0])
