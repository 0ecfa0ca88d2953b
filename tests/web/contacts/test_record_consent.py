"""The switches of a contact's subscriptions: on with a note, off with a click and an undo."""

import re

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core import clock
from app.core.consent import current as current_consents
from app.core.consent import suppressions
from app.core.conversations import lifecycle
from app.db import Database
from app.models import (
    ConsentEvent,
    ConsentEvidence,
    ConsentState,
    ConsentType,
    Contact,
    SubscriptionType,
    SuppressionCause,
)
from tests import make
from tests.web import pages


@pytest.fixture
def sam(database: Database) -> Contact:
    with database.unit_of_work() as session:
        return make.contact(session, name="Sam", phone_number=make.SAMS_NUMBER)


@pytest.fixture
def offers(database: Database) -> SubscriptionType:
    with database.unit_of_work() as session:
        return make.live_type(session)


def _page(sam: Contact) -> str:
    return f"/contacts/{sam.public_id}"


def _switch(client: FlaskClient, sam: Contact, name: str, offers: SubscriptionType, **values: str) -> tuple[int, str]:
    """Status and text after a switch was used; after a redirect, that of the page it leads to."""
    sent = {"subscription_type_id": str(offers.id), **values}
    answer = pages.submit(client, f"{_page(sam)}/{name}", sent, page=_page(sam), follow_redirects=True)
    return answer.status_code, answer.text


def _state(database: Database, sam: Contact, offers: SubscriptionType) -> ConsentState | None:
    with database.read_only() as session:
        found = current_consents.find(session, sam.id, offers.id)
        return found.state if found else None


def _newest_evidence(database: Database) -> tuple[str, str, str | None]:
    with database.read_only() as session:
        event, note = session.execute(
            select(ConsentEvent, ConsentEvidence.note)
            .join(ConsentEvidence, ConsentEvidence.event_id == ConsentEvent.id)
            .order_by(ConsentEvent.id.desc())
            .limit(1)
        ).one()
        return event.source, event.evidence_level, note


def test_switching_on_asks_how_consent_was_given_and_keeps_it(
    ana: FlaskClient, database: Database, sam: Contact, offers: SubscriptionType
) -> None:
    off = ana.get(_page(sam)).text
    assert 'role="switch" aria-checked="false"' in off
    form = f'id="switch-on-{offers.id}" method="post" action="{_page(sam)}/opt-ins" novalidate'
    assert f"{form} hidden>" in off
    assert f"{form}>" in ana.get(f"{_page(sam)}?on={offers.id}").text  # without scripts
    status, html = _switch(ana, sam, "opt-ins", offers, note="  ")
    assert status == 422
    assert "Say how they told you" in html
    assert f"{form}>" in html
    assert _state(database, sam, offers) is None
    status, html = _switch(ana, sam, "opt-ins", offers, note="Signed the card in the shop")
    assert (status, _state(database, sam, offers)) == (200, ConsentState.OPTED_IN)
    assert "The opt-in is recorded" in html
    assert 'role="switch" aria-checked="true"' in html
    assert "Recorded by an agent" in html
    assert _newest_evidence(database) == ("agent", "reported", "Signed the card in the shop")


def test_switching_off_is_one_click_and_undone_for_ten_seconds(
    ana: FlaskClient, database: Database, sam: Contact, offers: SubscriptionType
) -> None:
    with database.unit_of_work() as session:
        make.opt_in(session, sam, offers)
    with time_machine.travel(clock.now(), tick=False):
        status, html = _switch(ana, sam, "opt-outs", offers)
        assert (status, _state(database, sam, offers)) == (200, ConsentState.OPTED_OUT)
        undo = re.search(r'action="([^"]+/undo\?type=\d+)"', html)
        assert undo
        undone = pages.submit(ana, undo[1], page=_page(sam), follow_redirects=True)
        assert "as it was before" in undone.text
        assert _state(database, sam, offers) == ConsentState.OPTED_IN
        event_id = re.findall(r"/opt-outs/(\d+)/undo", undo[1])[0]
        assert _newest_evidence(database) == ("agent", "reported", f"undo of event {event_id}")
        again = pages.submit(ana, undo[1], page=_page(sam), follow_redirects=True)
        assert "message-warning" in again.text


def test_an_opt_in_reverses_an_opt_out_of_either_type(
    ana: FlaskClient, database: Database, sam: Contact, offers: SubscriptionType
) -> None:
    with database.unit_of_work() as session:
        news = make.live_type(session, name="News", consent_type=ConsentType.OPT_OUT)
    for each in (offers, news):
        _switch(ana, sam, "opt-outs", each)
        _switch(ana, sam, "opt-ins", each, note="By phone")
        assert _state(database, sam, each) == ConsentState.OPTED_IN


def test_a_switch_that_cannot_be_used_says_why_and_who_can_lift_it(
    ana: FlaskClient, database: Database, sam: Contact, offers: SubscriptionType
) -> None:
    with database.unit_of_work() as session:
        suppressions.suppress(session, make.SAMS_NUMBER, SuppressionCause.KEYWORD, "STOP", actor="system", at=make.NOON)
        draft, no_number = make.draft_type(session), make.contact(session)
    html = ana.get(_page(sam)).text
    assert re.search(r'<button class="switch"[^>]+ disabled aria-describedby', html)
    assert "The number must not be texted." in html
    assert "by sending START from this phone" in html
    for contact, subscription_type, says in (
        (sam, offers, "This number asked not to be texted. Only its holder can change that."),
        (no_number, offers, "This contact has no number to opt in."),
        (sam, draft, "This subscription type is a draft."),
    ):
        status, html = _switch(ana, contact, "opt-ins", subscription_type, note="They begged for it")
        assert status == 422
        assert says in html
    assert _state(database, sam, offers) is None


def test_the_panel_beside_a_conversation_has_the_same_switches_and_leads_back_to_it(
    ana: FlaskClient, database: Database, sam: Contact, offers: SubscriptionType
) -> None:
    with database.unit_of_work() as session:
        chat = lifecycle.start(session, sam.id, at=make.NOON).id
    panel = ana.get(f"/inbox/{chat}").text.partition('id="panel"')[2]
    assert f'<input type="hidden" name="conversation" value="{chat}">' in panel
    for name, state in (("opt-ins", ConsentState.OPTED_IN), ("opt-outs", ConsentState.OPTED_OUT)):
        values = {"subscription_type_id": str(offers.id), "note": "in the chat", "conversation": str(chat)}
        answer = pages.submit(ana, f"{_page(sam)}/{name}", values, page=f"/inbox/{chat}")
        assert answer.location == f"/inbox/{chat}#type-{offers.id}"
        assert _state(database, sam, offers) == state
    assert f"?conversation={chat}" in ana.get(f"/inbox/{chat}").text
