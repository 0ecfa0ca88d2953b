"""A person signs up through a form and confirms by a text from their phone; only then they are subscribed."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core import clock
from app.core.inbound import receiving
from app.core.inbound.receiving import InboundText
from app.db import Database
from app.models import Confirmation, Consent, ConsentEvent, SmsMessage, Suppression
from tests import make
from tests.web.embed.page import answer, open_form

TYPED, OURS = "(202) 555-0123", "+15005550006"


def _text(database: Database, gateway_id: str, body: str, sender: str = make.SAMS_NUMBER) -> str | None:
    """A text arrives at our number. Returns what it was read as."""
    with database.unit_of_work() as session:
        text = InboundText("sandbox", gateway_id, sender, OURS, body)
        return receiving.receive(session, text, at=clock.now()).keyword


def _states(database: Database) -> list[tuple[str, str | None]]:
    with database.read_only() as session:
        return [(each.state, each.destination) for each in session.scalars(select(Consent))]


def _sent(database: Database) -> list[str]:
    with database.read_only() as session:
        query = select(SmsMessage.purpose).where(SmsMessage.direction == "outbound").order_by(SmsMessage.id)
        return [str(each) for each in session.scalars(query)]


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("method", ["reply", "sms_link"])
def test_a_text_from_the_number_confirms_once_and_stop_ends_it(
    client: FlaskClient, database: Database, method: str
) -> None:
    with database.unit_of_work() as session:
        of_type = make.live_type(session)
        of_type.welcome = True
        key, name = make.form(session, of_type, verify_number=method).key, of_type.name
    page = answer(client, open_form(client, f"/f/form/{key}"), TYPED, country="US")
    assert (page.state, _states(database)) == ("confirm", [])
    with database.read_only() as session:
        nonce = session.scalars(select(Confirmation.nonce)).one()
    asked = ["confirm"] if method == "reply" else []
    body = "Yes!" if method == "reply" else f"YES, sign me up for {name}. Code {nonce}"
    assert _sent(database) == asked
    confirm_page = page.response.request.url

    # Another number confirms nothing.
    assert _text(database, "1", body, sender=make.EVES_NUMBER) is None
    assert _states(database) == []
    assert _text(database, "2", body) == "yes"
    assert _text(database, "2", body) == "yes"  # the gateway repeats itself
    assert _text(database, "3", body) is None  # and the person: that is conversation
    assert _states(database) == [("opted_in", make.SAMS_NUMBER)]
    with database.read_only() as session:
        event = session.scalars(select(ConsentEvent)).one()
        assert (event.action, event.source, event.evidence_level) == ("opt_in", "verification", "mo_reply")
    assert _sent(database) == [*asked, "welcome"]

    done = client.get(confirm_page)
    assert done.status_code == 303
    assert "signed up" in client.get(done.headers["Location"]).get_data(as_text=True)

    assert _text(database, "4", "STOP") == "stop"
    assert _states(database) == [("opted_out", make.SAMS_NUMBER)]
    with database.read_only() as session:
        assert session.scalars(select(Suppression.cause)).one() == "keyword"
    assert _text(database, "5", body) is None  # an old answer signs no person up again
    assert _states(database) == [("opted_out", make.SAMS_NUMBER)]
    assert _sent(database) == [*asked, "welcome", "stopped"]
