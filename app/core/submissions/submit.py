"""The main job: what happens when somebody answers a form."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy.orm import Session

from app.core import outbox, phone
from app.core import rate_limits as limits
from app.core.consent import changes as consent
from app.core.contacts import records as contacts
from app.core.conversations import messages as conversations
from app.core.destinations import Destination
from app.core.errors import DestinationRefused
from app.core.forms import views as form_views
from app.core.forms.views import FormView, Shown, State
from app.core.ledger.evidence import Evidence
from app.core.signing import keys_of
from app.core.submissions import answers as answered_forms
from app.models import ConsentState

WINDOW_S = 60 * 60

Typed = Mapping[str, Destination | DestinationRefused]


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
    typed: Typed,
    evidence: Evidence,
    at: datetime,
) -> Outcome:
    """Record one answer. The caller commits whatever comes back: a refusal has been counted.

    :param view: read in this session
    :param shown: what the person had on the screen; null when it cannot be told (too old, not ours, other words now)
    :param typed: the number or address from the page, by the channel of its field (``destinations.read``, which
        takes longest and needs no transaction), or why it is none; ignored where one was shown as saved, and whatever
        is not of the form's own channel always
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
    view: FormView, shown: Shown, typed: Typed, saved: Destination | None
) -> Destination | DestinationRefused | None:
    """What the person agreed to: the number they typed, or the one they saw as saved; null when that is another now.

    Null, too, when the field that the page asks with did not come: what came is no answer to it.
    """
    if shown.destination_hash is not None:
        return saved if saved and saved.hash == shown.destination_hash else None
    meant = typed.get(view.channel)
    if isinstance(meant, Destination) and meant.country:
        try:
            phone.refuse_country(meant.country, frozenset(view.allowed_countries))
        except DestinationRefused as refused:
            return refused
    return meant


def _submit_public(
    session: Session, view: FormView, shown: Shown, destination: Destination, evidence: Evidence, *, at: datetime
) -> Outcome:
    if view.submitted_destination_hash is not None:
        return _answered_before(session, view, shown, destination)
    if wait_s := _over_limit(session, view, destination, evidence, at=at):
        return Outcome(State.ASK, "too_many", destination, retry_after_s=wait_s)
    lead_id, is_new = contacts.lead_for(
        session, view.subscription_type_id, view.channel, destination, locale=shown.locale, at=at
    )
    standing = None if is_new else consent.held(session, lead_id, view.subscription_type_id)
    if _is_from_before_their_no(shown, standing):
        return Outcome(State.ASK, "shown_again")
    inserted_form_id = answered_forms.keep(session, view, shown, destination, lead_id, at=at)
    if inserted_form_id is None:
        if is_new:
            contacts.undo_lead(session, lead_id)
        return _answered_before(session, view, shown, destination)
    news = ("contact.created",) if is_new else ()
    return _opt_in(session, view, lead_id, inserted_form_id, destination, evidence, standing, at=at, news=news)


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
    contact_id, news = _held_contact(session, view, shown, destination, at=at)
    if contact_id is None:
        return _answered_meanwhile(session, view, destination, at=at)
    standing = consent.held(session, contact_id, view.subscription_type_id)
    if _is_from_before_their_no(shown, standing):
        for topic in news:
            contacts.tell(session, topic, contact_id, at=at)
        return Outcome(state, "shown_again")
    if view.answered_at is None and not answered_forms.mark(session, view, destination, contact_id, at=at):
        if "contact.created" in news:
            contacts.undo_lead(session, contact_id)
        return _answered_meanwhile(session, view, destination, at=at)
    inserted_form_id = cast(int, view.inserted_form_id)
    outcome = _opt_in(session, view, contact_id, inserted_form_id, destination, evidence, standing, at=at, news=news)
    if view.answered_at is None and view.conversation_id is not None:
        conversations.mark_form_changed(session, view.conversation_id, inserted_form_id, is_answered=True, at=at)
    return outcome


def _is_from_before_their_no(shown: Shown, standing: consent.Held | None) -> bool:
    """Whether they opted out after this page was made: then it says nothing about now."""
    return standing is not None and standing.state == ConsentState.OPTED_OUT and standing.changed_at >= shown.at


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
    news: tuple[str, ...],
) -> Outcome:
    """``news``: the topics of what became of the contact, told in the same statement as the rest."""
    change = consent.opt_in(
        session,
        contact_id,
        view.subscription_type_id,
        destination.value,
        evidence.of_inserted_form(inserted_form_id),
        standing=standing,
        at=at,
        told_before=news,
        also_told_as=("form.submitted",),
    )
    topics = news if view.answered_at is not None else (*news, "form.submitted")
    if not change.is_new and topics:
        outbox.add(
            session,
            topics,
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
    if evidence.ip_address:
        buckets[keys.bucket("address", limits.address_bucket(evidence.ip_address))] = view.per_address
    return limits.hit(session, buckets, window_s=WINDOW_S, at=at)


def _answered_before(session: Session, view: FormView, shown: Shown, destination: Destination) -> Outcome:
    """This render was answered: said again with the same number, it is said how it stands now."""
    is_same, is_signed_up = answered_forms.was_with(session, view, shown, destination)
    if not is_same:
        return Outcome(State.ASK, "answered_already", destination)
    return Outcome(State.DONE, None, destination) if is_signed_up else Outcome(State.ASK, "shown_again")


def _held_contact(
    session: Session, view: FormView, shown: Shown, destination: Destination, *, at: datetime
) -> tuple[int | None, tuple[str, ...]]:
    """The contact who answers, held, with the number that they typed saved, and the topics to tell that under.

    Null when it is not as it was shown.
    """
    if view.contact_id is None:
        lead_id, is_new = contacts.lead_for(
            session, view.subscription_type_id, view.channel, destination, locale=shown.locale, at=at
        )
        return lead_id, ("contact.created",) if is_new else ()
    if shown.destination_hash is None:
        is_saved = contacts.save_destination(
            session, view.contact_id, view.channel, destination, instead_of=view.saved, at=at
        )
        return (view.contact_id, ("contact.updated",)) if is_saved else (None, ())
    is_as_shown = contacts.hold_saved(session, view.contact_id, view.channel) == view.saved
    return view.contact_id if is_as_shown else None, ()


def _answered_meanwhile(session: Session, view: FormView, destination: Destination, *, at: datetime) -> Outcome:
    """Another answer, or something else, came first; say how it stands now."""
    fresh = form_views.inserted_view(session, cast(str, view.token))
    saved = form_views.saved_destination(keys_of(session), fresh)
    state = form_views.state_of(fresh, saved, at=at)
    if state == State.SIGNED_UP and saved and saved.hash == destination.hash:
        return Outcome(State.DONE, None, destination)
    return Outcome(state, None if state in {State.EXPIRED, State.UNAVAILABLE} else "shown_again")
