"""People ask that their data be deleted, and agents decide: erase the contact, or refuse with a note."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from app.core import audit
from app.core.consent import locking
from app.core.contacts import erase as contact_erase
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.core.workspace import settings
from app.db import insert_or_ignore
from app.models import Contact, ErasureRequest, Resolution

NOTE_MAX = 2000
LISTED_MAX = 200
_ASKED = aliased(Contact)  # who asked; the contact may have been merged since


@dataclass(frozen=True)
class OpenRequest:
    """A request that waits for an agent, and the contact that it is about: after a merge the target."""

    request: ErasureRequest
    contact: Contact

    def is_overdue(self, at: datetime) -> bool:
        """Whether the day on which it was due is over."""
        return self.request.due_at < at


def request(session: Session, contact_id: int, *, at: datetime) -> ErasureRequest:
    """Ask for the deletion of a contact. A request that is open already is returned unchanged.

    Writes the request and an audit entry. Flushes, does not commit.

    :param contact_id: of a contact that was neither merged nor erased
    :raises InvalidState: the workspace takes no requests here
    """
    workspace = settings.get(session)
    if not workspace.erasure_requests:
        raise InvalidState("Requests for deletion are not taken here.")
    if (found := open_request_of(session, contact_id)) is not None:
        return found
    due_at = at + timedelta(days=workspace.erasure_due_days)
    values = {"contact_id": contact_id, "requested_at": at, "due_at": due_at, "note": ""}
    if insert_or_ignore(session, ErasureRequest, values):
        audit.record(session, "contact", "erasure.requested", f"contact:{contact_id}", {}, at=at)
    session.flush()
    made = open_request_of(session, contact_id)
    if made is None:
        raise InvalidState("An agent decided about this request just now.")
    return made


def open_request_of(session: Session, contact_id: int) -> ErasureRequest | None:
    """The oldest open request of a contact or of one that was merged into it; null when there is none."""
    is_of = or_(Contact.id == contact_id, Contact.merged_into_id == contact_id)
    query = select(ErasureRequest).join(Contact, Contact.id == ErasureRequest.contact_id).where(is_of)
    open_ones = query.where(ErasureRequest.resolved_at.is_(None)).order_by(ErasureRequest.due_at, ErasureRequest.id)
    return session.scalars(open_ones.limit(1)).first()


def open_requests(session: Session) -> list[OpenRequest]:
    """The open requests, those that are due first at the top, at most ``LISTED_MAX``."""
    query = (
        select(ErasureRequest, Contact)
        .where(ErasureRequest.resolved_at.is_(None))
        .join(_ASKED, _ASKED.id == ErasureRequest.contact_id)
        .join(Contact, Contact.id == func.coalesce(_ASKED.merged_into_id, _ASKED.id))
        .order_by(ErasureRequest.due_at, ErasureRequest.id)
        .limit(LISTED_MAX)
    )
    return [OpenRequest(row[0], row[1]) for row in session.execute(query)]


def count_open(session: Session) -> int:
    """How many requests are open."""
    query = select(func.count()).select_from(ErasureRequest).where(ErasureRequest.resolved_at.is_(None))
    return session.scalar(query) or 0


def erase(session: Session, request_id: int, *, actor: str, at: datetime) -> None:
    """Erase the contact that asked for it, which closes its requests. Flushes, does not commit.

    Errors as ``resolve``. See ``contacts/erase.py`` for what is deleted and what stays.
    """
    asked = _open(session, request_id)
    contact = locking.lock_contact(session, asked.contact_id)
    if contact.merged_into_id is not None:
        contact = locking.lock_contact(session, contact.merged_into_id)
    contact_erase.erase(session, contact, actor=actor, at=at)


def refuse(session: Session, request_id: int, note: str, *, actor: str, at: datetime) -> None:
    """Close a request without an erasure. Flushes, does not commit.

    :param note: why it is refused
    :raises NotFound: there is no such request
    :raises InvalidState: it is closed already
    :raises InvalidInput: the note is empty or too long
    """
    found = _open(session, request_id)
    note = note.strip()
    if not note or len(note) > NOTE_MAX:
        raise InvalidInput("Say in a note of at most %(most)s characters why.", field="note", most=str(NOTE_MAX))
    found.resolved_at, found.resolution, found.note = at, Resolution.REFUSED.value, note
    audit.record(session, actor, "erasure.refused", f"contact:{found.contact_id}", {}, at=at)
    session.flush()


def _open(session: Session, request_id: int) -> ErasureRequest:
    """The request, locked."""
    found = session.get(ErasureRequest, request_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound("There is no such request.")
    if found.resolved_at is not None:
        raise InvalidState("This request is closed already.")
    return found
