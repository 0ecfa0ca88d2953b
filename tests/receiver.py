"""Somebody else's server that receives webhooks: it notes what arrives, and answers as a test says."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def topic(self) -> str:
        return str(self.body["topic"])

    @property
    def item(self) -> Any:
        return self.body["data"]["item"]


# Status, headers and body of an answer; null closes the connection without one.
Answer = tuple[int, dict[str, str], bytes] | None
OK: Answer = (200, {}, b"thanks")


@dataclass
class Receiver:
    """``answer`` is asked for each request, in the thread that it runs in, and may take its time."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answer: Callable[[Received], Answer] = lambda _received: OK
    connections: int = 0

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.received]

    @property
    def topics(self) -> list[str]:
        return [each.topic for each in self.received]


@contextmanager
def receiver(
    answer: Callable[[Received], Answer] = lambda _received: OK, *, keeps_connections: bool = False
) -> Iterator[Receiver]:
    """A receiver on a free port of this machine."""
    made = Receiver(answer=answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if keeps_connections else "HTTP/1.0"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            made.connections += 1
            super().setup()

        def do_POST(self) -> None:
            size_bytes = int(self.headers["Content-Length"])
            raw = self.rfile.read(size_bytes)
            if len(raw) < size_bytes:  # its sender was killed in the middle: nothing has come
                self.close_connection = True
                return
            came = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, raw)
            made.received.append(came)
            said = made.answer(came)
            if said is None:
                self.close_connection = True
                return
            status, headers, body = said
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_arguments: object) -> None:
            """A sender that was killed does not concern us."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
