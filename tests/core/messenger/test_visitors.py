"""Identities, proven or claimed, tokens, and the contacts that the first messages of visitors create."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
import time_machine
from sqlalchemy import func, select

from app.core.contacts import records as contacts
from app.core.conversations import lifecycle
from app.core.conversations.contact_messages import PostedMessage
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.core.messenger import identity as messenger_identity
from app.core.messenger import tokens as messenger_tokens
from app.core.messenger import visitors
from app.core.messenger.identity import Identity, SignedUser
from app.core.messenger.visitors import Sender
from app.core.signing import Keys
from app.core.workspace import settings
from app.db import Database
from app.models import Contact, Conversation, Message, MessengerToken
from tests import make
from tests.make import NOON

SECRET = "s" * 64
TOKEN = "t_" + "a" * 43


def user_hash(user_id: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()


def signed_jwt(secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    made = {"user_id": "sam", "iat": NOON, "exp": NOON + timedelta(hours=1)} | claims
    return jwt.encode({name: value for name, value in made.items() if value is not None}, secret, algorithm=algorithm)


def unsigned_jwt(**claims: Any) -> str:
    """A JWT of algorithm ``none``."""
    parts = ({"alg": "none", "typ": "JWT"}, {"user_id": "sam"} | claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, ""])


def sender(bearer: str = TOKEN, *, is_new: bool = True, address: str = "203.0.113.7", **identity: Any) -> Sender:
    return Sender(bearer=bearer, identity=Identity.read(identity), is_new=is_new, address=address, locale="en")


def write(session: Any, from_: Sender, body: str = "Hello", client_key: str = "key-1") -> PostedMessage:
    result = visitors.write(session, from_, body=body, client_key=client_key, at=NOON)
    assert result.message is not None
    return result.message


def signed_sender(session: Any, user_id: str = "sam", **identity: Any) -> Sender:
    secret = settings.get(session).messenger_secret
    bearer, _ = visitors.session_for(session, SignedUser(user_id))
    return sender(bearer, is_new=False, user_id=user_id, user_hash=user_hash(user_id, secret), **identity)


@pytest.mark.parametrize(
    ("identity", "user"),
    [
        ({"user_id": "sam", "user_hash": user_hash("sam")}, SignedUser("sam")),
        ({"user_id": "sam", "user_hash": user_hash("sam").upper()}, SignedUser("sam")),
        ({"user_id": 42, "user_hash": user_hash("42")}, SignedUser("42")),
        ({"user_id": "sam", "user_hash": user_hash("sam"), "phone": make.SAMS_NUMBER, "name": "S"}, SignedUser("sam")),
        ({"user_id": "sam"}, None),
        ({"user_id": "sam", "user_hash": ""}, None),
        ({"user_id": "sam", "user_hash": user_hash("eve")}, None),
        ({"user_id": "sam", "user_hash": user_hash("sam", "x" * 64)}, None),
        ({"user_id": "sam", "user_hash": "ß" * 64}, None),
        ({"user_hash": user_hash("")}, None),
        ({"user_jwt": signed_jwt()}, SignedUser("sam")),
        ({"user_jwt": signed_jwt(user_id=42)}, SignedUser("42")),
        (
            {"user_jwt": signed_jwt(name="Sam", email="Sam@Example.com", phone="+1 202 555 0123")},
            SignedUser("sam", "Sam", "sam@example.com", make.SAMS_NUMBER),
        ),
        ({"user_jwt": signed_jwt(phone="nonsense", email="nonsense")}, SignedUser("sam")),
        ({"user_jwt": signed_jwt(), "user_id": "eve", "name": "Eve"}, SignedUser("sam")),
        ({"user_jwt": signed_jwt(aud="somebody", iat=NOON + timedelta(seconds=30))}, SignedUser("sam")),
        ({"user_jwt": signed_jwt(user_id=" sam ")}, SignedUser(" sam ")),
        ({"user_jwt": signed_jwt(user_id="s\0am")}, None),
        ({"user_jwt": signed_jwt(user_id="\ud800")}, None),
        ({"user_jwt": signed_jwt(exp=NOON + timedelta(hours=24))}, SignedUser("sam")),
        ({"user_jwt": signed_jwt(exp=NOON + timedelta(hours=24, seconds=1))}, None),
        ({"user_jwt": signed_jwt(exp=None)}, None),
        ({"user_jwt": signed_jwt(exp=10**400)}, None),
        ({"user_jwt": signed_jwt(exp=float("inf"))}, None),
        ({"user_jwt": signed_jwt(iat=None)}, None),
        ({"user_jwt": signed_jwt(iat="now")}, None),
        ({"user_jwt": signed_jwt(iat=NOON + timedelta(minutes=2))}, None),
        ({"user_id": "sam ", "user_hash": user_hash("sam")}, None),
        ({"user_jwt": signed_jwt(exp=NOON)}, None),
        ({"user_jwt": signed_jwt(exp=NOON - timedelta(seconds=1))}, None),
        ({"user_jwt": signed_jwt(nbf=NOON + timedelta(hours=1))}, None),
        ({"user_jwt": signed_jwt(secret="x" * 64)}, None),
        ({"user_jwt": signed_jwt(algorithm="HS512")}, None),
        ({"user_jwt": unsigned_jwt()}, None),
        ({"user_jwt": signed_jwt(user_id="")}, None),
        ({"user_jwt": signed_jwt(user_id=True)}, None),
        ({"user_jwt": signed_jwt(user_id=["sam"])}, None),
        ({"user_jwt": "not.a.jwt"}, None),
        ({"user_jwt": "not.a.jwt", "user_id": "sam", "user_hash": user_hash("sam")}, None),
        ({}, None),
    ],
)
def test_only_a_signature_with_the_secret_proves_an_identity(identity: dict[str, Any], user: SignedUser | None) -> None:
    assert messenger_identity.proven(Identity.read(identity), (SECRET,), at=NOON) == user


def test_values_that_are_too_long_or_no_text_are_dropped_from_an_identity() -> None:
    identity = {
        "user_id": "x" * 256,
        "name": {"a": 1},
        "email": None,
        "phone": " +1\0 ",
        "user_hash": True,
        "more": "x",
    }
    assert Identity.read(identity) == Identity(phone="+1")


def test_a_session_is_valid_for_its_secret_and_keys_only() -> None:
    keys, others = Keys("k" * 40), Keys("o" * 40)
    bearer = messenger_identity.signed_session(keys, SignedUser("sam"), SECRET)
    assert messenger_identity.read_session(keys, bearer, (SECRET,)) == "sam"
    assert messenger_identity.read_session(keys, bearer, ("x" * 64,)) is None
    assert messenger_identity.read_session(keys, bearer, ("x" * 64, SECRET)) == "sam"
    assert messenger_identity.read_session(others, bearer, (SECRET,)) is None
    assert messenger_identity.read_session(keys, bearer[:-2], (SECRET,)) is None
    assert messenger_identity.read_session(keys, "s_" + keys.signer("shown").sign(["sam", "x"]), (SECRET,)) is None


def test_the_proof_for_a_full_number_is_valid_for_one_form_and_one_contact() -> None:
    keys = Keys("k" * 40)
    proof = messenger_identity.full_number_proof(keys, "token", 7)
    assert messenger_identity.may_show_full_number(keys, proof, "token", 7)
    for wrong in (("token", 8), ("other", 7), ("token", None), (None, 7)):
        assert not messenger_identity.may_show_full_number(keys, proof, *wrong)
    assert not messenger_identity.may_show_full_number(keys, "", "token", 7)
    assert not messenger_identity.may_show_full_number(keys, keys.signer("shown").sign(["token", 7]), "token", 7)


def test_the_proof_for_a_full_number_lasts_as_long_as_a_session() -> None:
    keys = Keys("k" * 40)
    with time_machine.travel(NOON) as now:
        bearer = messenger_identity.signed_session(keys, SignedUser("sam"), SECRET)
        proof = messenger_identity.full_number_proof(keys, "token", 7)
        for hours, lasts in ((11.9, True), (0.2, False)):
            now.shift(timedelta(hours=hours))
            assert bool(messenger_identity.read_session(keys, bearer, (SECRET,))) == lasts
            assert messenger_identity.may_show_full_number(keys, proof, "token", 7) == lasts


def test_the_first_message_creates_a_lead_and_the_next_belongs_to_it(database: Database) -> None:
    with database.unit_of_work() as session:
        write(session, sender(name="Sam", user_id="sam-1"), client_key="1")
        write(session, sender(is_new=False), client_key="2")
        lead = session.scalars(select(Contact)).one()
        assert (lead.role, lead.name, lead.external_id, lead.sms_block) == ("lead", None, None, "no_phone")
        assert lead.custom_attributes == {"claimed": {"user_id": "sam-1", "name": "Sam"}}
        assert [message.number for message in session.scalars(select(Message).order_by(Message.id))] == [1, 2]


def test_a_message_sent_twice_is_stored_once_even_if_it_is_the_first_or_the_conversation_was_closed(
    database: Database,
) -> None:
    for _ in range(2):
        with database.unit_of_work() as session:
            first = write(session, sender())
    with database.unit_of_work() as session:
        lifecycle.close(session, first.conversation_id, actor="agent:1", at=NOON)
    with database.unit_of_work() as session:
        again = write(session, sender())
        assert again == first
        counts = [session.scalar(select(func.count()).select_from(each)) for each in (Contact, Conversation)]
        assert counts == [1, 1]


@pytest.mark.parametrize("bearer", ["t_short", "", "x_" + "a" * 43, "s_nonsense", "s_" + "a" * 43])
def test_a_malformed_visitor_token_is_rejected(database: Database, bearer: str) -> None:
    with database.unit_of_work() as session, pytest.raises(NotFound):
        write(session, sender(bearer))


def test_an_unknown_token_and_an_ended_one_get_the_same_error(database: Database) -> None:
    with database.unit_of_work() as session:
        write(session, sender())
        messenger_tokens.end(session, TOKEN, at=NOON)
    refusals = []
    for who in (sender(is_new=False), sender(), sender("t_" + "b" * 43, is_new=False)):
        with database.unit_of_work() as session, pytest.raises(NotFound) as refusal:
            write(session, who, client_key="2")
        refusals.append(refusal.value.message)
    for bearer in (TOKEN, "t_" + "b" * 43, "s_nonsense"):
        with database.read_only() as session, pytest.raises(NotFound) as refusal:
            visitors.visitor(session, bearer)
        refusals.append(refusal.value.message)
    assert len(set(refusals)) == 1


def test_a_visitor_cannot_mark_messages_of_another_visitor_as_seen(database: Database) -> None:
    eve = "t_" + "b" * 43
    with database.unit_of_work() as session:
        of_sam = write(session, sender())
        of_eve = write(session, sender(eve))
        for numbers in ({of_sam.conversation_id: 1}, {of_sam.conversation_id: 1, of_eve.conversation_id: 1}, {999: 1}):
            with pytest.raises(NotFound):
                visitors.seen(session, eve, numbers, address=None, at=NOON)
        new_user, _ = visitors.session_for(session, SignedUser("nobody"))
        with pytest.raises(NotFound):
            visitors.seen(session, new_user, {of_eve.conversation_id: 1}, address=None, at=NOON)


def test_a_signed_user_is_the_existing_or_a_new_contact_with_that_id(database: Database) -> None:
    with database.unit_of_work() as session:
        known = make.contact(session, external_id="sam")
        write(session, signed_sender(session), client_key="1")
        write(session, signed_sender(session, "ana"), client_key="2")
        users = {contact.external_id: contact for contact in session.scalars(select(Contact))}
        assert users["sam"].id == known.id
        assert (users["ana"].role, users["ana"].lead_key) == ("user", None)
        assert session.scalar(select(func.count()).select_from(MessengerToken)) == 0


def test_a_signed_number_is_saved_and_a_claimed_one_is_not(database: Database) -> None:
    with database.unit_of_work() as session:
        secret = settings.get(session).messenger_secret
        write(session, signed_sender(session, phone=make.EVES_NUMBER, name="Sam", email="s@example.com"))
        sam = session.scalars(select(Contact)).one()
        assert (sam.phone, sam.name, sam.email, sam.sms_block) == (None, None, None, "no_phone")
        token = signed_jwt(secret, phone=make.SAMS_NUMBER, name="Sam", email="s@example.com")
        bearer, is_stale = visitors.session_for(
            session, messenger_identity.proven(Identity(user_jwt=token), (secret,), at=NOON) or SignedUser("")
        )
        assert is_stale
        write(session, sender(bearer, user_jwt=token), client_key="2")
        assert (sam.phone, sam.name, sam.email, sam.sms_block) == (make.SAMS_NUMBER, "Sam", "s@example.com", None)


def test_a_proof_of_another_user_does_not_change_the_user_of_a_session(database: Database) -> None:
    with database.unit_of_work() as session:
        secret = settings.get(session).messenger_secret
        bearer, _ = visitors.session_for(session, SignedUser("sam"))
        write(session, sender(bearer, user_jwt=signed_jwt(secret, user_id="eve", phone=make.EVES_NUMBER)))
        sam = session.scalars(select(Contact)).one()
        assert (sam.external_id, sam.phone) == ("sam", None)


def test_the_message_limit_counts_for_each_visitor_and_returns_the_seconds_to_wait(database: Database) -> None:
    for number in range(visitors.MESSAGES_A_MINUTE):
        with database.unit_of_work() as session:
            write(session, sender(), client_key=str(number))
    with database.unit_of_work() as session:
        refused = visitors.write(session, sender(), body="x", client_key="more", at=NOON)
        assert (refused.message, refused.retry_after_s) == (None, 60)
        write(session, sender("t_" + "b" * 43))
        again = visitors.write(session, sender(), body="x", client_key="more", at=NOON + timedelta(minutes=1))
        assert again.message


def test_blocked_contacts_and_invalid_messages_are_rejected(database: Database) -> None:
    with database.unit_of_work() as session:
        write(session, sender())
        contacts.block(session, session.scalars(select(Contact)).one(), at=NOON)
    with database.unit_of_work() as session, pytest.raises(InvalidState):
        write(session, sender(), client_key="2")
    for body, key in ((" ", "3"), ("x", ""), ("x", "k" * 65), ("x" * 5001, "4")):
        with database.unit_of_work() as session, pytest.raises(InvalidInput):
            write(session, sender("t_" + "b" * 43), body, key)


def test_unused_and_ended_tokens_are_deleted_and_then_create_a_new_lead(database: Database) -> None:
    kept, ended, unused = ("t_" + letter * 43 for letter in "kex")
    with database.unit_of_work() as session:
        for token in (kept, ended, unused):
            write(session, sender(token), token)
    later = NOON + timedelta(days=401)
    with database.unit_of_work() as session:
        messenger_tokens.end(session, ended, at=later - timedelta(days=2))
        visitors.write(session, sender(kept), body="I am still here", client_key="2", at=later - timedelta(days=9))
    with database.unit_of_work() as session:
        assert messenger_tokens.delete_expired(session, at=later) == 2
        assert messenger_tokens.delete_expired(session, at=later) == 0
        assert messenger_tokens.lead_of(session, kept) is not None
        before = session.scalar(select(func.count()).select_from(Contact))
        assert before == 3
        result = visitors.write(session, sender(ended), body="Who am I?", client_key="3", at=later)
        assert result.message
        assert session.scalar(select(func.count()).select_from(Contact)) == before + 1
        assert session.get_one(Conversation, result.message.conversation_id).last_number == 1
