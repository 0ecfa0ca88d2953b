"""Kannel: what it is sent, what its answers and reports mean, and a whole round through the real one."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app.config import Settings
from app.core import clock, public_urls
from app.core.sms.queueing import NewText, queue
from app.gateways import open_gateway
from app.gateways.base import Accepted, Callback, Capabilities, Effect, Outgoing
from app.models import Direction, Purpose, SmsMessage
from app.web.services import services_of
from tests import serve
from tests.gateways import kannel_rig
from tests.gateways.carriers import BASE, KANNEL_SECRET, OUR_NUMBER, PHONE, kannel_callback, open_kannel
from tests.installations import make_app
from tests.processes import PATIENCE_S
from tests.receiver import Answer, receiver

TEXT = Outgoing(7, PHONE, "Hello € {x} ñ", "gsm7", f"{BASE}/hooks/kannel/dlr?secret=s%26s&message=7")


def test_text_number_and_password_are_in_no_address_and_the_coding_is_ours() -> None:
    with receiver(lambda _received: (202, {}, b"3: Queued for later delivery")) as server:
        gateway = open_kannel(server.url)
        assert gateway.send(TEXT).accepted == Accepted.YES
        assert gateway.send(replace(TEXT, body="Hello 👍", encoding="ucs2", report_url="")).accepted == Accepted.YES
    plain, wide = server.received
    assert (plain.path, plain.raw.decode()) == ("/hook", TEXT.body)
    names = ("username", "password", "from", "to", "coding", "dlr-mask", "dlr-url")
    assert [plain.headers.get(f"x-kannel-{name}") for name in names] == [
        *("app", "password", OUR_NUMBER, PHONE, "0", "31"),
        f"{TEXT.report_url}&type=%d&answer=%A",
    ]
    assert (wide.headers["x-kannel-coding"], wide.raw.decode()) == ("2", "Hello 👍")
    assert "x-kannel-dlr-url" not in wide.headers


def test_an_empty_text_which_kannel_would_accept_is_not_sent() -> None:
    with receiver() as server:
        results = [open_kannel(server.url).send(replace(TEXT, **{field: ""})) for field in ("to", "body")]
    assert [result.accepted for result in results] == [Accepted.NO, Accepted.NO]
    assert server.received == []


@pytest.mark.parametrize("answer", [(200, {}, b"hello"), (302, {"Location": "/"}, b""), (500, {}, b"")])
def test_an_answer_that_kannel_never_gives_is_no_acceptance(answer: Answer) -> None:
    with receiver(lambda _received: answer) as server:
        assert open_kannel(server.url).send(TEXT).accepted != Accepted.YES


@pytest.mark.parametrize(
    ("answer", "code", "effect"),
    [
        ("id:1 sub:001 dlvrd:000 stat:UNDELIV err:021 text:hello", "UNDELIV 021", Effect.UNREACHABLE),
        ("stat:EXPIRED err:000", "EXPIRED 000", Effect.UNREACHABLE),
        ("stat:REJECTD", "REJECTD", Effect.NONE),
        ("NACK/0x0000000b/Invalid Destination Address", "NACK 0x0000000b", Effect.UNDELIVERABLE),
        ("NACK/0x00000058/Throttling Error", "NACK 0x00000058", Effect.NONE),
        (f"something about {PHONE}", None, Effect.NONE),
        ("", None, Effect.NONE),
    ],
)
def test_the_words_of_the_carrier_say_why_a_text_failed(answer: str, code: str | None, effect: Effect) -> None:
    query = [("secret", KANNEL_SECRET), ("message", "7"), ("type", "2"), ("answer", answer)]
    report = open_kannel("").read_report(Callback("GET", BASE, {}, query, [], b""))
    assert report is not None
    assert (report.error_code, report.effect) == (code, effect)


@pytest.mark.parametrize(
    ("text", "charset", "read"),
    [
        ("Arr%C3%AAt+%E5%81%9C+100%25", "UTF-8", "Arrêt 停 100%"),
        ("Arr%EAt", "ISO-8859-1", "Arrêt"),
        ("%04O%04%3F", "UTF-16BE", "яп"),
        ("%FFSTOP", "8-BIT", "ÿSTOP"),
        ("%FFSTOP", "", "\ufffdSTOP"),
        ("STOP", "hex", "STOP"),
    ],
)
def test_a_text_in_an_address_is_read_in_its_charset(text: str, charset: str, read: str) -> None:
    path = f"/hooks/kannel/inbound?secret={KANNEL_SECRET}&id=1&from=%2B14155552671&to=123&text={text}&charset={charset}"
    inbound = open_kannel("").read_inbound(kannel_callback(path))
    assert (inbound.body, inbound.sender, inbound.recipient) == (read, PHONE, "123")


def test_a_name_as_sender_is_one_way() -> None:
    assert open_kannel("", sender="Acme").capabilities == Capabilities(receives=False, reports=True)
    assert open_kannel("", sender="55555").capabilities.receives


def of_kannel(settings: Settings, sendsms_url: str) -> Settings:
    """The settings of an installation that sends through the rig."""
    return replace(
        settings,
        sms_gateway="kannel",
        kannel_sendsms_url=sendsms_url,
        kannel_username=kannel_rig.USERNAME,
        kannel_password=kannel_rig.PASSWORD,
        kannel_from=kannel_rig.OUR_NUMBER,
        kannel_secret=kannel_rig.SECRET,
    )


def messages(app: Flask, direction: Direction, is_done: Callable[[list[SmsMessage]], bool]) -> list[SmsMessage]:
    """The texts in one direction, once they are as expected."""
    deadline_s = time.monotonic() + PATIENCE_S
    query = select(SmsMessage).where(SmsMessage.direction == direction).order_by(SmsMessage.id)
    while True:
        with services_of(app).database.read_only() as session:
            found = list(session.scalars(query))
        if is_done(found):
            return found
        assert time.monotonic() < deadline_s, [(each.state, each.body) for each in found]
        time.sleep(0.05)


@pytest.mark.own_database
def test_texts_go_out_and_come_in_through_the_real_kannel(settings: Settings, tmp_path: Path) -> None:
    """Out, its report in, STOP in; and the response of the hook is not echoed to the phone as a text."""
    app = make_app(of_kannel(settings, "http://127.0.0.1:9/cgi-bin/sendsms"))
    with serve.in_this_process(app) as url, kannel_rig.running(tmp_path, url) as rig:
        gateway = open_gateway(of_kannel(settings, rig.sendsms_url))
        with services_of(app).database.unit_of_work() as session:
            for body in ("Acme: {sale} 5 € off", "Acme: 👍 скидка"):
                text = NewText(Purpose.CODE, PHONE, body, "test", phone_country="US")
                message = queue(session, text, at=clock.now())
                message.gateway, message.state = gateway.name, "sending"
        waiting = messages(app, Direction.OUTBOUND, lambda found: len(found) == 2)
        for each in waiting:
            report_url = public_urls.report_hook(gateway.name, each.id, kannel_rig.SECRET, url)
            sent = gateway.send(Outgoing(each.id, PHONE, str(each.body), str(each.encoding), report_url))
            assert sent.accepted == Accepted.YES
        arrived = rig.wait_for_texts(2)
        assert {(each.sender, each.to, each.text) for each in arrived} == {
            (kannel_rig.OUR_NUMBER, PHONE, str(each.body)) for each in waiting
        }
        messages(app, Direction.OUTBOUND, lambda found: {each.state for each in found} == {"delivered"})

        rig.text(PHONE, "Arrêt 🛑 100% & + = ?")
        (came,) = messages(app, Direction.INBOUND, lambda found: len(found) == 1)
        assert (came.phone, came.body, came.gateway) == (PHONE, "Arrêt 🛑 100% & + = ?", "kannel")
        rig.text(PHONE, "STOP")
        messages(app, Direction.INBOUND, lambda found: [each.body for each in found][1:] == ["STOP"])
        assert len(rig.wait_for_texts(2)) == 2, "nothing was echoed"
    services_of(app).database.close()
