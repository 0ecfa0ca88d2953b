"""What is known of a contact: given, changed and taken away by whoever may; archived, brought back, blocked."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core import audit, email
from app.core.consent import eligibility, reach
from app.core.contacts import records as contacts
from app.core.conversations import lifecycle
from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.signing import is_public_id
from app.db import dialect_of
from app.models import Agent, Contact, ContactRole
from app.schemas.contact_input import CUSTOM_BYTES_MAX, CUSTOM_MAX

Given = Mapping[str, Any]
_SIMPLE = ("name", "avatar", "signed_up_at", "last_seen_at")


def create(session: Session, given: Given, *, actor: str, at: datetime) -> Contact:
    """A new contact of what is given: role, external_id, email, phone, name, avatar, signed_up_at, last_seen_at,
    owner_id, unsubscribed_from_emails, language_override, custom_attributes.

    Without a role, whoever has an external id or an address is a user. Writes ``contact.created``.

    :raises InvalidInput: neither email, external_id nor role is given; a user without any of the first two; a value
    :raises Conflict: a user with this external id or address is there already; the sentence holds ``id=…``
    """
    if not any(given.get(name) for name in ("email", "external_id", "role")):
        raise InvalidInput("Give at least one of email, external_id and role.", field="email")
    external_id, address = given.get("external_id") or None, _address(given)
    role = ContactRole(given.get("role") or ContactRole.USER)
    if role == ContactRole.USER and not (external_id or address):
        raise InvalidInput("A user has an external_id or an email; somebody else is a lead.", field="role")
    refuse_duplicate(session, None, role, external_id, address)
    values = {**given, "role": role, "external_id": external_id}
    try:
        with session.begin_nested():
            contact = contacts.create(
                session,
                role=role,
                at=at,
                external_id=external_id,
                email_address=address,
                phone_number=given.get("phone"),
                locale=given.get("language_override"),
            )
    except IntegrityError:  # another call made the same person meanwhile
        refuse_duplicate(session, None, role, external_id, address)
        raise
    _apply(session, contact, {name: values[name] for name in values if name in _SETTERS})
    return _told(session, contact, "created", given, actor=actor, at=at)


def change(session: Session, contact: Contact, given: Given, *, actor: str, at: datetime) -> Contact:
    """Change what is given of a held contact; null takes away. Another number takes no opt-in along.

    Writes ``contact.updated``.

    :raises InvalidInput: a value
    :raises Conflict: somebody else has this external id or address
    """
    role = ContactRole(given.get("role") or contact.role)
    external_id = (given["external_id"] or None) if "external_id" in given else contact.external_id
    address = _address(given) if "email" in given else contact.email
    if role == ContactRole.USER and not (external_id or address):
        raise InvalidInput("A user keeps an external_id or an email.", field="external_id")
    if (role, external_id, address) != (contact.role, contact.external_id, contact.email):
        refuse_duplicate(session, contact, role, external_id, address)
    try:
        with session.begin_nested():
            contact.role, contact.external_id = role, external_id
            contacts.set_email(session, contact, address)
            session.flush()
    except IntegrityError:
        session.refresh(contact)
        refuse_duplicate(session, contact, role, external_id, address)
        raise
    if "phone" in given:
        contacts.change_phone(session, contact, given["phone"], at=at)
    if "language_override" in given:
        contact.locale = given["language_override"]
    _apply(session, contact, {name: given[name] for name in given if name in _SETTERS})
    contact.updated_at = at
    return _told(session, contact, "updated", given, actor=actor, at=at)


def hold(session: Session, public_id: str) -> Contact:
    """A contact to be changed, with its row held.

    :raises Merged: it is part of another by now
    :raises NotFound: nobody has this id, or it was erased
    """
    query = select(Contact).where(Contact.public_id == public_id).with_for_update()
    query = query.execution_options(populate_existing=True)
    found = session.scalars(query).one_or_none() if is_public_id(public_id) else None
    if found is None:
        raise NotFound("User Not Found")
    reach.refuse_gone(session, merged_into_id=found.merged_into_id, erased_at=found.erased_at)
    return found


def archive(session: Session, contact: Contact, *, actor: str, at: datetime) -> None:
    """Take a held contact out of lists, searches and audiences; nothing it said is lost. Twice changes nothing."""
    if contact.archived_at is None:
        contact.archived_at = at
        _reckon(session, contact, "archived", actor=actor, at=at)


def unarchive(session: Session, contact: Contact, *, actor: str, at: datetime) -> None:
    """Bring a held contact back.

    :raises Conflict: somebody else has its address by now
    """
    if contact.archived_at is not None:
        refuse_duplicate(session, contact, ContactRole(contact.role), None, contact.email, but_archived=True)
        contact.archived_at = None
        _reckon(session, contact, "unarchived", actor=actor, at=at)


def block(session: Session, contact: Contact, *, actor: str, at: datetime) -> None:
    """Take nothing from a held contact and send it nothing any more; its conversations end. Twice changes nothing."""
    if contact.blocked_at is None:
        contacts.block(session, contact, at=at)
        lifecycle.close_all_of(session, contact.id, actor=actor, at=at)
        _told(session, contact, "blocked", {}, actor=actor, at=at)


def refuse_duplicate(
    session: Session,
    contact: Contact | None,
    role: ContactRole,
    external_id: str | None,
    address: str | None,
    *,
    but_archived: bool = False,
) -> None:
    """One person for an external id, one user for an address.

    :raises Conflict: there is somebody else already; callers parse the id out of the sentence
    """
    if address and role == ContactRole.USER and dialect_of(session) == "postgresql":
        # two that come at once with one address come one after the other
        session.execute(text("SELECT pg_advisory_xact_lock(4271, hashtext(:address))"), {"address": address})
    same = []
    if external_id:
        same.append(Contact.external_id == external_id)
    if address and role == ContactRole.USER:
        same.append((Contact.email == address) & (Contact.role == ContactRole.USER))
    for condition in same:
        others = select(Contact).where(condition, Contact.id != (contact.id if contact else 0))
        if but_archived:
            others = others.where(Contact.archived_at.is_(None))
        if found := session.scalars(others.order_by(Contact.archived_at.is_not(None)).limit(1)).first():
            which = "An archived contact" if found.archived_at else "A contact"
            raise Conflict(f"{which} matching those details already exists with id={found.public_id}")


def _reckon(session: Session, contact: Contact, what: str, *, actor: str, at: datetime) -> None:
    contact.updated_at = at
    contact.sms_block = cast(Any, eligibility.sms_block_of(contact))
    session.flush()
    _told(session, contact, what, {}, actor=actor, at=at)


def _told(session: Session, contact: Contact, what: str, given: Given, *, actor: str, at: datetime) -> Contact:
    session.flush()
    details = {"fields": sorted(given)} if given else {}
    audit.record(session, actor, f"contact.{what}", f"contact:{contact.id}", details, at=at)
    contacts.tell(session, "contact.updated", contact.id, at=at)
    session.flush()
    return contact


def _apply(session: Session, contact: Contact, given: Given) -> None:
    for name, value in given.items():
        _SETTERS[name](session, contact, value)


def _set_simple(name: str) -> Callable[[Session, Contact, Any], None]:
    def put(_session: Session, contact: Contact, value: Any) -> None:
        setattr(contact, name, value)

    return put


def _set_avatar(_session: Session, contact: Contact, value: str | None) -> None:
    if value and not value.startswith(("https://", "http://")):
        raise InvalidInput("Give the web address of a picture.", field="avatar")
    contact.avatar = value or None


def _set_owner(session: Session, contact: Contact, value: str | None) -> None:
    if value is not None and session.get(Agent, int(value)) is None:
        raise InvalidInput("Nobody who works here has this id.", field="owner_id")
    contact.owner_id = int(value) if value is not None else None


def _set_unsubscribed(_session: Session, contact: Contact, value: bool | None) -> None:  # noqa: FBT001 - a setter
    contact.unsubscribed_from_emails = bool(value)


def _set_custom(_session: Session, contact: Contact, value: Mapping[str, Any] | None) -> None:
    """What is given is put beside what there is; a null takes one away."""
    merged = {**contact.custom_attributes, **(value or {})}
    kept = {name: each for name, each in merged.items() if each is not None}
    grows = any(name not in contact.custom_attributes or contact.custom_attributes[name] != kept[name] for name in kept)
    if grows and (len(kept) > CUSTOM_MAX or len(json.dumps(kept)) > CUSTOM_BYTES_MAX):
        raise InvalidInput(
            f"A contact has at most {CUSTOM_MAX} custom attributes, {CUSTOM_BYTES_MAX:,} bytes together.",
            field="custom_attributes",
        )
    contact.custom_attributes = kept


_SETTERS: Mapping[str, Callable[[Session, Contact, Any], None]] = {
    **{name: _set_simple(name) for name in _SIMPLE},
    "avatar": _set_avatar,
    "owner_id": _set_owner,
    "unsubscribed_from_emails": _set_unsubscribed,
    "custom_attributes": _set_custom,
}


def _address(given: Given) -> str | None:
    if given.get("email_verified") is not None and not given.get("email"):
        raise InvalidInput("Only an email that is given can be verified.", field="email_verified")
    typed = given.get("email")
    return email.read(typed) if typed else None
