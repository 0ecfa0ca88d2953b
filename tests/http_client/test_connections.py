"""Connections that stay open: used again while they are fresh, and never for a second try."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from app.http_client import Connections, Failed, Limits, Reach, Refused
from tests.processes import PATIENCE_S
from tests.receiver import Received, receiver

QUICK = Limits(connect_s=1, total_s=1)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_requests_one_after_the_other_use_one_connection_and_parallel_ones_several() -> None:
    together = threading.Barrier(3, timeout=PATIENCE_S)

    def answer(received: Received) -> tuple[int, dict[str, str], bytes]:
        if received.raw == b"together":
            together.wait()
        return 200, {}, received.raw

    with receiver(answer, keeps_connections=True) as server:
        connections = Connections(Reach.LOOPBACK_TOO)
        for number in range(5):
            assert connections.request("POST", server.url, body=str(number).encode()).body == str(number).encode()
        assert server.connections == 1
        threads = [
            threading.Thread(target=connections.request, args=("POST", server.url), kwargs={"body": b"together"})
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.connections == 3
        connections.close()
        connections.request("POST", server.url, body=b"new")
        assert server.connections == 4
        connections.close()


def test_a_connection_that_rested_too_long_or_was_closed_by_the_server_is_not_used() -> None:
    with receiver(keeps_connections=True) as server:
        impatient = Connections(Reach.LOOPBACK_TOO, idle_s=0.05)
        impatient.request("POST", server.url, body=b"")
        time.sleep(0.1)
        impatient.request("POST", server.url, body=b"")
        assert server.connections == 2
        impatient.close()
    closing = Connections(Reach.LOOPBACK_TOO)
    with one_answer_each(lambda peer: peer.sendall(OK)) as (url, accepted):
        for _ in range(3):
            assert closing.request("POST", url, body=b"").body == b"ok"
            wait_for(lambda: closing._idle == {} or not next(iter(closing._idle.values()))[0].connection.is_connected)
    assert len(accepted) == 3


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda _peer: None, id="closed without an answer"),
        pytest.param(lambda peer: peer.recv(1), id="no answer in time"),
        pytest.param(lambda peer: peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), id="half"),
    ],
)
def test_a_request_that_may_have_arrived_is_never_repeated(answer: Callable[[socket.socket], object]) -> None:
    connections = Connections(Reach.LOOPBACK_TOO, QUICK)
    with one_answer_each(answer) as (url, accepted):
        started_s = time.monotonic()
        with pytest.raises(Failed) as failed:
            connections.request("POST", url, body=b"")
        assert failed.value.may_have_arrived
        assert time.monotonic() - started_s < PATIENCE_S
        wait_for(lambda: len(accepted) > 0)
        assert len(accepted) == 1


def test_a_request_without_a_connection_cannot_have_arrived() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    connections = Connections(Reach.LOOPBACK_TOO, QUICK)
    with pytest.raises(Failed) as failed:
        connections.request("POST", f"http://127.0.0.1:{port}/", body=b"")
    assert not failed.value.may_have_arrived
    with one_answer_each(lambda peer: peer.sendall(b"hello")) as (url, _), pytest.raises(Failed) as no_tls:
        connections.request("POST", url.replace("http:", "https:"), body=b"")
    assert not no_tls.value.may_have_arrived


def test_every_new_connection_is_checked() -> None:
    with receiver(keeps_connections=True) as server:
        addresses = iter([["127.0.0.1"], ["10.0.0.1"]])
        connections = Connections(Reach.LOOPBACK_TOO, resolve=lambda *_: next(addresses))
        url = server.url.replace("127.0.0.1", "hooks.example.com")
        for _ in range(2):  # the second one needs no address
            connections.request("POST", url, body=b"")
        connections.close()
        with pytest.raises(Refused):
            connections.request("POST", url, body=b"")
    with pytest.raises(Refused):
        Connections(Reach.INTERNET).request("POST", server.url, body=b"")


def test_the_deadline_of_one_request_does_not_end_the_next_one_on_the_connection() -> None:
    def answer(_received: Received) -> tuple[int, dict[str, str], bytes]:
        time.sleep(0.8)
        return 200, {}, b"slow"

    with receiver(answer, keeps_connections=True) as server:
        connections = Connections(Reach.LOOPBACK_TOO, Limits(total_s=2))
        for _ in range(3):  # 2.4 seconds in all: the first deadline passes during the last request
            assert connections.request("POST", server.url, body=b"").body == b"slow"
        assert server.connections == 1
        connections.close()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


@contextmanager
def one_answer_each(answer: Callable[[socket.socket], object]) -> Iterator[tuple[str, list[int]]]:
    """A server that answers one request on each connection and closes it; its address, and the connections it had."""
    listening, accepted = socket.create_server(("127.0.0.1", 0)), list[int]()
    listening.settimeout(0.05)
    stopping = threading.Event()

    def serve() -> None:
        while not stopping.is_set():
            try:
                peer, _ = listening.accept()
            except TimeoutError:
                continue
            accepted.append(peer.fileno())
            with peer:
                peer.recv(65_536)
                answer(peer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/", accepted
    finally:
        stopping.set()
        thread.join()
        listening.close()
