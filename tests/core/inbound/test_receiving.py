"""A text comes in."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.consent import eligibility, locking, suppressions
from app.core.contacts import erase, merge, profile
from app.core.signing import keys_of
from app.core.workspace import settings
from app.db import Database
from app.models import (
    Channel,
    Consent,
    ConsentEvent,
    ConsentType,
    Contact,
    Conversation,
    Message,
    NumberFact,
    OutboxEvent,
    SmsMessage,
    StoppedConsent,
    SubscriptionType,
    Suppression,
    SuppressionCause,
)
from tests import make
from tests.core.inbound import texting
from tests.crossing import cross
from tests.make import EVES_NUMBER, NOON, SAMS_NUMBER

LATER = NOON + timedelta(hours=2)


def _suppression(session: Session, number: str = SAMS_NUMBER) -> Suppression | None:
    return session.get(Suppression, keys_of(session).destination_hash(number), populate_existing=True)


def _states(session: Session, contact: Contact) -> dict[int, str]:
    query = select(Consent.subscription_type_id, Consent.state).where(Consent.contact_id == contact.id)
    return dict(session.execute(query).all())


def _count(session: Session, table: type) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_stop_ends_texts_for_everyone_with_the_number_and_start_gives_back_only_that(database: Database) -> None:
    with database.unit_of_work() as session:
        news, offers = make.live_type(session, name="News"), make.live_type(session, name="Offers")
        alerts = make.live_type(session, name="Alerts", consent_type=ConsentType.OPT_OUT)
        sam, twin = make.contact(session, phone_number=SAMS_NUMBER), make.contact(session, phone_number=SAMS_NUMBER)
        make.opt_in(session, sam, news)
        make.opt_in(session, twin, news)
        make.opt_out(session, sam, offers)
        stop = texting.send(session, "Stop.", at=LATER)
        assert stop.keyword == "stop"
        assert stop.contact_id == twin.id
        found = _suppression(session)
        assert found
        assert found.cause == SuppressionCause.KEYWORD
        for contact in (sam, twin):
            assert set(_states(session, contact).values()) == {"opted_out"}
            assert not eligibility.status(session, contact, alerts).is_reachable
        assert [purpose for purpose, _ in texting.answers(session)] == ["stopped"]
        texting.send(session, "STOP", at=LATER + timedelta(minutes=1))
        assert len(texting.answers(session)) == 1, "a second STOP gets no second confirmation"
        texting.send(session, "start", at=LATER + timedelta(minutes=2))
        assert _suppression(session) is None
        assert _states(session, sam) == {news.id: "opted_in", offers.id: "opted_out"}
        assert _states(session, twin) == {news.id: "opted_in"}
        assert eligibility.status(session, sam, news).is_reachable
        purpose, body = texting.answers(session)[-1]
        assert purpose == "started"
        assert "News, Alerts" in body
        events = _count(session, ConsentEvent)
        texting.send(session, "START", at=LATER + timedelta(minutes=3))
        assert _count(session, ConsentEvent) == events, "a START without a STOP changes no consent"


def test_start_creates_no_consent_and_lifts_no_other_suppression(database: Database) -> None:
    with database.unit_of_work() as session:
        news, sam = make.live_type(session), make.contact(session, phone_number=SAMS_NUMBER)
        texting.send(session, "START")
        assert _states(session, sam) == {}
        assert "not subscribed" in texting.answers(session)[-1][1]
        suppressions.add(session, SAMS_NUMBER, "by letter", actor="agent:1", at=NOON)
        texting.send(session, "START")
        found = _suppression(session)
        assert found
        assert found.cause == SuppressionCause.MANUAL
        texting.send(session, "STOP")
        found = _suppression(session)
        assert found
        assert found.cause == SuppressionCause.KEYWORD
        assert _states(session, sam) == {news.id: "opted_out"}


def test_stop_of_one_type_leaves_the_others_and_start_restores_it(database: Database) -> None:
    with database.unit_of_work() as session:
        news, offers = make.live_type(session, name="News of the week"), make.live_type(session, name="Offers")
        sam = make.contact(session, phone_number=SAMS_NUMBER)
        make.opt_in(session, sam, news)
        make.opt_in(session, sam, offers)
        for _ in range(2):
            texting.send(session, "STOP NEWS", at=LATER)
        assert _states(session, sam) == {news.id: "opted_out", offers.id: "opted_in"}
        assert _suppression(session) is None
        assert len(texting.answers(session)) == 1
        assert "News of the week" in texting.answers(session)[0][1]
        texting.send(session, "START", at=LATER)
        assert _states(session, sam) == {news.id: "opted_in", offers.id: "opted_in"}


def test_where_stop_ends_a_programme_everything_stops_and_the_person_may_keep_the_others(database: Database) -> None:
    with database.unit_of_work() as session:
        settings.get(session).stop_scope = "programme"
        news, offers = make.live_type(session, name="News"), make.live_type(session, name="Offers")
        sam = make.contact(session, phone_number=SAMS_NUMBER, locale="de")
        make.opt_in(session, sam, news)
        make.opt_in(session, sam, offers)
        texting.queued(session, sam, news, at=NOON)
        texting.send(session, "STOP", at=LATER)
        assert set(_states(session, sam).values()) == {"opted_out"}
        purpose, body = texting.answers(session)[-1]
        assert purpose == "scope"
        assert "Meinten Sie nur News?" in body
        texting.send(session, "nur", at=LATER + timedelta(hours=1))
        assert _states(session, sam) == {news.id: "opted_out", offers.id: "opted_in"}
        assert _suppression(session) is None
        texting.send(session, "stop", at=LATER + timedelta(hours=2))
        assert set(_states(session, sam).values()) == {"opted_out"}


def test_the_same_text_again_changes_nothing(database: Database) -> None:
    with database.unit_of_work() as session:
        make.contact(session, phone_number=SAMS_NUMBER)
        first = texting.send(session, "Hello", gateway_id="SM1")
        counts = [_count(session, each) for each in (SmsMessage, Message, OutboxEvent)]
        assert texting.send(session, "Hello", gateway_id="SM1").id == first.id
        assert [_count(session, each) for each in (SmsMessage, Message, OutboxEvent)] == counts
        topics = session.scalars(select(OutboxEvent.topic).where(OutboxEvent.topic == "sms.received")).all()
        assert len(topics) == 1


def test_what_the_carrier_has_answered_is_not_answered_again(database: Database) -> None:
    with database.unit_of_work() as session:
        news, sam = make.live_type(session), make.contact(session, phone_number=SAMS_NUMBER)
        make.opt_in(session, sam, news)
        texting.send(session, "NOMORE", opt_out_type="STOP", at=LATER)
        found = _suppression(session)
        assert found
        assert found.cause == SuppressionCause.CARRIER
        assert _states(session, sam) == {news.id: "opted_out"}
        texting.send(session, "START", at=LATER)
        assert _suppression(session) is not None, "only the START that the carrier has read lifts its stop"
        texting.send(session, "AGAIN", opt_out_type="START", at=LATER)
        assert _suppression(session) is None
        assert _states(session, sam) == {news.id: "opted_in"}
        texting.send(session, "STOP", opt_out_type="STOP", at=LATER)
        found = _suppression(session)
        assert found
        assert found.cause == SuppressionCause.KEYWORD
        texting.send(session, "HELP", opt_out_type="HELP", at=LATER)
        assert texting.answers(session) == []


def test_an_opt_out_in_other_words_holds_the_number_and_is_shown_to_agents(database: Database) -> None:
    with database.unit_of_work() as session:
        news, sam = make.live_type(session), make.contact(session, phone_number=SAMS_NUMBER)
        make.opt_in(session, sam, news)
        text = texting.send(session, "please stop texting me already, will you?", at=LATER)
        found = _suppression(session)
        assert text.keyword == "review"
        assert found
        assert found.cause == SuppressionCause.REVIEW
        assert found.note == "please stop texting me already, will you?"
        assert not eligibility.status(session, sam, news).is_reachable
        assert _states(session, sam) == {news.id: "opted_in"}, "an agent decides"
        assert texting.answers(session) == []
        assert text.conversation_id is not None
        texting.send(session, "No soy Pedro", sender=EVES_NUMBER, at=LATER)
        fact = session.get_one(NumberFact, keys_of(session).destination_hash(EVES_NUMBER))
        assert fact.reassigned_at == LATER
        assert fact.last_verified_at is None
        assert _count(session, Contact) == 1, "no contact is created for a number that is wrong"


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("sender", ["447400123456", "00447400123456", "07400123456"])
def test_stop_is_heard_however_the_carrier_writes_the_number(database: Database, sender: str) -> None:
    with database.unit_of_work() as session:
        settings.get(session).default_country = "GB"
        assert texting.send(session, "STOP", sender=sender).phone == make.BRITISH_NUMBER
        assert _suppression(session, make.BRITISH_NUMBER) is not None
        assert texting.send(session, "STOP", sender="60300").keyword == "machine"


def test_help_is_always_answered_but_machines_do_not_loop(database: Database) -> None:
    with database.unit_of_work() as session:
        settings.get(session).help_contact = "help@example.com"
        texting.send(session, "STOP")
        for minute in range(6):
            texting.send(session, "Aide", at=NOON + timedelta(minutes=minute))
        found = texting.answers(session)
        assert [purpose for purpose, _ in found] == ["stopped", "help", "help", "help"]
        assert "help@example.com" in found[1][1]
        assert "aide" in found[1][1]
        assert _count(session, Contact) == 0
        assert texting.send(session, "STOP", sender=texting.OURS).keyword == "machine"
        assert texting.send(session, "STOP", sender="SHOP").keyword == "machine"
        assert _suppression(session, texting.OURS) is None


def test_other_texts_are_a_conversation_of_the_newest_contact_or_of_a_new_lead(database: Database) -> None:
    with database.unit_of_work() as session:
        make.contact(session, phone_number=SAMS_NUMBER)
        newest = make.contact(session, phone_number=SAMS_NUMBER, at=LATER)
        first = texting.send(session, "Are you open?", sender=SAMS_NUMBER.removeprefix("+"), at=LATER)
        second = texting.send(session, "", media=("https://example.com/1.jpg",), at=LATER)
        conversation = session.get_one(Conversation, first.conversation_id)
        assert second.conversation_id == conversation.id
        assert (conversation.contact_id, conversation.channel) == (newest.id, "sms")
        messages = session.scalars(select(Message).order_by(Message.id)).all()
        assert [(each.kind, each.body) for each in messages] == [
            ("message", "Are you open?"),
            ("message", "[MMS]"),
            ("note", "https://example.com/1.jpg"),
        ]
        lead_text = texting.send(session, "Hello?", sender=EVES_NUMBER, at=LATER)
        lead = session.get_one(Contact, lead_text.contact_id)
        assert (lead.role, lead.phone) == ("lead", EVES_NUMBER)
        assert texting.send(session, "Hello again", sender=EVES_NUMBER, at=LATER).contact_id == lead.id
        for _ in range(5):
            last = texting.send(session, "I am a robot", sender=EVES_NUMBER, at=LATER)
        assert last.keyword == "machine"
        assert last.conversation_id is None
        newest.blocked_at = LATER
        assert texting.send(session, "Hello", at=LATER).conversation_id is None, "a blocked contact is not heard"


@pytest.mark.databases("sqlite")
def test_all_channels_is_a_scope_of_stop(database: Database) -> None:
    with database.unit_of_work() as session:
        settings.get(session).stop_scope = "all_channels"
        letter = make.live_type(session, name="Letter", channel=Channel.EMAIL)
        sam = make.contact(session, phone_number=SAMS_NUMBER, email_address="sam@example.com")
        make.opt_in(session, sam, letter)
        texting.send(session, "STOP", at=LATER)
        assert _states(session, sam)[letter.id] == "opted_out"
        texting.send(session, "START", at=LATER)
        assert _states(session, sam) == {letter.id: "opted_in"}
        assert session.scalar(select(func.count()).where(StoppedConsent.restored_at.is_(None))) == 0
        assert session.get_one(SubscriptionType, letter.id).state == "live"


def test_texts_that_arrive_together_are_confirmed_once(database: Database) -> None:
    with database.unit_of_work() as session:
        news = make.live_type(session)
        for _ in range(2):
            make.opt_in(session, make.contact(session, phone_number=SAMS_NUMBER), news)

    def send(text: tuple[str, str]) -> None:
        body, gateway_id = text
        with database.unit_of_work() as session:
            texting.send(session, body, gateway_id=gateway_id, at=LATER)

    texts = [("STOP", "SM1"), ("stop", "SM2"), ("STOP", "SM1"), ("wrong number", "SM3"), ("hello", "SM4")]
    with ThreadPoolExecutor(len(texts)) as pool:
        list(pool.map(send, texts))
    with database.read_only() as session:
        assert [purpose for purpose, _ in texting.answers(session)] == ["stopped"]
        assert session.scalars(select(Consent.state)).all() == ["opted_out", "opted_out"]
        assert _count(session, StoppedConsent) == 2
        assert _count(session, SmsMessage) == 5


@pytest.mark.databases("postgresql")
@pytest.mark.parametrize("body", ["hello", "please stop texting me"])
@pytest.mark.parametrize("change", ["block", "refuse", "erase", "merge"])
def test_a_text_that_crosses_a_change_of_its_contact_is_kept_and_acted_on(
    database: Database, change: str, body: str
) -> None:
    with database.unit_of_work() as session:
        sam, user = (
            make.contact(session, role="lead", external_id=None, phone_number=SAMS_NUMBER),
            make.contact(session, external_id="70"),
        )

    def lock(session: Session) -> None:
        locking.lock_contact(session, sam.id)

    def change_sam(session: Session) -> None:
        contact = locking.lock_contact(session, sam.id)
        if change == "merge":
            merge.merge(session, sam.public_id, user.public_id, actor="agent:1", at=LATER)
        elif change == "erase":
            erase.erase(session, contact, actor="agent:1", at=LATER)
        elif change == "block":
            profile.block(session, contact, actor="agent:1", at=LATER)
        else:
            profile.change(session, contact, {"gdpr_optin": False}, actor="agent:1", at=LATER)

    text_id = cross(database, lock, lambda session: texting.send(session, body, at=LATER).id, then=change_sam)
    is_opt_out = body != "hello"
    with database.read_only() as session:
        text = session.get_one(SmsMessage, text_id)
        holders = set(session.scalars(select(Contact.id).where(Contact.phone_hash == text.phone_hash)))
        shown_with = set(session.scalars(select(Conversation.contact_id)))
        assert (_suppression(session) is not None) == is_opt_out
    assert sam.id not in shown_with, "nothing is accepted from it any more, or it is gone"
    if change in {"block", "refuse"}:
        assert shown_with == set()
    elif change == "merge":
        assert shown_with == {text.contact_id} == {user.id}
    else:
        assert shown_with == holders == (set() if is_opt_out else {text.contact_id}), "a new lead"
