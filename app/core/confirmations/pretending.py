"""The answers about a confirmation of which nothing is stored, because the holder of its number refused that.

They are those that a stored one would give, so that no stranger learns of the refusal. Texts and wrong codes are
counted by the token alone, and the page carries when the first text was asked for.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.core import rate_limits
from app.core.confirmations import codes, limits
from app.core.signing import keys_of
from app.models import ConfirmationState, VerifyNumber

# How long each way of confirming is open.
OPEN_FOR = {
    VerifyNumber.CODE: timedelta(minutes=10),
    VerifyNumber.REPLY: timedelta(hours=24),
    VerifyNumber.SMS_LINK: timedelta(hours=1),
}
TRIES = 5
SENDS_MAX = 4
FIRST_DELAY = timedelta(seconds=30)


@dataclass(frozen=True)
class Asked:
    """What the page knows. ``asked_at``: when the last text was asked for, unless its address is an older one."""

    token: str
    method: VerifyNumber
    asked_at: datetime


def state(session: Session, asked: Asked, *, at: datetime) -> ConfirmationState:
    """Whether it would still wait."""
    wrong_codes = rate_limits.count(session, _codes(session, asked.token), window_s=limits.DAY_S, at=at)
    if wrong_codes >= TRIES:
        return ConfirmationState.FAILED
    sent_at = _sent_at(session, asked)[-1]
    return ConfirmationState.EXPIRED if sent_at + OPEN_FOR[asked.method] <= at else ConfirmationState.PENDING


def enter_code(session: Session, asked: Asked, typed: str, *, at: datetime) -> ConfirmationState:
    """Count a wrong code, as every code is, and what is no code at all not. Returns the state after that."""
    if codes.read_code(typed) is not None and state(session, asked, at=at) == ConfirmationState.PENDING:
        rate_limits.hit(session, {_codes(session, asked.token): TRIES}, window_s=limits.DAY_S, at=at)
    return state(session, asked, at=at)


def send_again(session: Session, asked: Asked, *, at: datetime) -> datetime | None:
    """When another text may be asked for: not after ``at`` if that was counted now. Null: never again."""
    sent_at = _sent_at(session, asked)
    if state(session, asked, at=at) != ConfirmationState.PENDING or len(sent_at) >= SENDS_MAX:
        return None
    next_send_at: datetime = sent_at[-1] + FIRST_DELAY * 2 ** (len(sent_at) - 1)
    if next_send_at <= at:
        rate_limits.note(session, _texts(session, asked.token), keep_s=limits.DAY_S, at=at)
    return next_send_at


def _sent_at(session: Session, asked: Asked) -> list[datetime]:
    """The times of the texts, of which the first is not noted."""
    return [asked.asked_at, *rate_limits.noted(session, _texts(session, asked.token))]


def _codes(session: Session, token: str) -> str:
    return keys_of(session).bucket("confirm-nothing", token)


def _texts(session: Session, token: str) -> str:
    return keys_of(session).bucket("confirm-resend", token)
