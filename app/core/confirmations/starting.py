"""Start an opt-in that has to be confirmed, and send its text again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import sms_text
from app.core.confirmations import codes, limits, pretending, stored_evidence, texts
from app.core.confirmations.limits import TextToSend
from app.core.confirmations.pretending import FIRST_DELAY, OPEN_FOR, SENDS_MAX, TRIES, Asked
from app.core.consent import reach
from app.core.consent.locking import LockedContact
from app.core.destinations import Destination
from app.core.forms.form_view import FormView
from app.core.ledger.evidence import Evidence
from app.core.signing import keys_of, random_token
from app.core.sms.queueing import NewText, queue
from app.core.workspace import settings
from app.models import Confirmation, ConfirmationState, Contact, Purpose, Suppression, VerifyNumber

_SENDER = "contact"  # ``created_by`` of the texts: the person asked for them
_LONGEST_CODE = "0" * codes.DIGITS


@dataclass(frozen=True)
class Answer:
    """An answer that is to be confirmed.

    :param locale: of the page, and of the text
    :param saved: the contact's number when it answered; null: it had none
    """

    view: FormView
    destination: Destination
    evidence: Evidence
    locale: str
    inserted_form_id: int
    saved: str | None


def refused(
    session: Session, view: FormView, destination: Destination, evidence: Evidence, *, at: datetime
) -> int | None:
    """Count the text that an answer would cause; null: it may be sent, else the seconds until it may be tried again.

    Nothing is counted for an answer that causes none.
    """
    if view.verify_number not in {VerifyNumber.CODE, VerifyNumber.REPLY}:
        return None
    workspace = settings.get(session)
    segments = sms_text.pack(_body(view, evidence.locale or "", _LONGEST_CODE, evidence.origin)).segments
    return limits.refused(session, workspace, TextToSend(destination, evidence.ip_address, segments), at=at)


def start(session: Session, contact: LockedContact, answer: Answer, *, at: datetime) -> str:
    """Record an opt-in that waits, and queue the text that asks to confirm it. Returns its token.

    A number that must not be texted gets none, and neither does a contact that is blocked or wants no data to be
    collected; the page says the same to everyone. Flushes, does not commit.
    """
    view, method = answer.view, answer.view.verify_number
    confirmation = Confirmation(
        token=random_token(),
        method=method.value,
        state=ConfirmationState.PENDING.value,
        contact_id=contact.id,
        subscription_type_id=view.form.subscription_type_id,
        inserted_form_id=answer.inserted_form_id,
        phone=answer.destination.value,
        phone_hash=answer.destination.hash,
        phone_country=answer.destination.country,
        nonce=codes.new_nonce() if method == VerifyNumber.SMS_LINK else None,
        tries_left=TRIES,
        evidence={**stored_evidence.dump(answer.evidence), "saved": answer.saved},
        locale=answer.locale,
        created_at=at,
        expires_at=at + OPEN_FOR[method],
    )
    session.add(confirmation)
    session.flush()
    if method != VerifyNumber.SMS_LINK:
        _send(session, confirmation, view, is_closed=reach.is_closed(contact), at=at)
    return confirmation.token


def waiting_for(session: Session, inserted_form_id: int, phone_hash: str, *, at: datetime) -> str | None:
    """The token of what waits for this form and number; null: nothing does."""
    query = select(Confirmation.token).where(
        Confirmation.inserted_form_id == inserted_form_id,
        Confirmation.phone_hash == phone_hash,
        Confirmation.state == ConfirmationState.PENDING.value,
        Confirmation.expires_at > at,
    )
    return session.scalars(query.order_by(Confirmation.id.desc()).limit(1)).one_or_none()


@dataclass(frozen=True)
class SentAgain:
    """``wait_s``: null: it was sent; else how many seconds to wait. ``is_over``: it cannot be sent again at all."""

    wait_s: int | None = None
    is_over: bool = False


def send_again(session: Session, view: FormView, asked: Asked, *, address: str | None, at: datetime) -> SentAgain:
    """Send a new code, or the request for a reply once more. The delay doubles each time. Flushes, does not commit.

    The earlier code is of no use any more. The number of tries stays. The caller commits after a refusal, too.

    :param view: the form; the confirmation is one of it
    :param address: of who asks for it
    """
    query = select(Confirmation).where(Confirmation.token == asked.token).with_for_update()
    found = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        next_send_at = pretending.send_again(session, asked, at=at)
        if next_send_at is None:
            return SentAgain(is_over=True)
        return _too_early(next_send_at, at) if next_send_at > at else SentAgain()
    if found.state != ConfirmationState.PENDING or found.expires_at <= at or not found.phone:
        return SentAgain(is_over=True)
    if found.next_send_at is None or found.method == VerifyNumber.SMS_LINK or found.sends >= SENDS_MAX:
        return SentAgain(is_over=True)
    if found.next_send_at > at:
        return _too_early(found.next_send_at, at)
    destination = Destination(found.phone, found.phone_hash, found.phone_country)
    stored = found.evidence or {}
    segments = sms_text.pack(_body(view, found.locale, _LONGEST_CODE, stored.get("origin"))).segments
    wait_s = limits.refused(session, settings.get(session), TextToSend(destination, address, segments), at=at)
    if wait_s is not None:
        return SentAgain(wait_s=wait_s)
    contact = session.get_one(Contact, found.contact_id)
    _send(session, found, view, is_closed=reach.is_out_of_reach(contact), at=at)
    return SentAgain()


def _too_early(next_send_at: datetime, at: datetime) -> SentAgain:
    return SentAgain(wait_s=int((next_send_at - at).total_seconds()) + 1)


def _send(session: Session, found: Confirmation, view: FormView, *, is_closed: bool, at: datetime) -> None:
    """Queue the text, unless the number must not get one. The next one has to wait twice as long.

    ``sends`` counts every attempt, so that it does not show whether the number is suppressed.
    """
    stored: dict[str, Any] = dict(found.evidence or {})
    if found.method == VerifyNumber.CODE:
        code = codes.new_code()
        found.code_hash = codes.code_hash(keys_of(session), found.token, code)
        found.expires_at = at + OPEN_FOR[VerifyNumber.CODE]
    else:
        code = ""
    may_text = not is_closed and session.get(Suppression, found.phone_hash) is None
    if may_text and found.phone:
        text = NewText(
            purpose=Purpose.CODE if code else Purpose.CONFIRM,
            phone=found.phone,
            body=_body(view, found.locale, code, stored.get("origin")),
            created_by=_SENDER,
            phone_country=found.phone_country,
            contact_id=found.contact_id,
            subscription_type_id=found.subscription_type_id,
            expires_at=found.expires_at,
        )
        segments = queue(session, text, at=at).segments
        found.spent_micros += limits.price_micros(settings.get(session), found.phone_country, segments)
        found.evidence = {**stored, "is_asked": True}
    found.next_send_at = at + FIRST_DELAY * 2**found.sends
    found.sends += 1
    session.flush()


def _body(view: FormView, locale: str, code: str, origin: str | None) -> str:
    """The text that asks to confirm, in the language of the page."""
    brand = view.publisher.name
    if view.verify_number == VerifyNumber.CODE:
        return texts.code(locale, brand=brand, code=code, host=view.texting.host, framed_by=origin)
    return texts.confirm(locale, brand=brand, type_name=view.form.type_name)
