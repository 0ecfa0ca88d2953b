"""The product as people run it: a web server in processes of its own, and pages of a second origin."""

import multiprocessing
import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from app import config
from app.config import Settings
from app.web import server
from tests.installations import SECRET_KEY
from tests.processes import descendants, free_port

HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "host"}


@contextmanager
def web_process(settings: Settings, workers: int = 1, port: int | None = None) -> Iterator[str]:
    """The web server as a process of its own, on a free port; its address."""
    server = WebServer(settings, workers, port)
    server.start()
    try:
        yield server.address
    finally:
        server.stop()


class WebServer:
    """The web server as ``assent web`` runs it, forked from a process that has loaded the program: that takes half a
    second, where starting the command takes several. It can be killed and started again on its port.
    """

    def __init__(self, settings: Settings, workers: int = 1, port: int | None = None) -> None:
        self.port = port or free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._environ = {
            "ASSENT_INSTANCE": str(settings.instance),
            "ASSENT_DATABASE_URL": settings.database_url,
            "ASSENT_SECRET_KEY": SECRET_KEY,
        }
        self._workers = workers
        self._process: Any = None

    def start(self) -> None:
        self._process = _forking().Process(target=_serve, args=(self._environ, self.port, self._workers))
        self._process.start()
        _wait_until_ready(self.address)

    def stop(self) -> None:
        self._process.terminate()
        self._process.join(20)
        assert self._process.exitcode is not None, "the server did not stop"

    def kill(self) -> None:
        """End it and its web processes at once, as a power cut would."""
        for pid in [self._process.pid, *descendants(self._process.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.join(20)
        _wait_until_free(self.port)


@lru_cache
def _forking() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.preload"])
    return context


def _serve(environ: dict[str, str], port: int, workers: int) -> None:
    os.environ.update(environ)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    multiprocessing.set_start_method("fork", force=True)  # its web processes are loaded already, too
    server.run(config.load(), "127.0.0.1", port, workers=workers)


@contextmanager
def other_site(pages: dict[str, str], headers: dict[str, str] | None = None, host: str = "127.0.0.1") -> Iterator[str]:
    """A site of somebody else, on an origin of its own. ``pages`` may be filled while it runs.

    Only at another ``host`` (``localhost``) is it another site, too, by which browsers tell third parties.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = ({"/favicon.ico": ""} | pages).get(self.path.partition("?")[0])
            self.send_response(200 if page is not None else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, *_arguments: object) -> None:
            pass

    with _standing(Handler) as port:
        yield f"http://{host}:{port}"


@contextmanager
def slow_front(address: str, delay_s: float, prompt: str = "") -> Iterator[str]:
    """Another address of the same server, behind which everything but the path ``prompt`` takes ``delay_s`` longer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.partition("?")[0] != prompt:
                time.sleep(delay_s)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            asked = urllib.request.Request(f"{address}{self.path}", headers=headers)
            try:
                answer = urllib.request.urlopen(asked)
            except urllib.error.HTTPError as refused:
                answer = refused
            except OSError:  # the test is over
                return
            with answer, suppress(ConnectionError):
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    if name.lower() not in HOP_BY_HOP:
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.read())

        def log_message(self, *_arguments: object) -> None:
            pass

    with _standing(Handler) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _standing(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """A small server in a thread; its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _wait_until_free(port: int) -> None:
    """Whoever was killed is not gone at once, and a server refuses an address that somebody listens on."""
    for _ in range(1200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                time.sleep(0.025)
            else:
                return
    raise AssertionError("the killed server still listens")


def _wait_until_ready(address: str) -> None:
    for _ in range(1200):
        try:
            urllib.request.urlopen(f"{address}/readyz", timeout=5).read()
        except OSError:
            time.sleep(0.025)
        else:
            return
    raise AssertionError("the server did not start")
