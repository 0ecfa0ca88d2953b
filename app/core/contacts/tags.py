"""Tags: create, rename and delete them, attach them to contacts and detach them."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Integer, func, literal, select, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core import audit
from app.core.consent import locking
from app.core.contacts import records as contacts
from app.core.errors import Conflict, InvalidInput, InvalidState, NotFound, named
from app.db import insert_into, insert_or_ignore
from app.models import Contact, ContactTag, Tag

NAME_MAX = 120
TAGS_MAX = 5000
# With more contacts, deleting a tag would keep other writers waiting.
CONTACTS_MAX = 10_000
_OPTIONS: dict[str, Any] = {"synchronize_session": False}


def create(session: Session, name: str, *, actor: str, at: datetime) -> Tag:
    """The tag with this name, made if there is none. Names that differ only in capitals are the same.

    It is locked, so that it is not deleted while contacts get it.

    :raises InvalidInput: the name is empty or too long, or there are ``TAGS_MAX`` tags already
    """
    name, key = _name(name)
    if (session.scalar(select(func.count()).select_from(Tag)) or 0) >= TAGS_MAX:
        raise InvalidInput("There are %(most)s tags already. Delete one first.", field="name", most=str(TAGS_MAX))
    values = {"name": name, "name_key": key, "created_by": actor, "created_at": at}
    named = select(Tag).where(Tag.name_key == key).with_for_update(read=True, key_share=True)
    while True:  # a tag that is deleted or renamed meanwhile is made again
        is_new = insert_or_ignore(session, Tag, values)
        if (tag := session.scalars(named).one_or_none()) is not None:
            break
    if is_new:
        audit.record(session, actor, "tag.created", f"tag:{tag.id}", {}, at=at)
    return tag


def rename(session: Session, tag_id: int, name: str, *, actor: str, at: datetime) -> Tag:
    """Change the name of a tag.

    :raises NotFound: there is no such tag
    :raises InvalidInput: as ``create``
    :raises Conflict: another tag has this name
    """
    with named("id"):
        tag = _lock(session, tag_id)
    name, key = _name(name)
    if session.scalar(select(Tag.id).where(Tag.name_key == key, Tag.id != tag.id)) is not None:
        raise Conflict("Another tag has this name.", field="name")
    if tag.name != name:
        changed = audit.changes({"name": tag.name}, {"name": name})
        try:
            with session.begin_nested():
                tag.name, tag.name_key = name, key
                session.flush()
        except IntegrityError:  # another tag has got it meanwhile
            raise Conflict("Another tag has this name.", field="name") from None
        audit.record(session, actor, "tag.renamed", f"tag:{tag.id}", changed, at=at)
        session.flush()
    return tag


def delete(session: Session, tag_id: int, *, actor: str, at: datetime) -> None:
    """Delete a tag, and detach it from its contacts. Segments that ask for it then find no contact by it.

    :raises NotFound: there is no such tag
    :raises InvalidState: more than ``CONTACTS_MAX`` contacts have it
    """
    tag = _lock(session, tag_id)
    tagged = select(ContactTag.contact_id).where(ContactTag.tag_id == tag.id)
    ids = list(session.scalars(tagged.limit(CONTACTS_MAX + 1)))
    if len(ids) > CONTACTS_MAX:
        raise InvalidState("More than %(most)s contacts have this tag. Detach it from them first.", most=CONTACTS_MAX)
    session.execute(update(Contact).where(Contact.id.in_(tagged)).values(updated_at=at), execution_options=_OPTIONS)
    session.execute(sql_delete(ContactTag).where(ContactTag.tag_id == tag.id), execution_options=_OPTIONS)
    session.delete(tag)
    audit.record(session, actor, "tag.deleted", f"tag:{tag_id}", {"contacts": len(ids)}, at=at)
    session.flush()


def find(session: Session, tag_id: int) -> Tag:
    """:raises NotFound: there is no such tag"""
    tag = session.get(Tag, tag_id)
    if tag is None:
        raise NotFound("Resource Not Found")
    return tag


def exists(session: Session, tag_id: int) -> bool:
    """Whether there is a tag with this id. It is locked, so that it is not deleted while contacts get it."""
    locked = select(Tag.id).where(Tag.id == tag_id).with_for_update(read=True, key_share=True)
    return session.scalar(locked) is not None


def find_by_name(session: Session, name: str) -> Tag | None:
    """The tag with this name, whatever its capitals; null where there is none. :raises InvalidInput: as ``create``"""
    _, key = _name(name)
    return session.scalars(select(Tag).where(Tag.name_key == key)).one_or_none()


def find_all(session: Session) -> list[Tag]:
    """Every tag, by name."""
    return list(session.scalars(select(Tag).order_by(Tag.name_key)))


def of_contact(session: Session, contact_id: int) -> list[Tag]:
    """The tags of a contact, by name."""
    query = select(Tag).join(ContactTag, ContactTag.tag_id == Tag.id).where(ContactTag.contact_id == contact_id)
    return list(session.scalars(query.order_by(Tag.name_key)))


def attach(session: Session, public_id: str, tag_id: int, *, actor: str, at: datetime) -> Tag:
    """Attach a tag to a contact. Writes ``contact.updated``; repeating it changes nothing.

    :raises NotFound: there is no such contact or tag
    :raises Merged: the contact was merged into another one
    """
    contact = locking.lock_contact_by_public_id(session, public_id)
    with named("id"):
        tag = _lock(session, tag_id, is_shared=True)
    values = {"tag_id": tag.id, "contact_id": contact.id, "created_by": actor, "created_at": at}
    if insert_or_ignore(session, ContactTag, values):
        _record(session, contact, "tagged", tag.id, actor=actor, at=at)
    return tag


def detach(session: Session, public_id: str, tag_id: int, *, actor: str, at: datetime) -> Tag:
    """Detach a tag from a contact. Writes ``contact.updated``; repeating it changes nothing. Errors as ``attach``."""
    contact, tag = locking.lock_contact_by_public_id(session, public_id), find(session, tag_id)
    detached = sql_delete(ContactTag).where(ContactTag.tag_id == tag.id, ContactTag.contact_id == contact.id)
    if cast(Any, session.execute(detached, execution_options=_OPTIONS)).rowcount:
        _record(session, contact, "untagged", tag.id, actor=actor, at=at)
    return tag


def move(session: Session, from_contact_id: int, to_contact_id: int) -> None:
    """Give the tags of one contact to another, in a merge."""
    columns = ("tag_id", "contact_id", "created_by", "created_at")
    moved = select(ContactTag.tag_id, literal(to_contact_id, Integer), ContactTag.created_by, ContactTag.created_at)
    inserted = insert_into(session, ContactTag).from_select(
        columns, moved.where(ContactTag.contact_id == from_contact_id)
    )
    session.execute(inserted.on_conflict_do_nothing())
    delete_for_contacts(session, [from_contact_id])


def delete_for_contacts(session: Session, contact_ids: Collection[int]) -> None:
    """Detach every tag from these contacts. Publishes nothing."""
    detached = sql_delete(ContactTag).where(ContactTag.contact_id.in_(contact_ids))
    session.execute(detached, execution_options=_OPTIONS)


def _lock(session: Session, tag_id: int, *, is_shared: bool = False) -> Tag:
    """The tag, locked, so that it is not deleted while a contact gets it."""
    query = select(Tag).where(Tag.id == tag_id).with_for_update(read=is_shared, key_share=is_shared)
    tag = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if tag is None:
        raise NotFound("Resource Not Found")
    return tag


def _record(session: Session, contact: Contact, event: str, tag_id: int, *, actor: str, at: datetime) -> None:
    audit.record(session, actor, f"contact.{event}", f"contact:{contact.id}", {"tag": tag_id}, at=at)
    contacts.mark_updated(session, contact, at=at)


def _name(typed: str) -> tuple[str, str]:
    """The name in one line, and its key."""
    name = " ".join(typed.split())
    if not name or len(name) > NAME_MAX:
        raise InvalidInput("Give the tag a name of at most %(most)s characters.", field="name", most=NAME_MAX)
    return name, name.casefold()
