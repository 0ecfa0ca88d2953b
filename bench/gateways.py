"""How many texts a second each gateway hands over, to a carrier that answers within 5 ms, in another process.

``python -m bench.gateways`` compares a new connection for each text with connections that stay open.
"""

import json
import multiprocessing
import resource
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

from app import http_client as http
from app.gateways.base import Accepted, Gateway, Outgoing
from app.gateways.kannel import Kannel
from app.gateways.twilio import Account, Twilio

TEXTS, THREADS, ANSWER_S = 3000, 16, 0.005
_CREATED = json.dumps({"sid": "SM" + "0" * 32, "status": "queued"}).encode()
_ANSWERS = {b"kannel": (202, b"0: Accepted for delivery"), b"twilio": (201, _CREATED)}


def main() -> None:
    ours, theirs = multiprocessing.Pipe()
    carrier = multiprocessing.Process(target=_carrier, args=(theirs,), daemon=True)
    carrier.start()
    url = f"http://127.0.0.1:{ours.recv()}"
    kannel = Kannel(f"{url}/kannel", ("app", "password"), "+15005550001", "secret")
    twilio = Twilio(Account("AC" + "0" * 32, "token", api_url=f"{url}"), "+15005550001")
    print(f"{TEXTS} texts, {THREADS} threads, the carrier answers within {ANSWER_S * 1000:g} ms")
    _measure("a new connection each", lambda number: _new_connection(url, number))
    _measure("connections kept open", _kept(url))
    _measure("Kannel", lambda number: _send(kannel, number))
    _measure("Twilio's client", lambda number: _send(twilio, number))
    carrier.terminate()


def _measure(name: str, send: Callable[[int], None]) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(send, range(THREADS)))
        started_s, cpu_s = time.perf_counter(), time.process_time()
        list(threads.map(send, range(TEXTS)))
        took_s, cpu_s = time.perf_counter() - started_s, time.process_time() - cpu_s
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:24} {TEXTS / took_s:7.0f} texts/s {cpu_s / TEXTS * 1e6:7.0f} µs CPU each {memory_mb:6.0f} MB")


def _new_connection(url: str, number: int) -> None:
    http.request("POST", f"{url}/kannel", body=b"text %d" % number, reach=http.Reach.ANYWHERE)


def _kept(url: str) -> Callable[[int], None]:
    connections = http.Connections(http.Reach.ANYWHERE)
    return lambda number: _ignore(connections.request("POST", f"{url}/kannel", body=b"text %d" % number))


def _ignore(_response: http.Response) -> None:
    """The status does not matter here."""


def _send(gateway: Gateway, number: int) -> None:
    text = Outgoing(number, "+14155552671", "Acme: news for you", "gsm7", "https://consent.example.com/hooks")
    result = gateway.send(text)
    assert result.accepted == Accepted.YES, result


def _carrier(pipe: Connection) -> None:
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    pipe.send(listening.getsockname()[1])
    while True:
        peer, _ = listening.accept()
        threading.Thread(target=_serve, args=(peer,), daemon=True).start()


def _serve(peer: socket.socket) -> None:
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with peer, peer.makefile("rb") as requests:
        while line := requests.readline():
            status, body = _ANSWERS[b"kannel" if b"/kannel" in line else b"twilio"]
            length = 0
            while (header := requests.readline().lower()) not in {b"\r\n", b""}:
                if header.startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
            requests.read(length)
            time.sleep(ANSWER_S)
            peer.sendall(b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))


if __name__ == "__main__":
    main()
