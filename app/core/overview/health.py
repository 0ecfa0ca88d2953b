"""Whether what runs in the background keeps up: worker, sealer, outbox, webhooks, jobs, mail."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import outbox
from app.core.bulk import jobs
from app.core.confirmations import limits
from app.core.ledger import lag, verifications
from app.core.ledger.lag import Lag
from app.core.problems import workers
from app.core.problems.overview import is_failing
from app.core.sms import consent_pushes, texts
from app.core.sms.consent_pushes import PushLag
from app.core.webhooks import endpoints
from app.core.workspace import settings
from app.models import DeliveryState, Failure, FailureKind, WebhookDelivery

# The sealer is a second or two behind; more means that it waits or does not run.
SEALED_WITHIN = timedelta(seconds=30)
_DELIVERY = WebhookDelivery.__table__


@dataclass(frozen=True)
class Health:
    """What waits and what fails now.

    :param worker_seen_at: when a worker was last seen; null: never, or not within a day
    :param is_sealing_late: an event waits longer than ``SEALED_WITHIN`` for its seal
    :param outbox_waiting: changes that were not routed yet, up to ``outbox.COUNT_MAX``
    :param webhooks_waiting: deliveries that are due or will be tried again, ``webhooks_failed`` those that were given
        up; each up to ``endpoints.COUNT_MAX`` for each endpoint
    :param limits_reached: how often in 24 hours a limit on the texts that forms cause was reached, up to 20
    :param consent_pushes: what was not pushed to the gateway's carrier yet
    :param verified_at: when a verification of the ledger ended last; null before the first
    :param unknown_texts: texts that may have been sent, for an admin to decide about
    :param unsent_since: since when the oldest waits, in the outbox or as a delivery
    """

    worker_seen_at: datetime | None
    is_worker_silent: bool
    sealing: Lag
    is_sealing_late: bool
    verified_at: datetime | None
    is_tampered: bool
    outbox_waiting: int
    webhook_endpoints: int
    endpoints_failing: int
    webhooks_waiting: int
    webhooks_failed: int
    unsent_since: datetime | None
    failed_jobs: int
    failed_mails: int
    bulk_jobs_waiting: int
    bulk_jobs_running: int
    limits_reached: int
    unknown_texts: int
    is_sending_stopped: bool
    consent_pushes: PushLag


def read(session: Session, *, at: datetime) -> Health:
    """The state of now. Every number comes from an index."""
    seen_at = workers.last_seen(session)
    sealing, verified = lag.current(session), verifications.last(session)
    found = endpoints.find_all(session)
    counts = endpoints.counts(session, found).values()
    waits = [outbox.oldest_unrouted(session), _oldest_delivery(session, [each.id for each in found])]
    failed = select(Failure.kind, func.count()).group_by(Failure.kind)
    jobs_waiting, jobs_running = jobs.count_unfinished(session)
    failures = {row[0]: int(row[1]) for row in session.execute(failed)}
    return Health(
        worker_seen_at=seen_at,
        is_worker_silent=workers.is_silent(seen_at, at=at),
        sealing=sealing,
        is_sealing_late=sealing.oldest_recorded_at is not None and at - sealing.oldest_recorded_at > SEALED_WITHIN,
        verified_at=verified.finished_at if verified else None,
        is_tampered=bool(verified and verified.result and verified.result["result"] == "tampered"),
        outbox_waiting=outbox.count_unrouted(session),
        webhook_endpoints=len(found),
        endpoints_failing=sum(map(is_failing, found)),
        webhooks_waiting=sum(each.waiting for each in counts),
        webhooks_failed=sum(each.failed for each in counts),
        unsent_since=min((each for each in waits if each is not None), default=None),
        failed_jobs=failures.get(FailureKind.JOB, 0),
        failed_mails=failures.get(FailureKind.MAIL, 0),
        bulk_jobs_waiting=jobs_waiting,
        bulk_jobs_running=jobs_running,
        limits_reached=len(limits.alarms(session, since=at - timedelta(hours=24))),
        unknown_texts=texts.count_unknown(session),
        is_sending_stopped=settings.get(session).sending_stopped_at is not None,
        consent_pushes=consent_pushes.lag(session),
    )


def _oldest_delivery(session: Session, endpoint_ids: list[int]) -> datetime | None:
    """When the oldest delivery that waits was created: the lowest id of each endpoint, from the index."""
    waiting = DeliveryState.WAITING.value
    oldest = [
        session.scalar(
            select(func.min(_DELIVERY.c.id)).where(_DELIVERY.c.endpoint_id == each, _DELIVERY.c.state == waiting)
        )
        for each in endpoint_ids
    ]
    ids = [each for each in oldest if each is not None]
    return session.scalar(select(func.min(_DELIVERY.c.created_at)).where(_DELIVERY.c.id.in_(ids))) if ids else None
