"""Sends webhooks: claims due deliveries, sends them outside any transaction, and records the outcomes.

One thread uses the database. Each of its rounds is one transaction, which records the attempts that ended and claims
more. Other threads make the requests, a few for each endpoint, so that a slow endpoint does not delay the others.
"""

import json
import queue
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from app import http_client as http
from app import logs
from app.config import Settings
from app.core import clock
from app.core.webhooks import attempts, endpoints, payloads, problems, signatures
from app.core.webhooks.attempts import Attempt, AttemptOutcome, Schedule
from app.db import Database
from app.jobs import failures
from app.models import WebhookEndpoint

EVERY_S = 1.0
# The largest number of concurrent requests, to one endpoint and in all. Each endpoint always gets at least one.
REQUESTS_PER_ENDPOINT, REQUESTS_IN_ALL = 12, 64
LIMITS = http.Limits(connect_s=5, total_s=15, body_bytes=2000)
_KEPT_HEADERS, _KEPT_HEADER_LENGTH = 20, 200
# Stored with the headers of a request: the address that it went to, because the endpoint's may change.
URL_HEADER = ":url"
_log = logs.get_logger()


class Sender:
    """Sends webhooks in one worker process. Any number of senders share one database.

    :param reach: which addresses requests may go to
    :param every_s: how long a round waits for attempts to end before it looks for due deliveries
    """

    def __init__(
        self,
        database: Database,
        reach: http.Reach,
        *,
        schedule: Schedule | None = None,
        limits: http.Limits = LIMITS,
        every_s: float = EVERY_S,
    ) -> None:
        self._database = database
        self._reach = reach
        self._schedule = schedule or Schedule()
        self._limits = limits
        self._every_s = every_s
        # A SimpleQueue of CPython 3.11 can wait forever when its time runs out before it has begun to wait.
        self._ended: queue.Queue[tuple[Attempt, AttemptOutcome | None] | None] = queue.Queue()
        self._unrecorded: list[AttemptOutcome] = []
        self._running: Counter[int] = Counter()
        self._threads = ThreadPoolExecutor(REQUESTS_IN_ALL + endpoints.ENDPOINTS_MAX, thread_name_prefix="webhook")

    def wake(self) -> None:
        """Look for due deliveries now, not only at the end of a round."""
        self._ended.put(None)

    def run(self, stopping: threading.Event) -> None:
        """Send until ``stopping`` is set and ``wake`` called. Running attempts are finished and recorded first."""
        while not (stopping.is_set() and not self._running):
            try:
                self.round(is_stopping=stopping.is_set())
            except Exception as error:
                _log.exception("webhooks could not be claimed or recorded")
                failures.record(self._database, "deliver_webhooks", error)
                stopping.wait(self._every_s)
                if stopping.is_set():
                    break
        self._threads.shutdown()

    def round(self, *, is_stopping: bool = False) -> int:
        """Wait for an attempt to end, record what ended, and start due attempts. Returns how many were started."""
        self._collect()
        at = clock.now()
        with self._database.read_only() as session:
            due = [] if is_stopping else attempts.due(session, at=at)
        free = self._free(due)
        if not free and not self._unrecorded:
            return 0
        started: list[Attempt] = []
        with self._database.unit_of_work() as session:
            attempts.record(session, self._unrecorded, self._schedule, at=at)
            for endpoint, count in free:
                started += attempts.claim(session, endpoint, limit=count, lease=self._schedule.lease, at=at)
        self._unrecorded.clear()
        lease_ends_s = time.monotonic() + self._schedule.lease.total_seconds()
        for attempt in started:
            self._running[attempt.endpoint_id] += 1
            self._threads.submit(self._send, attempt, lease_ends_s)
        return len(started)

    def _collect(self) -> None:
        """Collect the attempts that ended, waiting for the first, but not longer than a round."""
        try:
            ended = self._ended.get(timeout=self._every_s)
            while True:
                if ended is not None:
                    attempt, outcome = ended
                    self._running[attempt.endpoint_id] -= 1
                    self._unrecorded += [outcome] if outcome else []
                ended = self._ended.get_nowait()
        except queue.Empty:
            self._running += Counter()  # drops the zeros

    def _free(self, due: Sequence[WebhookEndpoint]) -> list[tuple[WebhookEndpoint, int]]:
        """How many more requests each due endpoint may have: one in all while it is failing, else a fair share.

        The shares keep slow endpoints from using every request.
        """
        share = REQUESTS_IN_ALL // max(1, len({endpoint.id for endpoint in due} | set(self._running)))
        left, free = REQUESTS_IN_ALL - self._running.total(), []
        for endpoint in due:
            running = self._running[endpoint.id]
            most = 1 if endpoint.consecutive_failures >= attempts.PAUSE_AFTER else min(REQUESTS_PER_ENDPOINT, share)
            if (count := max(min(most - running, left), 0 if running else 1)) > 0:
                free.append((endpoint, count))
                left -= count
        return free

    def _send(self, attempt: Attempt, lease_ends_s: float) -> None:
        outcome: AttemptOutcome | None = None
        try:
            # If this thread was delayed for too long, the next claim sends the delivery.
            if time.monotonic() + self._limits.total_s < lease_ends_s:
                outcome = _request(attempt, self._reach, self._limits)
        except Exception:
            _log.exception("a webhook could not be sent", delivery=attempt.delivery_id)
            outcome = AttemptOutcome(attempt, clock.now(), {}, problem=problems.ASSENT_FAILED)
        finally:
            self._ended.put((attempt, outcome))


def sender(settings: Settings, database: Database) -> Sender:
    """A sender with the settings of this installation."""
    return Sender(database, endpoints.reach_of(settings))


def _request(attempt: Attempt, reach: http.Reach, limits: http.Limits) -> AttemptOutcome:
    at, started_s = clock.now(), time.monotonic()
    number = attempt.earlier + attempt.number
    body = json.dumps(payloads.of_attempt(attempt.body, number, first_at=attempt.first_at))
    headers = {"Content-Type": "application/json", "User-Agent": "Assent-Webhooks"}
    headers |= signatures.headers(attempt.signing_secrets, attempt.message_id, body, at=at)
    if attempt.has_hub_signature:
        headers |= signatures.hub_signature(attempt.signing_secrets[0], body)
    kept_headers = {URL_HEADER: attempt.url} | headers
    try:
        response = http.request("POST", attempt.url, body=body.encode(), headers=headers, limits=limits, reach=reach)
    except (http.Refused, http.Failed) as problem:
        duration_ms = round((time.monotonic() - started_s) * 1000)
        return AttemptOutcome(attempt, at, kept_headers, problem=str(problem), duration_ms=duration_ms)
    return AttemptOutcome(
        attempt,
        at,
        kept_headers,
        status=response.status,
        response_headers=_kept_headers(response),
        response=_without_nul(response.body.decode("utf-8", "replace")),
        duration_ms=response.duration_ms,
        retry_after_s=_retry_after_s(response, at=at),
    )


def _kept_headers(response: http.Response) -> dict[str, str]:
    kept = [(name, value) for name, value in response.headers.items() if name.lower() != "set-cookie"]
    return {
        _without_nul(name)[:_KEPT_HEADER_LENGTH]: _without_nul(value)[:_KEPT_HEADER_LENGTH]
        for name, value in kept[:_KEPT_HEADERS]
    }


def _without_nul(text: str) -> str:
    """The text with its NUL characters replaced, which PostgreSQL refuses."""
    return text.replace("\0", "\ufffd")


def _retry_after_s(response: http.Response, *, at: datetime) -> float:
    """The wait that ``Retry-After`` requests, in seconds or until a date (RFC 9110, 10.2.3); 0 without the header."""
    value = {name.lower(): text for name, text in response.headers.items()}.get("retry-after", "").strip()
    if value.isascii() and value.isdigit() and len(value) < 9:
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return 0.0
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - at).total_seconds())
