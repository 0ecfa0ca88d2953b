"""One request and its response, over a connection to a checked address."""

import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import BaseHTTPResponse

from app.http_client.addresses import Reach, Resolver, Target, allowed_addresses, read_url
from app.http_client.deadlines import Deadline
from app.http_client.problems import PROBLEMS, Failed


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


@dataclass(frozen=True)
class Request:
    """``path`` includes the query."""

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] | None = None


def request(
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    reach: Reach = Reach.INTERNET,
) -> Response:
    """Send one request over its own connection, and return the response, whatever its status.

    :raises Refused: the URL is invalid, or none of its addresses is allowed
    :raises Failed: no complete response within the limits
    """
    limits = limits or Limits()
    target = read_url(url, reach)
    deadline = Deadline(limits.total_s)
    connection = connect(target, limits, deadline, reach=reach)
    try:
        return exchange(connection, Request(method, target.path, body, headers), limits, deadline)
    finally:
        deadline.stop()
        connection.close()


def connect(
    target: Target, limits: Limits, deadline: Deadline, *, reach: Reach, resolve: Resolver | None = None
) -> HTTPConnection:
    """A connection that is open, and watched by the deadline.

    :raises Refused: none of the addresses is allowed
    :raises Failed: no connection could be made
    """
    timeout_s = min(limits.connect_s, limits.total_s)
    addresses = allowed_addresses(target, resolve, reach, timeout_s=timeout_s)
    connection: _Http | _Https
    if target.scheme == "https":
        connection = _Https(target.host, target.port, timeout=limits.total_s, ssl_context=ssl_context())
    else:
        connection = _Http(target.host, target.port, timeout=limits.total_s)
    connection.addresses, connection.limits, connection.deadline = addresses, limits, deadline
    try:
        connection.connect()
    except PROBLEMS as problem:
        deadline.stop()
        connection.close()
        raise Failed(deadline.sentence(problem)) from None
    return connection


def exchange(connection: HTTPConnection, sent: Request, limits: Limits, deadline: Deadline) -> Response:
    """Send a request over an open connection, and read the response.

    :raises Failed: no complete response within the limits
    """
    started_s = deadline.at_s - deadline.total_s
    try:
        connection.request(
            sent.method, sent.path, body=sent.body, headers=sent.headers, preload_content=False, decode_content=False
        )
        response = connection.getresponse()
        content, is_cut = _read(response, limits.body_bytes)
    except PROBLEMS as problem:
        raise Failed(deadline.sentence(problem), may_have_arrived=True) from None
    if deadline.is_over:  # the deadline closed the connection, which looks like the end of a body without a length
        raise Failed(deadline.sentence(None), may_have_arrived=True)
    duration_ms = round((time.monotonic() - started_s) * 1000)
    return Response(response.status, dict(response.headers), content, is_cut, duration_ms)


class _CheckedAddresses:
    """A connection to checked addresses. Only TLS and the Host header use the name."""

    addresses: list[str]
    limits: Limits
    deadline: Deadline
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


@lru_cache
def ssl_context() -> ssl.SSLContext:
    """Trusts the certificates of the system and of ``SSL_CERT_FILE``. Loading them takes longer than a request."""
    return ssl.create_default_context()


def _read(response: BaseHTTPResponse, max_bytes: int) -> tuple[bytes, bool]:
    """The body up to ``max_bytes``, and whether it was longer."""
    content = b""
    for chunk in response.stream(16_384, decode_content=False):
        content += chunk
        if len(content) > max_bytes:
            return content[:max_bytes], True
    return content, False
