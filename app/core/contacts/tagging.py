"""One tag attached to many contacts, and detached from others, in one transaction."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.core import audit, email
from app.core.consent import locking, reach
from app.core.contacts import sets, tags
from app.core.contacts.sets import Tagged
from app.core.errors import NotFound, named
from app.db import run
from app.models import Contact, ContactRole, Tag

_CONTACT = Contact.__table__


@dataclass(frozen=True)
class Tagging:
    """A contact to tag or untag, by its public id, else its external id, else its address.

    :param place: how an error names it
    """

    place: str
    public_id: str | None = None
    external_id: str | None = None
    address: str | None = None
    is_untag: bool = False


def change(session: Session, name: str, wanted: Collection[Tagging], *, actor: str, at: datetime) -> Tag:
    """Tag and untag contacts; repeating it changes nothing. The tag is made if there is none. Returns the tag.

    Writes ``contact.updated`` and an entry of the audit log for each contact that changes. Of two entries for one
    contact the last one counts.

    :raises NotFound: there is no such contact; or no tag with this name, and all contacts are to be untagged
    :raises Merged: a contact was merged into another one
    :raises InvalidInput: as ``tags.create``
    """
    found = _found(session, wanted)
    if all(each.is_untag for each in found.values()) and tags.find_by_name(session, name) is None:
        raise NotFound("Resource Not Found", field="name")
    tag = tags.create(session, name, actor=actor, at=at)
    rows = locking.lock_set(session, found).rows
    for contact_id, each in found.items():
        with named(each.place):
            reach.refuse_gone(
                session, merged_into_id=rows[contact_id].merged_into_id, erased_at=rows[contact_id].erased_at
            )
    have = sets.tagged(session, found, tag.id)
    attached = [each for each, tagging in found.items() if not tagging.is_untag and each not in have]
    detached = [each for each in have if found[each].is_untag]
    if attached:
        sets.attach(session, tag.id, [Tagged(each, actor, at) for each in attached], at=at)
    if detached:
        sets.detach(session, tag.id, detached, at=at)
    for action, ids in (("contact.tagged", attached), ("contact.untagged", detached)):
        for contact_id in ids:
            audit.record(session, actor, action, f"contact:{contact_id}", {"tag": tag.id}, at=at)
    session.flush()
    return tag


def _found(session: Session, wanted: Collection[Tagging]) -> dict[int, Tagging]:
    """The contacts by id, with three statements at most. :raises NotFound: there is none"""
    addresses = {each: email.normalize(each.address or "") for each in wanted}
    by_public_id = _ids(session, "public_id", (each.public_id for each in wanted))
    by_external_id = _ids(session, "external_id", (each.external_id for each in wanted))
    by_address = _ids(session, "email", addresses.values())
    found: dict[int, Tagging] = {}
    for each in wanted:
        if each.public_id is not None:
            contact_id = by_public_id.get(each.public_id)
        elif each.external_id is not None:
            contact_id = by_external_id.get(each.external_id)
        else:
            contact_id = by_address.get(addresses[each])
        if contact_id is None:
            raise NotFound("User Not Found", field=each.place)
        found[contact_id] = each
    return found


def _ids(session: Session, name: str, values: Iterable[str | None]) -> Mapping[str, int]:
    """The contact with each value: any with a public id, the user with an external id, and of those with an address
    that are not archived a user before a lead, then the newest.
    """
    known = {each for each in values if each}
    if not known:
        return {}
    column: Any = _CONTACT.c[name]
    query: Select[Any] = select(column, _CONTACT.c.id).where(column.in_(known))
    if name == "external_id":
        query = query.where(_CONTACT.c.role == ContactRole.USER.value)
    if name == "email":
        query = query.where(_CONTACT.c.archived_at.is_(None)).order_by(_CONTACT.c.role, _CONTACT.c.id)
    rows: Any = run(session, query)
    return {row[0]: row[1] for row in rows}
