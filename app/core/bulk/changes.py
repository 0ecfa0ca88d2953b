"""What a bulk change is. Nothing runs it yet."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.core.bulk import jobs, selection
from app.core.bulk.selection import Selection
from app.core.errors import InvalidInput
from app.core.subscriptions import subscription_types
from app.models import BulkJob, JobKind, SubscriptionType, TypeState

OF_CONSENT = frozenset({JobKind.SUBSCRIBE, JobKind.UNSUBSCRIBE})
KINDS = OF_CONSENT | {JobKind.TAG, JobKind.UNTAG, JobKind.ARCHIVE}
NOTE_MAX = 2000


@dataclass(frozen=True)
class Change:
    kind: JobKind
    selection: Selection
    subscription_type_id: int | None = None
    tag: str | None = None
    note: str = ""
    is_dry_run: bool = False


def create(session: Session, change: Change, *, actor: str, at: datetime) -> BulkJob:
    check(session, change)
    parameters: dict[str, object] = {"selection": dict(change.selection), "note": change.note, "tag": change.tag}
    if change.is_dry_run:
        parameters["dry_run"] = True
    job = jobs.create(
        session, change.kind, parameters, actor=actor, at=at, subscription_type_id=change.subscription_type_id
    )
    jobs.start(session, job, at=at)
    return job


def check(session: Session, change: Change) -> None:
    selection.check(session, change.selection)
    if change.kind in OF_CONSENT:
        if change.subscription_type_id is None:
            raise InvalidInput("Choose a subscription type.", field="subscription_type_id")
        if not change.is_dry_run and not change.note.strip():
            raise InvalidInput("Say where the consent comes from.", field="source_note")


def types_for(session: Session, kind: JobKind) -> list[SubscriptionType]:
    found = subscription_types.find_all(session)
    states = {TypeState.LIVE} if kind == JobKind.SUBSCRIBE else {TypeState.LIVE, TypeState.ARCHIVED}
    return [each for each in found if each.state in states]


def _dry(session: Session, job: BulkJob, _at: datetime) -> bool:
    ids = selection.next_ids(session, job.parameters["selection"], 0, 5000)
    job.total = len(ids)
    jobs.add_outcomes(job, {"changed": len(ids[::2]), "suppressed": len(ids[1::2])})
    job.position = {"examples": {"changed": ids[::2][:20], "suppressed": ids[1::2][:20]}}
    return True


@dataclass(frozen=True)
class Steps:
    run: object


STEPS = {kind: Steps(_dry) for kind in KINDS}
