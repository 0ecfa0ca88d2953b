"""The phones of the sandbox."""

from flask.testing import FlaskClient
from sqlalchemy import select

from app.db import Database
from app.models import Conversation, SmsMessage, SmsState, Suppression
from tests import make
from tests.make import EVES_NUMBER, SAMS_NUMBER
from tests.web import pages


def test_ana_texts_as_sam_and_sees_the_answers(ana: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        make.contact(session, name="Sam Rivera", phone_number=SAMS_NUMBER)
    assert "Sam Rivera" in ana.get("/sandbox").text
    path = f"/sandbox/{SAMS_NUMBER}"
    assert "No texts yet" in ana.get(path).text
    assert pages.submit(ana, f"{path}/texts", page=path, values={"body": ""}).status_code == 422
    for body in ("Are you open? <i>", "STOP"):
        sent = pages.submit(ana, f"{path}/texts", page=path, values={"body": body})
        assert sent.status_code == 303
    live = ana.get(f"{path}/live").text
    assert "Are you open? &lt;i&gt;" in live
    assert "You are unsubscribed" in live
    assert "On its way" in live
    with database.unit_of_work() as session:
        assert session.scalars(select(Suppression.cause)).all() == ["keyword"]
        assert session.scalars(select(Conversation.channel)).all() == ["sms"]


def test_any_number_has_a_phone_and_anything_else_has_none(ana: FlaskClient) -> None:
    opened = pages.submit(ana, "/sandbox", page="/sandbox", values={"number": "+1 202 555 0199"})
    assert opened.headers["Location"].endswith(f"/sandbox/{EVES_NUMBER}")
    assert pages.submit(ana, "/sandbox", page="/sandbox", values={"number": "12"}).status_code == 422
    assert ana.get("/sandbox/shop").status_code == 404


def test_a_conversation_by_text_is_answered_in_the_inbox(ana: FlaskClient, database: Database) -> None:
    path = f"/sandbox/{SAMS_NUMBER}"
    pages.submit(ana, f"{path}/texts", page=path, values={"body": "Are you open?"})
    with database.unit_of_work() as session:
        conversation_id = session.scalars(select(Conversation.id)).one()
    address = f"/inbox/{conversation_id}"
    html = ana.get(address).text
    assert '<span class="channel">SMS</span>' in html
    assert "gets this as a text to" in html
    assert "Send form" not in html
    data = {"kind": "message", "body": "Until six.", "client_key": "k1"}
    assert pages.submit(ana, f"{address}/messages", page=address, values=data).status_code == 303
    assert "Waiting to be sent as a text" in ana.get(address).text
    with database.unit_of_work() as session:
        text = session.scalars(select(SmsMessage).where(SmsMessage.purpose == "reply")).one()
        text.state = SmsState.DELIVERED.value
    assert "Delivered as a text" in ana.get(address).text
    refreshed = ana.get(f"/inbox/poll?refresh=yes&conversation={conversation_id}&after=99").get_json()
    assert any("Delivered as a text" in each["html"] for each in refreshed["conversation"]["messages"])
    pages.submit(ana, f"{path}/texts", page=path, values={"body": "STOP"})
    html = ana.get(address).text
    assert "This number asked not to be texted" in html
    refused = pages.submit(ana, f"{address}/messages", page=address, values=data | {"body": "Why?", "client_key": "k2"})
    assert refused.status_code in {409, 422}
    assert "asked not to be texted" in refused.text
