"""The messenger: who is writing, what their first act makes of them, and what they see.

An anonymous visitor is a lead known by a random token that their browser chose; a signed user is a contact by the id
that their page proved. Looking writes nothing: only ``write``, ``sign_in`` and ``seen`` do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session

from app.core import contacts, conversation_views, conversations, eligibility, limits, messenger_identity, settings
from app.core.conversation_views import ContactView
from app.core.conversations import CONTACT
from app.core.errors import InvalidInput, NotFound
from app.core.messenger_identity import SESSION_PREFIX, Identity, SignedUser
from app.core.signing import keys_of, random_public_id
from app.core.tokens import hash_of
from app.db import insert_or_ignore, run
from app.models import Contact, ContactRole, Conversation, Message, MessengerToken

TOKEN_PREFIX, TOKEN_LENGTH = "t_", 45
MESSAGES_A_MINUTE, MESSAGES_A_MINUTE_FROM_ONE_ADDRESS, NEW_LEADS_AN_HOUR = 40, 400, 200
_MINUTE_S, _HOUR_S = 60, 60 * 60
# What a person finds when they come back: the newest lines of their newest conversations.
_SHOWN_CONVERSATIONS = 5
_TOKEN = cast(Table, MessengerToken.__table__)
_CONTACT = cast(Table, Contact.__table__)
_CONVERSATION = cast(Table, Conversation.__table__)
_FIND_TOKEN = select(_TOKEN.c.contact_id, _TOKEN.c.ended_at).where(_TOKEN.c.token_hash == bindparam("token_hash"))
_FIND_USER = select(_CONTACT.c.id).where(_CONTACT.c.external_id == bindparam("user_id"))
_STANDING = (
    select(_CONVERSATION.c.id, _CONVERSATION.c.revision)
    .where(_CONVERSATION.c.contact_id == bindparam("contact_id"), _CONVERSATION.c.said_number > 0)
    .order_by(_CONVERSATION.c.id.desc())
    .limit(_SHOWN_CONVERSATIONS)
)


@dataclass(frozen=True)
class Visitor:
    """Who is asking. ``contact_id`` is null for a signed user who never wrote and is not known here otherwise."""

    contact_id: int | None
    user_id: str | None = None

    @property
    def is_signed(self) -> bool:
        return self.user_id is not None


@dataclass(frozen=True)
class Sender:
    """Who is writing, as a request tells.

    :param bearer: a visitor's token or a signed user's session
    :param is_new: the token has just been made: a lead may come of it
    """

    bearer: str
    identity: Identity
    is_new: bool
    address: str | None
    locale: str


@dataclass(frozen=True)
class Written:
    """The message that stands now, or in how many seconds another may be tried."""

    message: Message | None = None
    retry_after_s: int | None = None


@dataclass(frozen=True)
class News:
    """What is new to a visitor, the oldest conversation first; ``is_more``: ask again at once."""

    views: list[ContactView]
    is_more: bool


def signed_user(session: Session, identity: Identity, *, at: datetime) -> SignedUser | None:
    """The user that the page proves its visitor to be; null when it proves nothing."""
    return messenger_identity.proven(identity, settings.get(session).messenger_secret, at=at)


def session_for(session: Session, user: SignedUser) -> tuple[str, bool]:
    """A signed user's session, and whether their page signed something that their contact does not have yet."""
    bearer = messenger_identity.signed_session(keys_of(session), user, settings.get(session).messenger_secret)
    contact = _user(session, user.user_id)
    return bearer, contact is not None and bool(user.news_for(contact))


def visitor(session: Session, bearer: str) -> Visitor:
    """:raises NotFound: a stranger: an unknown or ended token, a session that is over"""
    if bearer.startswith(SESSION_PREFIX):
        secret = settings.get(session).messenger_secret
        user_id = messenger_identity.read_session(keys_of(session), bearer, secret)
        if user_id is None:
            raise _nobody()
        return Visitor(run(session, _FIND_USER, {"user_id": user_id}).scalar_one_or_none(), user_id)
    found = run(session, _FIND_TOKEN, {"token_hash": hash_of(bearer)}).one_or_none()
    if found is None or found.ended_at is not None:
        raise _nobody()
    return Visitor(found.contact_id)


def news(session: Session, who: Visitor, known: Mapping[int, int], *, at: datetime) -> News:
    """What changed in the visitor's conversations since the revisions that they know, by conversation id."""
    if who.contact_id is None:
        return News([], is_more=False)
    views = []
    is_more = False
    standing: Sequence[Any] = run(session, _STANDING, {"contact_id": who.contact_id}).all()
    for conversation_id, revision in standing:
        after = known.get(conversation_id, 0)
        if revision <= after:
            continue
        if after:
            view = conversation_views.contact_news(session, conversation_id, who.contact_id, after=after, at=at)
            is_more = is_more or view.revision < revision
        else:
            view = conversation_views.contact_page(session, conversation_id, who.contact_id, at=at)
        views.append(view)
    return News(views[::-1], is_more)


def earlier(session: Session, who: Visitor, conversation_id: int, *, before: int, at: datetime) -> ContactView:
    """The lines of one conversation before the line ``before``.

    :raises NotFound: there is no such conversation, or it is not theirs
    """
    if who.contact_id is None:
        raise NotFound("There is no such conversation.")
    return conversation_views.contact_page(session, conversation_id, who.contact_id, before=before, at=at)


def write(session: Session, sender: Sender, *, body: str, client_key: str, at: datetime) -> Written:
    """Say something. The caller commits whatever comes back: a refusal has been counted.

    A visitor's first message makes the lead, or the user that their page proves them to be. Sent again with the same
    ``client_key``, the message that stands comes back.

    :raises NotFound: a stranger
    :raises InvalidInput: nothing was written, or too much
    :raises InvalidState: the contact is blocked
    """
    if not client_key:
        raise InvalidInput("Each message needs a key.", field="client_key")
    if wait_s := _over_limit(session, sender, at=at):
        return Written(retry_after_s=wait_s)
    contact_id = _sending_contact(session, sender, at=at)
    conversation = conversations.open_for(session, contact_id, at=at, client_key=client_key)
    message = conversations.say(session, conversation.id, author=CONTACT, body=body, client_key=client_key, at=at)
    _used(session, sender.bearer, at=at)
    return Written(message)


def seen(session: Session, who: Visitor, numbers: Mapping[int, int], *, at: datetime) -> None:
    """The visitor has everything up to these lines on the screen, by conversation id.

    :raises NotFound: one of the conversations is not theirs
    """
    theirs = select(Conversation.id).where(Conversation.contact_id == who.contact_id, Conversation.id.in_(numbers))
    if who.contact_id is None or set(session.scalars(theirs)) != set(numbers):
        raise NotFound("There is no such conversation.")
    for conversation_id, number in sorted(numbers.items()):
        conversations.contact_has_seen(session, conversation_id, number, at=at)


def sign_in(session: Session, user: SignedUser, token: str | None, *, at: datetime) -> None:
    """The visitor turns out to be this user: the open conversation that they began as a lead comes along.

    Consents stay with the lead and the number that they were given for. What the page signed is kept with a contact
    that there is; none is made for it alone. The token is of no use any more.
    """
    lead_id = _lead_of(session, token) if token else None
    contact = _user(session, user.user_id)
    if lead_id is not None and (contact is not None or _has_open_conversation(session, lead_id)):
        contact = _user_for(session, user, at=at) if contact is None else contact
        for contact_id in sorted({lead_id, contact.id}):
            contacts.hold(session, contact_id)
        if session.get_one(Contact, lead_id).role == ContactRole.LEAD:
            conversations.hand_over(session, lead_id, contact.id, at=at)
    if contact is not None:
        _keep_news(session, contacts.hold(session, contact.id), user, at=at)
    if token:
        ended = update(MessengerToken).where(MessengerToken.token_hash == hash_of(token))
        session.execute(ended.values(ended_at=at))


def _nobody() -> NotFound:
    return NotFound("There is nothing here.")


def _over_limit(session: Session, sender: Sender, *, at: datetime) -> int | None:
    keys = keys_of(session)
    buckets = {keys.bucket("messenger", hash_of(sender.bearer)): MESSAGES_A_MINUTE}
    if sender.address:
        address = limits.address_bucket(sender.address)
        buckets[keys.bucket("messenger-from", address)] = MESSAGES_A_MINUTE_FROM_ONE_ADDRESS
    if wait_s := limits.hit(session, buckets, window_s=_MINUTE_S, at=at):
        return wait_s
    if sender.is_new and sender.address:
        new = {keys.bucket("messenger-new", address): NEW_LEADS_AN_HOUR}
        return limits.hit(session, new, window_s=_HOUR_S, at=at)
    return None


def _sending_contact(session: Session, sender: Sender, *, at: datetime) -> int:
    if sender.bearer.startswith(SESSION_PREFIX):
        who = visitor(session, sender.bearer)
        signed = signed_user(session, sender.identity, at=at)
        user = signed if signed and signed.user_id == who.user_id else SignedUser(cast(str, who.user_id))
        contact = _user_for(session, user, at=at, locale=sender.locale)
        if user.news_for(contact):
            _keep_news(session, contacts.hold(session, contact.id), user, at=at)
        return contact.id
    found = run(session, _FIND_TOKEN, {"token_hash": hash_of(sender.bearer)}).one_or_none()
    if found is not None and found.ended_at is None:
        return int(found.contact_id)
    is_token = sender.bearer.startswith(TOKEN_PREFIX) and len(sender.bearer) == TOKEN_LENGTH
    if found is not None or not sender.is_new or not is_token:
        raise _nobody()
    return _new_lead(session, sender, at=at)


def _new_lead(session: Session, sender: Sender, *, at: datetime) -> int:
    """The lead of a token that nobody had so far. Two requests at once make one."""
    token_hash = hash_of(sender.bearer)
    lead_key = f"messenger:{token_hash[:48]}"
    claims = sender.identity.claims
    values = _row(ContactRole.LEAD, sender.locale, at=at) | {
        "lead_key": lead_key,
        "custom_attributes": {"claimed": claims} if claims else {},
    }
    is_new = insert_or_ignore(session, Contact, values)
    lead_id = session.scalars(select(Contact.id).where(Contact.lead_key == lead_key)).one()
    if is_new:
        contacts.tell(session, "contact.created", lead_id, at=at)
    token = {"token_hash": token_hash, "contact_id": lead_id, "created_at": at, "last_used_at": at}
    insert_or_ignore(session, MessengerToken, token)
    return lead_id


def _user(session: Session, user_id: str) -> Contact | None:
    return session.scalars(select(Contact).where(Contact.external_id == user_id)).one_or_none()


def _user_for(session: Session, user: SignedUser, *, at: datetime, locale: str | None = None) -> Contact:
    """The contact of a signed user, made when there is none. Two requests at once make one."""
    if (contact := _user(session, user.user_id)) is not None:
        return contact
    values = _row(ContactRole.USER, locale, at=at) | {"external_id": user.user_id}
    is_new = insert_or_ignore(session, Contact, values)
    contact = session.scalars(select(Contact).where(Contact.external_id == user.user_id)).one()
    if is_new:
        contacts.tell(session, "contact.created", contact.id, at=at)
    _keep_news(session, contact, user, at=at)
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


def _keep_news(session: Session, contact: Contact, user: SignedUser, *, at: datetime) -> None:
    """Keep what the page signed with its contact, whose row is held. A signed number replaces the saved one."""
    changed = user.news_for(contact)
    contact.name = changed.get("name", contact.name)
    contact.email = changed.get("email", contact.email)
    if "phone" in changed:
        contacts.change_phone(session, contact, changed["phone"], at=at)
    elif changed:
        contacts.updated(session, contact, at=at)


def _lead_of(session: Session, token: str) -> int | None:
    found = run(session, _FIND_TOKEN, {"token_hash": hash_of(token)}).one_or_none()
    return int(found.contact_id) if found is not None and found.ended_at is None else None


def _has_open_conversation(session: Session, contact_id: int) -> bool:
    query = select(Conversation.id).where(Conversation.contact_id == contact_id, Conversation.state == "open")
    return session.execute(query.limit(1)).first() is not None


def _used(session: Session, bearer: str, *, at: datetime) -> None:
    if bearer.startswith(TOKEN_PREFIX):
        used = update(MessengerToken).where(MessengerToken.token_hash == hash_of(bearer))
        session.execute(used.values(last_used_at=at))
