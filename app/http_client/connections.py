"""Connections that stay open, for a sender of many requests to one server."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from urllib3.connection import HTTPConnection

from app.http_client.addresses import Reach, Resolver, Target, read_url
from app.http_client.deadlines import Deadline
from app.http_client.exchange import Limits, Request, Response, connect, exchange

# A connection that rested longer is closed, because the server may close it at the moment when a request is sent, and
# then it is unknown whether the request arrived. Servers wait five seconds and more.
IDLE_S = 3.0


@dataclass
class _Idle:
    connection: HTTPConnection
    since_s: float


class Connections:
    """Sends requests, from any number of threads, over connections that are used again.

    A request that fails is never repeated here. Addresses are checked whenever a connection is made.

    :param idle_s: how long a connection may rest before it is closed
    """

    def __init__(
        self,
        reach: Reach,
        limits: Limits | None = None,
        *,
        idle_s: float = IDLE_S,
        resolve: Resolver | None = None,
    ) -> None:
        self._reach = reach
        self._limits = limits or Limits()
        self._idle_s = idle_s
        self._resolve = resolve
        self._idle: dict[tuple[str, str, int], list[_Idle]] = {}
        self._lock = threading.Lock()

    def request(
        self, method: str, url: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send one request and return the response, whatever its status.

        :raises Refused: the URL is invalid, or none of its addresses is allowed
        :raises Failed: no complete response within the limits
        """
        target = read_url(url, self._reach)
        deadline = Deadline(self._limits.total_s)
        connection = self._take(target)
        if connection is None:
            connection = connect(target, self._limits, deadline, reach=self._reach, resolve=self._resolve)
        else:
            connection.sock.settimeout(self._limits.total_s)
            deadline.watch(connection.sock)
        is_reusable = False
        try:
            response = exchange(connection, Request(method, target.path, body, headers), self._limits, deadline)
            is_reusable = connection.sock is not None and not response.is_cut  # null: the server closes it
        finally:
            deadline.stop()
            if is_reusable and not deadline.is_over:
                self._give_back(target, connection)
            else:
                connection.close()
        return response

    def close(self) -> None:
        """Close the connections that rest."""
        with self._lock:
            resting = [each for origin in self._idle.values() for each in origin]
            self._idle.clear()
        for each in resting:
            each.connection.close()

    def __del__(self) -> None:
        self.close()

    def _take(self, target: Target) -> HTTPConnection | None:
        """The connection that was used last, if it is still open. Others that rested too long are closed."""
        freshest: HTTPConnection | None = None
        with self._lock:
            resting = self._idle.get(_origin(target), [])
            oldest_s = time.monotonic() - self._idle_s
            stale = [each for each in resting if each.since_s < oldest_s]
            del resting[: len(stale)]
            while resting and freshest is None:
                last = resting.pop()
                if last.connection.is_connected:  # asks the socket whether the server closed it
                    freshest = last.connection
                else:
                    stale.append(last)
        for each in stale:
            each.connection.close()
        return freshest

    def _give_back(self, target: Target, connection: HTTPConnection) -> None:
        with self._lock:
            self._idle.setdefault(_origin(target), []).append(_Idle(connection, time.monotonic()))


def _origin(target: Target) -> tuple[str, str, int]:
    return target.scheme, target.host, target.port
