"""Why a row is not imported, or its consent is not recorded, and what a person can do about it."""

from collections.abc import Mapping
from enum import StrEnum

from app.core.wording import translatable


class Reason(StrEnum):
    """Why a row is refused. Nothing of a refused row is imported."""

    NUMBER_DESTROYED = "number_destroyed"
    NUMBER_INVALID = "number_invalid"
    NUMBER_AMBIGUOUS = "number_ambiguous"
    EMAIL_INVALID = "email_invalid"
    DATE_INVALID = "date_invalid"
    LANGUAGE_INVALID = "language_invalid"
    TIME_ZONE_INVALID = "time_zone_invalid"
    ROLE_INVALID = "role_invalid"
    ATTRIBUTE_INVALID = "attribute_invalid"
    TOO_LONG = "too_long"
    TOO_MANY_COLUMNS = "too_many_columns"
    TOO_FEW_COLUMNS = "too_few_columns"
    ENCODING = "encoding"
    MALFORMED = "malformed"
    NO_IDENTITY = "no_identity"
    DUPLICATE_IN_FILE = "duplicate_in_file"
    AMBIGUOUS = "ambiguous"
    CONFLICT = "conflict"
    ARCHIVED = "archived"


class NoConsent(StrEnum):
    """Why a row that is imported changes no consent, before ``core/consent`` is asked."""

    NO_ANSWER = "no_answer"
    UNKNOWN_ANSWER = "unknown_answer"
    NO_DESTINATION = "no_destination"
    OTHER_DESTINATION = "other_destination"
    GDPR_OPTOUT = "gdpr_optout"


class Refusal(Exception):
    """A row is refused. ``column`` is the index of the cell at fault; null where it is the whole row."""

    def __init__(self, reason: Reason, column: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.column = reason, column


# What is wrong, and what to do.
SENTENCES: Mapping[Reason, str] = {
    Reason.NUMBER_DESTROYED: translatable(
        "A spreadsheet changed this number, so digits or its plus are lost. Export the file again and format the "
        "column as text."
    ),
    Reason.NUMBER_INVALID: translatable(
        "This is not a valid phone number. Correct it, or choose the country of the numbers."
    ),
    Reason.NUMBER_AMBIGUOUS: translatable(
        "This can be read as two different numbers. Write it with + and the country code."
    ),
    Reason.EMAIL_INVALID: translatable("This is not an email address. Correct it."),
    Reason.DATE_INVALID: translatable(
        "This is not a date in the past, or it can be read in two ways. Write it like 2025-12-31, or choose the order "
        "of day and month."
    ),
    Reason.LANGUAGE_INVALID: translatable("This is not the code of a language. Write it like en or pt-BR."),
    Reason.TIME_ZONE_INVALID: translatable("This is not a time zone. Write it like Europe/Berlin."),
    Reason.ROLE_INVALID: translatable("A role is user or lead, and a user needs an external id or an email address."),
    Reason.ATTRIBUTE_INVALID: translatable(
        "This value does not fit the type of the custom attribute, or the attributes are too many."
    ),
    Reason.TOO_LONG: translatable("This text is too long. Shorten it."),
    Reason.TOO_MANY_COLUMNS: translatable(
        "This row has more cells than the headings. Put quotation marks around texts that contain the separator."
    ),
    Reason.TOO_FEW_COLUMNS: translatable("This row has fewer cells than the headings. It may have been cut off."),
    Reason.ENCODING: translatable("This row contains characters that the chosen encoding does not have."),
    Reason.MALFORMED: translatable("A quotation mark in this row is not closed. Correct it."),
    Reason.NO_IDENTITY: translatable("This row has no phone number, no email address and no external id."),
    Reason.DUPLICATE_IN_FILE: translatable("An earlier row of this file is about the same person."),
    Reason.AMBIGUOUS: translatable(
        "Several contacts match this row. Add the external id, or merge the contacts first."
    ),
    Reason.CONFLICT: translatable("Another contact has this external id or email address. Correct it."),
    Reason.ARCHIVED: translatable("This contact is archived. Restore it first."),
}
NO_CONSENT_SENTENCES: Mapping[NoConsent, str] = {
    NoConsent.NO_ANSWER: translatable("The file does not say."),
    NoConsent.UNKNOWN_ANSWER: translatable("The word in the file means neither opted in nor opted out."),
    NoConsent.NO_DESTINATION: translatable("The row has no number or address that the consent could be for."),
    NoConsent.OTHER_DESTINATION: translatable("The contact has another number or address than the row."),
    NoConsent.GDPR_OPTOUT: translatable("The person wants no messages on any channel."),
}
