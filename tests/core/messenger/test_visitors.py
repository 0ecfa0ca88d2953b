"""Who is writing: identities proven and claimed, tokens, and what a first act makes of a visitor."""

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

from app.core.consent import changes as consent
from app.core.contacts import records as contacts
from app.core.conversations import appending, lifecycle
from app.core.conversations import messages as conversations
from app.core.conversations.contact_messages import PostedMessage
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.core.messenger import identity as messenger_identity
from app.core.messenger import tokens as messenger_tokens
from app.core.messenger import visitors as messenger
from app.core.messenger.identity import Identity, SignedUser
from app.core.messenger.visitors import Sender, Visitor
from app.core.signing import Keys
from app.core.workspace import settings
from app.db import Database
from app.models import Consent, ConsentEvent, Contact, Conversation, InsertedForm, Message, MessengerToken
from tests import make
from tests.make import NOON

SECRET = "s" * 64
TOKEN = "t_" + "a" * 43


def hashed(user_id: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()


def signed(secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode({"user_id": "sam", "exp": NOON + timedelta(hours=1)} | claims, secret, algorithm=algorithm)


def unsigned(**claims: Any) -> str:
    """A JWT of algorithm ``none``."""
    parts = ({"alg": "none", "typ": "JWT"}, {"user_id": "sam"} | claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, ""])


def sender(bearer: str = TOKEN, *, is_new: bool = True, address: str = "203.0.113.7", **said: Any) -> Sender:
    return Sender(bearer=bearer, identity=Identity.read(said), is_new=is_new, address=address, locale="en")


def write(session: Any, who: Sender, body: str = "Hello", client_key: str = "key-1") -> PostedMessage:
    written = messenger.write(session, who, body=body, client_key=client_key, at=NOON)
    assert written.message is not None
    return written.message


def signed_sender(session: Any, user_id: str = "sam", **said: Any) -> Sender:
    secret = settings.get(session).messenger_secret
    bearer, _ = messenger.session_for(session, SignedUser(user_id))
    return sender(bearer, is_new=False, user_id=user_id, user_hash=hashed(user_id, secret), **said)


@pytest.mark.parametrize(
    ("said", "user"),
    [
        ({"user_id": "sam", "user_hash": hashed("sam")}, SignedUser("sam")),
        ({"user_id": "sam", "user_hash": hashed("sam").upper()}, SignedUser("sam")),
        ({"user_id": 42, "user_hash": hashed("42")}, SignedUser("42")),
        ({"user_id": "sam", "user_hash": hashed("sam"), "phone": make.SAMS_NUMBER, "name": "S"}, SignedUser("sam")),
        ({"user_id": "sam"}, None),
        ({"user_id": "sam", "user_hash": ""}, None),
        ({"user_id": "sam", "user_hash": hashed("eve")}, None),
        ({"user_id": "sam", "user_hash": hashed("sam", "x" * 64)}, None),
        ({"user_id": "sam", "user_hash": "ß" * 64}, None),
        ({"user_hash": hashed("")}, None),
        ({"user_jwt": signed()}, SignedUser("sam")),
        ({"user_jwt": signed(user_id=42)}, SignedUser("42")),
        (
            {"user_jwt": signed(name="Sam", email="Sam@Example.com", phone="+1 202 555 0123")},
            SignedUser("sam", "Sam", "sam@example.com", make.SAMS_NUMBER),
        ),
        ({"user_jwt": signed(phone="nonsense", email="nonsense")}, SignedUser("sam")),
        ({"user_jwt": signed(), "user_id": "eve", "name": "Eve"}, SignedUser("sam")),
        ({"user_jwt": signed(aud="somebody", iat=NOON + timedelta(seconds=30))}, SignedUser("sam")),
        ({"user_jwt": signed(exp=NOON)}, None),
        ({"user_jwt": signed(exp=NOON - timedelta(seconds=1))}, None),
        ({"user_jwt": signed(nbf=NOON + timedelta(hours=1))}, None),
        ({"user_jwt": signed(secret="x" * 64)}, None),
        ({"user_jwt": signed(algorithm="HS512")}, None),
        ({"user_jwt": unsigned()}, None),
        ({"user_jwt": signed(user_id="")}, None),
        ({"user_jwt": signed(user_id=True)}, None),
        ({"user_jwt": signed(user_id=["sam"])}, None),
        ({"user_jwt": "not.a.jwt"}, None),
        ({"user_jwt": "not.a.jwt", "user_id": "sam", "user_hash": hashed("sam")}, None),
        ({}, None),
    ],
)
def test_only_a_signature_with_the_secret_proves_who_somebody_is(said: dict[str, Any], user: SignedUser | None) -> None:
    assert messenger_identity.proven(Identity.read(said), SECRET, at=NOON) == user


def test_what_is_too_long_or_no_text_is_left_out_of_an_identity() -> None:
    said = {"user_id": "x" * 256, "name": {"a": 1}, "email": None, "phone": " +1\0 ", "user_hash": True, "more": "x"}
    assert Identity.read(said) == Identity(phone="+1")


def test_a_session_ends_with_the_secret_and_is_nobody_elses() -> None:
    keys, others = Keys("k" * 40), Keys("o" * 40)
    bearer = messenger_identity.signed_session(keys, SignedUser("sam"), SECRET)
    assert messenger_identity.read_session(keys, bearer, SECRET) == "sam"
    assert messenger_identity.read_session(keys, bearer, "x" * 64) is None
    assert messenger_identity.read_session(others, bearer, SECRET) is None
    assert messenger_identity.read_session(keys, bearer[:-2], SECRET) is None
    assert messenger_identity.read_session(keys, "s_" + keys.signer("shown").sign(["sam", "x"]), SECRET) is None


def test_the_full_number_is_for_one_form_and_one_contact() -> None:
    keys = Keys("k" * 40)
    proof = messenger_identity.full_number_proof(keys, "token", 7)
    assert messenger_identity.may_show_full_number(keys, proof, "token", 7)
    for wrong in (("token", 8), ("other", 7), ("token", None), (None, 7)):
        assert not messenger_identity.may_show_full_number(keys, proof, *wrong)
    assert not messenger_identity.may_show_full_number(keys, "", "token", 7)
    assert not messenger_identity.may_show_full_number(keys, keys.signer("shown").sign(["token", 7]), "token", 7)


def test_a_panel_that_is_opened_hours_later_shows_the_full_number_as_long_as_its_session_lasts() -> None:
    keys = Keys("k" * 40)
    with time_machine.travel(NOON) as now:
        bearer = messenger_identity.signed_session(keys, SignedUser("sam"), SECRET)
        proof = messenger_identity.full_number_proof(keys, "token", 7)
        for hours, lasts in ((11.9, True), (0.2, False)):
            now.shift(timedelta(hours=hours))
            assert bool(messenger_identity.read_session(keys, bearer, SECRET)) == lasts
            assert messenger_identity.may_show_full_number(keys, proof, "token", 7) == lasts


def test_the_first_message_makes_a_lead_and_the_next_is_of_the_same(database: Database) -> None:
    with database.unit_of_work() as session:
        write(session, sender(name="Sam", user_id="sam-1"), client_key="1")
        write(session, sender(is_new=False), client_key="2")
        lead = session.scalars(select(Contact)).one()
        assert (lead.role, lead.name, lead.external_id, lead.sms_block) == ("lead", None, None, "no_phone")
        assert lead.custom_attributes == {"claimed": {"user_id": "sam-1", "name": "Sam"}}
        assert [message.number for message in session.scalars(select(Message))] == [1, 2]


def test_a_message_sent_twice_arrives_once_even_the_first_and_even_after_closing(database: Database) -> None:
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
def test_nobody_becomes_somebody_with_a_token_of_another_shape(database: Database, bearer: str) -> None:
    with database.unit_of_work() as session, pytest.raises(NotFound):
        write(session, sender(bearer))


def test_a_strangers_token_and_an_ended_one_are_answered_alike(database: Database) -> None:
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
            messenger.visitor(session, bearer)
        refusals.append(refusal.value.message)
    assert len(set(refusals)) == 1


def test_a_visitor_marks_nothing_of_anothers_conversation(database: Database) -> None:
    eve = "t_" + "b" * 43
    with database.unit_of_work() as session:
        theirs = write(session, sender())
        mine = write(session, sender(eve))
        for numbers in ({theirs.conversation_id: 1}, {theirs.conversation_id: 1, mine.conversation_id: 1}, {999: 1}):
            with pytest.raises(NotFound):
                messenger.seen(session, eve, numbers, address=None, at=NOON)
        nobody, _ = messenger.session_for(session, SignedUser("nobody"))
        with pytest.raises(NotFound):
            messenger.seen(session, nobody, {mine.conversation_id: 1}, address=None, at=NOON)


def test_a_signed_user_is_the_contact_of_that_id_known_or_new(database: Database) -> None:
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
        token = signed(secret, phone=make.SAMS_NUMBER, name="Sam", email="s@example.com")
        bearer, is_stale = messenger.session_for(
            session, messenger_identity.proven(Identity(user_jwt=token), secret, at=NOON) or SignedUser("")
        )
        assert is_stale
        write(session, sender(bearer, user_jwt=token), client_key="2")
        assert (sam.phone, sam.name, sam.email, sam.sms_block) == (make.SAMS_NUMBER, "Sam", "s@example.com", None)


def test_anothers_proof_does_not_change_whose_session_it_is(database: Database) -> None:
    with database.unit_of_work() as session:
        secret = settings.get(session).messenger_secret
        bearer, _ = messenger.session_for(session, SignedUser("sam"))
        write(session, sender(bearer, user_jwt=signed(secret, user_id="eve", phone=make.EVES_NUMBER)))
        sam = session.scalars(select(Contact)).one()
        assert (sam.external_id, sam.phone) == ("sam", None)


def test_signing_in_carries_the_open_chat_over_and_no_consent(database: Database) -> None:
    with database.unit_of_work() as session:
        kind = make.live_type(session)
        form = make.form(session, kind)
        first = write(session, sender(), "as a lead")
        lead = session.scalars(select(Contact)).one()
        contacts.change_phone(session, lead, make.EVES_NUMBER, at=NOON)
        make.opt_in(session, lead, kind)
        waiting = make.inserted(session, form, lead)
        conversations.post_form(
            session, appending.lock(session, first.conversation_id), waiting, author="agent:1", at=NOON
        )
    with database.unit_of_work() as session:
        messenger.sign_in(session, SignedUser("sam", phone=make.SAMS_NUMBER), TOKEN, address=None, at=NOON)
    with database.unit_of_work() as session:
        sam = session.scalars(select(Contact).where(Contact.external_id == "sam")).one()
        write(session, signed_sender(session), "as Sam", client_key="2")
        said = session.scalars(select(Message.body).where(Message.kind == "message").order_by(Message.number))
        assert list(said) == ["as a lead", "as Sam"]
        assert session.scalars(select(Conversation.contact_id)).one() == sam.id
        assert session.scalars(select(InsertedForm.contact_id)).one() == sam.id
        assert sam.phone == make.SAMS_NUMBER
        assert consent.held(session, sam.id, kind.id) is None
        assert session.scalars(select(Consent.contact_id)).one() == lead.id
        assert session.scalars(select(ConsentEvent.contact_id)).one() == lead.id
        with pytest.raises(NotFound):
            messenger.visitor(session, TOKEN)


def test_signing_in_again_or_with_a_strangers_token_changes_nothing(database: Database) -> None:
    with database.unit_of_work() as session:
        write(session, sender())
        messenger.sign_in(session, SignedUser("sam"), TOKEN, address=None, at=NOON)
        for token in (TOKEN, "t_" + "b" * 43, None):
            messenger.sign_in(session, SignedUser("eve"), token, address=None, at=NOON)
        assert set(session.scalars(select(Contact.external_id))) == {None, "sam"}
        sam = session.scalars(select(Contact.id).where(Contact.external_id == "sam")).one()
        assert session.scalars(select(Conversation.contact_id)).one() == sam


def test_signing_in_alone_makes_nobody(database: Database) -> None:
    with database.unit_of_work() as session:
        messenger.sign_in(session, SignedUser("sam", name="Sam"), None, address=None, at=NOON)
        assert session.scalar(select(func.count()).select_from(Contact)) == 0
        bearer, is_stale = messenger.session_for(session, SignedUser("sam"))
        assert (messenger.visitor(session, bearer), is_stale) == (Visitor(None, "sam"), False)


def test_a_token_of_a_contact_that_became_a_user_hands_nothing_over(database: Database) -> None:
    with database.unit_of_work() as session:
        write(session, sender())
        became = session.scalars(select(Contact)).one()
        became.role, became.external_id = "user", "ana"
    with database.unit_of_work() as session:
        messenger.sign_in(session, SignedUser("sam"), TOKEN, address=None, at=NOON)
        assert session.scalars(select(Conversation.contact_id)).one() == became.id


def test_too_many_messages_are_told_when_to_come_again_and_count_for_one_visitor(database: Database) -> None:
    for number in range(messenger.MESSAGES_A_MINUTE):
        with database.unit_of_work() as session:
            write(session, sender(), client_key=str(number))
    with database.unit_of_work() as session:
        refused = messenger.write(session, sender(), body="x", client_key="more", at=NOON)
        assert (refused.message, refused.retry_after_s) == (None, 60)
        write(session, sender("t_" + "b" * 43))
        again = messenger.write(session, sender(), body="x", client_key="more", at=NOON + timedelta(minutes=1))
        assert again.message


def test_the_blocked_write_nothing_and_nothing_is_no_message(database: Database) -> None:
    with database.unit_of_work() as session:
        write(session, sender())
        contacts.block(session, session.scalars(select(Contact)).one(), at=NOON)
    with database.unit_of_work() as session, pytest.raises(InvalidState):
        write(session, sender(), client_key="2")
    for body, key in ((" ", "3"), ("x", ""), ("x", "k" * 65), ("x" * 5001, "4")):
        with database.unit_of_work() as session, pytest.raises(InvalidInput):
            write(session, sender("t_" + "b" * 43), body, key)


def test_tokens_that_nobody_uses_are_forgotten_and_stand_for_nobody(database: Database) -> None:
    kept, ended, unused = ("t_" + letter * 43 for letter in "kex")
    with database.unit_of_work() as session:
        for token in (kept, ended, unused):
            write(session, sender(token), token)
    later = NOON + timedelta(days=401)
    with database.unit_of_work() as session:
        messenger_tokens.end(session, ended, at=later - timedelta(days=2))
        messenger.write(session, sender(kept), body="I am still here", client_key="2", at=later - timedelta(days=9))
    with database.unit_of_work() as session:
        assert messenger_tokens.forget(session, at=later) == 2
        assert messenger_tokens.forget(session, at=later) == 0
        assert messenger_tokens.lead_of(session, kept) is not None
        before = session.scalar(select(func.count()).select_from(Contact))
        assert before == 3
        told = messenger.write(session, sender(ended), body="Who am I?", client_key="3", at=later)
        assert told.message
        assert session.scalar(select(func.count()).select_from(Contact)) == before + 1
        assert session.get_one(Conversation, told.message.conversation_id).last_number == 1
