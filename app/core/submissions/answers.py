"""Answers in ``inserted_forms``: when, by whom and with which destination a form was answered. Each is written once."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, func, null, select, update
from sqlalchemy.orm import Session

from app.core.consent.current_destination import is_opted_in
from app.core.consent.eligibility import OBSTACLES, Obstacles
from app.core.consent.locking import LockedContact
from app.core.destinations import Destination
from app.core.forms.form_view import INSERTED_BY_PAGE, Form, Insertion
from app.core.forms.insertion import EXPIRES_IN
from app.core.forms.render_token import RenderToken
from app.db import CompiledStatement, insert_statement
from app.models import Action, Consent, ConsentEvent, Contact, InsertedForm

_INSERTED_FORM = InsertedForm.__table__
_EVENT = ConsentEvent.__table__
_CONTACT = Contact.__table__
_CONSENT = Consent.__table__
# The destination that a render was answered with, and the current consent of its contact; after a merge, the target's.
_FIND_ANSWER = CompiledStatement(
    select(
        _INSERTED_FORM.c.id,
        _INSERTED_FORM.c.submitted_destination_hash,
        _CONSENT.c.state,
        _CONSENT.c.destination_hash,
        select(_EVENT.c.id)
        .where(
            _EVENT.c.inserted_form_id == _INSERTED_FORM.c.id,
            _EVENT.c.action == Action.CLAIM.value,
            _INSERTED_FORM.c.undone_at.is_(None),
        )
        .correlate(_INSERTED_FORM)
        .exists(),
    )
    .select_from(_INSERTED_FORM)
    .join(_CONTACT, _CONTACT.c.id == _INSERTED_FORM.c.contact_id)
    .outerjoin(
        _CONSENT,
        and_(
            _CONSENT.c.contact_id == func.coalesce(_CONTACT.c.merged_into_id, _CONTACT.c.id),
            _CONSENT.c.subscription_type_id == bindparam("subscription_type_id"),
        ),
    )
    .where(_INSERTED_FORM.c.token == bindparam("nonce"))
)
_MARK_ANSWERED = CompiledStatement(
    update(_INSERTED_FORM)
    .where(
        _INSERTED_FORM.c.id == bindparam("inserted_form_id"),
        _INSERTED_FORM.c.answered_at.is_(None),
        _INSERTED_FORM.c.withdrawn_at.is_(None),
    )
    .values(
        answered_at=bindparam("at"),
        undone_at=null(),
        seen_at=bindparam("seen"),
        submitted_destination_hash=bindparam("hash"),
        contact_id=bindparam("contact"),
    )
)
_COLUMNS = (
    "token",
    "form_id",
    "version_id",
    "contact_id",
    "inserted_by",
    "origin",
    "submitted_destination_hash",
    "created_at",
    "expires_at",
    "seen_at",
    "answered_at",
)
_INSERT_ANSWERED = CompiledStatement(
    lambda dialect: (
        insert_statement(dialect, InsertedForm, _COLUMNS)
        .on_conflict_do_nothing()
        .returning(_INSERTED_FORM.c.id, *OBSTACLES)
    )
)


def record_public(
    session: Session, form: Form, shown: RenderToken, destination: Destination, contact: LockedContact, *, at: datetime
) -> int | None:
    """Store an answered render of a public form as an inserted form; the contact learns what speaks against its opt-in.

    Returns its id; null when it was answered before.
    """
    created = _INSERT_ANSWERED.one(
        session,
        token=shown.nonce,
        form_id=form.id,
        version_id=shown.version_id,
        contact_id=contact.id,
        inserted_by=INSERTED_BY_PAGE,
        origin=shown.origin,
        submitted_destination_hash=destination.hash,
        created_at=shown.at,
        expires_at=at + EXPIRES_IN,
        seen_at=at,
        answered_at=at,
        subscription_type_id=form.subscription_type_id,
        destination_hash=destination.hash,
    )
    if created is None:
        return None
    inserted_form_id, is_suppressed, opted_out_at = created
    contact.obstacles[form.subscription_type_id, destination.hash] = Obstacles(bool(is_suppressed), opted_out_at)
    return int(inserted_form_id)


def mark_answered(
    session: Session, insertion: Insertion, destination: Destination, contact_id: int, *, at: datetime
) -> bool:
    """Store an inserted form's answer. Returns false when another transaction answered or withdrew it first."""
    updated = _MARK_ANSWERED.run(
        session,
        inserted_form_id=insertion.id,
        at=at,
        seen=insertion.seen_at or at,
        hash=destination.hash,
        contact=contact_id,
    )
    return bool(updated)


@dataclass(frozen=True)
class EarlierAnswer:
    """An answer of the same render. ``is_settled``: it opted the contact in and still holds, or was only a claim."""

    inserted_form_id: int
    is_settled: bool


def earlier_answer(session: Session, form: Form, shown: RenderToken, destination: Destination) -> EarlierAnswer | None:
    """The answer of this render of a public form with this destination; null when it had another destination."""
    row = _FIND_ANSWER.one(session, nonce=shown.nonce, subscription_type_id=form.subscription_type_id)
    if row is None or row[1] != destination.hash:
        return None
    form_id, _, state, given_for, is_claim = row
    return EarlierAnswer(form_id, bool(is_claim) or is_opted_in(state, given_for, destination.hash))


def event_of(session: Session, inserted_form_id: int) -> int | None:
    """The event that the newest answer of a form wrote: its opt-in, else its claim; null when it wrote none."""
    found = session.execute(
        select(ConsentEvent.id, ConsentEvent.action)
        .where(
            ConsentEvent.inserted_form_id == inserted_form_id,
            ConsentEvent.action.in_([Action.OPT_IN.value, Action.CLAIM.value]),
        )
        .order_by(ConsentEvent.id.desc())
    ).all()
    opt_ins = [row.id for row in found if row.action == Action.OPT_IN]
    return next(iter(opt_ins or [row.id for row in found[-1:]]), None)
