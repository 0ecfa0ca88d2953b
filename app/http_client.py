"""The one door for outgoing HTTP: time limits, a size limit, and no way into the network that this server stands in.

A name is resolved once, the addresses are checked, and the connection goes to an address that was checked: a name that
answers differently the second time (DNS rebinding) gains nothing. Redirects are handed back, never followed. Proxies
that the environment names are not used: they would resolve the name again, by their own lights.
"""

import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote, urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

URL_MAX = 2000
_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f\\]")
_HOST = re.compile(r"[a-z0-9._-]{1,253}")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# What is not the public internet, by RFC 6890 and the registries of IANA.
_REFUSED_V4 = [
    ipaddress.IPv4Network(each)
    for each in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
    )
]
# Of IPv6 only what is given out to networks counts, less what is documentation or carries other addresses.
_GIVEN_OUT_V6 = ipaddress.IPv6Network("2000::/3")
_REFUSED_V6 = [
    ipaddress.IPv6Network(each)
    for each in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]
_MAPPED, _NAT64 = ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96")


class Refused(Exception):
    """Nothing was sent: the address is no web address, or leads where this server must not go."""


class Failed(Exception):
    """No complete answer came; whether the request arrived cannot be told. The message is one short sentence."""


class Reach(Enum):
    """How far a request may go. ``ANYWHERE`` is for addresses that the operator gave, never for one from a page."""

    INTERNET = "internet"
    LOOPBACK_TOO = "loopback_too"
    ANYWHERE = "anywhere"


@dataclass(frozen=True)
class Target:
    """A web address, taken apart. ``path`` carries the query with it."""

    scheme: str
    host: str
    port: int
    path: str


@dataclass(frozen=True)
class Limits:
    """``total_s`` holds from the first packet to the last; ``answer_bytes`` is how much of a body is read."""

    connect_s: float = 5.0
    total_s: float = 15.0
    answer_bytes: int = 64_000


@dataclass(frozen=True)
class Answer:
    """What came back. ``body`` ends where the limit is, and is as it was sent: never unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool
    duration_ms: int


# (host, port) → addresses, as text: ``socket.getaddrinfo`` unless a test says otherwise
Resolver = Callable[[str, int], list[str]]


def read_url(url: str, reach: Reach = Reach.INTERNET) -> Target:
    """An address of http or https, without a sign-in in it; names are not resolved, addresses in figures are checked.

    :raises Refused: it cannot be requested, with a sentence that says why
    """
    if len(url) > URL_MAX:
        raise Refused(f"The address is longer than {URL_MAX} characters.")
    if _NOT_IN_A_URL.search(url):
        raise Refused("The address has a space or a control character in it.")
    try:
        parts = urlsplit(url)
        port, host = parts.port, _ascii_host(parts.hostname) if parts.hostname else ""
    except (ValueError, UnicodeError):
        raise Refused("That is no web address.") from None
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        raise Refused("Write a web address that begins with https://.")
    if parts.username is not None or parts.password is not None:
        raise Refused("The address must not have a sign-in in it.")
    if (literal := _as_address(host)) is not None:
        _check(literal, reach)
    elif _is_local_name(host) and reach == Reach.INTERNET:
        raise Refused("This name stands for the server itself.")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]")
    return Target(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path + (query and f"?{query}"))


def request(
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    reach: Reach = Reach.INTERNET,
    resolve: Resolver | None = None,
) -> Answer:
    """Ask once and hand back what came, whatever its status.

    :raises Refused: the address, or every address that its name stands for, is not one to go to
    :raises Failed: no complete answer within the limits
    """
    limits = limits or Limits()
    target = read_url(url, reach)
    started_s = time.monotonic()
    deadline = _Deadline(started_s + limits.total_s, limits)
    addresses = _resolved(target, _within(min(limits.connect_s, limits.total_s), resolve or _system_resolver), reach)
    connection = _connection(target, addresses, limits, deadline)
    try:
        connection.request(method, target.path, body=body, headers=headers, preload_content=False, decode_content=False)
        response = connection.getresponse()
        content, is_cut = _read(response, limits.answer_bytes)
    except _PROBLEMS as problem:
        raise Failed(deadline.sentence(problem)) from None
    finally:
        deadline.stop()
        connection.close()
    if deadline.is_over:  # closed half-way, which a body without a length cannot tell from its end
        raise Failed(deadline.sentence(None))
    duration_ms = round((time.monotonic() - started_s) * 1000)
    return Answer(response.status, dict(response.headers), content, is_cut, duration_ms)


_PROBLEMS = (OSError, HTTPError, http.client.HTTPException, ValueError)


class _Deadline:
    """Ends a request when its time is up, wherever it stands: a server that sends a byte now and then gets no more.

    A socket's own time limit begins anew with every byte, so the socket itself is shut down.
    """

    def __init__(self, at_s: float, limits: Limits) -> None:
        self._at_s = at_s
        self._limits = limits
        self._socket: socket.socket | None = None
        self._timer: threading.Timer | None = None
        self.is_over = False

    @property
    def left_s(self) -> float:
        return self._at_s - time.monotonic()

    def watch(self, connected: socket.socket) -> None:
        self._socket = connected
        self._timer = threading.Timer(max(0.0, self.left_s), self._end)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def sentence(self, problem: BaseException | None) -> str:
        """What went wrong, for people."""
        if self.is_over or self.left_s <= 0 or problem is None:
            return f"No answer within {self._limits.total_s:g} seconds."
        return _sentence(problem)

    def _end(self) -> None:
        self.is_over = True
        # The method of the plain socket: the one of a TLS socket would also take its state apart under the reader.
        with suppress(OSError):
            socket.socket.shutdown(cast(socket.socket, self._socket), socket.SHUT_RDWR)


class _ToAddress:
    """A connection that goes to addresses which were checked, and leaves the name to TLS and the Host header."""

    addresses: list[str]
    limits: Limits
    deadline: _Deadline
    port: int

    def _new_conn(self) -> socket.socket:
        problem: OSError = TimeoutError("no time left")
        for address in self.addresses:
            patience_s = min(self.limits.connect_s, self.deadline.left_s)
            if patience_s <= 0:
                break
            try:
                connected = socket.create_connection((address, self.port), timeout=patience_s)
            except OSError as failed:
                problem = failed
                continue
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.settimeout(max(0.01, self.deadline.left_s))
            self.deadline.watch(connected)
            return connected
        raise problem


class _Plain(_ToAddress, HTTPConnection):
    pass


class _Secure(_ToAddress, HTTPSConnection):
    pass


def _connection(target: Target, addresses: list[str], limits: Limits, deadline: _Deadline) -> HTTPConnection:
    made: _Plain | _Secure
    if target.scheme == "https":
        made = _Secure(target.host, target.port, timeout=limits.total_s, ssl_context=_trusted())
    else:
        made = _Plain(target.host, target.port, timeout=limits.total_s)
    made.addresses, made.limits, made.deadline = addresses, limits, deadline
    return made


@lru_cache
def _trusted() -> ssl.SSLContext:
    """What the system trusts (``SSL_CERT_FILE`` adds to it); read once, it takes longer than a request."""
    return ssl.create_default_context()


def _resolved(target: Target, resolve: Resolver, reach: Reach) -> list[str]:
    """The addresses that may be gone to, in the order of the resolver."""
    literal = _as_address(target.host)
    found = [str(literal)] if literal is not None else resolve(target.host, target.port)
    allowed: list[str] = []
    refusal: Refused | None = None
    for each in found:
        try:
            _check(ipaddress.ip_address(each), reach)
        except Refused as refused:
            refusal = refused
        except ValueError:
            refusal = Refused("The name stands for an address that cannot be used.")
        else:
            allowed.append(each)
    if not allowed:
        raise refusal or Failed("The name stands for no address.")
    return list(dict.fromkeys(allowed))


def _within(patience_s: float, resolve: Resolver) -> Resolver:
    """The resolver, given up when it takes longer: the system's waits for dead name servers for half a minute."""

    def patient(host: str, port: int) -> list[str]:
        found: Future[list[str]] = Future()

        def ask() -> None:
            try:
                found.set_result(resolve(host, port))
            except BaseException as problem:
                found.set_exception(problem)

        threading.Thread(target=ask, name="resolve", daemon=True).start()
        try:
            return found.result(patience_s)
        except TimeoutError:
            raise Failed(f"The name could not be resolved within {patience_s:g} seconds.") from None

    return patient


def _system_resolver(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Failed("The name cannot be resolved.") from None
    return [str(each[4][0]) for each in found]


def _check(address: _Address, reach: Reach) -> None:
    """:raises Refused: the address is not on the public internet"""
    if reach == Reach.ANYWHERE:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address in _MAPPED or (address in _NAT64 and not address.scope_id):
            return _check(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF), reach)
        is_refused = address not in _GIVEN_OUT_V6 or any(address in each for each in _REFUSED_V6)
    else:
        is_refused = any(address in each for each in _REFUSED_V4)
    if is_refused and not (reach == Reach.LOOPBACK_TOO and address.is_loopback):
        raise Refused("This address is private or reserved; nothing is sent to it.")
    return None


def _ascii_host(host: str) -> str:
    """:raises ValueError: no name of a host, and no address"""
    if ":" in host:
        return str(ipaddress.IPv6Address(host))
    name = host if host.isascii() else host.encode("idna").decode()
    if not _HOST.fullmatch(name):
        raise ValueError(name)
    return name


def _as_address(host: str) -> _Address | None:
    """The address that a host in figures is, also where it is written in the ways that only old C libraries read."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    if re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}", host):
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            raise Refused("That is no web address.") from None
    return None


def _is_local_name(host: str) -> bool:
    name = host.rstrip(".")
    return name == "localhost" or name.endswith(".localhost")


def _read(response: BaseHTTPResponse, most: int) -> tuple[bytes, bool]:
    """At most so many bytes of the body, and whether there were more."""
    content = b""
    for chunk in response.stream(16_384, decode_content=False):
        content += chunk
        if len(content) > most:
            return content[:most], True
    return content, False


def _sentence(problem: BaseException) -> str:
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"The certificate cannot be trusted: {problem.verify_message}."
    for kind, sentence in _SENTENCES:
        if isinstance(problem, kind):
            return sentence
    cause: Any = problem.__cause__ or problem.__context__
    return _sentence(cause) if cause is not None else "The connection broke before the answer was complete."


_SENTENCES: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLError, "No encrypted connection could be made."),
    (ConnectionRefusedError, "The connection was refused."),
    (TimeoutError, "The server could not be reached in time."),
    (http.client.RemoteDisconnected, "The connection was closed without an answer."),
    (ConnectionError, "The connection broke before the answer was complete."),
    (http.client.HTTPException, "The answer was not HTTP, or it broke off."),
    (OSError, "The server cannot be reached."),
)
