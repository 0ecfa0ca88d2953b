"""Texts for outcomes of recipients, and for reasons why people do not get a campaign."""

import unicodedata
from decimal import Decimal

from babel.numbers import format_currency

from app.core import quiet_hours
from app.core.wording import translatable
from app.models import OptOutText, Outcome
from app.web import formatting
from app.web.i18n import gettext

REASONS = {
    "type_not_live": translatable("The subscription type is not live"),
    "archived": translatable("Archived"),
    "blocked": translatable("Blocked"),
    "gdpr_optout": translatable("Wants no messages on any channel"),
    "no_phone": translatable("No phone number"),
    "phone_invalid": translatable("The phone number is not valid"),
    "phone_not_sms_capable": translatable("The number cannot receive texts"),
    "number_undeliverable": translatable("Texts do not arrive at the number"),
    "number_reassigned": translatable("The number has a new owner"),
    "country_not_allowed": translatable("The country is not among the allowed ones"),
    "suppressed": translatable("The number must not be texted"),
    "opted_out": translatable("Opted out"),
    "unconfirmed": translatable("Has not confirmed the opt-in yet"),
    "number_changed": translatable("Opted in with another number"),
    "not_opted_in": translatable("Has not opted in"),
    "duplicate_number": translatable("Another contact with this number gets the text"),
    "quiet_hours": translatable("Quiet hours"),
    "frequency_cap": translatable("Limit of texts to one number"),
    "erased": translatable("Erased"),
    "expired": translatable("Too late to be sent"),
    "canceled": translatable("The campaign was canceled"),
}
OUTCOMES = {
    Outcome.QUEUED: translatable("Waiting"),
    Outcome.DEFERRED: translatable("Deferred"),
    Outcome.SENT: translatable("Sent, no report yet"),
    Outcome.DELIVERED: translatable("Delivered"),
    Outcome.FAILED: translatable("Failed"),
    Outcome.UNKNOWN: translatable("Unknown whether it was sent"),
    Outcome.SKIPPED: translatable("Skipped"),
    Outcome.CANCELED: translatable("Canceled"),
}
OPT_OUT_TEXTS = {
    OptOutText.LINK: translatable("A link to the person’s preferences"),
    OptOutText.REPLY: translatable("“Reply STOP to opt out”"),
    OptOutText.BOTH: translatable("Both"),
}
PAUSES = {
    "agent": translatable("Someone on your team paused it."),
    "approval": translatable("It waits for the approval of a second person."),
    "gateway": translatable("The SMS provider refuses texts. See the page of problems."),
    "spend": translatable("It reached its price ceiling."),
    "stopped": translatable("Its subscription type is not live any more, or its filter cannot be read any more."),
}
_MICROS = 1_000_000


def reason(code: str | None) -> str:
    """Why people do not get a text, in words."""
    return gettext(REASONS[code]) if code in REASONS else (code or "").replace("_", " ").capitalize()


def outcome(code: str) -> str:
    """``Delivered``."""
    return gettext(OUTCOMES[Outcome(code)])


def delay(key: str | None) -> str:
    """The rule of quiet hours that delays a text: ``Texas, Sunday``."""
    if key == quiet_hours.OWN_HOURS:
        return gettext("Your own hours")
    if key == quiet_hours.HOLIDAY:
        return gettext("Public holiday or closed day")
    return quiet_hours.name_of(key or "") or gettext("No hour that is allowed everywhere")


def money(micros: int, currency: str) -> str:
    """Millionths of a currency as an amount in the reader's language."""
    return str(format_currency(Decimal(micros) / _MICROS, currency, locale=formatting.reader_locale()))


def character(symbol: str) -> str:
    """A character so that it can be seen and named: itself, or its name where it is invisible."""
    name = unicodedata.name(symbol, f"U+{ord(symbol):04X}").lower()
    return symbol if symbol.isprintable() and not symbol.isspace() and not unicodedata.combining(symbol) else name
