"""What an answer leaves of an inserted form: that it was answered, when, by whom, with what; once only."""

from datetime import datetime
from typing import cast

from sqlalchemy import Table, and_, bindparam, func, select, update
from sqlalchemy.orm import Session

from app.core.destinations import Destination
from app.core.forms.publishing import EXPIRES_IN
from app.core.forms.views import FormView, Shown
from app.db import CompiledStatement, ignoring_insert
from app.models import Consent, ConsentState, Contact, InsertedForm

BY_THE_PAGE = "page"  # who inserted what a render of a public form becomes when it is answered
_INSERTED_FORM = cast(Table, InsertedForm.__table__)
_CONTACT = cast(Table, Contact.__table__)
_CONSENT = cast(Table, Consent.__table__)
# Of a render that was answered: with what, and how its contact, or whoever that is by now, stands with the type.
_FIND_ANSWER = CompiledStatement(
    select(_INSERTED_FORM.c.submitted_destination_hash, _CONSENT.c.state, _CONSENT.c.destination_hash)
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
    .where(_INSERTED_FORM.c.id == bindparam("inserted_form_id"), _INSERTED_FORM.c.answered_at.is_(None))
    .values(
        answered_at=bindparam("at"),
        seen_at=bindparam("seen"),
        submitted_destination_hash=bindparam("hash"),
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
    "submitted_destination_hash",
    "created_at",
    "expires_at",
    "seen_at",
    "answered_at",
)
_KEEP = CompiledStatement(
    lambda dialect: ignoring_insert(dialect, InsertedForm, _KEPT_COLUMNS).returning(_INSERTED_FORM.c.id)
)


def keep(
    session: Session, view: FormView, shown: Shown, destination: Destination, contact_id: int, *, at: datetime
) -> int | None:
    """Write the inserted form that this render of a public form becomes; null when it was answered before."""
    made = _KEEP.one(
        session,
        token=shown.nonce,
        form_id=view.form_id,
        version_id=shown.version_id,
        contact_id=contact_id,
        inserted_by=BY_THE_PAGE,
        origin=shown.origin,
        submitted_destination_hash=destination.hash,
        created_at=shown.at,
        expires_at=at + EXPIRES_IN,
        seen_at=at,
        answered_at=at,
    )
    return int(made[0]) if made else None


def mark(session: Session, view: FormView, destination: Destination, contact_id: int, *, at: datetime) -> bool:
    """Say of an inserted form that it is answered, and by whom; false when it was meanwhile."""
    marked = _MARK_ANSWERED.run(
        session,
        inserted_form_id=view.inserted_form_id,
        at=at,
        seen=view.seen_at or at,
        hash=destination.hash,
        contact=contact_id,
    )
    return bool(marked)


def was_with(session: Session, view: FormView, shown: Shown, destination: Destination) -> tuple[bool, bool]:
    """Whether this render of a public form was answered with this number, and whether that yes holds still."""
    kind_id = view.subscription_type_id
    answered = _FIND_ANSWER.one(session, nonce=shown.nonce, subscription_type_id=kind_id)
    is_same = answered is not None and answered[0] == destination.hash
    return is_same, is_same and answered[1:] == (ConsentState.OPTED_IN, destination.hash)
