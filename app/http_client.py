"""Outgoing HTTP with limits of time and size. Only this module makes requests, and never to the internal network.

A name is resolved once, its addresses are checked, and the connection goes to a checked address, so that DNS rebinding
has no effect. Redirects are returned, never followed. Proxies of the environment are not used, because they would
resolve the name again.
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

import idna
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

URL_MAX = 2000
_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f\\]")
_LABEL_MAX = 63
_HOST = re.compile(r"[a-z0-9._-]{1,253}")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Addresses that are not on the public internet, by RFC 6890 and the registries of IANA.
_REFUSED_V4 = [
    ipaddress.IPv4Network(each)
    for each in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
    )
]
# Only this part of IPv6 is assigned to networks; of it, addresses for documentation and tunnels are refused.
_ASSIGNED_V6 = ipaddress.IPv6Network("2000::/3")
_REFUSED_V6 = [
    ipaddress.IPv6Network(each)
    for each in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]
_MAPPED, _NAT64 = ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96")


class Refused(Exception):
    """Nothing was sent: the URL is invalid, or its address is not allowed.

    :param sentence: for people, a constant, so that the catalogs have it, with ``%(name)s`` for each of ``values``
    """

    def __init__(self, sentence: str, **values: int) -> None:
        super().__init__(sentence % values if values else sentence)
        self.sentence = sentence
        self.values = values


class Failed(Exception):
    """No complete response came; the request may have arrived or not. The message is one short sentence for people."""


class Reach(Enum):
    """Which addresses a request may reach. ``ANYWHERE`` is only for URLs from the operator, never from a page."""

    INTERNET = "internet"
    LOOPBACK_TOO = "loopback_too"
    ANYWHERE = "anywhere"


@dataclass(frozen=True)
class Target:
    """A parsed URL. ``path`` includes the query."""

    scheme: str
    host: str
    port: int
    path: str


@dataclass(frozen=True)
class Limits:
    """``total_s`` limits the whole request; ``body_bytes`` is how much of the response body is read."""

    connect_s: float = 5.0
    total_s: float = 15.0
    body_bytes: int = 64_000


@dataclass(frozen=True)
class Response:
    """The response. ``body`` is cut at the limit, which ``is_cut`` reports, and never decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool
    duration_ms: int


# (host, port) → addresses as text: ``socket.getaddrinfo``, or a fake in tests
Resolver = Callable[[str, int], list[str]]


def read_url(url: str, reach: Reach = Reach.INTERNET) -> Target:
    """Parse a URL of http or https without credentials. Names are not resolved; a numeric address is checked.

    :raises Refused: it must not be requested
    """
    if len(url) > URL_MAX:
        raise Refused("The address is longer than %(most)s characters.", most=URL_MAX)
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
        raise Refused("This host name is the server itself.")
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
) -> Response:
    """Send one request and return the response, whatever its status.

    :raises Refused: the URL is invalid, or none of its addresses is allowed
    :raises Failed: no complete response within the limits
    """
    limits = limits or Limits()
    target = read_url(url, reach)
    started_s = time.monotonic()
    deadline = _Deadline(started_s + limits.total_s, limits)
    resolve = _with_timeout(min(limits.connect_s, limits.total_s), resolve or _system_resolver)
    addresses = _allowed_addresses(target, resolve, reach)
    connection = _connection(target, addresses, limits, deadline)
    try:
        connection.request(method, target.path, body=body, headers=headers, preload_content=False, decode_content=False)
        response = connection.getresponse()
        content, is_cut = _read(response, limits.body_bytes)
    except _PROBLEMS as problem:
        raise Failed(deadline.sentence(problem)) from None
    finally:
        deadline.stop()
        connection.close()
    if deadline.is_over:  # the deadline closed the connection, which looks like the end of a body without a length
        raise Failed(deadline.sentence(None))
    duration_ms = round((time.monotonic() - started_s) * 1000)
    return Response(response.status, dict(response.headers), content, is_cut, duration_ms)


_PROBLEMS = (OSError, HTTPError, http.client.HTTPException, ValueError)


class _Deadline:
    """Ends a request when its time is over, also when the server still sends single bytes.

    The timeout of a socket starts again with every byte, so this shuts the socket down.
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
        """The sentence for an error, for people."""
        if self.is_over or self.left_s <= 0 or problem is None:
            return f"No answer within {self._limits.total_s:g} seconds."
        return _sentence(problem)

    def _end(self) -> None:
        self.is_over = True
        # The method of the plain socket, because the one of a TLS socket would also clear state that the reader uses.
        with suppress(OSError):
            socket.socket.shutdown(cast(socket.socket, self._socket), socket.SHUT_RDWR)


class _CheckedAddresses:
    """A connection to checked addresses. Only TLS and the Host header use the name."""

    addresses: list[str]
    limits: Limits
    deadline: _Deadline
    port: int

    def _new_conn(self) -> socket.socket:
        problem: OSError = TimeoutError("no time left")
        for address in self.addresses:
            timeout_s = min(self.limits.connect_s, self.deadline.left_s)
            if timeout_s <= 0:
                break
            try:
                connected = socket.create_connection((address, self.port), timeout=timeout_s)
            except OSError as failed:
                problem = failed
                continue
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.settimeout(max(0.01, self.deadline.left_s))
            self.deadline.watch(connected)
            return connected
        raise problem


class _Http(_CheckedAddresses, HTTPConnection):
    pass


class _Https(_CheckedAddresses, HTTPSConnection):
    pass


def _connection(target: Target, addresses: list[str], limits: Limits, deadline: _Deadline) -> HTTPConnection:
    connection: _Http | _Https
    if target.scheme == "https":
        connection = _Https(target.host, target.port, timeout=limits.total_s, ssl_context=_ssl_context())
    else:
        connection = _Http(target.host, target.port, timeout=limits.total_s)
    connection.addresses, connection.limits, connection.deadline = addresses, limits, deadline
    return connection


@lru_cache
def _ssl_context() -> ssl.SSLContext:
    """Trusts the certificates of the system and of ``SSL_CERT_FILE``. Loading them takes longer than a request."""
    return ssl.create_default_context()


def _allowed_addresses(target: Target, resolve: Resolver, reach: Reach) -> list[str]:
    """The addresses of the target that may be reached, in the order of the resolver.

    :raises Refused: none is allowed
    :raises Failed: the name has no address
    """
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
            refusal = Refused("The host name resolves to an address that cannot be used.")
        else:
            allowed.append(each)
    if not allowed:
        raise refusal or Failed("The host name resolves to no address.")
    return list(dict.fromkeys(allowed))


def _with_timeout(timeout_s: float, resolve: Resolver) -> Resolver:
    """The resolver with a timeout, because the system waits for a dead name server for half a minute."""

    def resolve_in_time(host: str, port: int) -> list[str]:
        found: Future[list[str]] = Future()

        def resolve_now() -> None:
            try:
                found.set_result(resolve(host, port))
            except BaseException as problem:
                found.set_exception(problem)

        threading.Thread(target=resolve_now, name="resolve", daemon=True).start()
        try:
            return found.result(timeout_s)
        except TimeoutError:
            raise Failed(f"The name could not be resolved within {timeout_s:g} seconds.") from None

    return resolve_in_time


def ascii_name(host: str) -> str:
    """A host name as browsers send it: lower case, other than ASCII labels in Punycode. Any symbol may be in it.

    :raises ValueError: it has a character that no host name may have, or an empty or too long label
    Source: UTS 46, non-transitional processing, as the URL standard uses it
    """
    mapped = host.lower() if host.isascii() else idna.uts46_remap(host, std3_rules=False, transitional=False)
    labels = [each if each.isascii() else f"xn--{each.encode('punycode').decode()}" for each in mapped.split(".")]
    if any(not each for each in labels[:-1]) or any(len(each) > _LABEL_MAX for each in labels):
        raise ValueError(host)
    return ".".join(labels)


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
        is_refused = address not in _ASSIGNED_V6 or any(address in each for each in _REFUSED_V6)
    else:
        is_refused = any(address in each for each in _REFUSED_V4)
    if is_refused and not (reach == Reach.LOOPBACK_TOO and address.is_loopback):
        raise Refused("This address is private or reserved; nothing is sent to it.")
    return None


def _ascii_host(host: str) -> str:
    """:raises ValueError: the host is neither a name nor an address"""
    if ":" in host:
        return str(ipaddress.IPv6Address(host))
    name = ascii_name(host)
    if not _HOST.fullmatch(name):
        raise ValueError(name)
    return name


def _as_address(host: str) -> _Address | None:
    """The address of a numeric host, also in the old notations of ``inet_aton``; null for a name."""
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


def _read(response: BaseHTTPResponse, max_bytes: int) -> tuple[bytes, bool]:
    """The body up to ``max_bytes``, and whether it was longer."""
    content = b""
    for chunk in response.stream(16_384, decode_content=False):
        content += chunk
        if len(content) > max_bytes:
            return content[:max_bytes], True
    return content, False


def _sentence(problem: BaseException) -> str:
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"The certificate cannot be trusted: {problem.verify_message}."
    for error_type, sentence in _SENTENCES:
        if isinstance(problem, error_type):
            return sentence
    cause: Any = problem.__cause__ or problem.__context__
    return _sentence(cause) if cause is not None else "The connection broke before the answer was complete."


_SENTENCES: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLError, "No encrypted connection could be made."),
    (ConnectionRefusedError, "The connection was refused."),
    (TimeoutError, "The server could not be reached in time."),
    (http.client.RemoteDisconnected, "The connection was closed without an answer."),
    (ConnectionError, "The connection broke before the answer was complete."),
    (http.client.HTTPException, "The response was not HTTP, or it broke off."),
    (OSError, "The server cannot be reached."),
)
