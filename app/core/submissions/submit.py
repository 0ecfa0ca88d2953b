"""Record a person's answer to a form: the main use case of Assent."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.core import phone, rate_limits
from app.core.confirmations import welcome
from app.core.confirmations.welcome import NewOptIn
from app.core.consent import changes as consent
from app.core.consent.locking import LockedContact
from app.core.contacts import leads
from app.core.contacts import records as contacts
from app.core.contacts.records import NewContact
from app.core.conversations import forms as conversation_forms
from app.core.destinations import Destination
from app.core.errors import DestinationRefused
from app.core.forms import opting_in
from app.core.forms import views as form_views
from app.core.forms.form_view import FormView, Insertion, State
from app.core.forms.opting_in import Answered
from app.core.forms.render_token import RenderToken
from app.core.ledger.evidence import Evidence
from app.core.signing import keys_of
from app.core.submissions import answers, to_confirm
from app.core.submissions.outcome import Answer, Outcome, Typed
from app.models import Channel, ContactRole, EvidenceLevel

WINDOW_S = 60 * 60


def submit(
    session: Session,
    view: FormView,
    shown: RenderToken | None,
    *,
    typed: Typed,
    evidence: Evidence,
    at: datetime,
) -> Outcome:
    """Record one answer. The caller commits after refusals, too, because they are counted for the rate limits.

    :param view: the form, read in this session
    :param shown: the page's token; null when it is too old or not signed here, or the wording changed since
    :param typed: its destinations come from ``destinations.read``, called before the transaction because it is slow.
        They are ignored where the page showed a saved one. Other channels than the form's are ignored.
    :param evidence: IP address, user agent, page and wording; source and actor are the person's
    """
    saved = form_views.saved_destination(keys_of(session), view)
    state = form_views.state_of(view, saved, at=at)
    if state in {State.EXPIRED, State.UNAVAILABLE}:
        return Outcome(state)
    if shown is None:
        return Outcome(state, None if state == State.SIGNED_UP else "shown_again")
    destination = _agreed_destination(view, shown, typed, saved)
    if destination is None:
        return Outcome(state, "shown_again")
    has_agreed = typed.has_agreed or not view.form.has_checkbox
    if isinstance(destination, DestinationRefused):
        return Outcome(state, destination.code, assumed_country=destination.assumed_country, has_agreed=has_agreed)
    if not has_agreed and state in {State.ASK, State.SAVED}:
        return Outcome(state, "not_agreed", destination, has_agreed=False)
    answer = Answer(view, shown, destination, evidence, at)
    if view.insertion is None:
        return _submit_public(session, answer, state)
    return _submit_inserted(session, answer, view.insertion, state)


def _agreed_destination(
    view: FormView, shown: RenderToken, typed: Typed, saved: Destination | None
) -> Destination | DestinationRefused | None:
    """The destination that the person agreed to: the one they typed, or the saved one that the page showed.

    Null when another one is saved now, or when the form's field is missing from the answer.
    """
    if shown.destination_hash is not None:
        return saved if saved and saved.hash == shown.destination_hash else None
    destination = typed.destinations.get(view.form.channel)
    if isinstance(destination, Destination) and destination.country:
        try:
            phone.refuse_country(destination.country, frozenset(view.publisher.allowed_countries))
        except DestinationRefused as refused:
            return refused
    return destination


def _submit_public(session: Session, answer: Answer, state: State) -> Outcome:
    if answer.view.submitted_destination_hash is not None:
        return _answered_before(session, answer)
    if state != State.ASK and answer.shown.destination_hash is None:
        return Outcome(state, "shown_again")  # a number was saved after this page asked for one
    if (ended := _limited_or_closed(session, answer, state)) is not None:
        return ended
    if answer.view.is_to_confirm:
        return to_confirm.begin(session, answer, state) or _answered_before(session, answer)
    contact = _lead(session, answer) if answer.view.is_public else _known_person(session, answer)
    if contact is None:
        return Outcome(state, "shown_again")
    if _opted_out_since(session, answer, contact):
        return _saved_only(session, answer, contact, state)
    inserted_form_id = answers.record_public(
        session, answer.view.form, answer.shown, answer.destination, contact, at=answer.at
    )
    if inserted_form_id is None:
        _undo_lead(session, contact)
        return _answered_before(session, answer)
    return _opt_in(session, answer, contact, inserted_form_id)


def _submit_inserted(session: Session, answer: Answer, insertion: Insertion, state: State) -> Outcome:
    if (settled := _settled(session, answer, insertion, state)) is not None:
        return settled
    if (ended := _limited_or_closed(session, answer, state)) is not None:
        return ended
    if answer.view.is_to_confirm:
        return to_confirm.begin(session, answer, state) or _changed_meanwhile(session, answer, insertion)
    return _answer_inserted(session, answer, insertion, state)


def _answer_inserted(session: Session, answer: Answer, insertion: Insertion, state: State) -> Outcome:
    contact = _locked_contact(session, answer)
    if contact is None:
        return _changed_meanwhile(session, answer, insertion)
    if _opted_out_since(session, answer, contact):
        return _saved_only(session, answer, contact, state)
    if insertion.answered_at is not None or _is_only_claim(session, answer, contact):
        return _opt_in(session, answer, contact, insertion.id)
    if not answers.mark_answered(session, insertion, answer.destination, contact.id, at=answer.at):
        _undo_lead(session, contact)
        return _changed_meanwhile(session, answer, insertion)
    outcome = _opt_in(session, answer, contact, insertion.id)
    if (chat_id := insertion.conversation_id) is not None:
        conversation_forms.mark_changed(session, chat_id, insertion.id, is_answered=True, at=answer.at)
    return outcome


def _saved_only(session: Session, answer: Answer, contact: LockedContact, state: State) -> Outcome:
    """The outcome of an answer that changed the saved number and no consent: the change is published."""
    for topic in contact.topics:
        contacts.publish(session, topic, contact.id, at=answer.at)
    return Outcome(state, "shown_again")


def _settled(session: Session, answer: Answer, insertion: Insertion, state: State) -> Outcome | None:
    """The outcome of an answer that has nothing to record, or waits to be confirmed already; null when it has."""
    if state != State.ASK and answer.shown.destination_hash is None:
        # A number was saved after this page asked for one. The answer does not change the saved number.
        respondent = answer.view.respondent
        is_same = respondent is not None and respondent.consent_hash == answer.destination.hash
        is_done = state == State.SIGNED_UP and is_same
        return _done_before(session, answer, insertion.id) if is_done else Outcome(state, "shown_again")
    if state == State.SIGNED_UP and insertion.answered_at is not None:
        return _done_before(session, answer, insertion.id)
    return to_confirm.waiting(session, answer, insertion.id)


def _lead(session: Session, answer: Answer) -> LockedContact:
    """The lead that an unknown person becomes, locked."""
    channel, locale = answer.view.form.channel, answer.shown.locale
    return leads.lead_for(session, channel, answer.destination, locale=locale, at=answer.at)


def _known_person(session: Session, answer: Answer) -> LockedContact | None:
    """The contact of a preference link, locked, or that of a signed user, created when there is none.

    Null as for ``_locked_contact``.
    """
    if answer.view.respondent is not None:
        return _with_destination(session, answer, answer.view.respondent.contact_id)
    new = NewContact(ContactRole.USER, external_id=answer.view.user_id, locale=answer.shown.locale)
    created = contacts.create(session, new, at=answer.at)
    return _with_destination(session, answer, created.id)


def _locked_contact(session: Session, answer: Answer) -> LockedContact | None:
    """The contact of an inserted form, locked, after saving the number that they typed.

    Null when the saved number changed since the page was rendered, or the contact may no longer answer.
    """
    respondent = answer.view.respondent
    return _lead(session, answer) if respondent is None else _with_destination(session, answer, respondent.contact_id)


def _with_destination(session: Session, answer: Answer, contact_id: int) -> LockedContact | None:
    """A contact with the destination that they agreed to: the saved one, or the typed one, which is saved."""
    channel, saved = answer.view.form.channel, answer.view.saved
    if answer.shown.destination_hash is not None:
        return leads.lock_saved(session, contact_id, channel, saved)
    if saved is not None and channel == Channel.SMS:
        return leads.replace_number(session, contact_id, saved, answer.destination, answer.evidence, at=answer.at)
    return leads.save_destination(session, contact_id, channel, answer.destination, instead_of=saved, at=answer.at)


def _undo_lead(session: Session, contact: LockedContact) -> None:
    """Delete the lead that this answer created, because the answer does not count."""
    if "contact.created" in contact.topics:
        leads.undo_lead(session, contact)


def _opted_out_since(session: Session, answer: Answer, contact: LockedContact) -> bool:
    """Whether the contact opted out, or said so again, after the page was rendered: then the answer is older."""
    opted_out_at = consent.opted_out_at(session, contact, answer.view.form.subscription_type_id)
    return opted_out_at is not None and opted_out_at >= answer.shown.at


def _opt_in(session: Session, answer: Answer, contact: LockedContact, inserted_form_id: int) -> Outcome:
    """Record the opt-in, and publish the form's first answer also where the contact had opted in already."""
    insertion, type_id = answer.view.insertion, answer.view.form.subscription_type_id
    is_first = insertion is None or insertion.answered_at is None
    answered = Answered(type_id, answer.destination.value, inserted_form_id, is_first)
    change = opting_in.record(session, contact, answered, answer.evidence, at=answer.at)
    if change.is_new and answer.view.form.has_welcome:
        _greet(session, answer, contact)
    is_own = change.is_new or change.is_claim
    event_id = change.event_id if is_own else answers.event_of(session, inserted_form_id)
    return Outcome(State.DONE, None, answer.destination, event_id, is_claim=change.is_claim)


def _greet(session: Session, answer: Answer, contact: LockedContact) -> None:
    new = NewOptIn(
        contact.id,
        answer.view.form.subscription_type_id,
        answer.destination,
        answer.shown.locale,
        address=answer.evidence.ip_address,
        is_unverified=answer.evidence.level == EvidenceLevel.WEB_UNVERIFIED,
    )
    welcome.greet(session, new, answer.view.texting, at=answer.at)


def _is_only_claim(session: Session, answer: Answer, contact: LockedContact) -> bool:
    type_id = answer.view.form.subscription_type_id
    return consent.is_only_claim(session, contact, type_id, answer.destination.value, answer.evidence)


def _limited_or_closed(session: Session, answer: Answer, state: State) -> Outcome | None:
    """The outcome of an answer over a limit, or of one that gives the number of a person who refused everything.

    Of the latter nothing is stored. An unverified person must not learn that from the outcome.
    """
    if wait_s := _over_limit(session, answer):
        return Outcome(state, "too_many", answer.destination, retry_after_s=wait_s)
    is_asked = answer.view.is_to_confirm
    if is_asked and (wait_s := to_confirm.over_limit(session, answer)):
        return Outcome(state, "try_later", answer.destination, retry_after_s=wait_s)
    is_unverified = answer.evidence.level == EvidenceLevel.WEB_UNVERIFIED
    if is_unverified and _is_refused(session, answer):
        return to_confirm.nothing(answer) if is_asked else _nothing(answer)
    return None


def _is_refused(session: Session, answer: Answer) -> bool:
    """Whether a contact with this number or address refused everything."""
    view = answer.view
    if view.is_refused is not None:
        return view.is_refused
    return leads.is_gdpr_refused(session, view.form.channel, answer.destination)


def _nothing(answer: Answer) -> Outcome:
    return Outcome(State.DONE, None, answer.destination, is_claim=True)


def _over_limit(session: Session, answer: Answer) -> int | None:
    """Count this answer for its number and its IP address. Returns the seconds to wait when there were too many."""
    keys, publisher = keys_of(session), answer.view.publisher
    buckets = {keys.bucket("number", answer.destination.hash): publisher.answers_per_number}
    if answer.evidence.ip_address:
        bucket = keys.bucket("address", rate_limits.address_bucket(answer.evidence.ip_address))
        buckets[bucket] = publisher.answers_per_address
    return rate_limits.hit(session, buckets, window_s=WINDOW_S, at=answer.at)


def _answered_before(session: Session, answer: Answer) -> Outcome:
    """The outcome for a render that was answered before: with the same number, the current state."""
    earlier = answers.earlier_answer(session, answer.view.form, answer.shown, answer.destination)
    if earlier is None:
        return Outcome(State.ASK, "answered_already", answer.destination)
    if waits := to_confirm.waiting(session, answer, earlier.inserted_form_id):
        return waits
    if not earlier.is_settled:
        return Outcome(State.ASK, "shown_again")
    return _done_before(session, answer, earlier.inserted_form_id)


def _done_before(session: Session, answer: Answer, inserted_form_id: int) -> Outcome:
    return Outcome(State.DONE, None, answer.destination, answers.event_of(session, inserted_form_id))


def _changed_meanwhile(session: Session, answer: Answer, insertion: Insertion) -> Outcome:
    """The outcome when another transaction came first: the current state, read again."""
    current = form_views.inserted_view(session, insertion.token)
    saved = form_views.saved_destination(keys_of(session), current)
    state = form_views.state_of(current, saved, at=answer.at)
    if state == State.SIGNED_UP and saved and saved.hash == answer.destination.hash:
        return _done_before(session, answer, insertion.id)
    return Outcome(state, None if state in {State.EXPIRED, State.UNAVAILABLE} else "shown_again")
