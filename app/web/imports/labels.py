"""Texts for what became of imported rows and their consents."""

from app.core.consent.set_changes import Outcome
from app.core.imports.fields import FIELD_NAMES, Field
from app.core.imports.reading import SEPARATORS
from app.core.imports.reasons import NO_CONSENT_SENTENCES, SENTENCES, NoConsent, Reason
from app.core.wording import translatable
from app.web.formatting import decimal
from app.web.i18n import gettext

SEPARATOR_NAMES = dict(
    zip(
        SEPARATORS,
        (translatable("Comma"), translatable("Semicolon"), translatable("Tab"), translatable("Vertical bar")),
        strict=True,
    )
)
_CONSENTS = {
    Outcome.UNCHANGED: translatable("It is recorded already."),
    Outcome.TYPE_NOT_LIVE: translatable("The subscription type is not live."),
    Outcome.ARCHIVED: translatable("The contact is archived."),
    Outcome.BLOCKED: translatable("The contact is blocked."),
    Outcome.GDPR_OPTOUT: translatable("The person wants no messages on any channel."),
    Outcome.NO_PHONE: translatable("There is no phone number."),
    Outcome.NO_EMAIL: translatable("There is no email address."),
    Outcome.SUPPRESSED: translatable("The number must not be texted. An import never changes that."),
    Outcome.OPTED_OUT: translatable("This person opted out. An import never changes that."),
    Outcome.NUMBER_CHANGED: translatable("The contact had another number at that time."),
    Outcome.CHANGED_SINCE: translatable("There is a newer choice. An import never changes that."),
    Outcome.ERASED: translatable("The person was erased."),
    Outcome.MERGED: translatable("The contact was merged with another one."),
}
# The names of columns of contacts that an import changes.
_COLUMNS = {"locale": Field.LANGUAGE}


def consent_outcome(code: str) -> str:
    """Why a consent is not recorded."""
    if code in set(NoConsent):
        return gettext(NO_CONSENT_SENTENCES[NoConsent(code)])
    return gettext(_CONSENTS[Outcome(code)])


def refusal(code: str) -> str:
    """Why a row is refused, and what to do."""
    return gettext(SENTENCES[Reason(code)])


def column_name(name: str) -> str:
    """The name of a changed column of a contact, or of a custom attribute."""
    code = _COLUMNS.get(name, name)
    return gettext(FIELD_NAMES[Field(code)]) if code in set(Field) else name


def file_size(size_bytes: int) -> str:
    """``1.4 MB``."""
    if size_bytes < 1_000_000:
        return gettext("%(number)s kB", number=decimal(max(1, round(size_bytes / 1000))))
    return gettext("%(number)s MB", number=decimal(round(size_bytes / 1_000_000)))
