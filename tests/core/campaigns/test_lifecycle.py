"""A campaign from its draft to its end: recipients and texts, pauses, outcomes, costs."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.campaigns import audience, cost, drafts, expansion, lifecycle, outcomes, rendering, settling
from app.core.contacts import erase, merge, segments
from app.core.errors import AssentError, Forbidden, InvalidState
from app.core.preferences import links
from app.core.webhooks import payloads
from app.core.workspace import settings
from app.db import Database
from app.jobs import run_campaigns
from app.models import (
    CampaignState,
    Contact,
    OptOutText,
    OutboxEvent,
    PreferenceLink,
    SmsMessage,
    SmsState,
)
from tests import make
from tests.core.campaigns.test_audience import NUMBERS, opted_in

BASE = "https://sms.example.com"
MAX = "agent:1"


def started(database: Database, people: int = 3, **values: object) -> int:
    """A campaign to so many people, with all its texts queued."""
    with database.unit_of_work() as session:
        live = make.live_type(session)
        for number in range(people):
            opted_in(session, live, NUMBERS[number], name=f"Sam {number}")
        campaign = make.campaign(session, live, **values)
        lifecycle.send(session, campaign.id, actor=MAX, at=make.NOON)
        campaign_id = campaign.id
    run_campaigns.run_until_sending(database, campaign_id)
    return campaign_id


def texts(session: Session, campaign_id: int) -> list[SmsMessage]:
    query = select(SmsMessage).where(SmsMessage.campaign_id == campaign_id).order_by(SmsMessage.id)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def set_states(session: Session, campaign_id: int, *states: SmsState) -> None:
    """What a worker does: the texts get these states, and their recipients follow."""
    changed = texts(session, campaign_id)[: len(states)]
    for message, state in zip(changed, states, strict=True):
        message.state, message.segments = state, 2
        message.reason = "suppressed" if state == SmsState.SKIPPED else None
    outcomes.record(session, changed, at=make.NOON)


def test_each_person_gets_one_text_and_every_text_an_outcome(database: Database) -> None:
    campaign_id = started(database)
    follower = run_campaigns.Follower(database)
    with database.unit_of_work() as session:
        campaign = drafts.get(session, campaign_id)
        assert (campaign.state, campaign.total, campaign.eligible) == (CampaignState.SENDING, 3, 3)
        queued = texts(session, campaign_id)
        assert {(each.state, each.purpose, each.body, each.priority) for each in queued} == {
            ("queued", "campaign", None, 2)
        }
        rendering.render(session, queued, base=BASE, at=make.NOON)
        assert (queued[0].body or "").startswith("My business: Hello Sam 0\nOpt out: " + BASE + "/p/")
        assert (queued[0].segments, queued[0].encoding) == (1, "gsm7")
        set_states(session, campaign_id, SmsState.SENT, SmsState.SKIPPED)
        found = outcomes.counts(session, campaign)
        assert (found["queued"], found["sent"], found["skipped"]) == (1, 1, {"suppressed": 1})
    follower.step()
    with database.unit_of_work() as session:
        assert drafts.get(session, campaign_id).state == CampaignState.SENDING
        set_states(session, campaign_id, SmsState.DELIVERED, SmsState.SKIPPED, SmsState.UNKNOWN)
    follower.step()
    with database.read_only() as session:
        campaign = drafts.get(session, campaign_id)
        assert (campaign.state, campaign.finished_at is None) == (CampaignState.SENT, False)
        (event,) = session.scalars(select(OutboxEvent).where(OutboxEvent.topic == "campaign.sent"))
        item = payloads.items(session, [event], workspace_id="w")[event.id]
        assert (item["type"], item["id"], item["counts"]["skipped"]) == (
            "campaign",
            str(campaign_id),
            {"suppressed": 1},
        )
        assert [each.outcome for each in outcomes.recipients_page(session, campaign_id, limit=9)] == [
            "delivered",
            "skipped",
            "unknown",
        ]
        (skipped,) = outcomes.recipients_page(session, campaign_id, outcome="skipped", reason="suppressed", limit=9)
        assert skipped.phone == NUMBERS[1]


def test_reports_that_were_missed_are_found_by_comparing(database: Database) -> None:
    campaign_id = started(database)
    with database.unit_of_work() as session:
        for message in texts(session, campaign_id):
            message.state = SmsState.DELIVERED
    follower = run_campaigns.Follower(database)
    follower.step()
    with database.read_only() as session:
        campaign = drafts.get(session, campaign_id)
        assert (campaign.state, outcomes.counts(session, campaign)["delivered"]) == (CampaignState.SENT, 3)


def test_nothing_of_a_paused_campaign_is_due_and_a_canceled_one_never_goes_on(database: Database) -> None:
    campaign_id = started(database)
    follower = run_campaigns.Follower(database)
    with database.unit_of_work() as session:
        set_states(session, campaign_id, SmsState.SENT)
        lifecycle.pause(session, campaign_id, actor=MAX, at=make.NOON)
    follower.step()
    with database.unit_of_work() as session:
        assert [each.due_at is None for each in texts(session, campaign_id)] == [False, True, True]
        lifecycle.resume(session, campaign_id, actor=MAX, at=make.NOON)
    follower.step()
    with database.unit_of_work() as session:
        assert all(each.due_at is not None for each in texts(session, campaign_id))
        lifecycle.cancel(session, campaign_id, actor=MAX, at=make.NOON)
        with pytest.raises(InvalidState):
            lifecycle.resume(session, campaign_id, actor=MAX, at=make.NOON)
    follower.step()
    with database.read_only() as session:
        assert [each.state for each in texts(session, campaign_id)] == ["sent", "canceled", "canceled"]
        found = outcomes.counts(session, drafts.get(session, campaign_id))
        assert (found["sent"], found["canceled"]) == (1, 2)
        assert not settling.waiting(session)


def test_an_expansion_that_was_interrupted_goes_on_and_repeats_no_text(database: Database) -> None:
    with database.unit_of_work() as session:
        live = make.live_type(session)
        people = [opted_in(session, live, NUMBERS[each % 4]) for each in range(5)]
        campaign = make.campaign(session, live)
        lifecycle.send(session, campaign.id, actor=MAX, at=make.NOON)
        campaign_id = campaign.id
    assert run_campaigns.run_part(database, campaign_id, "one", seconds=0, chunk=2)
    assert not run_campaigns.run_part(database, campaign_id, "another", seconds=0, chunk=2)
    with database.unit_of_work() as session:  # as if the worker was killed before it committed
        expansion.write(
            session, campaign_id, "one", expansion.read(session, campaign_id, at=make.NOON, chunk=2), at=make.NOON
        )
        session.rollback()
    with database.unit_of_work() as session:
        lifecycle.pause(session, campaign_id, actor=MAX, at=make.NOON)
    assert not run_campaigns.run_part(database, campaign_id, "one")
    with database.unit_of_work() as session:
        lifecycle.resume(session, campaign_id, actor=MAX, at=make.NOON)
    run_campaigns.run_until_sending(database, campaign_id, chunk=2)
    run_campaigns.Follower(database).step()
    with database.unit_of_work() as session:
        campaign = drafts.get(session, campaign_id)
        assert [each.contact_id for each in texts(session, campaign_id)] == [each.id for each in people[1:]]
        assert (campaign.total, campaign.eligible, campaign.excluded) == (5, 4, {"duplicate_number": 1})
        assert outcomes.counts(session, campaign)["skipped"] == {"duplicate_number": 1}


def test_no_text_is_written_for_a_person_who_was_erased_since_the_audience_was_read(database: Database) -> None:
    with database.unit_of_work() as session:
        live = make.live_type(session)
        sam, eve = (opted_in(session, live, NUMBERS[each]) for each in range(2))
        campaign_id = make.campaign(session, live).id
        lifecycle.send(session, campaign_id, actor=MAX, at=make.NOON)
    assert run_campaigns.run_part(database, campaign_id, "one", seconds=0, chunk=1)
    with database.read_only() as session:
        chunk = expansion.read(session, campaign_id, at=make.NOON)
    with database.unit_of_work() as session:
        erase.erase(session, session.get_one(Contact, eve.id), actor=MAX, at=make.NOON)
    with database.unit_of_work() as session:
        expansion.write(session, campaign_id, "one", chunk, at=make.NOON)
    with database.read_only() as session:
        campaign = drafts.get(session, campaign_id)
        assert [each.contact_id for each in texts(session, campaign_id)] == [sam.id]
        assert (campaign.state, campaign.total, campaign.eligible) == ("sending", 1, 1)


def test_quiet_hours_defer_recipients_and_say_by_which_rule(database: Database) -> None:
    with database.unit_of_work() as session:
        settings.get(session).quiet_hours = {"start": "12:00", "end": "12:01", "days": []}
    campaign_id = started(database, 1)
    with database.read_only() as session:
        (recipient,) = outcomes.recipients_page(session, campaign_id, limit=2)
        (message,) = texts(session, campaign_id)
        assert recipient.due_at == message.due_at
        if message.reason is not None:  # at noon there are no quiet hours
            assert (recipient.outcome, recipient.reason, recipient.rule) == ("deferred", "quiet_hours", "own_hours")
            assert outcomes.deferred_by(session, campaign_id) == {("quiet_hours", "own_hours"): 1}


@pytest.mark.databases("sqlite")
def test_a_second_person_approves_what_goes_to_many(database: Database) -> None:
    with database.unit_of_work() as session:
        settings.get(session).approval_above = 1
        live = make.live_type(session)
        for number in NUMBERS[:2]:
            opted_in(session, live, number)
        campaign = make.campaign(session, live, actor="agent:2")
        with pytest.raises(InvalidState) as refused:
            lifecycle.send(session, campaign.id, actor=MAX, at=make.NOON)
        assert refused.value.code == "approval_needed"
        for author in ("agent:2",):
            with pytest.raises(Forbidden):
                lifecycle.approve(session, campaign.id, actor=author, at=make.NOON)
        lifecycle.approve(session, campaign.id, actor=MAX, at=make.NOON)
        values = drafts.CampaignValues("Spring", live.id, "Changed")
        drafts.change(session, campaign.id, values, actor="agent:3", at=make.NOON)
        assert campaign.approved_by is None
        with pytest.raises(Forbidden):
            lifecycle.approve(session, campaign.id, actor="agent:3", at=make.NOON)
        lifecycle.approve(session, campaign.id, actor=MAX, at=make.NOON)
        lifecycle.send(session, campaign.id, actor=MAX, at=make.NOON)
        assert campaign.state == CampaignState.EXPANDING


@pytest.mark.databases("sqlite")
def test_a_new_filter_of_its_segment_ends_the_approval_of_a_campaign(database: Database) -> None:
    users, everyone = ({"field": "role", "operator": "=", "value": each} for each in ("user", "lead"))
    with database.unit_of_work() as session:
        settings.get(session).approval_above = 0
        live, segment = make.live_type(session), segments.create(session, "Some", users, actor=MAX, at=make.NOON)
        to_segment = {"field": "segment_id", "operator": "=", "value": segment.public_id}
        campaign, paused = (make.campaign(session, live, actor="agent:2", query=to_segment) for _ in range(2))
        for each in (campaign, paused):
            lifecycle.approve(session, each.id, actor=MAX, at=make.NOON)
        paused.state = CampaignState.PAUSED
        segments.change(session, segment, name="Users", query=users, actor="agent:3", at=make.NOON)
        assert campaign.approved_by == paused.approved_by == MAX
        segments.change(session, segment, name=None, query=everyone, actor="agent:3", at=make.NOON)
        assert campaign.approved_by is paused.approved_by is None
        with pytest.raises(Forbidden):
            lifecycle.approve(session, campaign.id, actor="agent:3", at=make.NOON)
        lifecycle.approve(session, campaign.id, actor=MAX, at=make.NOON)


@pytest.mark.databases("sqlite")
def test_a_scheduled_campaign_whose_audience_grew_waits_for_an_approval(database: Database) -> None:
    with database.unit_of_work() as session:
        settings.get(session).approval_above = 1
        live = make.live_type(session)
        opted_in(session, live, NUMBERS[0])
        campaign = make.campaign(session, live)
        lifecycle.schedule(session, campaign.id, make.NOON, actor=MAX, at=make.NOON)
        opted_in(session, live, NUMBERS[1])
        campaign_id = campaign.id
        assert expansion.due(session, at=make.NOON) == [campaign_id]
    run_campaigns.run_until_sending(database, campaign_id)
    with database.unit_of_work() as session:
        paused = drafts.get(session, campaign_id)
        assert (paused.state, paused.pause_reason) == (CampaignState.PAUSED, "approval")
        with pytest.raises(InvalidState):
            lifecycle.resume(session, campaign_id, actor=MAX, at=make.NOON)
        lifecycle.approve(session, campaign_id, actor="agent:2", at=make.NOON)
        lifecycle.resume(session, campaign_id, actor=MAX, at=make.NOON)
    run_campaigns.run_until_sending(database, campaign_id)
    with database.read_only() as session:
        assert len(texts(session, campaign_id)) == 2


@pytest.mark.databases("sqlite")
def test_a_campaign_pauses_at_its_price_ceiling(database: Database) -> None:
    campaign_id = started(database, price_ceiling_micros=20_000)
    with database.unit_of_work() as session:
        settings.get(session).text_prices = {"US": 10_000}
        campaign = drafts.get(session, campaign_id)
        found = cost.estimate(session, campaign, base=BASE)
        assert (found.recipients, found.segments, found.cost_micros, found.currency) == (3, 1.0, 30_000, "USD")
        set_states(session, campaign_id, SmsState.SENT)
        assert (campaign.state, campaign.pause_reason, campaign.spent_micros) == ("paused", "spend", 20_000)
        set_states(session, campaign_id, SmsState.DELIVERED)
        assert drafts.lock(session, campaign_id).spent_micros == 20_000
        with pytest.raises(InvalidState):
            lifecycle.resume(session, campaign_id, actor=MAX, at=make.NOON)
        lifecycle.change_ceiling(session, campaign_id, 50_000, actor=MAX, at=make.NOON)
        lifecycle.resume(session, campaign_id, actor=MAX, at=make.NOON)


@pytest.mark.databases("sqlite")
def test_steps_that_a_state_does_not_allow_are_refused(database: Database) -> None:
    with database.unit_of_work() as session:
        draft_type = make.draft_type(session)
        campaign = make.campaign(session, draft_type)
        steps = (lifecycle.send, lifecycle.pause, lifecycle.resume, lifecycle.cancel, lifecycle.unschedule)
        for step in steps:
            with pytest.raises(InvalidState):
                step(session, campaign.id, actor=MAX, at=make.NOON)
        live = make.live_type(session)
        campaign = make.campaign(session, live)
        for send_at in (make.NOON - timedelta(seconds=1), make.NOON + timedelta(days=2_000)):
            with pytest.raises(AssentError):
                lifecycle.schedule(session, campaign.id, send_at, actor=MAX, at=make.NOON)
        lifecycle.schedule(session, campaign.id, make.NOON + timedelta(days=1), actor=MAX, at=make.NOON)
        with pytest.raises(InvalidState):
            drafts.delete_draft(session, campaign.id, actor=MAX, at=make.NOON)
        lifecycle.unschedule(session, campaign.id, actor=MAX, at=make.NOON)
        drafts.delete_draft(session, campaign.id, actor=MAX, at=make.NOON)
        assert [each.id for each in drafts.page(session, limit=5)] != []


def test_a_merged_contact_brings_its_outcomes_and_an_erased_one_keeps_no_number(database: Database) -> None:
    campaign_id = started(database)
    with database.unit_of_work() as session:
        first, second, third = [
            session.get_one(Contact, each.contact_id)
            for each in outcomes.recipients_page(session, campaign_id, limit=3)
        ]
        target = make.contact(session)
        for source, into in ((first, target), (second, third)):
            merging = {"actor": MAX, "at": make.NOON, "skip_duplicate_validation": True}
            merge.merge(session, source.public_id, into.public_id, **merging)
        assert {each.contact_id for each in outcomes.recipients_page(session, campaign_id, limit=9)} == {
            target.id,
            second.id,
            third.id,
        }
        assert audience.preview(session, drafts.get(session, campaign_id).subscription_type_id, None).total == 2
        erase.erase(session, third, actor=MAX, at=make.NOON)
        assert audience.preview(session, drafts.get(session, campaign_id).subscription_type_id, None).total == 1


@pytest.mark.databases("sqlite")
def test_how_to_opt_out_stands_in_every_text_in_the_language_of_its_reader(database: Database) -> None:
    with database.unit_of_work() as session:
        live = make.live_type(session)
        people = [
            opted_in(session, live, number, name=name, locale=locale)
            for number, name, locale in zip(NUMBERS, ("Sam Smith", None, "Zoë"), ("en", "de-AT", "ar"), strict=False)
        ]
        ids = [each.id for each in people]

        def bodies(body: str, way: OptOutText, *, one_way: bool = False) -> list[str]:
            campaign = make.campaign(session, live, body=body, opt_out_text=way)
            return [each.body for each in rendering.previews(session, campaign, ids, base=BASE, one_way=one_way)]

        link = f"{BASE}/p/" + "x" * 16
        replies = bodies("Hi {{ first_name | there }}", OptOutText.REPLY)
        assert replies[0] == "My business: Hi Sam\nReply STOP to opt out"
        assert replies[1] == "My business: Hi there\nAbmelden: STOP antworten"
        both = bodies("News of MY BUSINESS: {{ name | you }}", OptOutText.BOTH)
        assert both[0] == f"News of MY BUSINESS: Sam Smith\nOpt out: reply STOP or {link}"
        assert link in both[2]
        for text in bodies("Hello", OptOutText.REPLY, one_way=True):
            assert link in text
            assert "STOP" not in text
        settings.get(session).name = "W" * 120
        assert all(len(text) <= 1600 for text in bodies("x" * drafts.BODY_MAX, OptOutText.BOTH))  # what gateways take
        assert not session.scalars(select(PreferenceLink)).all()
        made = links.issue_all(session, ids, at=make.NOON)
        assert links.issue_all(session, [ids[0]], at=make.NOON) == {ids[0]: made[ids[0]]}
        assert links.find(session, made[ids[0]]).contact_id == ids[0]
