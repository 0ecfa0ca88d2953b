"""What a job did with each contact, by pages."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import BulkJobItem, Contact

RESTORED = "restored"


@dataclass(frozen=True)
class ItemWithContact:
    item: BulkJobItem
    contact: Contact


def page(
    session: Session,
    job_id: int,
    *,
    outcome: str | None = None,
    undo_outcome: str | None = None,
    after_id: int = 0,
    limit: int,
) -> list[ItemWithContact]:
    """The items of a job in the order of the contacts' ids. A contact that was merged since is the one of that time.

    :param outcome: only those with this outcome; ``undo_outcome``: only those with this outcome of the undo
    :param after_id: only contacts with a higher id
    """
    query = select(BulkJobItem, Contact).join(Contact, Contact.id == BulkJobItem.contact_id)
    query = query.where(BulkJobItem.job_id == job_id, BulkJobItem.contact_id > after_id)
    if outcome is not None:
        query = query.where(BulkJobItem.outcome == outcome)
    if undo_outcome is not None:
        query = query.where(BulkJobItem.undo_outcome == undo_outcome)
    found = session.execute(query.order_by(BulkJobItem.contact_id).limit(limit))
    return [ItemWithContact(item, contact) for item, contact in found]
