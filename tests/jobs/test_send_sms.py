"""Texts are sent once, to those whom the gate lets pass at that moment, and what became of them is recorded."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.consent import suppressions
from app.core.errors import InvalidState
from app.core.sms import claiming, queueing, switch, texts
from app.core.sms.queueing import NewText
from app.db import Database
from app.gateways.base import Accepted, Effect, SendResult
from app.jobs.send_sms import Sender
from app.jobs.sms_calls import Options
from app.models import Contact, Failure, OutboxEvent, Purpose, SmsDailyCount, SmsMessage, SubscriptionType, Suppression
from tests import make
from tests.fake_gateway import FakeGateway


def send_all(database: Database, gateway: FakeGateway, options: Options | None = None) -> Sender:
    """Run a sender until nothing is due, claimed or running. What the gate says is valid for long on a busy machine."""
    options = options or Options(threads=2, every_s=0.001, fresh_s=0.5)
    sender = Sender(database, gateway, lambda key: f"/report/{key}", options=options)
    sender.round()
    while sender.is_busy:
        sender.round()
    stopping = threading.Event()
    stopping.set()
    sender.run(stopping)
    return sender


def subscriber(session: Session, offers: SubscriptionType, number: str = make.SAMS_NUMBER) -> Contact:
    sam = make.contact(session, phone_number=number)
    make.opt_in(session, sam, offers)
    return sam


def text_to(session: Session, sam: Contact, offers: SubscriptionType, **values: object) -> SmsMessage:
    asked = {
        "purpose": Purpose.MESSAGE,
        "phone": sam.phone,
        "body": "Harbour Coffee: fresh cake.",
        "created_by": "agent:1",
    }
    asked |= {"contact_id": sam.id, "subscription_type_id": offers.id, "phone_country": "US"} | values
    return queueing.queue(session, NewText(**asked), at=clock.now())  # type: ignore[arg-type]


def states(database: Database) -> list[tuple[str, str | None, str | None]]:
    with database.read_only() as session:
        rows = session.scalars(select(SmsMessage).order_by(SmsMessage.id)).all()
        return [(each.state, each.reason, each.error_code) for each in rows]


def test_a_text_to_a_subscriber_is_sent_once_and_recorded(database: Database) -> None:
    gateway = FakeGateway(lambda text: SendResult(Accepted.YES, gateway_id=f"fake-{text.message_id}", delivered=True))
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        key = text_to(session, subscriber(session, offers), offers).id
    send_all(database, gateway)
    send_all(database, gateway)
    (outgoing,) = gateway.sent
    assert (outgoing.to, outgoing.encoding, outgoing.report_url) == (make.SAMS_NUMBER, "gsm7", f"/report/{key}")
    with database.read_only() as session:
        message = session.get_one(SmsMessage, key)
        assert (message.state, message.gateway, message.gateway_id) == ("delivered", "fake", f"fake-{key}")
        assert (message.sender, message.attempts) == (gateway.sender, 1)
        assert message.sent_at
        assert session.scalars(select(OutboxEvent.topic).order_by(OutboxEvent.id)).all()[-1] == "sms.delivered"
        counted = {(each.country, each.outcome): each.messages for each in session.scalars(select(SmsDailyCount))}
    assert counted == {("US", "sent"): 1, ("US", "delivered"): 1}


def test_what_was_queued_before_a_stop_is_skipped(database: Database) -> None:
    gateway = FakeGateway()
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        sam, eve = subscriber(session, offers), subscriber(session, offers, make.EVES_NUMBER)
        text_to(session, sam, offers)
        text_to(session, eve, offers)
    with database.unit_of_work() as session:
        suppressions.add(session, make.SAMS_NUMBER, "a letter", actor="agent:1", at=clock.now())
    send_all(database, gateway)
    assert gateway.numbers() == [make.EVES_NUMBER]
    assert states(database) == [("skipped", "suppressed", None), ("sent", None, None)]


@pytest.mark.databases("sqlite")
def test_a_wait_that_is_over_before_it_begins_ends(database: Database) -> None:
    def rounds() -> None:
        for _ in range(50):
            Sender(database, FakeGateway(), str, options=Options(threads=1, every_s=1e-9)).round()
            done.append(True)

    done: list[bool] = []
    thread = threading.Thread(target=rounds, daemon=True)
    thread.start()
    thread.join(60)
    assert len(done) == 50


def test_the_stop_switch_holds_marketing_and_lets_answers_pass(database: Database) -> None:
    gateway = FakeGateway()
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        sam = subscriber(session, offers)
        text_to(session, sam, offers)
        text_to(session, sam, offers, purpose=Purpose.HELP, body="Harbour Coffee: call 555.")
        switch.stop_all(session, actor="agent:1", at=clock.now())
    send_all(database, gateway)
    assert [each.body for each in gateway.sent] == ["Harbour Coffee: call 555."]
    with database.unit_of_work() as session:
        switch.resume(session, actor="agent:1", at=clock.now())
    send_all(database, gateway)
    assert [state for state, _, _ in states(database)] == ["sent", "sent"]


ERRORS: dict[str, tuple[SendResult, tuple[str, str | None], str | None]] = {
    "refused": (SendResult(Accepted.NO, error_code="21617"), ("failed", "21617"), None),
    "busy": (SendResult(Accepted.NO, error_code="20429", effect=Effect.RETRY), ("queued", "20429"), None),
    "no answer": (SendResult(Accepted.UNKNOWN, error_code="timeout"), ("unknown", "timeout"), None),
    "opted out": (SendResult(Accepted.NO, error_code="21610", effect=Effect.SUPPRESS), ("failed", "21610"), "carrier"),
    "blocked": (SendResult(Accepted.NO, error_code="30004", effect=Effect.REVIEW), ("failed", "30004"), "review"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_an_error_decides_what_becomes_of_the_text_and_of_the_number(database: Database, case: str) -> None:
    answer, (state, code), cause = ERRORS[case]
    gateway = FakeGateway(lambda _: answer)
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        text_to(session, subscriber(session, offers), offers)
    send_all(database, gateway)
    assert states(database) == [(state, None, code)]
    with database.read_only() as session:
        assert session.scalars(select(Suppression.cause)).first() == cause
        if case == "busy":
            due_at = session.scalars(select(SmsMessage.due_at)).one()
            assert due_at
            assert timedelta(seconds=2) < due_at - clock.now() < timedelta(seconds=7)
    send_all(database, gateway)
    assert len(gateway.sent) == 1


@pytest.mark.parametrize("minutes", [3, -3], ids=["lease over", "clock set back"])
def test_a_text_whose_worker_ended_is_unknown_until_an_admin_decides(database: Database, minutes: int) -> None:
    gateway = FakeGateway()
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        sam = subscriber(session, offers)
        first, second = (text_to(session, sam, offers).id for _ in range(2))
        claiming.claim(session, "a worker that ends", limit=9, at=clock.now())
    send_all(database, gateway)
    assert gateway.sent == [], "its lease has not ended"
    with database.unit_of_work() as session:
        session.execute(update(SmsMessage).values(claimed_at=clock.now() - timedelta(minutes=minutes)))
    send_all(database, gateway)
    assert gateway.sent == []
    assert [state for state, _, _ in states(database)] == ["unknown", "unknown"]
    with database.unit_of_work() as session:
        texts.send_again(session, first, actor="agent:1", at=clock.now())
        texts.give_up(session, second, actor="agent:1", at=clock.now())
        with pytest.raises(InvalidState):
            texts.send_again(session, second, actor="agent:1", at=clock.now())
    send_all(database, gateway)
    assert [each.message_id for each in gateway.sent] == [first]
    assert [state for state, _, _ in states(database)] == ["sent", "failed"]


def test_a_gateway_that_lets_nothing_through_is_a_problem_and_a_pause_is_kept(database: Database) -> None:
    stopped = FakeGateway(
        lambda _: SendResult(Accepted.NO, error_code="30034", effect=Effect.STOP, problem="Register.")
    )
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        text_to(session, subscriber(session, offers), offers)
    send_all(database, stopped)
    with database.read_only() as session:
        assert session.scalars(select(Failure.problem)).all() == ["GatewayStopped: Register."]
    busy = FakeGateway(lambda _: SendResult(Accepted.NO, effect=Effect.RETRY, retry_after_s=30))
    with database.unit_of_work() as session:
        for _ in range(40):
            text_to(session, session.scalars(select(Contact)).one(), session.scalars(select(SubscriptionType)).one())
    send_all(database, busy, options=Options(batch=10, threads=1, every_s=0.001))
    assert len(busy.sent) < 20, "what was not on its way yet waits"
