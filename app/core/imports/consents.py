"""The consents of imported rows. ``core/consent/set_changes.py`` decides about each and records it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from app.core.consent import set_changes
from app.core.consent.locking import SetRow
from app.core.consent.set_changes import Decisions, Outcome, Result, SetChange, Statement
from app.core.imports.options import Options
from app.core.imports.planning import Plan
from app.core.imports.reasons import NoConsent
from app.core.ledger.evidence import Evidence
from app.models import BulkJob, Channel, ConsentState, EvidenceLevel, Source, SubscriptionType


class Recorded(NamedTuple):
    """What became of the consent of one row. ``state`` and ``event_id`` are null where nothing was recorded."""

    outcome: str
    state: str | None = None
    event_id: int | None = None


def evidence_of(job: BulkJob, options: Options, *, actor: str = "") -> Evidence:
    """The evidence of everything that an import, or its undo by another actor, writes into the ledger."""
    note = options.note.strip() or None
    return Evidence(
        Source.IMPORT, actor or job.created_by, EvidenceLevel.IMPORT, note=note, details={"bulk_job": job.id}
    )


@dataclass(frozen=True)
class Decided:
    """What ``write`` records of some rows: decisions, and by contact why nothing is recorded."""

    hindered: Mapping[int, Recorded]
    changes: Sequence[Decisions]


def decide(
    session: Session, job: BulkJob, options: Options, plans: Sequence[Plan], new: Mapping[int, SetRow]
) -> Decided:
    """Decide about the consents of these rows; without consents about none. Writes nothing.

    :param new: the contacts that are inserted before ``write`` is called
    """
    if not options.has_consents:
        return Decided({}, ())
    subscription_type = session.get_one(SubscriptionType, options.subscription_type_id)
    recorded: dict[int, Recorded] = {}
    statements: dict[ConsentState, list[Statement]] = {state: [] for state in ConsentState}
    for plan in plans:
        if (hindered := _hindered(plan, subscription_type.channel)) is not None:
            recorded[plan.contact_id] = Recorded(hindered)
        elif plan.row.consent is not None:
            statements[plan.row.consent].append(_statement(plan, subscription_type.channel))
    evidence = evidence_of(job, options)
    asked = [(SetChange(state, subscription_type, evidence), listed) for state, listed in statements.items() if listed]
    return Decided(recorded, set_changes.decide(session, asked, new))


def write(session: Session, decided: Decided, *, at: datetime) -> dict[int, Recorded]:
    """Record what was decided. Returns what became of each row, by contact; empty without consents."""
    recorded = dict(decided.hindered)
    for each in decided.changes:
        for result in set_changes.write(session, each, at=at):
            recorded[result.contact_id] = _recorded(each.change.state, result)
    return recorded


def _hindered(plan: Plan, channel: str) -> NoConsent | None:
    """Why the consent of a row is not asked for. An opt-in is for the number or address in the row alone."""
    row = plan.row
    if row.consent is None:
        return row.no_consent
    if row.consent == ConsentState.OPTED_OUT:
        return None
    given, now = _destination(plan, channel), plan.phone_now if channel == Channel.SMS else plan.email_now
    if given is None:
        return NoConsent.NO_DESTINATION
    return NoConsent.OTHER_DESTINATION if given != now else None


def _destination(plan: Plan, channel: str) -> str | None:
    if channel == Channel.SMS:
        return plan.row.phone.e164 if plan.row.phone else None
    return plan.row.values.get("email")


def _statement(plan: Plan, channel: str) -> Statement:
    row = plan.row
    destination = _destination(plan, channel) if row.consent == ConsentState.OPTED_IN else None
    return Statement(plan.contact_id, row.consent_at, row.note or None, destination)


def _recorded(state: ConsentState, result: Result) -> Recorded:
    is_changed = result.outcome == Outcome.CHANGED
    return Recorded(result.outcome, state if is_changed else None, result.event_id)
