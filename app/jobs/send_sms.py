"""Sends texts: claims due ones, asks the gate again, calls the gateway outside any transaction, records the outcomes.

One thread uses the database to claim, to record, and to ask the gate about a few texts at a time, just before they are
handed to the threads that call the gateway. An answer of the gate is used for a twentieth of a second; then the thread
asks again. A process that ends in between leaves texts in the state ``sending``, which become ``unknown``.
"""

import queue
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from sqlalchemy.exc import InterfaceError, OperationalError

from app import gateways, logs
from app.config import Settings
from app.core import clock, public_urls
from app.core.problems import workers
from app.core.sms import claiming, gate
from app.core.sms.claiming import ClaimedText
from app.core.sms.gate import Verdict
from app.core.sms.recording import Outcome, Released, Sent
from app.core.workspace import settings as workspace
from app.db import CommitLost, Database, DatabaseBusy
from app.gateways.base import Gateway
from app.jobs import failures, sms_steps
from app.jobs.rate import Rate
from app.jobs.sms_calls import Caller, Options
from app.jobs.sms_steps import Writing

# The sender stops for so long at most when a gateway asks it to.
PAUSE_MAX_S = 300.0
_EXPIRE_EVERY_S, _RATE_EVERY_S, _RECORD_WITHIN_S = 10.0, 1.0, 0.2
# What is over by itself: the same is tried again.
_PASSING = (DatabaseBusy, CommitLost, OperationalError, InterfaceError)
_log = logs.get_logger()


class GatewayStopped(Exception):
    """The gateway lets nothing through; campaigns were paused."""


class _Ended(NamedTuple):
    """A call that ended. ``outcome``: null when the gate's answer was not fresh any more, so that it is asked again.

    ``problem``: what keeps the gateway from sending anything.
    """

    text: ClaimedText
    outcome: Outcome | None
    problem: str | None
    took_s: float


class Sender:
    """Sends the texts of one worker process. Any number of senders share one database.

    :param report_url: where the gateway sends reports about a text, by its id
    :param base: the public address of this server, for links in texts
    """

    def __init__(
        self,
        database: Database,
        gateway: Gateway,
        report_url: Callable[[int], str],
        *,
        base: str = "",
        options: Options | None = None,
    ) -> None:
        self.id = secrets.token_hex(8)
        self._database = database
        self._writing = Writing(base, one_way=not gateway.capabilities.receives)
        self._options = options or Options()
        self._caller = Caller(database, gateway, report_url, self._options)
        self._ready: deque[ClaimedText] = deque()
        # A SimpleQueue of CPython 3.11 can wait forever when its time runs out before it has begun to wait.
        self._ended: queue.Queue[_Ended | None] = queue.Queue()
        self._unrecorded: dict[int, Outcome] = {}
        self._problem: str | None = None
        self._running = 0
        self._rate = Rate()
        self._look_at_s = self._expire_at_s = self._recorded_at_s = self._rate_at_s = 0.0
        self._call_s = self._gate_s = 0.0
        self._has_more = False
        self._threads = ThreadPoolExecutor(self._options.threads, thread_name_prefix="sms")

    @property
    def is_busy(self) -> bool:
        """Whether it has claimed texts whose outcome is not recorded yet."""
        return bool(self._running or self._unrecorded or self._ready)

    def wake(self) -> None:
        """Look for due texts now, not only after a pause."""
        self._look_at_s = 0.0
        self._ended.put(None)

    def run(self, stopping: threading.Event) -> None:
        """Send until ``stopping`` is set and ``wake`` called. Running calls are finished and recorded first."""
        while self.is_busy or not stopping.is_set():
            try:
                self.round(is_stopping=stopping.is_set())
            except Exception as error:
                _log.exception("texts could not be claimed or recorded")
                failures.record(self._database, "send_sms", error)
                stopping.wait(self._options.every_s)
                if stopping.is_set():
                    break
        self._threads.shutdown()

    def round(self, *, is_stopping: bool = False) -> None:
        """Collect what ended, record it, claim more, and hand texts that the gate lets pass to the threads."""
        self._collect()
        if is_stopping:
            self._release(self._ready)
        self._exchange(may_claim=not is_stopping)
        if not is_stopping:
            self._expire()
            self._dispatch()

    def _collect(self) -> None:
        """Take the outcomes of calls that ended; wait for the first where nothing else is to be done."""
        may_dispatch = self._dispatchable() > 0
        timeout_s = 0.01 if self.is_busy else self._options.every_s
        try:
            ended = self._ended.get_nowait() if may_dispatch else self._ended.get(timeout=timeout_s)
            while True:
                if ended is not None:
                    self._take(ended)
                ended = self._ended.get_nowait()
        except queue.Empty:
            pass

    def _take(self, ended: _Ended) -> None:
        self._running -= 1
        if ended.outcome is None:
            self._ready.appendleft(ended.text)
            return
        self._call_s += (ended.took_s - self._call_s) / 16
        self._note(ended.text.id, ended.outcome)
        self._problem = ended.problem or self._problem

    def _note(self, message_id: int, outcome: Outcome) -> None:
        if not self._unrecorded:
            self._recorded_at_s = time.monotonic()
        self._unrecorded[message_id] = outcome
        if isinstance(outcome, Sent) and outcome.retry_after_s:
            self._rate.pause(min(outcome.retry_after_s, PAUSE_MAX_S))

    def _exchange(self, *, may_claim: bool) -> None:
        """Record what ended and claim more, in one transaction, when enough has ended or few texts are left."""
        now_s, batch = time.monotonic(), self._options.batch
        is_low = len(self._ready) <= batch // 2 and now_s >= self._look_at_s and not self._rate.is_paused()
        wants = is_low and may_claim
        if wants and not self._is_due(now_s):
            self._look_at_s, wants = now_s + self._options.every_s, False
        is_idle = not (self._running or self._ready)
        is_enough = len(self._unrecorded) >= batch // 2 or now_s - self._recorded_at_s > _RECORD_WITHIN_S or is_idle
        if not wants and not (self._unrecorded and is_enough):
            return
        recorded = dict(self._unrecorded)
        limit = min(batch - len(self._ready), self._rate.most(batch))
        try:
            with self._database.unit_of_work() as session:
                sms_steps.record(session, recorded, self.id)
                claimed = sms_steps.claim(session, self.id, self._writing, limit=limit) if wants else []
        except _PASSING:
            raise
        except Exception:
            if not recorded:
                raise
            self._record_one_by_one(recorded)
            return
        self._unrecorded.clear()
        self._ready.extend(claimed)
        if wants:
            self._has_more = len(claimed) >= limit
            self._look_at_s = 0.0 if self._has_more else now_s + self._options.every_s
        self._report_problem()

    def _is_due(self, now_s: float) -> bool:
        """Whether a text is due. While claims are full, that is known without a question."""
        if self._has_more and now_s < self._rate_at_s:
            return True
        self._rate_at_s = now_s + _RATE_EVERY_S
        at = clock.now()
        with self._database.read_only() as session:
            running = workers.count_running(session, at=at)
            self._rate.set(workspace.get(session).texts_per_second / max(1, running))
            return claiming.is_due(session, at=at)

    def _record_one_by_one(self, recorded: Mapping[int, Outcome]) -> None:
        """One outcome that cannot be recorded does not keep the others. Its text becomes ``unknown``."""
        for message_id, outcome in recorded.items():
            try:
                with self._database.unit_of_work() as session:
                    sms_steps.record(session, {message_id: outcome}, self.id)
            except _PASSING:
                raise
            except Exception as error:
                _log.exception("the outcome of a text could not be recorded", message=message_id)
                failures.record(self._database, "send_sms", error)
            self._unrecorded.pop(message_id, None)

    def _report_problem(self) -> None:
        if self._problem is not None:
            failures.record(self._database, "send_sms", GatewayStopped(self._problem))
            self._problem = None

    def _expire(self) -> None:
        if time.monotonic() < self._expire_at_s:
            return
        self._expire_at_s = time.monotonic() + _EXPIRE_EVERY_S
        at = clock.now()
        with self._database.read_only() as session:
            if not claiming.is_any_expired(session, at=at):
                return
        with self._database.unit_of_work() as session:
            sms_steps.expire(session, at=at)

    def _dispatch(self) -> None:
        """Ask the gate about as many texts as can be sent now, and send those that pass."""
        self._release_stale()
        if (count := self._dispatchable()) <= 0:
            return
        texts = [self._ready.popleft() for _ in range(count)]
        asked_at_s = time.monotonic()
        try:
            with self._database.read_only() as session:
                decisions = gate.decide(session, texts, at=clock.now())
        except Exception:
            self._ready.extendleft(reversed(texts))
            raise
        self._gate_s += (time.monotonic() - asked_at_s - self._gate_s) / 4
        is_slow = self._gate_s > self._options.fresh_s / 2  # so slow that answers for many may never be fresh
        for text in texts:
            if (decision := decisions[text.id]).verdict == Verdict.SEND:
                self._rate.take()
                self._running += 1
                self._threads.submit(self._call, text, asked_at_s, asks_again=is_slow)
            else:
                self._note(text.id, decision)

    def _release_stale(self) -> None:
        """Give texts back that have waited for a quarter of their lease, so that it never ends before a call."""
        oldest = clock.now() - claiming.LEASE / 4
        self._release([each for each in self._ready if each.claimed_at <= oldest])

    def _release(self, texts: Sequence[ClaimedText]) -> None:
        for each in list(texts):
            self._ready.remove(each)
            self._note(each.id, Released())

    def _dispatchable(self) -> int:
        """How many texts to ask the gate about now. A few together cost as much as one, so it waits for enough room.

        Room is for as many as the threads will have taken while an answer of the gate is fresh.
        """
        options = self._options
        turns = 1 + max(0.0, options.fresh_s / 2 - self._gate_s) / max(self._call_s, 0.001)
        most = max(options.threads, min(int(options.threads * turns), options.batch))
        free = most - self._running
        is_enough = free >= min(most // 2, len(self._ready))
        return min(free, len(self._ready), self._rate.available()) if is_enough else 0

    def _call(self, text: ClaimedText, asked_at_s: float, *, asks_again: bool) -> None:
        outcome: Outcome | None = Released()
        problem, began_s = None, time.monotonic()
        try:
            outcome, problem = self._caller.call(text, asked_at_s, asks_again=asks_again)
        except Exception:
            _log.exception("a text could not be sent", message=text.id)
        finally:
            self._ended.put(_Ended(text, outcome, problem, time.monotonic() - began_s))


def sender(settings: Settings, database: Database, *, web_address: str = "") -> Sender:
    """A sender with the gateway of this installation.

    :param web_address: of the server beside this worker, for links where no public address is set (sandbox only)
    """
    gateway, base = gateways.open_gateway(settings), settings.public_url or web_address

    def report_url(message_id: int) -> str:
        return public_urls.report_hook(gateway.name, message_id, settings.kannel_secret, base)

    return Sender(database, gateway, report_url, base=base)
