"""Limits against pumping: people who have codes sent to numbers that they earn money with.

Counted are the texts that forms cause: codes, requests for a reply, and welcome texts after unconfirmed answers. The
ceiling on cost is about codes and requests for a reply.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.core import audit, rate_limits
from app.core.destinations import Destination
from app.core.signing import keys_of
from app.core.workspace.confirmation_limits import Limits, of
from app.models import AuditEntry, Confirmation, Workspace

HOUR_S, DAY_S = 60 * 60, 24 * 60 * 60
AUDIT_SUBJECT = "confirmations"
ALARM = "confirmations.limited"
_PREFIX_WITHOUT = 4  # digits at the end of a number that a prefix leaves out: ranges of 10,000 numbers
# These concern everyone, so an admin has to know when they are reached.
_ALARMING = ("prefix_hour", "country_hour", "total_day", "spend_day")


@dataclass(frozen=True)
class TextToSend:
    """A text that a form would cause. ``segments`` is how many carriers charge for."""

    destination: Destination
    address: str | None
    segments: int


def price_micros(workspace: Workspace, country: str | None, segments: int) -> int:
    """The estimated price of a text, in millionths of the workspace's currency; 0 where no price is set."""
    return int(workspace.text_prices.get(country or "", 0)) * segments


def refused(session: Session, workspace: Workspace, text: TextToSend, *, at: datetime) -> int | None:
    """Count a text. Returns null when it may be sent, else the seconds until it may be tried again.

    The caller commits after a refusal, too. The first time in an hour that a limit for everyone is reached, an entry of
    the audit log says so, which the page of problems shows.
    """
    limits, country = of(workspace), text.destination.country or "unknown"
    counted = {
        "address_hour": (HOUR_S, rate_limits.address_bucket(text.address) if text.address else ""),
        "number_hour": (HOUR_S, text.destination.hash),
        "prefix_hour": (HOUR_S, text.destination.value[:-_PREFIX_WITHOUT]),
        "country_hour": (HOUR_S, country),
        "total_day": (DAY_S, "all"),
    }
    for name, (window_s, value) in counted.items():
        if not value:
            continue
        bucket = keys_of(session).bucket(f"cf-{name}", value)
        wait_s = rate_limits.hit(session, {bucket: getattr(limits, name)}, window_s=window_s, at=at)
        if wait_s is not None:
            _alarm(session, name, country, at=at)
            return wait_s
    return _over_ceiling(session, workspace, text, limits, at=at)


def _over_ceiling(
    session: Session, workspace: Workspace, text: TextToSend, limits: Limits, *, at: datetime
) -> int | None:
    if not limits.spend_day:
        return None
    begun = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    spent = session.scalar(select(func.sum(Confirmation.spent_micros)).where(Confirmation.created_at >= begun)) or 0
    price = price_micros(workspace, text.destination.country, text.segments)
    if int(spent) + price <= limits.spend_day * 1_000_000:
        return None
    _alarm(session, "spend_day", text.destination.country or "unknown", at=at)
    return int((begun + timedelta(days=1) - at).total_seconds()) + 1


def alarms(session: Session, *, since: datetime) -> list[AuditEntry]:
    """The entries that say that a limit for everyone was reached, newest first; at most 20."""
    only = audit.Filter(subject=AUDIT_SUBJECT, actions=[ALARM], since=since)
    return audit.find(session, only, limit=20)


def were_reached_since(since: datetime) -> ColumnElement[bool]:
    """Whether ``alarms`` has an entry, in SQL."""
    which = (AuditEntry.subject == AUDIT_SUBJECT, AuditEntry.action == ALARM, AuditEntry.occurred_at >= since)
    return select(AuditEntry.id).where(*which).exists()


def _alarm(session: Session, name: str, country: str, *, at: datetime) -> None:
    if name not in _ALARMING:
        return
    bucket = keys_of(session).bucket(f"ca-{name}", country)
    if rate_limits.hit(session, {bucket: 1}, window_s=HOUR_S, at=at) is None:
        audit.record(session, "system", ALARM, AUDIT_SUBJECT, {"limit": name, "country": country}, at=at)
