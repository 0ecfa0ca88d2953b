"""``assent twilio reconcile``: pushes what Twilio does not have yet."""

import json
from urllib.parse import parse_qs

import pytest

from app.cli import run
from app.config import Settings
from app.db import Database
from tests import make
from tests.gateways.carriers import ACCOUNT_SID, AUTH_TOKEN, BASE, OUR_NUMBER, twilio_refuses
from tests.receiver import Answer, Received, receiver

OTHER = "+447400123457"


def choose_twilio(monkeypatch: pytest.MonkeyPatch, settings: Settings, api_url: str) -> None:
    values = {
        "INSTANCE": str(settings.instance),
        "DATABASE_URL": settings.database_url,
        "SECRET_KEY": settings.secret_key,
        "SMS_GATEWAY": "twilio",
        "PUBLIC_URL": BASE,
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_FROM": OUR_NUMBER,
        "TWILIO_API_URL": api_url,
    }
    for name, value in values.items():
        monkeypatch.setenv(f"ASSENT_{name}", value)


def taken(received: Received) -> Answer:
    items = [json.loads(each) for each in parse_qs(received.raw.decode())["Items"]]
    outcomes = [{"correlation_id": each["correlation_id"], "error_code": 0, "error_messages": []} for each in items]
    return 201, {}, json.dumps({"items": outcomes}).encode()


def test_what_twilio_was_never_told_is_pushed_once(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with database.unit_of_work() as session:
        news = make.live_type(session)
        make.opt_in(session, make.contact(session, phone_number=make.SAMS_NUMBER), news)
        make.opt_out(session, make.contact(session, phone_number=OTHER), news)
        make.contact(session, phone_number="+447400123458")  # never asked
    with receiver(taken) as server:
        choose_twilio(monkeypatch, settings, server.url.removesuffix("/hook"))
        assert [run(["twilio", "reconcile"]) for _ in range(2)] == [0, 0]
    (sent,) = server.received
    pushed = [json.loads(each) for each in parse_qs(sent.raw.decode())["Items"]]
    assert [(each["contact_id"], each["status"]) for each in pushed] == [
        (OTHER, "opt-out"),
        (make.SAMS_NUMBER, "opt-in"),
    ]
    out = capsys.readouterr().out
    assert "0 numbers agree, 2 differ." in out
    assert "2 numbers agree, 0 differ." in out
    assert "All of them were pushed to Twilio. It refused 0." in out


def test_an_account_without_the_consent_api_is_told_so(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with database.unit_of_work() as session:
        make.opt_in(session, make.contact(session, phone_number=make.SAMS_NUMBER), make.live_type(session))
    with receiver(lambda _received: twilio_refuses(20404, 404)) as server:
        choose_twilio(monkeypatch, settings, server.url.removesuffix("/hook"))
        assert run(["twilio", "reconcile"]) == 1
    assert "The worker goes on trying." in capsys.readouterr().err


def test_another_gateway_has_nothing_to_reconcile(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASSENT_INSTANCE", str(settings.instance))
    assert run(["twilio", "reconcile"]) == 1
    assert "keeps no list of consents" in capsys.readouterr().err
