"""Refuses contacts that nothing may be sent to or recorded for, whatever the type."""

from sqlalchemy.orm import Session

from app.core.errors import InvalidState, Merged, NotFound
from app.models import Contact


def refuse_gone(session: Session, contact: Contact) -> None:
    """Refuse a contact that only remains as a row.

    :raises Merged: it was merged into another contact
    :raises NotFound: it was erased
    """
    if contact.erased_at is not None:
        raise NotFound("User Not Found")
    if contact.merged_into_id is not None:
        into = session.get_one(Contact, contact.merged_into_id)
        raise Merged("This contact was merged into another one.", into=into.public_id)


def refuse_blocked(contact: Contact) -> None:
    """:raises InvalidState: the contact is blocked (code ``blocked``): nothing is accepted from it or sent to it"""
    if contact.blocked_at is not None:
        raise InvalidState("This contact is blocked.", code="blocked")
