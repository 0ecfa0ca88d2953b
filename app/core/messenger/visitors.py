"""Visitors of the messenger: identifies them and stores what they write. What they see is in ``polling``.

An anonymous visitor is a lead, identified by a random token that their browser chose; a signed user is a contact,
identified by the id that their page proved. Only ``write`` and ``seen`` write to
the database; ``signing_in`` makes the lead part of the user.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, cast

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.core import clock, rate_limits
from app.core.bots import greeting, replies
from app.core.bots.greeting import NOTHING_SHOWN, Guest, Shown
from app.core.bots.matching import Visit
from app.core.consent import eligibility, locking, reach
from app.core.contacts import records as contacts
from app.core.contacts.merge_plan import CLAIMED
from app.core.conversations import contact_messages, messages
from app.core.conversations.contact_messages import PostedMessage, Writer
from app.core.errors import InvalidInput, NotFound
from app.core.ledger.evidence import Evidence
from app.core.messenger import identity as messenger_identity
from app.core.messenger import tokens as messenger_tokens
from app.core.messenger.identity import SESSION_PREFIX, Identity, SignedUser
from app.core.signing import hash_of_token, keys_of, random_public_id
from app.core.workspace import settings
from app.db import CompiledStatement, ReadConnection, insert_or_ignore
from app.models import BotTrigger, Contact, ContactRole, Conversation, EvidenceLevel, Source, Workspace

MESSAGES_A_MINUTE, SEEN_A_MINUTE, NEW_LEADS_AN_HOUR = 40, 120, 200
_ADDRESS_FACTOR = 10  # an IP address may be shared by so many visitors
_MINUTE_S, _HOUR_S = 60, 60 * 60


class _Secrets(NamedTuple):
    messenger_secret: str
    previous_messenger_secret: str | None
    previous_secret_ends_at: datetime | None


_CONTACT = Contact.__table__
_WORKSPACE = Workspace.__table__
_FIND_USER = CompiledStatement(select(_CONTACT.c.id).where(_CONTACT.c.external_id == bindparam("user_id")))
_SECRETS = CompiledStatement(select(*(_WORKSPACE.c[name] for name in _Secrets._fields)).where(_WORKSPACE.c.id == 1))


@dataclass(frozen=True)
class Limit:
    """How many calls of one kind a visitor may make in a minute."""

    name: str
    per_visitor: int


_MESSAGES = Limit("messenger", MESSAGES_A_MINUTE)
_SEEN = Limit("chat-seen", SEEN_A_MINUTE)


@dataclass(frozen=True)
class Visitor:
    """An authenticated visitor. ``contact_id`` is null for a signed user who has no contact yet."""

    contact_id: int | None
    user_id: str | None = None

    @property
    def is_signed(self) -> bool:
        return self.user_id is not None


@dataclass(frozen=True)
class Sender:
    """Who writes a message, according to the request.

    :param bearer: a visitor's token or a signed user's session
    :param is_new: the token was created just now, so a lead may be created for it
    """

    bearer: str
    identity: Identity
    is_new: bool
    address: str | None
    locale: str


@dataclass(frozen=True)
class WriteResult:
    """The stored message (null: none was sent), or in how many seconds another may be sent."""

    message: PostedMessage | None = None
    retry_after_s: int | None = None


def signed_user(session: Session, identity: Identity, *, at: datetime) -> SignedUser | None:
    """The user that the page proves; null when it proves none."""
    return messenger_identity.proven(identity, _accepted_secrets(session, at=at), at=at)


def identity_problem(session: Session, identity: Identity, *, at: datetime) -> str | None:
    """Why the page's signature is not valid (``identity.problem_with``); null when it is, or when there is none."""
    return messenger_identity.problem_with(identity, _accepted_secrets(session, at=at), at=at)


def session_for(session: Session, user: SignedUser) -> tuple[str, bool]:
    """A signed user's session, and whether the page signed values that differ from their contact's."""
    bearer = messenger_identity.signed_session(keys_of(session), user, settings.get(session).messenger_secret)
    contact = find_user(session, user.user_id)
    return bearer, contact is not None and bool(user.changes_for(contact))


def visitor(session: Session | ReadConnection, bearer: str) -> Visitor:
    """The visitor of a token or session.

    :raises NotFound: the token is unknown or has ended, or the session is over
    """
    if bearer.startswith(SESSION_PREFIX):
        secrets = messenger_identity.accepted_secrets(_Secrets(*_SECRETS.one(session)), at=clock.now())
        user_id = messenger_identity.read_session(keys_of(session), bearer, secrets)
        if user_id is None:
            raise _unknown()
        return Visitor(user_contact(session, user_id), user_id)
    lead_id = messenger_tokens.lead_of(session, bearer)
    if lead_id is None:
        raise _unknown()
    return Visitor(lead_id)


def user_contact(session: Session | ReadConnection, user_id: str) -> int | None:
    """The contact of a signed user; null when there is none. One statement."""
    found = _FIND_USER.one(session, user_id=user_id)
    return int(found[0]) if found else None


def write(
    session: Session,
    sender: Sender,
    *,
    body: str | None,
    client_key: str,
    shown: Shown = NOTHING_SHOWN,
    at: datetime,
) -> WriteResult:
    """Store a message, before it the greeting of a bot that the visitor sees, and after it the answer of a bot.

    Null for ``body``: only the greeting. The caller commits whatever is returned: a refusal has been counted.
    A visitor's first message creates the lead, or the user that their page proves. A repeat with the same
    ``client_key`` returns the message that is stored already.

    :raises NotFound: the visitor is unknown
    :raises InvalidInput: the text is empty or too long
    :raises InvalidState: the contact is closed (``blocked``, ``gdpr_optout``): nothing is stored
    """
    if not client_key:
        raise InvalidInput("Each message needs a key.", field="client_key")
    if wait_s := _seconds_to_wait(session, sender, at=at):
        return WriteResult(retry_after_s=wait_s)
    writer = _lock_writer(session, sender, at=at)
    guest = Guest(writer.contact_id, is_signed_in=sender.bearer.startswith(SESSION_PREFIX))
    if shown.rule_id is not None:
        greeting.place(session, guest, shown, at=at)
    if body is None:
        return WriteResult()
    posted = contact_messages.post(session, writer, body=body, client_key=client_key, at=at)
    if posted.may_be_answered:
        replies.reply(session, guest, posted, Visit(BotTrigger.WORDS, shown.page, text=body), at=at)
    return WriteResult(posted)


def seen(session: Session, bearer: str, numbers: Mapping[int, int], *, address: str | None, at: datetime) -> int | None:
    """Record up to which message of each conversation the visitor has seen everything, by conversation id.

    Nothing is recorded about a closed contact. Returns null, or in how many seconds to try again. The caller commits
    either way.

    :raises NotFound: the visitor is unknown, or one of the conversations is not theirs
    """
    found = visitor(session, bearer)
    theirs = select(Conversation.id).where(Conversation.contact_id == found.contact_id, Conversation.id.in_(numbers))
    if found.contact_id is None or set(session.scalars(theirs)) != set(numbers):
        raise NotFound("There is no such conversation.")
    if reach.is_closed(session.get_one(Contact, found.contact_id)):
        return None
    wait_s = over_limit(session, _SEEN, hash_of_token(bearer), address, at=at)
    if wait_s is None:
        for conversation_id, number in sorted(numbers.items()):
            messages.mark_seen_by_contact(session, conversation_id, number, at=at)
        messenger_tokens.record_use(session, bearer, at=at)
    return wait_s


def _accepted_secrets(session: Session, *, at: datetime) -> tuple[str, ...]:
    return messenger_identity.accepted_secrets(settings.get(session), at=at)


def _unknown() -> NotFound:
    return NotFound("There is nothing here.")


def _seconds_to_wait(session: Session, sender: Sender, *, at: datetime) -> int | None:
    if wait_s := over_limit(session, _MESSAGES, hash_of_token(sender.bearer), sender.address, at=at):
        return wait_s
    if sender.is_new and sender.address:
        new = {keys_of(session).bucket("messenger-new", rate_limits.address_bucket(sender.address)): NEW_LEADS_AN_HOUR}
        return rate_limits.hit(session, new, window_s=_HOUR_S, at=at)
    return None


def over_limit(session: Session, limit: Limit, visitor_key: str, address: str | None, *, at: datetime) -> int | None:
    """Count one call of a visitor and of their IP address; the seconds to wait when this minute's limit is reached."""
    keys = keys_of(session)
    buckets = {keys.bucket(limit.name, visitor_key): limit.per_visitor}
    if address:
        key = keys.bucket(f"{limit.name}-from", rate_limits.address_bucket(address))
        buckets[key] = limit.per_visitor * _ADDRESS_FACTOR
    return rate_limits.hit(session, buckets, window_s=_MINUTE_S, at=at)


def _lock_writer(session: Session, sender: Sender, *, at: datetime) -> Writer:
    if sender.bearer.startswith(SESSION_PREFIX):
        found = visitor(session, sender.bearer)
        signed = signed_user(session, sender.identity, at=at)
        user = signed if signed and signed.user_id == found.user_id else SignedUser(cast(str, found.user_id))
        contact = user_for(session, user, at=at, locale=sender.locale)
        reach.refuse_closed(contact)
        if user.changes_for(contact):
            store_changes(session, locking.lock_contact(session, contact.id), user, at=at)
        return contact_messages.lock(session, contact.id)
    if (lead := messenger_tokens.lock_lead(session, sender.bearer, at=at)) is not None:
        return lead
    is_free = messenger_tokens.is_token(sender.bearer) and not messenger_tokens.has_ended(session, sender.bearer)
    if not sender.is_new or not is_free:
        raise _unknown()
    return contact_messages.lock(session, _new_lead(session, sender, at=at))


def _new_lead(session: Session, sender: Sender, *, at: datetime) -> int:
    """Create the lead of a new token. Concurrent requests create only one."""
    lead_key = messenger_tokens.lead_key(sender.bearer)
    claims = sender.identity.claims
    values = _row(ContactRole.LEAD, sender.locale, at=at) | {
        "lead_key": lead_key,
        "custom_attributes": {CLAIMED: claims} if claims else {},
    }
    is_new = insert_or_ignore(session, Contact, values)
    lead_id = session.scalars(select(Contact.id).where(Contact.lead_key == lead_key)).one()
    if is_new:
        contacts.publish(session, "contact.created", lead_id, at=at)
    messenger_tokens.store(session, sender.bearer, lead_id, at=at)
    return lead_id


def find_user(session: Session, user_id: str) -> Contact | None:
    """The contact of a signed user; null when there is none."""
    return session.scalars(select(Contact).where(Contact.external_id == user_id)).one_or_none()


def user_for(session: Session, user: SignedUser, *, at: datetime, locale: str | None = None) -> Contact:
    """The contact of a signed user; created when there is none. Concurrent requests create only one."""
    if (contact := find_user(session, user.user_id)) is not None:
        return contact
    values = _row(ContactRole.USER, locale, at=at) | {"external_id": user.user_id}
    is_new = insert_or_ignore(session, Contact, values)
    contact = session.scalars(select(Contact).where(Contact.external_id == user.user_id)).one()
    if is_new:
        contacts.publish(session, "contact.created", contact.id, at=at)
    store_changes(session, contact, user, at=at)
    return contact


def _row(role: ContactRole, locale: str | None, *, at: datetime) -> dict[str, object]:
    return {
        "public_id": random_public_id(),
        "role": role.value,
        "locale": locale,
        "sms_block": eligibility.NO_PHONE_BLOCK,
        "custom_attributes": {},
        "created_at": at,
        "updated_at": at,
    }


def store_changes(session: Session, contact: Contact, user: SignedUser, *, at: datetime) -> None:
    """Store the signed values with the contact, whose row is locked. A signed number replaces the saved one."""
    changed = user.changes_for(contact)
    contact.name = changed.get("name", contact.name)
    if "email" in changed:
        contacts.set_email(session, contact, changed["email"])
    if "phone" in changed:
        signed = Evidence(Source.MESSENGER, "contact", EvidenceLevel.SIGNED_IDENTITY)
        contacts.change_phone(session, contact, changed["phone"], evidence=signed, at=at)
    elif changed:
        contacts.mark_updated(session, contact, at=at)
