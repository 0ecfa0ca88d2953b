"""What every gateway does, over a server that answers like its carrier."""

import socket
from dataclasses import replace

import pytest

from app.gateways import _GATEWAYS
from app.gateways.base import Accepted, BadCallback, Callback, Effect, Outgoing, ReportState
from app.setting_values import GATEWAYS as NAMES
from tests.gateways.carriers import BASE, GATEWAYS, OUR_NUMBER, PHONE, WITH_SERVER
from tests.receiver import Answer, Receiver, receiver

TEXT = Outgoing(7, PHONE, "Acme: hello 👍 & goodbye", "ucs2", f"{BASE}/hooks/status?message=7")
on_all = pytest.mark.parametrize("name", GATEWAYS)
with_server = pytest.mark.parametrize("name", WITH_SERVER)


def test_every_gateway_keeps_this_contract() -> None:
    assert set(GATEWAYS) == set(_GATEWAYS) == set(NAMES)


@on_all
def test_a_text_is_sent_once_and_accepted(name: str) -> None:
    carrier = GATEWAYS[name]
    with receiver(carrier.accepts) as server:
        gateway = carrier.open(server.url)
        result = gateway.send(TEXT)
        again = gateway.send(replace(TEXT, message_id=8))
    assert (gateway.name, result.accepted, result.effect, result.problem) == (name, Accepted.YES, Effect.NONE, None)
    assert len(server.received) == 2 * carrier.has_server
    assert result.gateway_id is None or result.gateway_id != again.gateway_id
    assert result.delivered == (not carrier.has_server)
    assert gateway.sender
    assert gateway.capabilities.receives


@with_server
@pytest.mark.parametrize(
    ("answer", "accepted", "effect"),
    [
        pytest.param((503, {}, b""), Accepted.NO, Effect.RETRY, id="busy"),
        pytest.param((429, {}, b"slow down"), Accepted.NO, Effect.RETRY, id="too fast"),
        pytest.param((403, {}, b"{}"), Accepted.NO, Effect.STOP, id="wrong password"),
        pytest.param((400, {}, b"[]"), Accepted.NO, Effect.NONE, id="refused"),
        pytest.param((504, {}, b""), Accepted.UNKNOWN, Effect.NONE, id="a proxy gave up"),
        pytest.param(None, Accepted.UNKNOWN, Effect.NONE, id="no answer"),
        pytest.param((201, {}, b"not JSON"), Accepted.UNKNOWN, Effect.NONE, id="an answer that cannot be read"),
    ],
)
def test_a_text_is_tried_again_only_where_it_was_not_taken(
    name: str, answer: Answer, accepted: Accepted, effect: Effect
) -> None:
    with receiver(lambda _received: answer) as server:
        result = GATEWAYS[name].open(server.url).send(TEXT)
    assert (result.accepted, result.effect) == (accepted, effect)
    assert len(server.received) == 1, "the gateway itself never repeats"
    assert result.error_code
    assert result.problem
    assert PHONE not in result.problem + result.error_code


@with_server
def test_a_text_may_be_tried_again_when_no_connection_was_made(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = GATEWAYS[name].open(f"http://127.0.0.1:{port}/hook").send(TEXT)
    assert (result.accepted, result.effect) == (Accepted.NO, Effect.RETRY)


@with_server
@pytest.mark.parametrize("body", ["STOP", "", "  Arrêt 停止 🛑 100% + = ?\r\n", "а" * 1600])
def test_a_text_of_a_person_is_read_as_it_was_written(name: str, body: str) -> None:
    carrier = GATEWAYS[name]
    gateway = carrier.open("http://127.0.0.1:9/hook")
    text = gateway.read_inbound(carrier.inbound("id-1", body))
    assert (text.gateway_id, text.sender, text.recipient, text.body) == ("id-1", PHONE, OUR_NUMBER, body)
    assert gateway.read_inbound(carrier.inbound("id-1", body)) == text


@with_server
def test_a_report_names_our_text_and_says_what_happened(name: str) -> None:
    carrier = GATEWAYS[name]
    gateway = carrier.open("http://127.0.0.1:9/hook")
    for theirs, ours in carrier.states.items():
        report = gateway.read_report(carrier.report(theirs))
        if not ours:
            assert report is None, theirs
        else:
            assert report is not None
            assert (report.state, report.message_id) == (ReportState(ours), 7), theirs


@on_all
def test_a_request_that_is_not_from_the_carrier_is_refused(name: str) -> None:
    carrier = GATEWAYS[name]
    gateway = carrier.open("http://127.0.0.1:9/hook")
    true = carrier.inbound("id-1", "STOP"), carrier.report("delivered" if name == "twilio" else "1")
    for callback in true:
        forged = [
            replace(callback, headers={}, query=[pair for pair in callback.query if pair[0] != "secret"]),
            replace(callback, headers={"x-twilio-signature": "AAAA"}, query=[("secret", "guess"), *callback.query]),
            replace(callback, url=callback.url + "x", query=[("secret", "")]),
        ]
        for each in forged:
            with pytest.raises(BadCallback):
                gateway.read_inbound(each)
            with pytest.raises(BadCallback):
                gateway.read_report(each)


@with_server
def test_a_request_without_an_id_is_refused(name: str) -> None:
    carrier = GATEWAYS[name]
    with pytest.raises(BadCallback):
        carrier.open("http://127.0.0.1:9/hook").read_inbound(carrier.inbound("", "STOP"))


@with_server
def test_no_header_of_a_request_needs_to_be_in_one_case(name: str) -> None:
    carrier = GATEWAYS[name]
    came = carrier.inbound("id-1", "STOP")
    lowered: Callback = replace(came, headers={key.lower(): value for key, value in came.headers.items()})
    assert carrier.open("http://127.0.0.1:9/hook").read_inbound(lowered).body == "STOP"


@with_server
def test_many_texts_use_one_connection(name: str) -> None:
    def send_three(server: Receiver) -> None:
        gateway = GATEWAYS[name].open(server.url)
        for number in range(3):
            assert gateway.send(replace(TEXT, message_id=number)).accepted == Accepted.YES

    with receiver(GATEWAYS[name].accepts, keeps_connections=True) as server:
        send_three(server)
    assert server.connections == 1
