"""The page of one campaign: its audience, its acts, its report."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core import clock
from app.core.campaigns import drafts, lifecycle, outcomes, short_links
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.db import Database
from app.jobs import run_campaigns
from app.models import Campaign, CampaignState, Role
from tests import make
from tests.web import pages


@pytest.fixture
def path(database: Database, max_: FlaskClient) -> str:
    """The page of a draft of max for sam, who opted in; eve did not."""
    assert max_
    with database.unit_of_work() as session:
        live = make.live_type(session, name="Offers")
        sam = make.contact(session, name="Sam Rivera", phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, live)
        make.contact(session, name="Eve Stone", phone_number=make.EVES_NUMBER)
        return f"/campaigns/{make.campaign(session, live, name='Spring').id}"


def html_of(client: FlaskClient, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.get_data(as_text=True)


def campaign_of(database: Database, path: str) -> Campaign:
    with database.read_only() as session:
        return drafts.get(session, int(path.rpartition("/")[2]))


def test_a_draft_shows_whom_it_reaches_and_who_is_left_out(max_: FlaskClient, path: str) -> None:
    html = html_of(max_, path)
    for shown in ("person of 2 contacts gets the text", "Has not opted in", "Send to 1 person", "Hello Sam Rivera"):
        assert shown in html
    assert "Sam Rivera" in html_of(max_, f"{path}/audience")
    assert "Eve Stone" in html_of(max_, f"{path}/audience?reason=not_opted_in")
    assert "Has not opted in" in html_of(max_, f"{path}/why?q={make.EVES_NUMBER.replace('+', '%2B')}")
    assert "This person gets the text." in html_of(max_, f"{path}/why?q={make.SAMS_NUMBER.replace('+', '%2B')}")
    assert "No one found" in html_of(max_, f"{path}/why?q=nobody@example.com")


def test_a_cost_without_any_price_is_unknown_and_not_nothing(max_: FlaskClient, database: Database, path: str) -> None:
    assert "Estimated cost: US$0.01." in html_of(max_, path)
    with database.unit_of_work() as session:
        settings.get(session).currency = "EUR"  # of which there is no list of prices
    html = html_of(max_, path)
    assert "0.00" not in html
    assert "1 person is in a country without a price" in html


def test_a_test_goes_to_one_number(max_: FlaskClient, path: str) -> None:
    assert pages.submit(max_, f"{path}/test", {"phone": make.EVES_NUMBER}, page=path).status_code == 303
    refused = pages.submit(max_, f"{path}/test", {"phone": "12"}, page=path)
    assert refused.status_code == 422
    assert 'aria-invalid="true"' in refused.get_data(as_text=True)


def test_a_campaign_is_scheduled_in_the_zone_of_the_workspace(max_: FlaskClient, database: Database, path: str) -> None:
    with database.unit_of_work() as session:
        settings.change(session, {"time_zone": "Europe/Berlin"}, actor="agent:1", at=make.NOON)
    tomorrow = (clock.now() + timedelta(days=1)).replace(hour=9, minute=30, second=0, microsecond=0, tzinfo=None)

    values = {"send_at": tomorrow.isoformat(timespec="minutes")}
    assert pages.submit(max_, f"{path}/schedule", values, page=path).status_code == 303

    campaign = campaign_of(database, path)
    assert campaign.state == CampaignState.SCHEDULED
    assert campaign.send_at is not None
    assert campaign.send_at.hour in {7, 8}
    assert values["send_at"] in html_of(max_, path)
    assert "The clock of the server jumped" not in html_of(max_, path)
    with database.unit_of_work() as session:
        settings.get(session).clock_noted_at = clock.now() - timedelta(days=4)
    assert "The clock of the server jumped" in html_of(max_, path)
    refused = pages.submit(max_, f"{path}/schedule", {"send_at": "2020-01-01T09:30"}, page=path)
    assert "Choose a time in the future" in refused.get_data(as_text=True)
    assert pages.submit(max_, f"{path}/unschedule", {}, page=path).status_code == 303
    assert campaign_of(database, path).state == CampaignState.DRAFT


def test_a_second_person_approves_a_large_campaign(
    app: Flask, max_: FlaskClient, database: Database, path: str
) -> None:
    with database.unit_of_work() as session:
        settings.change(session, {"approval_above": 0}, actor="agent:1", at=make.NOON)
    assert "someone else has to approve it" in html_of(max_, path)
    assert "Send to 1 person" not in html_of(max_, path)
    pages.submit(max_, f"{path}/approve", {}, page=path)
    assert campaign_of(database, path).approved_by is None

    pages.make_agent(app, "mia@example.com", name="Mia", role=Role.MARKETER)
    mia = pages.signed_in(app, "mia@example.com")
    pages.submit(mia, f"{path}/approve", {}, page=path)

    assert "Approved by <bdi>Mia" in html_of(max_, path)
    pages.submit(max_, f"{path}/send", {}, page=path)
    assert campaign_of(database, path).state == CampaignState.EXPANDING


def test_a_campaign_is_paused_resumed_canceled_and_reported(max_: FlaskClient, database: Database, path: str) -> None:
    campaign_id = int(path.rpartition("/")[2])
    with database.unit_of_work() as session:
        settings.change(session, {"quiet_hours": {"closed": _week()}}, actor="agent:1", at=make.NOON)
    assert pages.submit(max_, f"{path}/send", {}, page=path).status_code == 303
    run_campaigns.run_until_sending(database, campaign_id)

    html = html_of(max_, path)
    for shown in ("Deferred", "Quiet hours: Public holiday or closed day", "0 of 1 person", "Not in the audience"):
        assert shown in html
    assert "data-unfinished" in html_of(max_, f"{path}/progress")
    assert "Sam Rivera" in html_of(max_, f"{path}/recipients?outcome=deferred")
    for step, state in (("pause", "paused"), ("resume", "sending"), ("pause", "paused"), ("cancel", "canceled")):
        assert pages.submit(max_, f"{path}/{step}", {}, page=path).status_code == 303
        assert campaign_of(database, path).state in {state, "expanding"}
    pages.submit(max_, f"{path}/resume", {}, page=path)
    assert campaign_of(database, path).state == CampaignState.CANCELED
    report = pages.submit(max_, f"{path}/report", {}, page=path)
    assert make.SAMS_NUMBER in report.get_data(as_text=True)
    assert "Canceled" in html_of(max_, "/campaigns")


def test_a_campaign_that_waited_says_that_its_type_was_archived_meanwhile(
    max_: FlaskClient, database: Database, path: str
) -> None:
    pages.submit(max_, f"{path}/send", {}, page=path)
    campaign = campaign_of(database, path)
    with database.unit_of_work() as session:
        offers = subscription_types.find(session, campaign.subscription_type_id)
        subscription_types.archive(session, offers, actor="agent:1", at=make.NOON)
    run_campaigns.run_until_sending(database, campaign.id)
    assert "Its subscription type is not live any more" in html_of(max_, path)
    resumed = pages.submit(max_, f"{path}/resume", {}, page=path)
    assert "“Offers” is not live, so nothing is sent to it." in html_of(max_, str(resumed.location))


def test_a_paused_campaign_gets_another_price_ceiling(max_: FlaskClient, database: Database, path: str) -> None:
    with database.unit_of_work() as session:
        campaign = lifecycle.send(session, int(path.rpartition("/")[2]), actor="agent:1", at=clock.now())
        campaign.price_ceiling_micros, campaign.spent_micros = 1_000_000, 1_000_000
        lifecycle.pause_by_system(session, campaign.id, "spend", at=clock.now())
    assert "It reached its price ceiling." in html_of(max_, path)
    refused = pages.submit(max_, f"{path}/ceiling", {"price_ceiling_micros": "0.50"}, page=path)
    assert "must be more than what was spent" in refused.get_data(as_text=True)
    assert pages.submit(max_, f"{path}/ceiling", {"price_ceiling_micros": "2"}, page=path).status_code == 303
    assert campaign_of(database, path).price_ceiling_micros == 2_000_000


def test_the_report_and_its_file_count_clicks_and_say_that_people_are_not_counted(
    max_: FlaskClient, database: Database, path: str
) -> None:
    campaign_id, url = int(path.rpartition("/")[2]), "https://shop.example.com/may"
    with database.unit_of_work() as session:
        campaign = lifecycle.send(session, campaign_id, actor="agent:1", at=clock.now())
        campaign.body = f"Hello, {url} and https://shop.example.com/june"
        short_links.create(session, campaign, at=clock.now())
        short_links.add_clicks(session, {short_links.of_campaign(session, campaign_id)[url]: 1200})
    html = html_of(max_, path)
    assert "How many people clicked is not known" in html
    assert f'dir="ltr">{url}</th><td class="end" data-label="Clicks">1,200</td>' in html
    file = max_.get(f"{path}/clicks.csv").get_data(as_text=True)
    assert file.splitlines()[1:] == [f"{url},1200", "https://shop.example.com/june,0"]
    with database.read_only() as session:
        assert outcomes.counts(session, drafts.get(session, campaign_id))["clicks"] == 1200


def test_only_a_draft_is_deleted(max_: FlaskClient, database: Database, path: str) -> None:
    assert pages.submit(max_, f"{path}/delete", {}, page=path).headers["Location"] == "/campaigns"
    assert max_.get(path).status_code == 404
    assert database


def _week() -> list[str]:
    """The days around now, in every zone."""
    return [(clock.now() + timedelta(days=day)).date().isoformat() for day in range(-2, 6)]
