"""Pushes opt-outs and opt-ins to the gateway's carrier, the most urgent first, at the rate that its API allows."""

import secrets
import threading
from datetime import timedelta

from app import logs
from app.core import clock
from app.core.sms import consent_pushes
from app.core.sms.consent_pushes import Push
from app.db import Database
from app.gateways.base import ConsentItem, ConsentPusher, ConsentSource, ConsentStatus, PushResult
from app.jobs import failures

EVERY_S = 1.0
# How long a call may take before its numbers are due again. A change meanwhile waits as long.
LEASE = timedelta(seconds=30)
# How long to wait after a call that failed: twice as long each time.
_FIRST_PAUSE_S, _PAUSE_MAX_S = 5.0, 300.0
_log = logs.get_logger()


class Pusher:
    """Pushes consents in one worker process. Others may do so at the same time; together they may be asked to wait."""

    def __init__(self, database: Database, gateway: ConsentPusher) -> None:
        self._database = database
        self._gateway = gateway
        self._failures = 0

    def run(self, stopping: threading.Event) -> None:
        """Push until ``stopping`` is set."""
        wait_s = EVERY_S
        while not stopping.wait(wait_s):
            try:
                wait_s = self.round()
            except Exception as error:
                _log.exception("consents could not be claimed or recorded")
                failures.record(self._database, "push_consents", error)
                wait_s = EVERY_S

    def round(self) -> float:
        """Make one call with what is due. Returns how many seconds to wait before the next round."""
        at = clock.now()
        with self._database.read_only() as session:
            if not consent_pushes.is_due(session, at=at):
                return EVERY_S
        with self._database.unit_of_work() as session:
            limit = self._gateway.items_per_call
            pushes = consent_pushes.claim(session, limit=limit, until=at + LEASE, at=at)
        if not pushes:
            return EVERY_S
        by_key = {secrets.token_hex(16): push for push in pushes}
        result = self._gateway.push_consents([_item(key, push) for key, push in by_key.items()])
        with self._database.unit_of_work() as session:
            if result.problem is not None:
                consent_pushes.put_back(session, pushes, result.problem, at=clock.now())
            else:
                refused = {by_key[key].phone_hash: problem for key, problem in result.refused.items() if key in by_key}
                consent_pushes.record(session, pushes, refused, at=clock.now())
        return self._pause_s(result)

    def _pause_s(self, result: PushResult) -> float:
        if result.problem is None:
            self._failures = 0
            return 60.0 / self._gateway.calls_per_minute
        pause_s = min(_FIRST_PAUSE_S * 2.0**self._failures, _PAUSE_MAX_S)
        self._failures += 1
        _log.warning("consents were not taken by the gateway", problem=result.problem)
        return max(pause_s, result.retry_after_s)


def _item(key: str, push: Push) -> ConsentItem:
    return ConsentItem(key, push.phone, ConsentStatus(push.status), ConsentSource(push.source), push.said_at)
