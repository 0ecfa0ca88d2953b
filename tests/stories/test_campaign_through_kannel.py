"""A campaign through the real Kannel: it goes out, its reports come in; a person sends STOP, and START later."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from app.config import Settings
from app.core import clock
from app.core.campaigns import lifecycle, outcomes
from app.core.campaigns.drafts import get
from app.core.consent import eligibility
from app.db import Database
from app.jobs import run_campaigns, send_sms
from app.models import Campaign, Contact, Direction, SmsMessage, SubscriptionType
from app.web.services import services_of
from tests import make, serve
from tests.gateways import kannel_rig
from tests.gateways.test_kannel import messages, of_kannel
from tests.installations import make_app

SAM, EVE = "+12025550123", "+12025550124"


@contextmanager
def sending(settings: Settings, database: Database) -> Iterator[None]:
    """A worker that sends what is due."""
    sender, stopping = send_sms.sender(settings, database), threading.Event()
    thread = threading.Thread(target=sender.run, args=(stopping,))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        sender.wake()
        thread.join()


def send(database: Database, type_id: int, body: str) -> int:
    with database.unit_of_work() as session:
        campaign = make.campaign(session, session.get_one(SubscriptionType, type_id), body=body, opt_out_text="reply")
        lifecycle.send(session, campaign.id, actor="agent:1", at=clock.now())
        campaign_id = campaign.id
    run_campaigns.run_until_sending(database, campaign_id)
    return campaign_id


def counts(database: Database, campaign_id: int) -> dict[str, object]:
    run_campaigns.Follower(database).step()
    with database.read_only() as session:
        campaign: Campaign = get(session, campaign_id)
        return {"state": campaign.state, "excluded": campaign.excluded, **outcomes.counts(session, campaign)}


def outbound(app: Flask, *states: str) -> list[SmsMessage]:
    """The texts that were sent, once they are as many and have these states."""
    return messages(app, Direction.OUTBOUND, lambda found: [each.state for each in found] == list(states))


@pytest.mark.own_database
@pytest.mark.databases("sqlite")
def test_a_campaign_goes_out_and_stop_ends_it_until_start(settings: Settings, tmp_path: Path) -> None:
    app = make_app(of_kannel(settings, "http://127.0.0.1:9/cgi-bin/sendsms"))
    database = services_of(app).database
    with database.unit_of_work() as session:
        live = make.live_type(session)
        sam, eve = (make.contact(session, phone_number=phone, name=None) for phone in (SAM, EVE))
        for each in (sam, eve):
            make.opt_in(session, each, live)
        type_id, sam_id = live.id, sam.id

    def is_reachable() -> bool:
        with database.read_only() as session:
            contact, of_type = session.get_one(Contact, sam_id), session.get_one(SubscriptionType, type_id)
            return eligibility.status(session, contact, of_type).is_reachable

    with serve.in_this_process(app) as url, kannel_rig.running(tmp_path, url) as rig:
        sends = replace(of_kannel(settings, rig.sendsms_url), public_url=url)
        with sending(sends, database):
            first = send(database, type_id, "Spring sale: {{ name | friend }}, 20 % off")
            arrived = rig.wait_for_texts(2, containing="STOP")
            assert {each.to for each in arrived} == {SAM, EVE}
            assert all("Spring sale: friend, 20 % off" in each.text for each in arrived), arrived
            outbound(app, "delivered", "delivered")
            found = counts(database, first)
            assert (found["state"], found["delivered"]) == ("sent", 2)

            rig.text(SAM, "Stop.")
            confirmation = rig.wait_for_texts(3, containing="START")[-1]
            assert (confirmation.to, is_reachable()) == (SAM, False)
            rig.text(SAM, "STOP")
            messages(app, Direction.INBOUND, lambda texts: len(texts) == 2)

            second = send(database, type_id, "Last days of the sale")
            assert {each.to for each in rig.wait_for_texts(4)[3:]} == {EVE}
            outbound(app, *["delivered"] * 4)
            assert counts(database, second)["excluded"] == {"suppressed": 1}

            rig.text(SAM, "start")
            assert (rig.wait_for_texts(5)[-1].to, is_reachable()) == (SAM, True)
            third = send(database, type_id, "Thank you")
            assert {each.to for each in rig.wait_for_texts(7)[5:]} == {SAM, EVE}
            outbound(app, *["delivered"] * 7)
            assert counts(database, third)["delivered"] == 2
    database.close()
