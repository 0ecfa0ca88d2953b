"""``/metrics`` for Prometheus, only with ``ASSENT_METRICS_TOKEN``.

How long requests take comes from the web processes of this server (``request_times.py``), everything else from the
database when it is asked for, so that it is right over any number of processes. No label holds personal data.
"""

import hmac
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from flask import Flask, Response, abort, request

from app.core import clock
from app.core.overview import health, reach
from app.core.overview.health import Health
from app.core.subscriptions import subscription_types
from app.models import SubscriptionReach, SubscriptionType
from app.web.services import read_only, services

if TYPE_CHECKING:
    from prometheus_client import Metric


def init_app(app: Flask) -> None:
    """Serve ``/metrics``: 404 where no token is set, 401 without it."""
    app.add_url_rule("/metrics", "metrics", _metrics)


def _metrics() -> Response:
    token, times = services().settings.metrics_token, services().request_times
    if not token or times is None:
        abort(404)
    sent = request.headers.get("Authorization", "")
    if not hmac.compare_digest(sent.encode(), f"Bearer {token}".encode()):
        return Response("send ASSENT_METRICS_TOKEN as a bearer token\n", 401, {"WWW-Authenticate": "Bearer"})
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    registry = times.registry()
    registry.register(_FromDatabase())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _FromDatabase:
    """A collector of what the database knows now."""

    def collect(self) -> "Iterator[Metric]":
        at = clock.now()
        with read_only() as session:
            found, counted = health.read(session, at=at), reach.find_all(session)
            types = {each.id: each for each in subscription_types.find_all(session)}
        yield from _of_health(found, at)
        yield from _of_types(counted, types)

    def describe(self) -> "Iterator[Metric]":
        """Nothing, so that registering it does not read the database."""
        return iter(())


def _of_health(found: Health, at: datetime) -> "Iterator[Metric]":
    unsent_s = (at - found.unsent_since).total_seconds() if found.unsent_since else 0.0
    unsealed_since = found.sealing.oldest_recorded_at
    lag_s = (at - unsealed_since).total_seconds() if unsealed_since else 0.0
    seen_s = found.worker_seen_at.timestamp() if found.worker_seen_at else 0.0
    yield _gauge("worker_last_seen_timestamp_seconds", "When a worker was last seen; 0: not within a day.", seen_s)
    yield _gauge("ledger_events_unsealed", "Events of the ledger that are not sealed yet.", found.sealing.events)
    yield _gauge("ledger_seal_lag_seconds", "Age of the oldest event that is not sealed; 0: none waits.", lag_s)
    verified_s = found.verified_at.timestamp() if found.verified_at else 0.0
    yield _gauge("ledger_verified_timestamp_seconds", "When the ledger was last verified; 0: never.", verified_s)
    yield _gauge("ledger_tampered", "1: the last verification found that the ledger was changed.", found.is_tampered)
    yield _gauge("outbox_events_waiting", "Changes that were not routed yet, up to 10,000.", found.outbox_waiting)
    yield _gauge("oldest_unsent_age_seconds", "Age of the oldest change that was not sent; 0: none waits.", unsent_s)
    yield _gauge("webhook_deliveries_waiting", "Deliveries that are due or tried again.", found.webhooks_waiting)
    yield _gauge("webhook_deliveries_failed", "Deliveries of 30 days that were given up.", found.webhooks_failed)
    yield _gauge("webhook_endpoints_failing", "Endpoints that fail now or were given up.", found.endpoints_failing)
    yield _gauge("jobs_failed", "Jobs that failed within 30 days and were not dismissed.", found.failed_jobs)
    yield _gauge("mails_failed", "Teammates whom a mail did not reach within 30 days.", found.failed_mails)
    yield _gauge("bulk_jobs_waiting", "Bulk jobs that wait for a worker or for another job.", found.bulk_jobs_waiting)
    yield _gauge("confirmation_limits_reached", "Limits on texts of forms, reached in 24 hours.", found.limits_reached)
    yield _gauge("sms_messages_unknown", "Texts that may have been sent, for an admin to decide.", found.unknown_texts)
    yield _gauge("sending_stopped", "1: an admin stopped all marketing texts.", found.is_sending_stopped)
    yield _gauge("bulk_jobs_running", "Bulk jobs that run, undos included.", found.bulk_jobs_running)
    pushes = found.consent_pushes
    pushed_lag_s = (at - pushes.since).total_seconds() if pushes.since else 0.0
    yield _gauge("consent_pushes_waiting", "Numbers whose consent was not pushed to the gateway yet.", pushes.waiting)
    yield _gauge("consent_push_lag_seconds", "Age of the oldest of them; 0: none waits.", pushed_lag_s)
    yield _gauge("consent_pushes_refused", "Numbers that the gateway refused.", pushes.failed)


def _of_types(counted: dict[int, SubscriptionReach], types: dict[int, SubscriptionType]) -> "Iterator[Metric]":
    from prometheus_client.core import GaugeMetricFamily

    labels = ("id", "name")
    opted_in = GaugeMetricFamily("assent_contacts_opted_in", "Contacts that are opted in, by type.", labels=labels)
    reachable = GaugeMetricFamily("assent_contacts_reachable", "Contacts that can be reached, by type.", labels=labels)
    counted_at = GaugeMetricFamily(
        "assent_contacts_counted_timestamp_seconds", "When contacts were counted, by type.", labels=labels
    )
    for type_id, row in counted.items():
        values = (str(type_id), types[type_id].name)
        opted_in.add_metric(values, row.opted_in)
        reachable.add_metric(values, row.reachable)
        counted_at.add_metric(values, row.counted_at.timestamp() if row.counted_at else 0)
    yield from (opted_in, reachable, counted_at)


def _gauge(name: str, documentation: str, value: float) -> "Metric":
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(f"assent_{name}", documentation, value=value)
