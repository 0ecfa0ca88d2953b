"""An inserted form as a card in a conversation, with its current state."""

from collections import namedtuple
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, case, false, or_, select, true
from sqlalchemy.orm import Session

from app.core.consent.current_destination import is_given_for_current
from app.core.consent.reach import IS_WITHIN_REACH
from app.core.forms.form_view import IS_OFFERED
from app.db import CompiledStatement, ReadConnection, is_in
from app.models import (
    Consent,
    ConsentState,
    Contact,
    InsertedForm,
    OptInForm,
    OptInFormText,
    OptInFormVersion,
    SubscriptionType,
)

_INSERTED = InsertedForm.__table__
_FORM = OptInForm.__table__
_VERSION = OptInFormVersion.__table__
_TEXT = OptInFormText.__table__
_TYPE = SubscriptionType.__table__
_CONTACT = Contact.__table__
_CONSENT = Consent.__table__


class CardState(StrEnum):
    """The state of an inserted form."""

    WAITING = "waiting"
    SEEN = "seen"
    CONFIRMING = "confirming"
    SIGNED_UP = "signed_up"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class FormCard:
    """One inserted form. ``token`` is the last part of the embed's address; ``title`` is in the form's own language,
    ``locale``.

    ``undone_at``: when the person undid their answer; the form can be answered again.
    ``is_signed_up_elsewhere``: it was not answered, but its contact is signed up for the type in another way.
    ``is_withdrawn_by_person``: it was answered, and the contact opted out since, there or elsewhere.
    """

    inserted_form_id: int
    form_id: int
    token: str
    title: str
    locale: str
    type_name: str
    channel: str
    state: CardState
    seen_at: datetime | None
    answered_at: datetime | None
    undone_at: datetime | None
    expires_at: datetime
    is_signed_up_elsewhere: bool
    is_withdrawn_by_person: bool


_HAS_CONSENT = and_(_CONSENT.c.state == ConsentState.OPTED_IN.value, is_given_for_current(_TYPE.c.channel))
COLUMNS: tuple[ColumnElement[Any], ...] = (
    _INSERTED.c.id.label("card_id"),
    _INSERTED.c.form_id.label("card_form_id"),
    _INSERTED.c.token.label("card_token"),
    _TEXT.c.title.label("card_title"),
    _TEXT.c.locale.label("card_locale"),
    _TYPE.c.name.label("card_type_name"),
    _TYPE.c.channel.label("card_channel"),
    _INSERTED.c.seen_at.label("card_seen_at"),
    _INSERTED.c.confirming_at.label("card_confirming_at"),
    _INSERTED.c.answered_at.label("card_answered_at"),
    _INSERTED.c.undone_at.label("card_undone_at"),
    _INSERTED.c.withdrawn_at.label("card_withdrawn_at"),
    _INSERTED.c.expires_at.label("card_expires_at"),
    case((_HAS_CONSENT, True), else_=false()).label("card_has_consent"),
    case((_CONSENT.c.state == ConsentState.OPTED_OUT.value, True), else_=false()).label("card_is_opted_out"),
    case((and_(IS_OFFERED, IS_WITHIN_REACH), True), else_=false()).label("card_is_available"),
)
_Row = namedtuple("_Row", [column.name for column in COLUMNS])  # type: ignore[misc]  # the columns name its fields


def of_forms(
    session: Session | ReadConnection, inserted_form_ids: Collection[int], *, at: datetime
) -> dict[int, FormCard]:
    """The cards of inserted forms, by the form's id. No statement where there are none, else one."""
    if not inserted_form_ids:
        return {}
    rows = _OF_FORMS.all(session, ids=list(inserted_form_ids))
    cards = [of_row(_Row._make(row), at=at) for row in rows]
    return {card.inserted_form_id: card for card in cards if card is not None}


def joined_to(source: FromClause, inserted_form_id: ColumnElement[Any]) -> FromClause:
    """``source`` outer-joined to the tables of ``COLUMNS``; in rows without a form they are null."""
    return _with_the_rest(source.outerjoin(_INSERTED, _INSERTED.c.id == inserted_form_id))


def _with_the_rest(inserted: FromClause) -> FromClause:
    return (
        inserted.outerjoin(_FORM, _FORM.c.id == _INSERTED.c.form_id)
        .outerjoin(_VERSION, _VERSION.c.id == _INSERTED.c.version_id)
        .outerjoin(_TEXT, and_(_TEXT.c.version_id == _VERSION.c.id, _TEXT.c.locale == _VERSION.c.locale))
        .outerjoin(_TYPE, _TYPE.c.id == _VERSION.c.subscription_type_id)
        .outerjoin(_CONTACT, _CONTACT.c.id == _INSERTED.c.contact_id)
        .outerjoin(
            _CONSENT, and_(_CONSENT.c.contact_id == _CONTACT.c.id, _CONSENT.c.subscription_type_id == _TYPE.c.id)
        )
    )


_OF_FORMS = CompiledStatement(
    lambda dialect: select(*COLUMNS).select_from(_with_the_rest(_INSERTED)).where(is_in(dialect, _INSERTED.c.id, "ids"))
)


def of_row(row: Any, *, at: datetime) -> FormCard | None:
    """The card of a row that has ``COLUMNS``; null when the row has no form."""
    if row.card_id is None:
        return None
    state = _state(row, at)
    return FormCard(
        inserted_form_id=row.card_id,
        form_id=row.card_form_id,
        token=row.card_token,
        title=row.card_title,
        locale=row.card_locale,
        type_name=row.card_type_name,
        channel=row.card_channel,
        state=state,
        seen_at=row.card_seen_at,
        answered_at=row.card_answered_at,
        undone_at=row.card_undone_at,
        expires_at=row.card_expires_at,
        is_signed_up_elsewhere=bool(row.card_has_consent) and row.card_answered_at is None,
        is_withdrawn_by_person=state == CardState.WITHDRAWN and row.card_withdrawn_at is None,
    )


def state_at(at: datetime) -> ColumnElement[str]:
    """``CardState`` of a row of ``joined_to``, which has a form, as SQL: the same rule as ``_state``."""
    inserted = _INSERTED.c
    was_answered = or_(inserted.answered_at.is_not(None), inserted.undone_at.is_not(None))
    by_person = and_(was_answered, _CONSENT.c.state == ConsentState.OPTED_OUT.value)
    is_withdrawn = or_(by_person, and_(inserted.withdrawn_at.is_not(None), inserted.answered_at.is_(None)))
    is_unavailable = case((and_(IS_OFFERED, IS_WITHIN_REACH), false()), else_=true())
    return case(
        (is_withdrawn, CardState.WITHDRAWN.value),
        (inserted.answered_at.is_not(None), CardState.SIGNED_UP.value),
        (and_(inserted.expires_at <= at, inserted.confirming_at.is_(None)), CardState.EXPIRED.value),
        (is_unavailable, CardState.UNAVAILABLE.value),
        (_HAS_CONSENT, CardState.SIGNED_UP.value),
        (inserted.confirming_at.is_not(None), CardState.CONFIRMING.value),
        (inserted.seen_at.is_not(None), CardState.SEEN.value),
        else_=CardState.WAITING.value,
    )


def _state(row: Any, at: datetime) -> CardState:
    if _is_withdrawn(row):
        return CardState.WITHDRAWN
    if row.card_answered_at is not None:
        return CardState.SIGNED_UP
    if row.card_expires_at <= at and row.card_confirming_at is None:
        return CardState.EXPIRED
    if not row.card_is_available:
        return CardState.UNAVAILABLE
    if row.card_has_consent:
        return CardState.SIGNED_UP
    if row.card_confirming_at is not None:
        return CardState.CONFIRMING
    return CardState.SEEN if row.card_seen_at is not None else CardState.WAITING


def _is_withdrawn(row: Any) -> bool:
    """Whether the form was withdrawn before an answer, or the person withdrew after one."""
    was_answered = row.card_answered_at is not None or row.card_undone_at is not None
    if was_answered and row.card_is_opted_out:
        return True
    return row.card_withdrawn_at is not None and row.card_answered_at is None
