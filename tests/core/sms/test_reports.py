"""Delivery reports in any order, and what they say about the number."""

import itertools

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.signing import keys_of
from app.core.sms import effects, queueing, reports
from app.core.sms.effects import Effect
from app.core.sms.queueing import NewText
from app.core.sms.reports import DeliveryReport
from app.db import Database
from app.gateways import base
from app.models import (
    Campaign,
    CampaignState,
    NumberFact,
    OutboxEvent,
    Purpose,
    SmsDailyCount,
    SmsMessage,
    SmsState,
    Suppression,
)
from tests import make


def text_in(session: Session, state: SmsState, gateway_id: str | None = "gw-1") -> SmsMessage:
    message = queueing.queue(session, NewText(Purpose.REPLY, make.SAMS_NUMBER, "Hi", "agent:1"), at=make.NOON)
    message.state, message.gateway, message.gateway_id, message.attempts = state, "fake", gateway_id, 1
    session.flush()
    return message


def report(
    state: str, message: SmsMessage | None = None, effect: str = "none", code: str | None = None
) -> DeliveryReport:
    return DeliveryReport("fake", state, message.id if message else None, None if message else "gw-1", code, effect)


def test_effects_are_named_as_gateways_name_them() -> None:
    assert {each.value for each in Effect} == {each.value for each in base.Effect}


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("order", [*itertools.permutations(("sent", "delivered", "sent")), ("delivered", "failed")])
def test_a_text_never_goes_back_whatever_the_order_of_its_reports(database: Database, order: tuple[str, ...]) -> None:
    with database.unit_of_work() as session:
        message = text_in(session, SmsState.SENDING)
        changes = [reports.record(session, report(each, message), at=make.NOON) for each in order]
        assert message.state == "delivered"
        assert changes[0] is True
        assert reports.record(session, report("delivered"), at=make.NOON) is False, "seen before, by the gateway's id"
        assert [each.topic for each in session.scalars(select(OutboxEvent))] == ["sms.delivered"]
        counted = {each.outcome: each.messages for each in session.scalars(select(SmsDailyCount))}
        assert counted == {"sent": 1, "delivered": 1}


@pytest.mark.parametrize(
    ("state", "is_changed"),
    [
        ("unknown", True),
        ("sending", True),
        ("queued", True),
        ("skipped", False),
        ("canceled", False),
        ("failed", False),
    ],
)
def test_a_report_decides_about_an_unknown_text_and_not_about_one_that_ended(
    database: Database,
    state: str,
    is_changed: bool,  # noqa: FBT001
) -> None:
    with database.unit_of_work() as session:
        message = text_in(session, SmsState(state))
        assert reports.record(session, report("delivered"), at=make.NOON) is is_changed
        assert message.state == ("delivered" if is_changed else state)
        assert (
            reports.record(session, DeliveryReport("other", "sent", message.id, None, None, "none"), at=make.NOON)
            is False
        )
        never_sent = text_in(session, SmsState.QUEUED, None)
        never_sent.attempts = 0
        assert reports.record(session, report("delivered", never_sent), at=make.NOON) is False


def test_a_failure_says_what_the_number_is(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        campaign = Campaign(
            name="Cake",
            subscription_type_id=offers.id,
            body="Cake",
            state=CampaignState.SENDING,
            created_by="agent:1",
            created_at=make.NOON,
            updated_at=make.NOON,
        )
        session.add(campaign)
        number = keys_of(session).destination_hash(make.SAMS_NUMBER)
        for effect in ("unreachable", "unreachable", "undeliverable", "review", "suppress", "stop"):
            message = text_in(session, SmsState.SENT, None)
            assert reports.record(session, report("failed", message, effect, "30005"), at=make.NOON)
            assert (message.state, message.error_code) == ("failed", "30005")
        session.expire_all()
        fact, suppression = session.get_one(NumberFact, number), session.get_one(Suppression, number)
        assert (fact.unreachable_count, fact.undeliverable_at, suppression.cause) == (2, make.NOON, "carrier")
        assert (campaign.state, campaign.state_before_pause, campaign.pause_reason) == ("paused", "sending", "gateway")
        reached = text_in(session, SmsState.SENT, None)
        reports.record(session, report("delivered", reached), at=make.NOON)
        session.expire_all()
        assert session.get_one(NumberFact, number).undeliverable_at is None


@pytest.mark.databases("sqlite")
def test_a_restore_holds_what_waited_because_it_may_have_been_sent_since(database: Database) -> None:
    with database.unit_of_work() as session:
        waiting, sent = text_in(session, SmsState.QUEUED, None), text_in(session, SmsState.SENT)
        assert effects.hold_restored(session, at=make.NOON) == 1
        session.expire_all()
        assert (waiting.state, sent.state) == ("unknown", "sent")
