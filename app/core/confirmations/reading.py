"""What waits to be confirmed, for its page."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Confirmation, ConfirmationState, InsertedForm


@dataclass(frozen=True)
class Waiting:
    """One confirmation.

    :param form_token: of its inserted form
    :param number: null once it ended
    :param nonce: in the text that the person sends
    """

    token: str
    form_token: str
    method: str
    state: ConfirmationState
    number: str | None
    nonce: str | None
    event_id: int | None
    locale: str


def find(session: Session, token: str, *, at: datetime) -> Waiting | None:
    """The confirmation with this token; null: there is none."""
    return _read(session, Confirmation.token == token, at=at)


def of_form(session: Session, inserted_form_id: int, *, at: datetime) -> Waiting | None:
    """What waits for this inserted form now, the newest; null: nothing does."""
    found = _read(session, Confirmation.inserted_form_id == inserted_form_id, at=at)
    return found if found and found.state == ConfirmationState.PENDING else None


def _read(session: Session, which: object, *, at: datetime) -> Waiting | None:
    query = (
        select(Confirmation, InsertedForm.token)
        .join(InsertedForm, InsertedForm.id == Confirmation.inserted_form_id)
        .where(which)  # type: ignore[arg-type]
        .order_by(Confirmation.id.desc())
        .limit(1)
    )
    row = session.execute(query).one_or_none()
    if row is None:
        return None
    found, form_token = row
    state = ConfirmationState(found.state)
    if state == ConfirmationState.PENDING and found.expires_at <= at:
        state = ConfirmationState.EXPIRED
    return Waiting(found.token, form_token, found.method, state, found.phone, found.nonce, found.event_id, found.locale)
