"""Everything that failed and that an admin can do something about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from app.core import audit, clock, outbox
from app.core.confirmations import limits
from app.core.problems import failures
from app.core.site import snippets
from app.core.site.snippets import Snippet
from app.core.sms import texts
from app.core.webhooks import endpoints
from app.core.webhooks.endpoints import Counts
from app.models import AuditEntry, DisabledReason, Failure, FailureKind, SmsMessage, WebhookEndpoint

_EVENTS_MAX, _TEXTS_MAX = 10, 50
_ALARMS_FOR, _COUNTED_FOR = timedelta(days=7), timedelta(days=1)


@dataclass(frozen=True)
class FailingEndpoint:
    """A webhook endpoint that fails or was given up, or that has deliveries that were not delivered."""

    endpoint: WebhookEndpoint
    counts: Counts


@dataclass(frozen=True)
class Problems:
    """What failed. ``events`` could not become webhooks; ``snippets`` were loaded where they are not allowed.

    :param alarms: limits on the texts that forms cause, which were reached within a week
    :param texts: some of those that may or may not have been sent; ``unknown_texts``: how many there are
    """

    endpoints: Sequence[FailingEndpoint]
    events: Sequence[AuditEntry]
    jobs: Sequence[Failure]
    mails: Sequence[Failure]
    snippets: Sequence[Snippet]
    alarms: Sequence[AuditEntry]
    texts: Sequence[SmsMessage]
    unknown_texts: int

    @property
    def is_empty(self) -> bool:
        found = (self.endpoints, self.events, self.jobs, self.mails, self.snippets, self.alarms, self.texts)
        return not any(found)


def read(session: Session, *, at: datetime) -> Problems:
    """All problems of now; failures and events of the last 30 days."""
    found = endpoints.find_all(session)
    counts = endpoints.counts(session, found)
    events = audit.newest(session, subject=outbox.AUDIT_SUBJECT, limit=_EVENTS_MAX)
    return Problems(
        endpoints=[
            FailingEndpoint(each, count)
            for each in found
            if (count := counts.get(each.id, Counts())).failed or is_failing(each)
        ],
        events=[each for each in events if each.occurred_at > at - failures.KEEP],
        jobs=failures.find_all(session, FailureKind.JOB),
        mails=failures.find_all(session, FailureKind.MAIL),
        snippets=[each for each in snippets.find(session) if not each.is_allowed],
        alarms=limits.alarms(session, since=at - _ALARMS_FOR),
        texts=texts.unknown(session, limit=_TEXTS_MAX),
        unknown_texts=texts.count_unknown(session),
    )


def count(session: Session) -> int:
    """How many jobs, mails and webhook endpoints fail; one more for unknown texts, and for limits reached in a day.

    One statement. What any website can cause, a snippet that is not allowed, does not count.
    """
    of_webhooks = select(func.count()).select_from(WebhookEndpoint).where(_IS_FAILING).scalar_subquery()
    of_failures = select(func.count()).select_from(Failure).scalar_subquery()
    of_alarms = case((limits.were_reached_since(clock.now() - _COUNTED_FOR), 1), else_=0)
    return int(session.scalar(select(of_webhooks + of_failures + texts.IS_ANY_UNKNOWN + of_alarms)) or 0)


def is_failing(endpoint: WebhookEndpoint) -> bool:
    """Whether deliveries to this endpoint fail, or it was given up."""
    if endpoint.disabled_reason is not None:
        return endpoint.disabled_reason == DisabledReason.GONE
    return endpoint.consecutive_failures > 0


_IS_FAILING: ColumnElement[bool] = and_(
    WebhookEndpoint.deleted_at.is_(None),
    or_(
        WebhookEndpoint.disabled_reason == DisabledReason.GONE.value,
        and_(WebhookEndpoint.disabled_reason.is_(None), WebhookEndpoint.consecutive_failures > 0),
    ),
)
