"""The form by which people opt in to a subscription type on their preference page."""

from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import InvalidInput
from app.core.forms.form_view import IS_OFFERED
from app.models import OptInForm, OptInFormVersion, SubscriptionType


def choose(
    session: Session, subscription_type: SubscriptionType, form_id: int | None, *, actor: str, at: datetime
) -> None:
    """Set the form, or remove it with null: then people cannot opt in on their preference page.

    :raises InvalidInput: it is archived, asks for another type, or was made for one conversation; or the type is not
        live
    """
    if form_id == subscription_type.preference_form_id:
        return
    if form_id is not None:
        found = session.execute(_usable(subscription_type.id).where(OptInForm.id == form_id)).first()
        if found is None:
            raise InvalidInput("Choose a form that asks for this subscription type.", field="preference_form_id")
    subject = f"subscription_type:{subscription_type.id}"
    subscription_type.preference_form_id, subscription_type.updated_at = form_id, at
    audit.record(session, actor, "subscription_type.preference_form_changed", subject, {"form": form_id}, at=at)
    session.flush()


def usable(session: Session, subscription_type: SubscriptionType) -> list[OptInForm]:
    """The forms that can be chosen, newest first."""
    return list(session.scalars(_usable(subscription_type.id).order_by(OptInForm.id.desc())))


def find(session: Session, subscription_type: SubscriptionType) -> OptInForm | None:
    """The chosen form; null when there is none, or it cannot be used any more."""
    if subscription_type.preference_form_id is None:
        return None
    chosen = _usable(subscription_type.id).where(OptInForm.id == subscription_type.preference_form_id)
    return session.scalars(chosen).one_or_none()


def _usable(subscription_type_id: int) -> Select[OptInForm]:
    """Offered forms whose newest version asks for this type."""
    is_newest = (OptInFormVersion.form_id == OptInForm.id) & (OptInFormVersion.number == OptInForm.version)
    return (
        select(OptInForm)
        .join(OptInFormVersion, is_newest)
        .join(SubscriptionType, SubscriptionType.id == OptInFormVersion.subscription_type_id)
        .where(SubscriptionType.id == subscription_type_id, IS_OFFERED, ~OptInForm.is_inline)
    )
