"""Pictures of pages, taken by a Chromium that is installed on this machine. No package is needed for that.

Chromium is driven by the DevTools protocol over two pipes, so that one process takes all pictures, each as high as its
page. The pages run no script.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
WIDTHS = (320, 800)
_FLAGS = ("--headless", "--remote-debugging-pipe", "--disable-gpu", "--hide-scrollbars", "--no-first-run")
_TIMEOUT_S, _ENDS_WITHIN_S = 30.0, 5.0
_SCALE = 2
# Where Chromium reads commands and writes answers.
_COMMANDS_FD, _ANSWERS_FD, _ABOVE_FD = 3, 4, 10


class ChromiumFailed(OSError):
    """Chromium did not start, or gave no answer."""


def find_chromium() -> str | None:
    """The Chromium or Chrome of this machine; null: there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def take(chromium: str, pages: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Pictures of pages, in light colors: name, width and ``.png``, with the bytes of the file.

    :param pages: HTML that needs no other file, by name
    :raises ChromiumFailed: it does not start, or gives no answer within half a minute
    """
    # processes of Chromium may still write into its profile while they end
    place = tempfile.TemporaryDirectory(prefix="assent-pictures-", ignore_cleanup_errors=True)
    with place as folder, _running(chromium, folder) as browser:
        page = browser.open_page()
        for name, html in pages.items():
            file = Path(folder) / "page.html"
            file.write_text(html, encoding="utf-8")
            for width in WIDTHS:
                yield f"{name}-{width}px.png", page.picture(file.as_uri(), width)


@dataclass
class _Browser:
    """One running Chromium. ``command`` sends a command and returns its result."""

    commands_fd: int
    answers_fd: int
    session: str = ""
    _last_id: int = 0
    _unread: bytes = b""
    _events: list[str] = field(default_factory=list)

    def open_page(self) -> "_Browser":
        """Open an empty page, to which all further commands go."""
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.command("Page.enable")
        self.command("Emulation.setScriptExecutionDisabled", value=True)
        light = {"name": "prefers-color-scheme", "value": "light"}
        self.command("Emulation.setEmulatedMedia", features=[light])
        return self

    def picture(self, url: str, width: int) -> bytes:
        self._resize(width, 1)  # a page is at least as high as its window
        self._events.clear()
        self.command("Page.navigate", url=url)
        while "Page.loadEventFired" not in self._events:
            self._read_one(time.monotonic() + _TIMEOUT_S)
        height = int(self.command("Page.getLayoutMetrics")["cssContentSize"]["height"])
        self._resize(width, height)
        return base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"])

    def command(self, method: str, **parameters: object) -> dict[str, Any]:
        self._last_id += 1
        sent: dict[str, object] = {"id": self._last_id, "method": method, "params": parameters}
        if self.session:
            sent["sessionId"] = self.session
        try:
            os.write(self.commands_fd, json.dumps(sent).encode() + b"\0")
        except BrokenPipeError as error:
            raise ChromiumFailed("Chromium ended.") from error
        deadline_s = time.monotonic() + _TIMEOUT_S
        while True:
            answer = self._read_one(deadline_s)
            if answer.get("id") != self._last_id:
                continue
            if "result" not in answer:
                raise ChromiumFailed(f"Chromium refused {method}.")
            return dict(answer["result"])

    def close(self) -> None:
        self.session = ""
        self.command("Browser.close")

    def _resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": _SCALE, "mobile": False}
        self.command("Emulation.setDeviceMetricsOverride", **size)

    def _read_one(self, deadline_s: float) -> dict[str, Any]:
        """The next answer or event."""
        while b"\0" not in self._unread:
            readable, _, _ = select.select([self.answers_fd], [], [], max(deadline_s - time.monotonic(), 0))
            read = os.read(self.answers_fd, 1 << 20) if readable else b""
            if not read:
                raise ChromiumFailed("Chromium does not answer.")
            self._unread += read
        first, _, self._unread = self._unread.partition(b"\0")
        answer: dict[str, Any] = json.loads(first)
        if "method" in answer:
            self._events.append(answer["method"])
        return answer


@contextmanager
def _running(chromium: str, folder: str) -> Iterator[_Browser]:
    """A Chromium with a profile in the folder, ended at the end of the block."""
    pipes = [*os.pipe(), *os.pipe()]
    theirs = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE_FD) for fd in (pipes[0], pipes[3])]
    arguments = [chromium, *_FLAGS, f"--user-data-dir={folder}/profile"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # as root it has none; the pages are our own, without scripts

    def give_pipes() -> None:
        os.dup2(theirs[0], _COMMANDS_FD)
        os.dup2(theirs[1], _ANSWERS_FD)

    try:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,  # all descriptors but these two close by themselves
            preexec_fn=give_pipes,
        )
        try:
            for fd in (pipes.pop(3), pipes.pop(0), *theirs):
                os.close(fd)
            theirs = []
            answers_fd, commands_fd = pipes[1], pipes[0]
            browser = _Browser(commands_fd, answers_fd)
            yield browser
            browser.close()
            process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            pass  # it is killed
        finally:
            process.kill()
            process.wait()
    finally:
        for fd in (*pipes, *theirs):
            os.close(fd)
