"""The background worker: Huey's consumer in the main thread, the sweep and the sender of webhooks beside it."""

import signal
import threading
from collections.abc import Callable
from typing import Any

from huey import Huey, crontab
from huey.consumer import Consumer

from app.config import Settings
from app.core.contacts import number_rules
from app.core.errors import InvalidState
from app.core.workspace import bootstrap as store
from app.db import Database
from app.jobs import deliver_webhooks, housekeeping
from app.jobs import route_outbox as sweep
from app.jobs.queue import open_queue

# How long a job may go on after the worker was told to stop.
STOP_WITHIN_S = 30


class _GracefulConsumer(Consumer):
    """Every way of asking it to stop lets running jobs finish: Huey knows that of one signal only.

    :param stop_beside: called as soon as it is told to stop, before it waits for its jobs
    """

    def __init__(self, queue: Huey, *, stop_beside: Callable[[], None], **options: Any) -> None:
        super().__init__(queue, **options)
        self._stop_beside = stop_beside

    def start(self) -> None:
        super().start()
        for also in (signal.SIGINT, signal.SIGHUP):
            signal.signal(also, lambda *_: signal.raise_signal(signal.SIGTERM))

    def stop(self, graceful: bool = False) -> None:  # noqa: FBT001 - as Huey calls it
        self._stop_beside()
        super().stop(graceful=graceful)


def run(settings: Settings, *, threads: int = 2) -> None:
    """Work until told to stop (SIGTERM, SIGINT, SIGHUP); what runs is finished, then it returns.

    :param threads: how many jobs run at once
    :raises InvalidState: the database is not migrated or cannot be reached
    """
    database = store.open_database(settings, connections=threads + 3)
    if reason := store.why_not_ready(database):
        raise InvalidState(reason)
    number_rules.apply(database)
    queue = open_queue(settings, database)
    schedule(queue, database)
    stopping = threading.Event()
    sender = deliver_webhooks.sender(settings, database)
    beside = [
        threading.Thread(target=sweep.run, args=(database, stopping, sender.wake), name="sweep"),
        threading.Thread(target=sender.run, args=(stopping,), name="webhooks"),
    ]

    def stop_beside() -> None:
        stopping.set()
        sender.wake()

    for each in beside:
        each.start()
    try:
        consumer = _GracefulConsumer(
            queue,
            stop_beside=stop_beside,
            workers=threads,
            max_delay=1.0,
            shutdown_timeout=STOP_WITHIN_S,
            graceful_signal="TERM",
        )
        consumer.run()
    finally:
        stop_beside()
        for each in beside:
            each.join()
        database.close()


def schedule(queue: Huey, database: Database) -> None:
    """Register the periodic tasks. Each worker runs them, so every task must bear running twice."""
    every_hour, every_minute = crontab(minute="17"), crontab(minute="*")
    queue.periodic_task(every_hour, name="delete_expired")(lambda: housekeeping.delete_expired(database))
    queue.periodic_task(every_minute, name="fail_late_webhooks")(lambda: housekeeping.fail_late_webhooks(database))
