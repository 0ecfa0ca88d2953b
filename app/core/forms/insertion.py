"""Insert a form for one contact, for a conversation or for any other page that shows its link, and withdraw it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import audit, origins, outbox
from app.core.consent import pending, reach
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.core.forms.form_view import is_offered
from app.core.signing import random_token
from app.models import Contact, InsertedForm, OptInForm, OptInFormVersion, SubscriptionType

EXPIRES_IN = timedelta(days=30)
RECENT = 500
EXPIRES_IN_MIN, EXPIRES_IN_MAX = timedelta(minutes=1), timedelta(days=366)


@dataclass(frozen=True)
class LinkOptions:
    """Where the link is shown, if known, and how long it works.

    ``conversation_id``: the conversation that it is placed in by the same call (``conversations/forms.py``).
    """

    origin: str | None = None
    expires_in: timedelta = EXPIRES_IN
    conversation_id: int | None = None


def insert_for(
    session: Session,
    form: OptInForm,
    contact: Contact | None,
    *,
    inserted_by: str,
    at: datetime,
    link: LinkOptions = LinkOptions(),
) -> InsertedForm:
    """Insert the newest version for one contact; its ``token`` is the last part of the embed's address.

    Writes one ``form.inserted`` outbox event. Flushes.

    :param contact: null: for the first person who opens the link and types a number; they become a lead
    :raises InvalidState: the contact is closed (``blocked``, ``gdpr_optout``) or archived; the form is archived, or
        its type is not live
    :raises NotFound: the contact was erased, or merged into another one (``Merged``)
    :raises InvalidInput: ``expires_in`` or the origin is refused
    """
    if contact is not None:
        reach.refuse_gone(session, merged_into_id=contact.merged_into_id, erased_at=contact.erased_at)
        reach.refuse_out_of_reach(contact)
    version_id, type_state = session.execute(
        select(OptInFormVersion.id, SubscriptionType.state)
        .join(SubscriptionType, SubscriptionType.id == OptInFormVersion.subscription_type_id)
        .where(OptInFormVersion.form_id == form.id, OptInFormVersion.number == form.version)
    ).one()
    if not is_offered(archived_at=form.archived_at, type_state=type_state):
        raise InvalidState("This form cannot be inserted: it or its subscription type is no longer offered.")
    if not EXPIRES_IN_MIN <= link.expires_in <= EXPIRES_IN_MAX:
        raise InvalidInput("A form can be open for one minute up to a year.", field="expires_in")
    inserted = InsertedForm(
        token=random_token(),
        form_id=form.id,
        version_id=version_id,
        contact_id=contact.id if contact else None,
        conversation_id=link.conversation_id,
        inserted_by=inserted_by,
        origin=origins.read(link.origin, field="origin") if link.origin else None,
        created_at=at,
        expires_at=at + link.expires_in,
    )
    session.add(inserted)
    session.flush()
    outbox.add(
        session,
        ["form.inserted"],
        contact_id=inserted.contact_id,
        payload={"inserted_form_id": inserted.id, "form_id": form.id},
        at=at,
    )
    return inserted


def withdraw(session: Session, inserted_form_id: int, *, actor: str, at: datetime) -> InsertedForm:
    """Withdraw an inserted form that was not answered: its page is closed from now on. Writes an audit entry. Flushes.

    A second withdrawal changes nothing. The caller shows the change in the conversation that the form is in.

    :raises NotFound: there is no inserted form with this id
    :raises InvalidState: it was answered
    """
    found = session.get(InsertedForm, inserted_form_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound("There is no such form.")
    if found.answered_at is not None:
        raise InvalidState("This form was answered already, so it cannot be withdrawn.")
    if found.withdrawn_at is None:
        pending.end_of_form(session, found.id, at=at)
        found.withdrawn_at = at
        audit.record(session, actor, "form.withdrawn", f"inserted_form:{found.id}", {}, at=at)
        session.flush()
    return found


def recently_inserted(session: Session, inserted_by: str) -> list[int]:
    """The ids of the forms that this actor inserted among the newest ``RECENT`` insertions, the last one first."""
    newest = select(InsertedForm.form_id, InsertedForm.inserted_by).order_by(InsertedForm.id.desc()).limit(RECENT)
    return list(dict.fromkeys(row.form_id for row in session.execute(newest) if row.inserted_by == inserted_by))


def conversations_of(session: Session, inserted_form_ids: Collection[int]) -> dict[int, int]:
    """The conversation that each of these forms was inserted into, by the inserted form's id. Others are left out."""
    query = select(InsertedForm.id, InsertedForm.conversation_id).where(
        InsertedForm.id.in_(inserted_form_ids), InsertedForm.conversation_id.is_not(None)
    )
    return {row.id: row.conversation_id for row in session.execute(query)} if inserted_form_ids else {}


def form_ids_of(session: Session, inserted_form_ids: Collection[int]) -> dict[int, int]:
    """The form of each inserted form, by the inserted form's id."""
    if not inserted_form_ids:
        return {}
    query = select(InsertedForm.id, InsertedForm.form_id).where(InsertedForm.id.in_(inserted_form_ids))
    return {row.id: row.form_id for row in session.execute(query)}
