"""The gate at the moment of sending: whatever happens in whatever order, and each of its rules alone."""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.core.consent import eligibility, suppressions
from app.core.contacts import records as contacts
from app.core.errors import AssentError
from app.core.sms import claiming, gate, number_facts, queueing, recording, reports, switch
from app.core.sms.gate import Decision, Verdict
from app.core.sms.queueing import NewText
from app.core.sms.recording import Sent
from app.core.sms.reports import DeliveryReport
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.db import Database
from app.models import (
    Campaign,
    CampaignState,
    Contact,
    EvidenceLevel,
    Purpose,
    SmsMessage,
    Source,
    SubscriptionType,
    SuppressionCause,
    Workspace,
)
from tests import make

MINUTE = timedelta(minutes=1)
STOP = make.evidence(Source.KEYWORD, level=EvidenceLevel.MO_REPLY)
PURPOSES = st.sampled_from((*Purpose, Purpose.MESSAGE, Purpose.STOPPED, Purpose.STOPPED))
ANSWERS = st.sampled_from(("yes", "yes", "no", "retry", "unknown", "suppress", "review", "crash"))


class _Undo(Exception):
    """Rolls the unit of work back."""


@contextlib.contextmanager
def undone(database: Database) -> Iterator[Session]:
    with contextlib.suppress(_Undo), database.unit_of_work() as session:
        yield session
        raise _Undo


class World:
    """Sam's number, everything that may happen to it, and what the gateway was given."""

    def __init__(self, session: Session) -> None:
        self.session, self.at = session, make.NOON
        self.offers = make.live_type(session)
        self.sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        self.hash = str(self.sam.phone_hash)
        make.opt_in(session, self.sam, self.offers)
        self.sent: list[SmsMessage] = []
        self.confirmed = 0

    def queue(self, purpose: Purpose) -> None:
        text_to(self.session, self.sam, self.offers, purpose, at=self.at)

    def stop(self) -> None:
        if not self.is_suppressed():
            self.confirmed = 0
        suppressions.suppress_by(self.session, make.SAMS_NUMBER, SuppressionCause.KEYWORD, STOP, at=self.at)
        self.queue(Purpose.STOPPED)

    def start(self) -> None:
        with contextlib.suppress(AssentError):
            suppressions.lift_by_holder(self.session, self.hash, STOP, at=self.at)
            make.opt_in(self.session, self.sam, self.offers, evidence=STOP, at=self.at)
            self.queue(Purpose.STARTED)

    def suppress(self) -> None:
        self.confirmed = self.confirmed if self.is_suppressed() else 0
        suppressions.add(self.session, make.SAMS_NUMBER, "a letter", actor="agent:1", at=self.at)

    def lift(self) -> None:
        with contextlib.suppress(AssentError):
            suppressions.lift(self.session, self.hash, actor="agent:1", at=self.at)

    def opt_out(self) -> None:
        make.opt_out(self.session, self.sam, self.offers, at=self.at)

    def opt_in(self) -> None:
        with contextlib.suppress(AssentError):
            make.opt_in(self.session, self.sam, self.offers, at=self.at)

    def wait(self, minutes: int) -> None:
        self.at += minutes * MINUTE

    def send(self, answer: str) -> None:
        """As a worker does it: claim, ask the gate, call the gateway, record; or crash before that."""
        messages = claiming.claim(self.session, "worker", limit=3, at=self.at)
        decisions = gate.decide(self.session, [claiming.values_of(each) for each in messages], at=self.at)
        outcomes: dict[int, Any] = {}
        for each in messages:
            decision = decisions[each.id]
            if decision.verdict == Verdict.SEND:
                self.check(each)
                self.sent.append(each)
            outcomes[each.id] = decision if decision.verdict != Verdict.SEND else answered(answer, self.at)
        if answer != "crash":
            recording.record(self.session, outcomes, "worker", at=self.at)
        claiming.expire(self.session, at=self.at)

    def report(self, state: str) -> None:
        if self.sent:
            effect = "suppress" if state == "failed" else "none"
            report = DeliveryReport(
                "fake", state, self.sent[-1].id, None, "21610" if state == "failed" else None, effect
            )
            self.confirmed = self.confirmed if self.is_suppressed() else 0
            reports.record(self.session, report, at=self.at)

    def is_suppressed(self) -> bool:
        return eligibility.is_suppressed(self.session, self.hash)

    def check(self, message: SmsMessage) -> None:
        """A suppressed number is sent nothing but the one confirmation of its STOP, and answers to HELP."""
        if not self.is_suppressed() or message.purpose == Purpose.HELP:
            return
        assert message.purpose in {Purpose.STOPPED, Purpose.SCOPE}, message.purpose
        assert self.at <= message.created_at + 5 * MINUTE
        self.confirmed += 1
        assert self.confirmed == 1


def answered(answer: str, at: datetime) -> Sent:
    accepted = {"yes": "yes", "unknown": "unknown"}.get(answer, "no")
    effect = answer if answer in {"retry", "suppress", "review"} else "none"
    return Sent(accepted, at, "fake", "+15005550006", effect=effect)


def text_to(
    session: Session, sam: Contact, offers: SubscriptionType, purpose: Purpose, *, at: datetime, **values: Any
) -> SmsMessage:
    given = {"contact_id": sam.id, "subscription_type_id": offers.id, "phone_country": "US"} | values
    return queueing.queue(session, NewText(purpose, str(sam.phone), "Harbour Coffee: cake.", "agent:1", **given), at=at)


STEPS = st.one_of(
    st.tuples(st.just("queue"), PURPOSES),
    st.tuples(st.just("send"), ANSWERS),
    st.tuples(st.just("send"), ANSWERS),
    st.tuples(st.sampled_from(("stop", "stop", "start", "suppress", "lift", "opt_out", "opt_in"))),
    st.tuples(st.just("wait"), st.sampled_from((1, 3, 6))),
    st.tuples(st.just("report"), st.sampled_from(("sent", "delivered", "failed"))),
)


@pytest.mark.databases("sqlite")
@hypothesis.settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=4, max_size=25))
def test_a_suppressed_number_gets_nothing_but_its_one_confirmation_and_help(
    database: Database, steps: list[tuple[Any, ...]]
) -> None:
    with undone(database) as session:
        world = World(session)
        for name, *arguments in steps:
            getattr(world, name)(*arguments)
        for _ in range(3):
            world.send("yes")


def decided(session: Session, message: SmsMessage, *, at: datetime = make.NOON) -> Decision:
    return gate.decide(session, [claiming.values_of(message)], at=at)[message.id]


AGAINST_MARKETING = {
    "type_not_live": lambda s, _sam, offers: subscription_types.archive(s, offers, actor="agent:1", at=make.NOON),
    "blocked": lambda s, sam, _offers: contacts.block(s, sam, at=make.NOON),
    "number_undeliverable": lambda s, sam, _offers: number_facts.mark_undeliverable(s, sam.phone_hash, make.NOON),
    "country_not_allowed": lambda s, _sam, _offers: settings.change(
        s, {"allowed_countries": ["GB"]}, actor="agent:1", at=make.NOON
    ),
    "suppressed": lambda s, _sam, _offers: suppressions.add(s, make.SAMS_NUMBER, "?", actor="agent:1", at=make.NOON),
    "opted_out": lambda s, sam, offers: make.opt_out(s, sam, offers),
}


@pytest.mark.parametrize("reason", AGAINST_MARKETING)
def test_what_is_against_a_marketing_text_since_it_was_queued_is_the_reason(database: Database, reason: str) -> None:
    with undone(database) as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, offers)
        message = text_to(session, sam, offers, Purpose.MESSAGE, at=make.NOON)
        assert decided(session, message).verdict == Verdict.SEND
        AGAINST_MARKETING[reason](session, sam, offers)
        session.flush()
        assert decided(session, message) == Decision(Verdict.SKIP, reason)


def test_a_text_to_a_number_that_the_contact_had_before_is_not_sent(database: Database) -> None:
    with undone(database) as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, offers)
        message = text_to(session, sam, offers, Purpose.MESSAGE, at=make.NOON)
        contacts.change_phone(session, sam, make.EVES_NUMBER, at=make.NOON)
        make.opt_in(session, sam, offers)
        assert decided(session, message) == Decision(Verdict.SKIP, "number_changed")


def test_answers_need_no_opt_in_and_tests_go_to_any_number(database: Database) -> None:
    with undone(database) as session:
        offers, eve = make.live_type(session), make.contact(session, phone_number=make.EVES_NUMBER)
        for purpose in Purpose:
            message = text_to(session, eve, offers, purpose, at=make.NOON)
            is_marketing = purpose in {Purpose.CAMPAIGN, Purpose.MESSAGE, Purpose.WELCOME}
            expected = (Verdict.SKIP, "not_opted_in") if is_marketing else (Verdict.SEND, None)
            if purpose == Purpose.SCOPE:  # the text before was the one answer to a STOP
                expected = (Verdict.SKIP, "repeated")
            assert (decided(session, message).verdict, decided(session, message).reason) == expected, purpose
        trial = text_to(session, eve, offers, Purpose.TEST, at=make.NOON)
        make.opt_out(session, eve, offers)
        assert decided(session, trial) == Decision(Verdict.SKIP, "opted_out")
        subscription_types.archive(session, offers, actor="agent:1", at=make.NOON)
        assert decided(session, trial) == Decision(Verdict.SKIP, "type_not_live")


def test_campaigns_that_are_paused_hold_their_texts_and_canceled_ones_end_them(database: Database) -> None:
    with undone(database) as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, offers)
        campaign = Campaign(
            name="Cake",
            subscription_type_id=offers.id,
            body="Cake",
            created_by="agent:1",
            created_at=make.NOON,
            updated_at=make.NOON,
        )
        session.add(campaign)
        session.flush()
        message = text_to(session, sam, offers, Purpose.CAMPAIGN, at=make.NOON)
        message.campaign_id = campaign.id
        for state, verdict, claimed in (
            (CampaignState.PAUSED, Verdict.HOLD, 0),
            (CampaignState.CANCELED, Verdict.CANCEL, 0),
            (CampaignState.SENDING, Verdict.SEND, 1),
        ):
            campaign.state = state
            session.flush()
            assert decided(session, message).verdict == verdict
            assert len(claiming.claim(session, "worker", limit=9, at=make.NOON)) == claimed


def test_the_cap_defers_the_next_text_until_the_oldest_is_out_of_the_window(database: Database) -> None:
    with undone(database) as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, offers)
        session.execute(update(Workspace).values(frequency_cap={"messages": 2, "hours": 24}))
        texts = [text_to(session, sam, offers, Purpose.MESSAGE, at=make.NOON) for _ in range(4)]
        first = claiming.claim(session, "worker", limit=1, at=make.NOON)
        recording.record(session, {first[0].id: answered("yes", make.NOON)}, "worker", at=make.NOON)
        later = make.NOON + 60 * MINUTE
        batch = [claiming.values_of(each) for each in claiming.claim(session, "worker", limit=9, at=later)]
        decisions = gate.decide(session, batch, at=later)
        assert [decisions[each.id].verdict for each in texts[1:]] == [Verdict.SEND, Verdict.DEFER, Verdict.DEFER]
        assert decisions[texts[2].id] == Decision(Verdict.DEFER, "frequency_cap", make.NOON + timedelta(hours=24))
        recording.record(session, {texts[2].id: decisions[texts[2].id]}, "worker", at=later)
        assert (texts[2].state, texts[2].reason, texts[2].attempts) == ("queued", "frequency_cap", 0)
        assert texts[2].due_at == make.NOON + timedelta(hours=24)


def test_a_text_is_never_sent_after_it_expires_and_the_switch_holds_marketing(database: Database) -> None:
    with undone(database) as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, offers)
        until = make.NOON + MINUTE
        message = text_to(session, sam, offers, Purpose.MESSAGE, at=make.NOON, expires_at=until)
        assert decided(session, message, at=until) == Decision(Verdict.SKIP, "too_late")
        switch.stop_all(session, actor="agent:1", at=make.NOON)
        assert decided(session, message) == Decision(Verdict.SKIP, "too_late"), "held until after it expires"
        welcome = text_to(session, sam, offers, Purpose.WELCOME, at=make.NOON)
        assert decided(session, welcome).verdict == Verdict.HOLD
        switch.resume(session, actor="agent:1", at=make.NOON)
        assert decided(session, welcome).verdict == Verdict.SEND


def test_a_stop_is_confirmed_once_within_five_minutes_and_never_twice_by_two_workers(database: Database) -> None:
    with undone(database) as session:
        world = World(session)
        world.stop()
        world.queue(Purpose.SCOPE)
        first, second = claiming.claim(session, "worker", limit=2, at=world.at)
        assert decided(session, first, at=world.at + 6 * MINUTE) == Decision(Verdict.SKIP, "too_late")
        assert decided(session, first, at=world.at).reason == decided(session, second).reason == "repeated", "or none"
        second.state = "queued"
        session.flush()
        assert decided(session, first).verdict == Verdict.SEND
        first.state, second.state = "queued", "sending"
        session.flush()
        assert decided(session, second) == Decision(Verdict.SKIP, "repeated"), "the first one is sent"
