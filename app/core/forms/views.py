"""What a person sees of a form: read by one statement, written by none.

An answer carries ``Shown``, signed when the page was made: which words, which number, when. So the evidence holds what
was on the screen, not what would be there now.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import Table, and_, bindparam, select
from sqlalchemy.orm import Session

from app.core import destinations
from app.core.destinations import Destination
from app.core.errors import DestinationRefused, NotFound
from app.core.signing import Keys, Signer
from app.db import CompiledStatement, ReadConnection
from app.models import (
    Channel,
    Consent,
    ConsentState,
    Contact,
    InsertedForm,
    OptInForm,
    OptInFormVersion,
    SubscriptionType,
    TypeState,
    Workspace,
)

SHOWN_MAX_AGE_S = 24 * 60 * 60


class State(StrEnum):
    """``data-state`` of the embed (interface section 4)."""

    ASK = "ask"
    SAVED = "saved"
    CONFIRM = "confirm"
    SIGNED_UP = "signed_up"
    DONE = "done"
    UNAVAILABLE = "unavailable"
    EXPIRED = "expired"
    ERROR = "error"


@dataclass(frozen=True)
class FormView:
    """One form as it stands for whoever looks at it: read by one statement."""

    form_id: int
    form_key: str
    form_origins: list[str]
    form_archived_at: datetime | None
    version_id: int
    default_country: str | None
    subscription_type_id: int
    type_name: str
    type_state: str
    channel: str
    workspace_name: str
    privacy_url: str
    terms_url: str
    help_contact: str
    workspace_revision: int
    workspace_origins: list[str]
    allowed_countries: list[str]
    per_address: int
    per_number: int
    inserted_form_id: int | None = None
    token: str | None = None
    inserted_origin: str | None = None
    expires_at: datetime | None = None
    seen_at: datetime | None = None
    answered_at: datetime | None = None
    contact_id: int | None = None
    phone: str | None = None
    email: str | None = None
    locale: str | None = None
    gdpr_optin: bool | None = None
    archived_at: datetime | None = None
    blocked_at: datetime | None = None
    consent_state: str | None = None
    consent_hash: str | None = None
    conversation_id: int | None = None
    inserted_by: str | None = None
    contact_role: str | None = None
    submitted_destination_hash: str | None = None

    @property
    def origins(self) -> list[str]:
        """Who may frame it and be told messages: the form's origins and the workspace's."""
        return list(dict.fromkeys([*self.form_origins, *self.workspace_origins]))

    @property
    def saved(self) -> str | None:
        """The number or address that is saved for this contact, as it stands."""
        return self.phone if self.channel == Channel.SMS else self.email

    @property
    def is_public(self) -> bool:
        return self.inserted_form_id is None


@dataclass(frozen=True)
class Shown:
    """What one render showed. ``nonce`` makes it one answer; ``destination_hash`` is null where it asked.

    :param place: the form's key or the inserted form's token
    :param region: the country whose national way of writing a number the page said it understands
    """

    place: str
    version_id: int
    locale: str
    words_hash: str
    destination_hash: str | None
    region: str | None
    origin: str | None
    nonce: str
    at: datetime

    def signed(self, signer: Signer) -> str:
        at_ms = int(self.at.timestamp() * 1000)
        return signer.sign(
            [
                self.place,
                self.version_id,
                self.locale,
                self.words_hash,
                self.destination_hash,
                self.region,
                self.origin,
                self.nonce,
                at_ms,
            ]
        )

    @classmethod
    def read(cls, signer: Signer, signed: str, *, place: str) -> "Shown | None":
        """What was shown at this place; null when it was not signed here, belongs elsewhere or is too old."""
        value = signer.read(signed, max_age_s=SHOWN_MAX_AGE_S)
        if value is None or len(value) != 9 or value[0] != place:
            return None
        return cls(*value[:8], *[datetime.fromtimestamp(value[8] / 1000, UTC)])


_OPTIN_FORM = cast(Table, OptInForm.__table__)
_VERSION = cast(Table, OptInFormVersion.__table__)
_KIND = cast(Table, SubscriptionType.__table__)
_WORKSPACE = cast(Table, Workspace.__table__)
_INSERTED_FORM = cast(Table, InsertedForm.__table__)
_CONTACT = cast(Table, Contact.__table__)
_CONSENT = cast(Table, Consent.__table__)
_FORM = (
    _OPTIN_FORM.c.id,
    _OPTIN_FORM.c.key,
    _OPTIN_FORM.c.allowed_origins,
    _OPTIN_FORM.c.archived_at,
    _VERSION.c.id,
    _VERSION.c.default_country,
    _KIND.c.id,
    _KIND.c.name,
    _KIND.c.state,
    _KIND.c.channel,
    _WORKSPACE.c.name,
    _WORKSPACE.c.privacy_url,
    _WORKSPACE.c.terms_url,
    _WORKSPACE.c.help_contact,
    _WORKSPACE.c.revision,
    _WORKSPACE.c.allowed_origins,
    _WORKSPACE.c.allowed_countries,
    _WORKSPACE.c.submissions_per_address,
    _WORKSPACE.c.submissions_per_number,
)
_INSERTED = (
    _INSERTED_FORM.c.id,
    _INSERTED_FORM.c.token,
    _INSERTED_FORM.c.origin,
    _INSERTED_FORM.c.expires_at,
    _INSERTED_FORM.c.seen_at,
    _INSERTED_FORM.c.answered_at,
    _INSERTED_FORM.c.contact_id,
    _CONTACT.c.phone,
    _CONTACT.c.email,
    _CONTACT.c.locale,
    _CONTACT.c.gdpr_optin,
    _CONTACT.c.archived_at,
    _CONTACT.c.blocked_at,
    _CONSENT.c.state,
    _CONSENT.c.destination_hash,
    _INSERTED_FORM.c.conversation_id,
    _INSERTED_FORM.c.inserted_by,
    _CONTACT.c.role,
)
_TYPE = _KIND.c.id == _VERSION.c.subscription_type_id
_PUBLIC_VIEW = CompiledStatement(
    select(*_FORM)
    .select_from(_OPTIN_FORM)
    .join(_VERSION, and_(_VERSION.c.form_id == _OPTIN_FORM.c.id, _VERSION.c.number == _OPTIN_FORM.c.version))
    .join(_KIND, _TYPE)
    .join(_WORKSPACE, _WORKSPACE.c.id == 1)
    .where(_OPTIN_FORM.c.key == bindparam("key"))
)
_PUBLIC_ANSWER_VIEW = CompiledStatement(
    select(*_FORM, _INSERTED_FORM.c.submitted_destination_hash)
    .select_from(_OPTIN_FORM)
    .join(
        _VERSION,
        and_(_VERSION.c.form_id == _OPTIN_FORM.c.id, _VERSION.c.id == bindparam("version_id")),
    )
    .join(_KIND, _TYPE)
    .join(_WORKSPACE, _WORKSPACE.c.id == 1)
    .outerjoin(_INSERTED_FORM, _INSERTED_FORM.c.token == bindparam("nonce"))
    .where(_OPTIN_FORM.c.key == bindparam("key"))
)
_INSERTED_VIEW = CompiledStatement(
    select(*_FORM, *_INSERTED)
    .select_from(_INSERTED_FORM)
    .join(_OPTIN_FORM, _OPTIN_FORM.c.id == _INSERTED_FORM.c.form_id)
    .join(_VERSION, _VERSION.c.id == _INSERTED_FORM.c.version_id)
    .join(_KIND, _TYPE)
    .join(_WORKSPACE, _WORKSPACE.c.id == 1)
    .outerjoin(_CONTACT, _CONTACT.c.id == _INSERTED_FORM.c.contact_id)
    .outerjoin(_CONSENT, and_(_CONSENT.c.contact_id == _CONTACT.c.id, _CONSENT.c.subscription_type_id == _KIND.c.id))
    .where(_INSERTED_FORM.c.token == bindparam("token"))
)


def public_view(session: Session | ReadConnection, form_key: str, *, shown: Shown | None = None) -> FormView:
    """The newest version of a form, for anybody.

    :param shown: of an answer: its version is taken, and whether this render was answered before
    :raises NotFound: no form has this key
    """
    if shown is None:
        row = _PUBLIC_VIEW.one(session, key=form_key)
        if row is None:
            raise NotFound("There is no such form.")
        return _view(row)
    row = _PUBLIC_ANSWER_VIEW.one(session, key=form_key, version_id=shown.version_id, nonce=shown.nonce)
    if row is None:
        raise NotFound("There is no such form.")
    return _view(row[:-1], submitted_destination_hash=row[-1])


def inserted_view(session: Session | ReadConnection, token: str, *, shown: Shown | None = None) -> FormView:  # noqa: ARG001
    """One inserted form with its contact's saved number and consent.

    :param shown: of an answer; the version is the inserted one whatever was shown
    :raises NotFound: no form has this token
    """
    row = _INSERTED_VIEW.one(session, token=token)
    if row is None:
        raise NotFound("There is no such form.")
    return _view(row)


def saved_destination(keys: Keys, view: FormView) -> Destination | None:
    """The saved number or address, if it can be signed up; null when there is none, or it has to be asked for anew."""
    if not view.saved:
        return None
    allowed = frozenset(view.allowed_countries)
    try:
        return destinations.read(keys, view.saved, view.channel, region=None, allowed_countries=allowed)
    except DestinationRefused:
        return None


def state_of(view: FormView, saved: Destination | None, *, at: datetime) -> State:
    """What this form shows: one of ask, saved, signed_up, unavailable, expired."""
    if view.expires_at is not None and view.expires_at <= at:
        return State.EXPIRED
    is_gone = view.type_state != TypeState.LIVE or view.form_archived_at is not None
    if is_gone or view.archived_at or view.blocked_at or view.gdpr_optin is False:
        return State.UNAVAILABLE
    if saved is None:
        return State.ASK
    is_signed_up = view.consent_state == ConsentState.OPTED_IN and view.consent_hash == saved.hash
    return State.SIGNED_UP if is_signed_up else State.SAVED


def _view(row: Any, **more: Any) -> FormView:
    return FormView(*row, **more)
