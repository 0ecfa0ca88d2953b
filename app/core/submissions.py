"""The main job: what happens when somebody answers a form."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session

from app.core import consent, contacts, conversations, form_views, limits, optin_forms, outbox, phone
from app.core.contacts import Destination
from app.core.errors import DestinationRefused, NotFound
from app.core.form_views import FormView, Shown, State
from app.core.ledger import Evidence
from app.core.optin_forms import EXPIRES_IN
from app.core.signing import keys_of
from app.db import Prepared, ignoring_insert
from app.models import ConsentState, InsertedForm, OptInForm, Workspace

WINDOW_S = 60 * 60
_INSERTED_FORM = cast(Table, InsertedForm.__table__)
_FIND_ANSWER = Prepared(select(_INSERTED_FORM.c.answer_hash).where(_INSERTED_FORM.c.token == bindparam("nonce")))
_MARK_ANSWERED = Prepared(
    update(_INSERTED_FORM)
    .where(_INSERTED_FORM.c.id == bindparam("inserted_form_id"), _INSERTED_FORM.c.answered_at.is_(None))
    .values(
        answered_at=bindparam("at"),
        seen_at=bindparam("seen"),
        answer_hash=bindparam("hash"),
        contact_id=bindparam("contact"),
    )
)
_KEPT_COLUMNS = (
    "token",
    "form_id",
    "version_id",
    "contact_id",
    "inserted_by",
    "origin",
    "answer_hash",
    "created_at",
    "expires_at",
    "seen_at",
    "answered_at",
)
_KEEP = Prepared(lambda dialect: ignoring_insert(dialect, InsertedForm, _KEPT_COLUMNS).returning(_INSERTED_FORM.c.id))


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


def submit(
    session: Session,
    view: FormView,
    shown: Shown | None,
    *,
    typed: Destination | DestinationRefused,
    evidence: Evidence,
    at: datetime,
) -> Outcome:
    """Record one answer. The caller commits whatever comes back: a refusal has been counted.

    :param view: read in this session
    :param shown: what the person had on the screen; null when it cannot be told (too old, not ours, other words now)
    :param typed: the number or address from the page (``contacts.read_destination``, which takes longest and needs no
        transaction), or why it is none; ignored where one was shown as saved
    :param evidence: address, agent string, page, words shown; source and actor are the person's
    """
    saved = form_views.saved_destination(keys_of(session), view)
    state = form_views.state_of(view, saved, at=at)
    if state in {State.EXPIRED, State.UNAVAILABLE}:
        return Outcome(state)
    if shown is None:
        return Outcome(state, None if state == State.SIGNED_UP else "shown_again")
    destination = _meant(view, shown, typed, saved)
    if destination is None:
        return Outcome(state, "shown_again")
    if isinstance(destination, DestinationRefused):
        return Outcome(state, destination.code)
    if view.is_public:
        return _submit_public(session, view, shown, destination, evidence, at=at)
    return _submit_inserted(session, view, shown, destination, state, evidence, at=at)


def _meant(
    view: FormView, shown: Shown, typed: Destination | DestinationRefused, saved: Destination | None
) -> Destination | DestinationRefused | None:
    """What the person agreed to: the number they typed, or the one they saw as saved; null when that is another now."""
    if shown.destination_hash is not None:
        return saved if saved and saved.hash == shown.destination_hash else None
    if isinstance(typed, Destination) and typed.country:
        try:
            phone.refuse_country(typed.country, frozenset(view.allowed_countries))
        except DestinationRefused as refused:
            return refused
    return typed


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
        (winner,) = _FIND_ANSWER.one(session, nonce=shown.nonce)
        return _answered_before(winner, destination)
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
    if view.answered_at is None:
        _MARK_ANSWERED.run(
            session,
            inserted_form_id=inserted_form_id,
            at=at,
            seen=view.seen_at or at,
            hash=destination.hash,
            contact=contact_id,
        )
        if view.conversation_id is not None:
            conversations.form_changed(session, view.conversation_id, inserted_form_id, is_answered=True, at=at)
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
    made = _KEEP.one(
        session,
        token=shown.nonce,
        form_id=view.form_id,
        version_id=shown.version_id,
        contact_id=contact_id,
        inserted_by="page",
        origin=shown.origin,
        answer_hash=destination.hash,
        created_at=shown.at,
        expires_at=at + EXPIRES_IN,
        seen_at=at,
        answered_at=at,
    )
    return int(made[0]) if made else None


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
    is_as_shown = contacts.hold_saved(session, view.contact_id, view.channel) == view.saved
    return view.contact_id if is_as_shown else None


def _answered_meanwhile(session: Session, view: FormView, destination: Destination, *, at: datetime) -> Outcome:
    """Another answer of the same person came first; say how it stands now."""
    fresh = form_views.inserted_view(session, cast(str, view.token))
    saved = form_views.saved_destination(keys_of(session), fresh)
    state = form_views.state_of(fresh, saved, at=at)
    if state == State.SIGNED_UP and saved and saved.hash == destination.hash:
        return Outcome(State.DONE, None, destination)
    return Outcome(state, "shown_again")


def public_form_seen(session: Session, form_key: str, shown: Shown, *, address: str | None, at: datetime) -> None:
    """Count one render of a public form that came onto a screen; beyond the address's limit it is passed over."""
    form = session.execute(
        select(OptInForm.id, Workspace.submissions_per_address)
        .join(Workspace, Workspace.id == 1)
        .where(OptInForm.key == form_key)
    ).one_or_none()
    if form is None:
        raise NotFound("There is no such form.")
    keys = keys_of(session)
    buckets = {keys.bucket("seen", shown.nonce): 1}
    if address:
        buckets[keys.bucket("seen-from", limits.address_bucket(address))] = form.submissions_per_address
    if limits.hit(session, buckets, window_s=WINDOW_S, at=at) is None:
        optin_forms.tally(session, form.id, "seen", at=at)
