"""Servers for tests: the product in this process or as people run it, and pages of a second origin."""

import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wsgi import LimitedStream

from app.config import Settings
from tests import launcher
from tests.processes import ASSENT, PATIENCE_S, descendants, environment_of, free_port

HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "host"}


@contextmanager
def in_this_process(app: Flask) -> Iterator[str]:
    """Serve an application that is made already, in threads, on a free port; its address.

    Templates and statements are compiled already, which a new process has to do for each test. Afterwards nothing works
    on the database any more, whatever connections are open.
    """
    requests = _Requests(app)
    server = make_server("127.0.0.1", 0, requests, threaded=True, request_handler=_Handler)
    server.daemon_threads = True  # those of open connections wait for a request that does not come
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    app.testing = False  # an error is answered with its page
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        requests.end()
        server.server_close()
        thread.join()
        app.testing = True


class _Requests:
    """The application, and how many requests it is answering; at the end none may begin."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._here = threading.local()
        self._changed = threading.Condition()
        self._working = 0
        self._is_ended = False

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self._here.response = self._app(environ, start_response)
        return (part for part in self._here.response)  # without close(), which is called below, once

    def begin(self) -> bool:
        self._here.response = ()
        with self._changed:
            self._working += not self._is_ended
            return not self._is_ended

    def done(self) -> None:
        """Close the response, which Werkzeug does not where the browser broke the connection off."""
        try:
            if hasattr(self._here.response, "close"):
                self._here.response.close()
        finally:
            with self._changed:
                self._working -= 1
                self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self._is_ended = True
            assert self._changed.wait_for(lambda: self._working == 0, PATIENCE_S), "a request does not end"


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def make_environ(self) -> Any:
        """The product relies on a server whose request bodies end by themselves."""
        environ = super().make_environ()
        environ["wsgi.input"] = LimitedStream(environ["wsgi.input"], int(environ.get("CONTENT_LENGTH") or 0))
        return environ

    def run_wsgi(self) -> None:
        requests: _Requests = self.server.app  # type: ignore[attr-defined]
        if not requests.begin():
            self.close_connection = True
            return
        try:
            super().run_wsgi()
        finally:
            requests.done()

    def log(self, *_arguments: Any) -> None:
        pass


@contextmanager
def web_process(settings: Settings, workers: int = 1, port: int | None = None) -> Iterator[str]:
    """The web server as its own process, on a free port; its address."""
    server = WebServer(settings, workers, port)
    server.start()
    try:
        yield server.address
    finally:
        server.stop()


class WebServer:
    """The web server as ``assent web`` runs it. It can be killed and started again on its port."""

    def __init__(self, settings: Settings, workers: int = 1, port: int | None = None) -> None:
        self.port = port or free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._env = {**environment_of(settings), "ASSENT_METRICS_TOKEN": settings.metrics_token}
        self._workers = workers
        self._process: Any = None

    def start(self) -> None:
        arguments = ("web", "--port", str(self.port), "--workers", str(self._workers))
        with Path(os.devnull).open("r+b") as nowhere:
            self._process = launcher.start(ASSENT, *arguments, env=self._env, files=(nowhere, nowhere, nowhere))
        _wait_until_ready(self.address)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_S)

    def kill(self) -> None:
        """End it and its web processes at once, as a power cut would."""
        for pid in [self._process.pid, *descendants(self._process.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(PATIENCE_S)
        _wait_until_free(self.port)


@contextmanager
def other_site(pages: dict[str, str], headers: dict[str, str] | None = None, host: str = "127.0.0.1") -> Iterator[str]:
    """Another site, on its own origin. ``pages`` may be filled while it runs.

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

    with served(Handler) as port:
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

    with served(Handler) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
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
