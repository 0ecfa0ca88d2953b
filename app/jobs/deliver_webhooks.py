"""The sender of webhooks: claims what is due, sends it outside any transaction, records how it went.

One thread has the database, and each round of it is one transaction: it records what ended and claims anew. The
requests run beside it, a few for each endpoint, so that one that is slow or dead keeps none of the others waiting.
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
from app.core.webhooks import attempts, endpoints, signatures
from app.core.webhooks import payloads as bodies
from app.core.webhooks.attempts import Attempt, Outcome, Schedule
from app.db import Database
from app.models import WebhookEndpoint

EVERY_S = 1.0
# Requests at once, to one endpoint and in all. Each endpoint has at least one, whatever the others do.
AT_ONE_ENDPOINT, IN_ALL = 12, 64
LIMITS = http.Limits(connect_s=5, total_s=15, body_bytes=2000)
_KEPT_HEADERS, _KEPT_HEADER_LENGTH = 20, 200
# Beside the headers of a request that are kept: where it went, for the endpoint's address may change.
REQUESTED = ":url"
_log = logs.get_logger()


class Sender:
    """Sends for one worker process; any number of them share one database.

    :param reach: how far requests may go
    """

    def __init__(
        self, database: Database, reach: http.Reach, *, schedule: Schedule | None = None, limits: http.Limits = LIMITS
    ) -> None:
        self._database = database
        self._reach = reach
        self._schedule = schedule or Schedule()
        self._limits = limits
        self._ended: queue.SimpleQueue[tuple[Attempt, Outcome | None] | None] = queue.SimpleQueue()
        self._unrecorded: list[Outcome] = []
        self._under_way: Counter[int] = Counter()
        self._threads = ThreadPoolExecutor(IN_ALL + endpoints.MOST_ENDPOINTS, thread_name_prefix="webhook")

    def wake(self) -> None:
        """Something may be due: look now instead of within the second."""
        self._ended.put(None)

    def run(self, stopping: threading.Event) -> None:
        """Send until ``stopping`` is set (then ``wake`` it); what is under way is finished and recorded first."""
        while not (stopping.is_set() and not self._under_way):
            try:
                self.round(is_stopping=stopping.is_set())
            except Exception:
                _log.exception("webhooks could not be claimed or recorded")
                stopping.wait(EVERY_S)
                if stopping.is_set():
                    break
        self._threads.shutdown()

    def round(self, *, is_stopping: bool = False) -> int:
        """Wait for something to end, at most a second; record it, and begin what is due. How many began comes back."""
        self._collect()
        at = clock.now()
        with self._database.read_only() as session:
            due = [] if is_stopping else attempts.due(session, at=at)
        free = self._free(due)
        if not free and not self._unrecorded:
            return 0
        begun: list[Attempt] = []
        with self._database.unit_of_work() as session:
            attempts.record(session, self._unrecorded, self._schedule, at=at)
            for endpoint, count in free:
                begun += attempts.claim(session, endpoint, limit=count, lease=self._schedule.lease, at=at)
        self._unrecorded.clear()
        lease_ends_s = time.monotonic() + self._schedule.lease.total_seconds()
        for attempt in begun:
            self._under_way[attempt.endpoint_id] += 1
            self._threads.submit(self._send, attempt, lease_ends_s)
        return len(begun)

    def _collect(self) -> None:
        """Take all that has ended; wait for the first."""
        try:
            ended = self._ended.get(timeout=EVERY_S)
            while True:
                if ended is not None:
                    attempt, outcome = ended
                    self._under_way[attempt.endpoint_id] -= 1
                    self._unrecorded += [outcome] if outcome else []
                ended = self._ended.get_nowait()
        except queue.Empty:
            self._under_way += Counter()  # drops what is at nought

    def _free(self, due: Sequence[WebhookEndpoint]) -> list[tuple[WebhookEndpoint, int]]:
        """Who may have how many requests besides those under way: one alone while it is failing, else a fair share.

        Slow ones hold what they have for long; with a share for each they leave the others theirs.
        """
        fair = IN_ALL // max(1, len({endpoint.id for endpoint in due} | set(self._under_way)))
        left, free = IN_ALL - self._under_way.total(), []
        for endpoint in due:
            under_way = self._under_way[endpoint.id]
            most = 1 if endpoint.consecutive_failures >= attempts.PATIENCE else min(AT_ONE_ENDPOINT, fair)
            if (count := max(min(most - under_way, left), 0 if under_way else 1)) > 0:
                free.append((endpoint, count))
                left -= count
        return free

    def _send(self, attempt: Attempt, lease_ends_s: float) -> None:
        outcome: Outcome | None = None
        try:
            # A process that was held up meanwhile leaves it to whoever claims it next.
            if time.monotonic() + self._limits.total_s < lease_ends_s:
                outcome = _attempted(attempt, self._reach, self._limits)
        except Exception:
            _log.exception("a webhook could not be sent", delivery=attempt.delivery_id)
            outcome = Outcome(attempt, clock.now(), {}, problem="Assent failed to make the request; see its log.")
        finally:
            self._ended.put((attempt, outcome))


def sender(settings: Settings, database: Database) -> Sender:
    """The sender of this installation."""
    return Sender(database, endpoints.reach_of(settings))


def _attempted(attempt: Attempt, reach: http.Reach, limits: http.Limits) -> Outcome:
    at, started_s = clock.now(), time.monotonic()
    body = json.dumps(bodies.of_attempt(attempt.body, attempt.number, first_at=attempt.first_at))
    headers = {"Content-Type": "application/json", "User-Agent": "Assent-Webhooks"}
    headers |= signatures.headers(attempt.signing_secrets, attempt.message_id, body, at=at)
    kept = {REQUESTED: attempt.url} | headers
    try:
        answer = http.request("POST", attempt.url, body=body.encode(), headers=headers, limits=limits, reach=reach)
    except (http.Refused, http.Failed) as problem:
        took_ms = round((time.monotonic() - started_s) * 1000)
        return Outcome(attempt, at, kept, problem=str(problem), duration_ms=took_ms)
    return Outcome(
        attempt,
        at,
        kept,
        status=answer.status,
        answer_headers=_kept_headers(answer),
        answer=_readable(answer.body.decode("utf-8", "replace")),
        duration_ms=answer.duration_ms,
        retry_after_s=_retry_after_s(answer, at=at),
    )


def _kept_headers(answer: http.Response) -> dict[str, str]:
    kept = [(name, value) for name, value in answer.headers.items() if name.lower() != "set-cookie"]
    return {
        _readable(name)[:_KEPT_HEADER_LENGTH]: _readable(value)[:_KEPT_HEADER_LENGTH]
        for name, value in kept[:_KEPT_HEADERS]
    }


def _readable(text: str) -> str:
    """PostgreSQL holds no NUL."""
    return text.replace("\0", "\ufffd")


def _retry_after_s(answer: http.Response, *, at: datetime) -> float:
    """How long the header asks to wait: in seconds, or until a date (RFC 9110, 10.2.3); nought when it asks nothing."""
    said = {name.lower(): value for name, value in answer.headers.items()}.get("retry-after", "").strip()
    if said.isascii() and said.isdigit() and len(said) < 9:
        return float(said)
    try:
        until = parsedate_to_datetime(said)
    except ValueError:
        return 0.0
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - at).total_seconds())
