"""What gateways call: only the carrier of this installation is believed, and a repeated call changes nothing."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from app import logs
from app.config import Settings
from app.core import clock
from app.core.consent import locking, suppressions
from app.core.contacts import erase
from app.core.sms.queueing import NewText, queue
from app.db import Database
from app.gateways.base import Callback
from app.models import CampaignRecipient, Contact, Direction, Outcome, Purpose, SmsMessage, Suppression
from app.web.services import services_of
from tests import make
from tests.crossing import cross
from tests.gateways.carriers import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    BASE,
    GATEWAYS,
    KANNEL_SECRET,
    OUR_NUMBER,
    PHONE,
    twilio_callback,
)
from tests.installations import make_app

INBOUND, STATUS = "/hooks/twilio/inbound", "/hooks/twilio/status"
TEXT = [("MessageSid", "SM1"), ("From", PHONE), ("To", OUR_NUMBER), ("Body", "Hello there 🙂"), ("FromZip", "")]


@contextmanager
def client_of(settings: Settings, gateway: str) -> Iterator[FlaskClient]:
    """A client of an installation with this gateway. It reaches the server by another address than the public one."""
    app = make_app(
        replace(
            settings,
            sms_gateway=gateway,
            public_url=BASE,
            twilio_account_sid=ACCOUNT_SID,
            twilio_auth_token=AUTH_TOKEN,
            twilio_from=OUR_NUMBER,
            kannel_from=OUR_NUMBER,
            kannel_secret=KANNEL_SECRET,
        )
    )
    yield app.test_client()
    services_of(app).database.close()


def call(client: FlaskClient, callback: Callback) -> TestResponse:
    return client.open(
        callback.url.removeprefix(BASE),
        method=callback.method,
        data=callback.body,
        headers={"Content-Type": "application/x-www-form-urlencoded"} | dict(callback.headers),
    )


def stored(database: Database, direction: Direction = Direction.INBOUND) -> list[SmsMessage]:
    with database.read_only() as session:
        return list(session.scalars(select(SmsMessage).where(SmsMessage.direction == direction)))


def test_a_signed_text_is_received_once_and_answered_by_silence(settings: Settings, database: Database) -> None:
    came = twilio_callback(INBOUND, TEXT)
    with client_of(settings, "twilio") as client:
        answers = [call(client, came), call(client, came)]
        forged = call(client, replace(came, body=came.body.replace(b"SM1", b"SM2")))
        unsigned = call(client, replace(came, headers={}))
    for answer in answers:
        assert (answer.status_code, answer.content_type) == (200, "text/xml; charset=utf-8")
        assert answer.text.endswith("<Response></Response>")
    assert (forged.status_code, unsigned.status_code, forged.data) == (403, 403, b"")
    (text,) = stored(database)
    assert (text.gateway, text.gateway_id, text.phone, text.body) == ("twilio", "SM1", PHONE, "Hello there 🙂")


def test_kannel_is_believed_by_the_secret_and_answered_by_nothing(settings: Settings, database: Database) -> None:
    kannel = GATEWAYS["kannel"]
    path = f"/hooks/kannel/inbound?id=b&from=%2B14155552671&to=1&text=Hi%20you&charset=UTF-8&secret={KANNEL_SECRET}"
    with client_of(settings, "kannel") as client:
        posted = call(client, kannel.inbound("a", "Hello\0 there"))
        assert (posted.status_code, posted.data) == (200, b"")
        assert client.get(path).status_code == 200
        assert client.get(path).status_code == 200
        assert client.get(path + "x").status_code == 403
        assert client.head(path.replace("id=b", "id=c")).status_code == 405
        assert client.get(path.replace(f"secret={KANNEL_SECRET}", "")).status_code == 403
    assert {(text.gateway_id, text.body) for text in stored(database)} == {("a", "Hello there"), ("b", "Hi you")}


@pytest.mark.databases("sqlite", "postgresql")
def test_a_stop_with_a_nul_character_is_still_a_stop(settings: Settings, database: Database) -> None:
    with client_of(settings, "twilio") as client:
        came = twilio_callback(INBOUND, [*TEXT[:3], ("Body", "STOP\0")])
        assert call(client, came).status_code == 200
    with client_of(settings, "kannel") as client:
        path = f"/hooks/kannel/inbound?id=%00b&from=%2B14155552671%00&to=%001&text=%00STOP&secret={KANNEL_SECRET}"
        assert client.get(path).status_code == 200
        report = f"/hooks/kannel/dlr?message=1&type=2&answer=NACK%00/11&secret={KANNEL_SECRET}"
        assert client.get(report).status_code == 200
        assert client.get("/hooks/kannel/%00").status_code == 404
    found = [(text.keyword, text.phone, text.body) for text in stored(database)]
    assert found == [("stop", PHONE, "STOP"), ("stop", "+14155552671", "STOP")]


@pytest.mark.databases("postgresql")
def test_a_stop_is_received_while_the_person_is_erased(settings: Settings, database: Database) -> None:
    with database.unit_of_work() as session:
        sam_id = make.contact(session, phone_number=PHONE).id
        suppressions.add(session, PHONE, "by letter", actor="agent:1", at=clock.now())

    def lock(session: Session) -> None:
        locking.lock_contact(session, sam_id)

    def erase_sam(session: Session) -> None:
        erase.erase(session, locking.lock_contact(session, sam_id), actor="agent:1", at=clock.now())

    with client_of(settings, "twilio") as client:
        came = twilio_callback(INBOUND, [*TEXT[:3], ("Body", "STOP")])
        answer = cross(database, lock, lambda _session: call(client, came), then=erase_sam)
    assert answer.status_code == 200
    with database.read_only() as session:
        assert session.scalars(select(Suppression.cause)).all() == ["keyword"]
        assert session.get_one(Contact, sam_id).erased_at is not None


FAILURES = {
    "deadlock": ("INSERT", "RAISE EXCEPTION USING ERRCODE = ''deadlock_detected''"),
    "broken commit": ("COMMIT", "PERFORM pg_terminate_backend(pg_backend_pid())"),
}


@pytest.mark.databases("postgresql")
@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize(("times", "status", "causes"), [(2, 200, ["keyword"]), (3, 503, [])])
def test_a_stop_is_read_three_times_before_it_is_refused_and_the_carrier_told_to_send_it_again(
    settings: Settings, database: Database, failure: str, times: int, status: int, causes: list[str]
) -> None:
    when, does = FAILURES[failure]
    is_late = "DEFERRABLE INITIALLY DEFERRED" if when == "COMMIT" else "DEFERRABLE INITIALLY IMMEDIATE"
    with database.unit_of_work() as session:
        session.execute(text("CREATE SEQUENCE tries"))  # counts tries that are rolled back, too
        body = f"BEGIN IF nextval(''tries'') <= {times} THEN {does}; END IF; RETURN NULL; END"
        session.execute(text(f"CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS '{body}'"))
        on_text = f"AFTER INSERT ON sms_messages {is_late} FOR EACH ROW WHEN (NEW.direction = 'inbound')"
        session.execute(text(f"CREATE CONSTRAINT TRIGGER fail {on_text} EXECUTE FUNCTION fail()"))
    try:
        with client_of(settings, "twilio") as client:
            answer = call(client, twilio_callback(INBOUND, [*TEXT[:3], ("Body", "STOP")]))
    finally:
        with database.unit_of_work() as session:
            for each in ("TRIGGER fail ON sms_messages", "FUNCTION fail()", "SEQUENCE tries"):
                session.execute(text(f"DROP {each}"))
    assert (answer.status_code, "Retry-After" in answer.headers) == (status, status == 503)
    with database.read_only() as session:
        assert session.scalars(select(Suppression.cause)).all() == causes


@pytest.mark.parametrize("name", ["twilio", "kannel"])
def test_a_report_changes_the_state_of_our_text_and_its_outcome_in_a_campaign(
    settings: Settings, database: Database, name: str
) -> None:
    carrier = GATEWAYS[name]
    with database.unit_of_work() as session:
        message = queue(session, NewText(Purpose.CODE, PHONE, "Your code", "test"), at=clock.now())
        message.gateway, message.state = name, "sent"
        message_id, sam = message.id, make.contact(session)
        message.campaign_id = make.campaign(session, make.live_type(session)).id
        of_sam = {"contact_id": sam.id, "sms_message_id": message.id, "outcome": Outcome.SENT, "changed_at": make.NOON}
        session.add(CampaignRecipient(campaign_id=message.campaign_id, **of_sam))
    report = carrier.report({"twilio": "delivered", "kannel": "1"}[name])
    url = report.url.replace("message=7", f"message={message_id}")
    query = [(key, str(message_id) if key == "message" else value) for key, value in report.query]
    if name == "twilio":
        form = [("MessageSid", "SM" + "c" * 32), ("MessageStatus", "delivered")]
        report = twilio_callback(f"{STATUS}?message={message_id}", form)
    with client_of(settings, name) as client:
        for _ in range(2):
            assert call(client, replace(report, url=url, query=query)).status_code in {200, 204}
    assert [each.state for each in stored(database, Direction.OUTBOUND)] == ["delivered"]
    with database.read_only() as session:
        assert session.scalars(select(CampaignRecipient.outcome)).all() == ["delivered"]


@pytest.mark.parametrize(("gateway", "others"), [("sandbox", ("twilio", "kannel")), ("kannel", ("twilio",))])
def test_only_the_gateway_of_the_installation_is_answered(
    settings: Settings, database: Database, gateway: str, others: tuple[str, ...]
) -> None:
    with client_of(settings, gateway) as client:
        for name in others:
            assert call(client, GATEWAYS[name].inbound("a", "STOP")).status_code == 404
            assert call(client, GATEWAYS[name].report("delivered")).status_code == 404
    assert stored(database) == []


def test_no_number_and_no_word_of_a_person_is_in_a_log_line(settings: Settings) -> None:
    stream = io.StringIO()
    with client_of(settings, "kannel") as client:
        logs.configure(stream)
        try:
            client.get(f"/hooks/kannel/inbound?id=b&from=%2B14155552671&text=private&secret={KANNEL_SECRET}")
            client.get("/hooks/kannel/inbound?id=b&from=%2B14155552671&text=private&secret=wrong-guess")
        finally:
            logs.silence()
    assert '"/hooks/kannel/inbound"' in stream.getvalue()
    for private in ("4155552671", "private", KANNEL_SECRET, "wrong-guess"):
        assert private not in stream.getvalue()


def test_a_large_body_is_refused_and_no_error_has_a_page(settings: Settings) -> None:
    with client_of(settings, "twilio") as client:
        large = client.post(INBOUND, data={"Body": "x" * 70_000})
        unknown, get = client.get("/hooks/nowhere"), client.get(INBOUND)
    assert (large.status_code, large.data) == (413, b"")
    assert (unknown.status_code, unknown.data) == (404, b"")
    assert (get.status_code, get.headers["Allow"], get.data) == (405, "POST", b"")
