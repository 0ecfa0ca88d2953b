"""The values of a form as one person sees it, and whether it accepts answers."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_

from app.core import phone
from app.models import Channel, ContactRole, EvidenceLevel, OptInForm, SubscriptionType, TypeState, VerifyNumber

_FORM = OptInForm.__table__
_TYPE = SubscriptionType.__table__

INSERTED_BY_PAGE = "page"  # ``inserted_by`` of a public form's render, which is stored when it is answered


def is_offered(*, archived_at: datetime | None, type_state: str) -> bool:
    """Whether a form accepts answers: it is not archived, and its subscription type is live."""
    return archived_at is None and type_state == TypeState.LIVE


IS_OFFERED: ColumnElement[bool] = and_(_FORM.c.archived_at.is_(None), _TYPE.c.state == TypeState.LIVE.value)
"""``is_offered`` in SQL. A test compares the two for each case."""


class State(StrEnum):
    """What the embed shows: its ``data-state``."""

    ASK = "ask"
    SAVED = "saved"
    CONFIRM = "confirm"
    SIGNED_UP = "signed_up"
    DONE = "done"
    UNAVAILABLE = "unavailable"
    EXPIRED = "expired"
    ERROR = "error"


@dataclass(frozen=True)
class Form:
    """One version of a form, with its subscription type. ``number`` is that of the version."""

    id: int
    key: str
    name: str
    number: int
    allowed_origins: list[str]
    archived_at: datetime | None
    version_id: int
    default_country: str | None
    has_checkbox: bool
    subscription_type_id: int
    type_name: str
    type_state: str
    channel: str
    verify_number: str
    has_welcome: bool

    @property
    def is_offered(self) -> bool:
        return is_offered(archived_at=self.archived_at, type_state=self.type_state)

    @property
    def may_text(self) -> bool:
        """Whether a text may follow an answer: one that confirms it, or a welcome."""
        return self.has_welcome or self.verify_number != VerifyNumber.OFF


@dataclass(frozen=True)
class Publisher:
    """What a form takes from the workspace: who publishes it, and the limits of answers an hour."""

    name: str
    privacy_url: str
    terms_url: str
    help_contact: str
    allowed_origins: list[str]
    allowed_countries: list[str]
    answers_per_address: int
    answers_per_number: int


@dataclass(frozen=True)
class Insertion:
    """The inserted form that a token belongs to."""

    id: int
    token: str
    conversation_id: int | None
    inserted_by: str
    expires_at: datetime
    seen_at: datetime | None
    confirming_at: datetime | None
    answered_at: datetime | None
    withdrawn_at: datetime | None


@dataclass(frozen=True)
class Respondent:
    """The contact that a form is for, with its consent for the form's subscription type."""

    contact_id: int
    role: str
    phone: str | None
    email: str | None
    phone_country: str | None
    is_suppressed: bool
    locale: str | None
    gdpr_optin: bool | None
    archived_at: datetime | None
    blocked_at: datetime | None
    consent_state: str | None
    consent_hash: str | None


@dataclass(frozen=True)
class Texting:
    """What this installation can do with texts, as the web layer knows from its gateway.

    :param sender: our number, short code or name, as people see it
    :param receives: people can send texts to it
    :param host: of our public address, for codes that browsers fill in
    """

    sender: str = ""
    receives: bool = False
    host: str = ""


@dataclass(frozen=True)
class FormView:
    """One form as one person sees it. A public form has no insertion, and a respondent only if the person is known.

    :param user_id: of a public form: the user whom the page around it proved; there may be no contact of that user yet
    :param link_level: of a form on a preference page: how sure it is that the reader is the respondent
    :param submitted_destination_hash: of a public form: the destination that this render was answered with before
    :param is_refused: of an answer to a public form: whether a contact with the typed destination refused everything
        (``gdpr_optin`` false); null: it was not read with the form
    """

    form: Form
    publisher: Publisher
    insertion: Insertion | None = None
    respondent: Respondent | None = None
    submitted_destination_hash: str | None = None
    is_refused: bool | None = None
    user_id: str | None = None
    link_level: EvidenceLevel | None = None
    texting: Texting = Texting()

    @property
    def is_public(self) -> bool:
        """Whether it is the same for everyone who opens it."""
        return self.insertion is None and self.user_id is None and self.link_level is None

    @property
    def origins(self) -> list[str]:
        """Who may frame it and gets its messages: the origins of the form and of the workspace."""
        return list(dict.fromkeys([*self.form.allowed_origins, *self.publisher.allowed_origins]))

    @property
    def is_unverified(self) -> bool:
        """Whether anyone may be answering: a lead is who typed a number, has a link or wrote in an unsigned chat."""
        if self.link_level is not None:
            return self.link_level == EvidenceLevel.WEB_UNVERIFIED
        if self.user_id is not None:
            return False
        if self.insertion is None or self.respondent is None:
            return True
        return self.respondent.role != ContactRole.USER or self.insertion.inserted_by == INSERTED_BY_PAGE

    @property
    def verify_number(self) -> VerifyNumber:
        """How an opt-in is confirmed. Where no text reaches us, a code replaces what people would have to send."""
        if self.form.channel != Channel.SMS:
            return VerifyNumber.OFF
        method = VerifyNumber(self.form.verify_number)
        needs_reply = method in {VerifyNumber.REPLY, VerifyNumber.SMS_LINK}
        return VerifyNumber.CODE if needs_reply and not self.texting.receives else method

    @property
    def is_to_confirm(self) -> bool:
        """Whether an answer to this form has to be confirmed."""
        return self.verify_number != VerifyNumber.OFF

    @property
    def saved(self) -> str | None:
        """The contact's number or address, whichever the form's channel uses, as it is stored."""
        if self.respondent is None:
            return None
        return self.respondent.phone if self.form.channel == Channel.SMS else self.respondent.email


def evidence_details(type_name: str, channel: str) -> dict[str, str]:
    """What the evidence keeps beside the wording: the name of the type, and the version of the numbering plans."""
    plans = {"numbering_plans": phone.metadata_version()} if channel == Channel.SMS else {}
    return {"subscription_type": type_name} | plans
