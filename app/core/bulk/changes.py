"""Changes of many contacts: what may be asked for, and the steps that do it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.core.bulk import consent_steps, jobs, label_steps, selection
from app.core.bulk.selection import Selection
from app.core.contacts import tags
from app.core.errors import InvalidInput, InvalidState, NotFound, named
from app.core.subscriptions import subscription_types
from app.models import BulkJob, JobKind, SubscriptionType, TypeState

OF_CONSENT = frozenset({JobKind.SUBSCRIBE, JobKind.UNSUBSCRIBE})
OF_TAGS = frozenset({JobKind.TAG, JobKind.UNTAG})
KINDS = OF_CONSENT | OF_TAGS | {JobKind.ARCHIVE}
NOTE_MAX = 2000
# One chunk: does the next piece of work of a locked job, moves its position, adds to its counts. True: nothing is left.
Step = Callable[[Session, BulkJob, datetime], bool]


@dataclass(frozen=True)
class Steps:
    """What a kind of job does in one chunk, and what its undo does."""

    run: Step
    undo: Step | None = None


STEPS: Mapping[JobKind, Steps] = {
    **dict.fromkeys(OF_CONSENT, Steps(consent_steps.change, consent_steps.undo)),
    JobKind.TAG: Steps(label_steps.tag, label_steps.undo_tag),
    JobKind.UNTAG: Steps(label_steps.untag, label_steps.undo_untag),
    JobKind.ARCHIVE: Steps(label_steps.archive, label_steps.undo_archive),
}


@dataclass(frozen=True)
class Change:
    """A change of many contacts.

    :param note: where the consent comes from; it becomes part of the evidence of each contact
    :param is_dry_run: only count what would change
    """

    kind: JobKind
    selection: Selection
    subscription_type_id: int | None = None
    tag: str | None = None
    note: str = ""
    is_dry_run: bool = False


def create(session: Session, change: Change, *, actor: str, at: datetime) -> BulkJob:
    """Create the job of a change and hand it to the worker.

    :raises InvalidInput, InvalidState, NotFound: as ``check``
    """
    check(session, change)
    type_id = change.subscription_type_id if change.kind in OF_CONSENT else None
    job = jobs.create(session, change.kind, parameters_of(change), actor=actor, at=at, subscription_type_id=type_id)
    jobs.start(session, job, at=at)
    return job


def parameters_of(change: Change) -> dict[str, object]:
    """The parameters of the job that does a change."""
    parameters: dict[str, object] = {"selection": dict(change.selection)}
    if change.kind in OF_CONSENT:
        parameters["note"] = change.note.strip()
    if change.kind in OF_TAGS:
        parameters["tag"] = change.tag
    if change.is_dry_run:
        parameters["dry_run"] = True
    return parameters


def check(session: Session, change: Change) -> None:
    """Check that a change can be started.

    :raises InvalidInput: the selection is invalid (``selection.check``); the note is missing or too long, except in a
        dry run; the type or the name of the tag is missing
    :raises NotFound: there is no such type or tag
    :raises InvalidState: only a live type can be subscribed to
    """
    if change.kind not in KINDS:
        raise InvalidInput("Choose what to change.", field="action")
    selection.check(session, change.selection)
    if change.kind in OF_TAGS and tags.find_by_name(session, change.tag or "") is None and change.kind == JobKind.UNTAG:
        raise NotFound("There is no such tag.")
    if change.kind in OF_CONSENT:
        _check_type(session, change)
        _check_note(change)


def types_for(session: Session, kind: JobKind) -> list[SubscriptionType]:
    """The subscription types that contacts can be subscribed to, or unsubscribed from; by name."""
    states = {TypeState.LIVE} if kind == JobKind.SUBSCRIBE else {TypeState.LIVE, TypeState.ARCHIVED}
    return [each for each in subscription_types.find_all(session) if each.state in states]


def _check_type(session: Session, change: Change) -> None:
    if change.subscription_type_id is None:
        raise InvalidInput("Choose a subscription type.", field="subscription_type_id")
    with named("subscription_type_id"):
        found = subscription_types.view(session, change.subscription_type_id)
    if change.kind == JobKind.SUBSCRIBE and found.state != TypeState.LIVE:
        raise InvalidState("This subscription type is not live. Put it live first.", field="subscription_type_id")


def _check_note(change: Change) -> None:
    note = change.note.strip()
    if len(note) > NOTE_MAX or not (note or change.is_dry_run):
        raise InvalidInput(
            "Say in a note of at most %(most)s characters where the consent comes from.",
            field="source_note",
            most=NOTE_MAX,
        )
