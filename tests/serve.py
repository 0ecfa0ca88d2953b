"""The product as people run it: ``assent web`` as a process, and pages of a second origin."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from app.config import Settings
from tests.conftest import SECRET_KEY

ASSENT = str(Path(sys.executable).with_name("assent"))


@contextmanager
def web_process(settings: Settings, workers: int = 1) -> Iterator[str]:
    """``assent web`` on a free port; its address."""
    port = free_port()
    environ = os.environ | {
        "ASSENT_INSTANCE": str(settings.instance),
        "ASSENT_DATABASE_URL": settings.database_url,
        "ASSENT_SECRET_KEY": SECRET_KEY,
    }
    command = [ASSENT, "web", "--port", str(port), "--workers", str(workers)]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(address)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


@contextmanager
def other_site(pages: dict[str, str], headers: dict[str, str] | None = None) -> Iterator[str]:
    """A site of somebody else, on an origin of its own. ``pages`` may be filled while it runs."""

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

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(address: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{address}/readyz", timeout=5).read()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server did not start")
