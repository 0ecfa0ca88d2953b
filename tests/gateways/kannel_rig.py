"""Kannel from Debian, with its fake carrier: real texts through a real gateway, all of it on this machine.

``running`` starts bearerbox and smsbox on free ports and stops them at the end. A test is the phone of everybody:
``Rig.text`` sends a text to our number, ``Rig.wait_for_texts`` waits for texts that Assent sent.
"""

import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote_to_bytes

from tests.processes import PATIENCE_S, free_port

OUR_NUMBER = "+15005550001"
USERNAME, PASSWORD, SECRET = "app", "sendsms-password", "a-secret-in-the-address"
PROGRAMS = ("/usr/sbin/bearerbox", "/usr/sbin/smsbox")

_CONFIG = """\
group = core
admin-port = {admin}
admin-interface = "127.0.0.1"
admin-password = admin-pw
status-password = status-pw
smsbox-port = {smsbox}
smsbox-interface = "127.0.0.1"
box-allow-ip = "127.0.0.1"
dlr-storage = internal
log-file = "{folder}/bearerbox.log"
log-level = 0

group = smsc
smsc = fake
smsc-id = FAKE
port = {smsc}
our-host = "127.0.0.1"
connect-allow-ip = "127.0.0.1"

group = smsbox
bearerbox-host = "127.0.0.1"
sendsms-port = {sendsms}
sendsms-interface = "127.0.0.1"
sendsms-chars = "0123456789+"
log-file = "{folder}/smsbox.log"
log-level = 0
http-request-retry = 50
http-queue-delay = 1
mo-recode = true

group = sendsms-user
username = {username}
password = {password}
user-allow-ip = "127.0.0.1"
max-messages = 10
concatenation = true

group = sms-service
name = inbound
keyword = default
catch-all = true
max-messages = 0
omit-empty = true
{service}
"""
# Numbers and texts are in no address, so in no log. docs/deploy/gateways.md has this one.
POST_SERVICE = 'post-url = "{public_url}/hooks/kannel/inbound?secret={secret}&id=%I"\nsend-sender = true'
GET_SERVICE = 'get-url = "{public_url}/hooks/kannel/inbound?secret={secret}&id=%I&from=%p&to=%P&text=%b&charset=%C"'


@dataclass(frozen=True)
class SentText:
    """A text that arrived at the phone ``to``. A long one arrives in parts, each with a header (``kind`` udh)."""

    sender: str
    to: str
    kind: str
    body: str

    @property
    def text(self) -> str:
        """What the person reads. The fake carrier writes other than GSM characters as code units of UTF-16."""
        data = unquote_to_bytes(self.body.replace("+", " "))
        return data.decode("utf-16-be") if self.kind == "ucs-2" else self.body


@dataclass
class Rig:
    """``sendsms_url`` is what Assent sends to."""

    sendsms_url: str
    carrier: socket.socket
    texts: list[SentText] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def text(self, phone: str, body: str) -> None:
        """A person texts our number."""
        self.carrier.sendall(f"{phone} {OUR_NUMBER} text {body}\n".encode())

    def wait_for_texts(self, count: int, containing: str = "") -> list[SentText]:
        """All texts that arrived, once there are as many and the newest contain this."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: len(self.texts) >= count and all(containing in each.text for each in self.texts[count - 1 :]),
                PATIENCE_S,
            ), self.texts
            return list(self.texts)

    def listen(self) -> None:
        """Note each text that the carrier gets, until the connection ends."""
        with suppress(OSError), self.carrier.makefile("rb") as lines:
            for line in lines:
                text = line.decode("utf-8", "replace").removesuffix("\n")
                with self._changed:
                    if text.startswith(f"{OUR_NUMBER} +"):
                        self.texts.append(SentText(*text.split(" ", 3)))
                    else:  # the carrier writes the lines of a text as they are
                        self.texts[-1] = replace(self.texts[-1], body=f"{self.texts[-1].body}\n{text}")
                    self._changed.notify_all()


@contextmanager
def running(folder: Path, public_url: str, service: str = POST_SERVICE) -> Iterator[Rig]:
    """Kannel that calls the hooks at ``public_url``.

    :param folder: for its configuration and logs
    """
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        raise AssertionError(f"Kannel is missing ({', '.join(missing)}). As root: make kannel")
    ports = dict(zip(("admin", "smsbox", "smsc", "sendsms"), _free_ports(4), strict=True))
    inbound = service.format(public_url=public_url, secret=SECRET)
    config = folder / "kannel.conf"
    config.write_text(_CONFIG.format(folder=folder, username=USERNAME, password=PASSWORD, service=inbound, **ports))
    status = f"http://127.0.0.1:{ports['admin']}/status.txt?password=status-pw"
    with ExitStack() as stack:
        stack.enter_context(_program(PROGRAMS[0], config))
        _wait_until(lambda: "running" in _page(status))
        stack.enter_context(_program(PROGRAMS[1], config))
        _wait_until(lambda: "smsbox:" in _page(status))
        carrier = stack.enter_context(socket.create_connection(("127.0.0.1", ports["smsc"])))
        rig = Rig(f"http://127.0.0.1:{ports['sendsms']}/cgi-bin/sendsms", carrier)
        listening = threading.Thread(target=rig.listen, daemon=True)
        listening.start()
        stack.callback(listening.join)
        stack.callback(carrier.shutdown, socket.SHUT_RDWR)
        _wait_until(lambda: "online" in _page(status))
        yield rig


@contextmanager
def _program(program: str, config: Path) -> Iterator[None]:
    process = subprocess.Popen([program, "-v", "4", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "Kannel did not start in time"
        time.sleep(0.05)


def _page(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=2) as page:
            return str(page.read().decode())
    except (urllib.error.URLError, OSError):
        return ""


def _free_ports(count: int) -> set[int]:
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return ports
