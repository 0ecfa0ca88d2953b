"""The background worker: Huey's consumer in the main thread; outbox, webhooks, texts, ledger in further threads."""

import signal
import threading
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from huey import Huey, crontab
from huey.consumer import Consumer

from app import logs, processes
from app.config import VERSION, Settings
from app.core import clock
from app.core.contacts import number_rules, purge, retention
from app.core.errors import InvalidState
from app.core.workspace import bootstrap, steady_clock
from app.db import Database
from app.gateways import open_gateway, pusher_of
from app.jobs import (
    count_reach,
    count_segments,
    deliver_webhooks,
    failures,
    housekeeping,
    mail_waiting,
    publish_head,
    push_consents,
    route_outbox,
    run_bulk_jobs,
    run_campaigns,
    run_outbound_chats,
    seal_ledger,
    send_sms,
    verify_ledger,
)
from app.jobs.queue import open_queue
from app.mail_client import server_of

_log = logs.get_logger()
# How long a running job may take after the worker was asked to stop.
STOP_WITHIN_S = 30
# Most threads look for work every second. They do so one after the other, and so need few connections.
_BETWEEN_STARTS_S = 0.03


class _GracefulConsumer(Consumer):
    """A consumer that lets running jobs finish after SIGTERM, SIGINT and SIGHUP. Huey does so for one signal only.

    :param stop_threads: called when a stop is requested, before the consumer waits for its jobs
    """

    def __init__(self, queue: Huey, *, stop_threads: Callable[[], None], **options: Any) -> None:
        super().__init__(queue, **options)
        self._stop_threads = stop_threads

    def start(self) -> None:
        super().start()
        for each in (signal.SIGINT, signal.SIGHUP):
            signal.signal(each, lambda *_: signal.raise_signal(signal.SIGTERM))

    def stop(self, graceful: bool = False) -> None:  # noqa: FBT001 - Huey calls it like this
        self._stop_threads()
        super().stop(graceful=graceful)


def run(settings: Settings, *, threads: int = 2, web_address: str = "") -> None:
    """Work until SIGTERM, SIGINT or SIGHUP; then finish running jobs and return.

    :param threads: how many jobs run at the same time
    :raises InvalidState: the database is not ready
    :raises SQLAlchemyError: it cannot be reached
    """
    database = bootstrap.open_database(settings, connections=threads + 10)
    if reason := bootstrap.what_is_missing(database):
        raise InvalidState(reason)
    _log.info("the worker starts", version=VERSION)
    if mended := number_rules.apply(database):
        _log.info("stored numbers were mended by new rules", contacts=mended.contacts, merged=mended.merged)
        for held in mended.held:
            _log.warning("a number is held for review", **asdict(held))
    queue = open_queue(settings, database)
    schedule(queue, database, settings)
    watch_bulk_jobs = run_bulk_jobs.register(queue, database)
    watch_campaigns = run_campaigns.register(queue, database)
    watch_outbound_chats = run_outbound_chats.register(queue, database)
    stopping = threading.Event()
    sender = deliver_webhooks.sender(settings, database)
    texts = send_sms.sender(settings, database, web_address=web_address)
    consent_pusher = pusher_of(open_gateway(settings))
    route = partial(route_outbox.run, pushes_consents=consent_pusher is not None)
    other_threads = [
        threading.Thread(target=route, args=(database, stopping, sender.wake), name="sweep"),
        threading.Thread(target=sender.run, args=(stopping,), name="webhooks"),
        threading.Thread(target=texts.run, args=(stopping,), name="texts"),
        threading.Thread(target=seal_ledger.run, args=(database, stopping), name="sealer"),
        threading.Thread(target=verify_ledger.run, args=(database, settings, stopping), name="verifier"),
        threading.Thread(target=watch_bulk_jobs, args=(stopping,), name="bulk jobs"),
        threading.Thread(target=watch_campaigns, args=(stopping,), name="campaigns"),
        threading.Thread(target=watch_outbound_chats, args=(stopping,), name="outbound chats"),
    ]
    if consent_pusher is not None:
        pusher = push_consents.Pusher(database, consent_pusher)
        other_threads.append(threading.Thread(target=pusher.run, args=(stopping,), name="consents"))

    def stop_threads() -> None:
        stopping.set()
        sender.wake()
        texts.wake()

    processes.prepare_for_jobs()
    for each in other_threads:
        each.start()
        stopping.wait(_BETWEEN_STARTS_S)
    try:
        consumer = _GracefulConsumer(
            queue,
            stop_threads=stop_threads,
            workers=threads,
            max_delay=1.0,
            shutdown_timeout=STOP_WITHIN_S,
            graceful_signal="TERM",
        )
        consumer.run()
    finally:
        stop_threads()
        for each in other_threads:
            each.join()
        database.close()


def schedule(queue: Huey, database: Database, settings: Settings) -> None:
    """Register the periodic tasks, and record their errors.

    Every worker runs them, so a task must work when two run it at the same time.
    """
    failures.watch(queue, database)
    every_hour, every_minute = crontab(minute="17"), crontab(minute="*")
    queue.periodic_task(crontab(minute="47"), name="purge_erased")(lambda: purge.execute(database))
    by_age = partial(_by_age, database)
    queue.periodic_task(every_hour, name="delete_expired")(lambda: by_age(housekeeping.delete_expired))
    queue.periodic_task(every_minute, name="fail_late_webhooks")(lambda: by_age(housekeeping.fail_late_webhooks))
    queue.periodic_task(every_minute, name="expire_confirmations")(lambda: by_age(housekeeping.expire_confirmations))
    queue.periodic_task(crontab(minute="37"), name="merge_form_counts")(
        lambda: housekeeping.merge_form_counts(database)
    )
    queue.periodic_task(every_minute, name="count_reach")(lambda: count_reach.count_due(database))
    queue.periodic_task(every_minute, name="count_segments")(lambda: count_segments.count_due(database))
    queue.periodic_task(every_hour, name="publish_head")(lambda: publish_head.publish_when_due(database, settings))
    _schedule_retention(queue, database)
    server, public_url = server_of(settings.smtp_url), settings.public_url
    queue.periodic_task(every_minute, name="mail_waiting")(
        lambda: mail_waiting.send_due(database, server, public_url=public_url)
    )


def _by_age(database: Database, task: Callable[[Database], object]) -> None:
    """Run a task that deletes, or ends for good, what is old: only where the clock can be believed."""
    if steady_clock.is_steady(database):
        task(database)


def _schedule_retention(queue: Huey, database: Database) -> None:
    """Erase old evidence each night, in tasks of about half a second: each adds the next one to the queue."""

    def erase_old_evidence(first_id: int) -> None:
        if not steady_clock.is_steady(database):
            return
        progress = retention.erase_some(database, first_id, at=clock.now())
        if progress.erased:
            _log.info("old evidence erased", events=progress.erased)
        if progress.next_id is not None:
            next_part(progress.next_id)

    next_part = queue.task(name="erase_old_evidence_part")(erase_old_evidence)
    queue.periodic_task(crontab(hour="3", minute="23"), name="erase_old_evidence")(lambda: erase_old_evidence(0))
