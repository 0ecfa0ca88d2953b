"""The contacts and admins that bodies of requests about conversations name."""

from typing import Any

from sqlalchemy.orm import Session

from app.core.consent import locking
from app.core.contacts import search, views
from app.core.errors import InvalidInput, named
from app.models import Agent, Contact
from app.web.api import admins


def contact(session: Session, reference: dict[str, Any], field: str) -> Contact:
    """The contact that a reference names, locked.

    :raises InvalidInput: it names none
    :raises NotFound: there is no such contact
    """
    with named(field):
        if reference["id"] is not None:
            return locking.lock_contact_by_public_id(session, reference["id"])
        if reference["user_id"] is not None:
            row = views.find_by_external_id(session, reference["user_id"]).row
            return locking.lock_contact_by_public_id(session, row.public_id)
        if reference["email"] is None:
            raise InvalidInput("Say which contact, by id, user_id or email.")
        return locking.lock_contact_by_public_id(session, search.find_by_email(session, reference["email"]).public_id)


def assignee(session: Session, admin_id: str | None) -> int | None:
    """The id of an agent; null for no one. :raises InvalidInput: neither is named"""
    if admin_id is None:
        raise InvalidInput("Say to whom, or 0 for no one.", field="assignee_id")
    return None if admin_id == "0" else admins.find_active(session, admin_id, "assignee_id").id


def actor(agent: Agent) -> str:
    return f"agent:{agent.id}"
