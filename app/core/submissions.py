"""The main job: what a person sees of a form, and what happens when they answer.

A GET calls ``public_view`` or ``inserted_view`` and writes nothing. An answer carries ``Shown``, signed when the page
was made: which words, which number, when. So the evidence holds what was on the screen, not what would be there now.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import Table, and_, bindparam, select, update
from sqlalchemy.orm import Session

from app.core import consent, contacts, limits, outbox
from app.core.contacts import Destination
from app.core.errors import DestinationRefused, NotFound
from app.core.ledger import Evidence
from app.core.optin_forms import EXPIRES_IN
from app.core.signing import Signer, keys_of
from app.db import ignoring_insert
from app.models import (
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
WINDOW_S = 60 * 60


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
    logo_hash: str | None
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
    answer_hash: str | None = None

    @property
    def origins(self) -> list[str]:
        """Who may frame it and be told messages: the form's origins and the workspace's."""
        return list(dict.fromkeys([*self.form_origins, *self.workspace_origins]))

    @property
    def saved(self) -> str | None:
        """The number or address that is saved for this contact, as it stands."""
        return self.phone if self.channel == "sms" else self.email

    @property
    def is_public(self) -> bool:
        return self.inserted_form_id is None


@dataclass(frozen=True)
class Shown:
    """What one render showed. ``nonce`` makes it one answer; ``destination_hash`` is null where it asked."""

    place: str
    version_id: int
    locale: str
    words_hash: str
    destination_hash: str | None
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
                self.origin,
                self.nonce,
                at_ms,
            ]
        )

    @classmethod
    def read(cls, signer: Signer, signed: str, *, place: str) -> "Shown | None":
        """What was shown at this place; null when it was not signed here, belongs elsewhere or is too old."""
        value = signer.read(signed, max_age_s=SHOWN_MAX_AGE_S)
        if value is None or len(value) != 8 or value[0] != place:
            return None
        *rest, at_ms = value
        return cls(*rest, at=datetime.fromtimestamp(at_ms / 1000, UTC))


@dataclass(frozen=True)
class Outcome:
    """What an answer led to.

    ``refusal`` is a code of ``phone.REFUSALS``, ``email.REFUSALS`` or one of ``shown_again`` (what was shown no longer
    holds: show the form anew), ``answered_already`` (this page was answered with another number), ``too_many``.
    """

    state: State
    refusal: str | None = None
    destination: Destination | None = None
    event_id: int | None = None
    retry_after_s: int | None = None


_FORM = (
    OptInForm.id,
    OptInForm.key,
    OptInForm.allowed_origins,
    OptInForm.archived_at,
    OptInFormVersion.id,
    OptInFormVersion.default_country,
    SubscriptionType.id,
    SubscriptionType.name,
    SubscriptionType.state,
    SubscriptionType.channel,
    Workspace.name,
    Workspace.privacy_url,
    Workspace.terms_url,
    Workspace.help_contact,
    Workspace.logo_hash,
    Workspace.revision,
    Workspace.allowed_origins,
    Workspace.allowed_countries,
    Workspace.submissions_per_address,
    Workspace.submissions_per_number,
)
_INSERTED = (
    InsertedForm.id,
    InsertedForm.token,
    InsertedForm.origin,
    InsertedForm.expires_at,
    InsertedForm.seen_at,
    InsertedForm.answered_at,
    InsertedForm.contact_id,
    Contact.phone,
    Contact.email,
    Contact.locale,
    Contact.gdpr_optin,
    Contact.archived_at,
    Contact.blocked_at,
    Consent.state,
    Consent.destination_hash,
)
_TYPE = SubscriptionType.id == OptInFormVersion.subscription_type_id
_PUBLIC_VIEW = (
    select(*_FORM)
    .select_from(OptInForm)
    .join(
        OptInFormVersion, and_(OptInFormVersion.form_id == OptInForm.id, OptInFormVersion.number == OptInForm.version)
    )
    .join(SubscriptionType, _TYPE)
    .join(Workspace, Workspace.id == 1)
)
_PUBLIC_ANSWER_VIEW = (
    select(*_FORM, InsertedForm.answer_hash)
    .select_from(OptInForm)
    .join(
        OptInFormVersion,
        and_(OptInFormVersion.form_id == OptInForm.id, OptInFormVersion.id == bindparam("version_id")),
    )
    .join(SubscriptionType, _TYPE)
    .join(Workspace, Workspace.id == 1)
    .outerjoin(InsertedForm, InsertedForm.token == bindparam("nonce"))
    .where(OptInForm.key == bindparam("key"))
)
_INSERTED_VIEW = (
    select(*_FORM, *_INSERTED)
    .select_from(InsertedForm)
    .join(OptInForm, OptInForm.id == InsertedForm.form_id)
    .join(OptInFormVersion, OptInFormVersion.id == InsertedForm.version_id)
    .join(SubscriptionType, _TYPE)
    .join(Workspace, Workspace.id == 1)
    .outerjoin(Contact, Contact.id == InsertedForm.contact_id)
    .outerjoin(Consent, and_(Consent.contact_id == Contact.id, Consent.subscription_type_id == SubscriptionType.id))
)
_INSERTED_FORM = cast(Table, InsertedForm.__table__)


def public_view(session: Session, form_key: str, *, shown: Shown | None = None) -> FormView:
    """The newest version of a form, for anybody.

    :param shown: of an answer: its version is taken, and whether this render was answered before
    :raises NotFound: no form has this key
    """
    if shown is None:
        row = session.execute(_PUBLIC_VIEW.where(OptInForm.key == form_key)).one_or_none()
        if row is None:
            raise NotFound("There is no such form.")
        return _view(row)
    row = session.execute(
        _PUBLIC_ANSWER_VIEW, {"key": form_key, "version_id": shown.version_id, "nonce": shown.nonce}
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such form.")
    return replace(_view(row[:-1]), answer_hash=row[-1])


def inserted_view(session: Session, token: str) -> FormView:
    """One inserted form with its contact's saved number and consent. :raises NotFound: no form has this token"""
    row = session.execute(_INSERTED_VIEW.where(InsertedForm.token == token)).one_or_none()
    if row is None:
        raise NotFound("There is no such form.")
    return _view(row)


def saved_destination(session: Session, view: FormView) -> Destination | None:
    """The saved number or address, if it can be signed up; null when there is none, or it has to be asked for anew."""
    if not view.saved:
        return None
    allowed = frozenset(view.allowed_countries)
    try:
        return contacts.read_destination(session, view.saved, view.channel, region=None, allowed_countries=allowed)
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


def submit(
    session: Session,
    view: FormView,
    shown: Shown | None,
    *,
    typed: str,
    region: str | None,
    evidence: Evidence,
    at: datetime,
) -> Outcome:
    """Record one answer. The caller commits whatever comes back: a refusal has been counted.

    :param view: read in this session
    :param shown: what the person had on the screen; null when it cannot be told (too old, not ours, other words now)
    :param typed: the number or address from the page; ignored where one was shown as saved
    :param region: the country whose national way of writing a number is understood
    :param evidence: address, agent string, page, words shown; source and actor are the person's
    """
    saved = saved_destination(session, view)
    state = state_of(view, saved, at=at)
    if state in {State.EXPIRED, State.UNAVAILABLE}:
        return Outcome(state)
    if shown is None:
        return Outcome(state, None if state == State.SIGNED_UP else "shown_again")
    if shown.destination_hash is None:
        try:
            destination = contacts.read_destination(
                session, typed, view.channel, region=region, allowed_countries=frozenset(view.allowed_countries)
            )
        except DestinationRefused as refused:
            return Outcome(State.ASK if state == State.ASK else state, refused.code)
    elif saved is None or saved.hash != shown.destination_hash:
        return Outcome(state, "shown_again")
    else:
        destination = saved
    if view.is_public:
        return _submit_public(session, view, shown, destination, evidence, at=at)
    return _submit_inserted(session, view, shown, destination, state, evidence, at=at)


def _view(row: Any) -> FormView:
    return FormView(*row)


def _submit_public(
    session: Session, view: FormView, shown: Shown, destination: Destination, evidence: Evidence, *, at: datetime
) -> Outcome:
    if view.answer_hash is not None:
        return _answered_before(view.answer_hash, destination)
    if wait_s := _over_limit(session, view, destination, evidence, at=at):
        return Outcome(State.ASK, "too_many", destination, retry_after_s=wait_s)
    lead_id, is_new = contacts.lead_for(
        session, view.subscription_type_id, view.channel, destination, locale=shown.locale, at=at
    )
    inserted_form_id = _keep_answer(session, view, shown, destination, lead_id, at=at)
    if inserted_form_id is None:
        winner = select(_INSERTED_FORM.c.answer_hash).where(_INSERTED_FORM.c.token == shown.nonce)
        return _answered_before(session.execute(winner).scalar_one(), destination)
    standing = None if is_new else consent.held(session, lead_id, view.subscription_type_id)
    return _opt_in(session, view, lead_id, inserted_form_id, destination, evidence, standing, at=at)


def _submit_inserted(
    session: Session,
    view: FormView,
    shown: Shown,
    destination: Destination,
    state: State,
    evidence: Evidence,
    *,
    at: datetime,
) -> Outcome:
    if state != State.ASK and shown.destination_hash is None:
        # Their number was saved after this page asked for one: what is saved is not changed from here.
        is_theirs = state == State.SIGNED_UP and view.consent_hash == destination.hash
        return Outcome(State.DONE, None, destination) if is_theirs else Outcome(state, "shown_again")
    if state == State.SIGNED_UP and view.answered_at is not None:
        return Outcome(State.DONE, None, destination)
    if wait_s := _over_limit(session, view, destination, evidence, at=at):
        return Outcome(state, "too_many", destination, retry_after_s=wait_s)
    contact_id = _held_contact(session, view, shown, destination, at=at)
    if contact_id is None:
        return _answered_meanwhile(session, view, destination, at=at)
    standing = consent.held(session, contact_id, view.subscription_type_id)
    if standing and standing.state == ConsentState.OPTED_OUT and standing.changed_at >= shown.at:
        return Outcome(state, "shown_again")  # a page from before they opted out says nothing about now
    inserted_form_id = cast(int, view.inserted_form_id)
    outcome = _opt_in(session, view, contact_id, inserted_form_id, destination, evidence, standing, at=at)
    session.execute(
        update(_INSERTED_FORM)
        .where(_INSERTED_FORM.c.id == inserted_form_id, _INSERTED_FORM.c.answered_at.is_(None))
        .values(
            answered_at=at,
            seen_at=view.seen_at or at,
            answer_hash=destination.hash,
            contact_id=contact_id,
        )
    )
    return outcome


def _opt_in(
    session: Session,
    view: FormView,
    contact_id: int,
    inserted_form_id: int,
    destination: Destination,
    evidence: Evidence,
    standing: consent.Held | None,
    *,
    at: datetime,
) -> Outcome:
    change = consent.opt_in(
        session,
        contact_id,
        view.subscription_type_id,
        destination.value,
        evidence.of_inserted_form(inserted_form_id),
        standing=standing,
        at=at,
        also_told_as=("form.submitted",),
    )
    if not change.is_new and view.answered_at is None:
        outbox.add(
            session,
            ["form.submitted"],
            contact_id=contact_id,
            payload={
                "contact_id": contact_id,
                "subscription_type_id": view.subscription_type_id,
                "event_id": change.event_id,
                "inserted_form_id": inserted_form_id,
            },
            at=at,
        )
    return Outcome(State.DONE, None, destination, change.event_id)


def _over_limit(
    session: Session, view: FormView, destination: Destination, evidence: Evidence, *, at: datetime
) -> int | None:
    keys = keys_of(session)
    buckets = {keys.bucket("number", destination.hash): view.per_number}
    if evidence.address:
        buckets[keys.bucket("address", limits.address_bucket(evidence.address))] = view.per_address
    return limits.hit(session, buckets, window_s=WINDOW_S, at=at)


def _keep_answer(
    session: Session, view: FormView, shown: Shown, destination: Destination, contact_id: int, *, at: datetime
) -> int | None:
    """Write the inserted form that this render of a public form becomes; null when it was answered before."""
    made = session.execute(
        ignoring_insert(session, InsertedForm).returning(_INSERTED_FORM.c.id),
        {
            "token": shown.nonce,
            "form_id": view.form_id,
            "version_id": shown.version_id,
            "contact_id": contact_id,
            "inserted_by": "page",
            "origin": shown.origin,
            "answer_hash": destination.hash,
            "created_at": shown.at,
            "expires_at": at + EXPIRES_IN,
            "seen_at": at,
            "answered_at": at,
        },
    ).scalar_one_or_none()
    return int(made) if made is not None else None


def _answered_before(answer_hash: str, destination: Destination) -> Outcome:
    if answer_hash == destination.hash:
        return Outcome(State.DONE, None, destination)
    return Outcome(State.ASK, "answered_already", destination)


def _held_contact(
    session: Session, view: FormView, shown: Shown, destination: Destination, *, at: datetime
) -> int | None:
    """The contact who answers, held, with the number that they typed saved; null when it is not as it was shown."""
    if view.contact_id is None:
        lead_id, _ = contacts.lead_for(
            session, view.subscription_type_id, view.channel, destination, locale=shown.locale, at=at
        )
        return lead_id
    if shown.destination_hash is None:
        is_saved = contacts.save_destination(
            session, view.contact_id, view.channel, destination, instead_of=view.saved, at=at
        )
        return view.contact_id if is_saved else None
    held = contacts.hold(session, view.contact_id)
    now_saved = held.phone if view.channel == "sms" else held.email
    return held.id if now_saved == view.saved else None


def _answered_meanwhile(session: Session, view: FormView, destination: Destination, *, at: datetime) -> Outcome:
    """Another answer of the same person came first; say how it stands now."""
    fresh = inserted_view(session, cast(str, view.token))
    saved = saved_destination(session, fresh)
    state = state_of(fresh, saved, at=at)
    if state == State.SIGNED_UP and saved and saved.hash == destination.hash:
        return Outcome(State.DONE, None, destination)
    return Outcome(state, "shown_again")
