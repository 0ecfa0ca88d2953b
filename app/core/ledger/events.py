"""The ledger: one event for each change of a consent, with its evidence. Only ``core/consent`` writes here."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, union
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from app.core import clock
from app.core.ledger import evidence as ledger_evidence
from app.core.ledger.evidence import Evidence
from app.core.ledger.facts import Facts
from app.core.wording import FrozenWording
from app.db import ChangeAndInsert, CompiledStatement, insert_statement
from app.models import Action, ConsentEvent, ConsentEvidence, Contact, EvidenceLevel, Source, Wording

_KNOWN_WORDINGS = "assent_known_wordings"
_COLUMNS = (
    "contact_id",
    "subscription_type_id",
    "action",
    "source",
    "actor",
    "evidence_level",
    "destination_hash",
    "form_version_id",
    "inserted_form_id",
    "evidence_hash",
    "occurred_at",
    "is_persons_word",
    "facts",
    "recorded_at",
)
_INSERT = ChangeAndInsert(
    lambda dialect: insert_statement(dialect, ConsentEvent, _COLUMNS).returning(ConsentEvent.__table__.c.id),
    ConsentEvidence,
    ledger_evidence.STORED,
    taken=("event_id",),
)
_INSERT_WORDING = CompiledStatement(
    lambda dialect: insert_statement(dialect, Wording, ("hash", "body")).on_conflict_do_nothing()
)


@dataclass(frozen=True)
class Subject:
    """The subject of an event. ``destination_hash`` identifies it where contact and subscription type are null."""

    contact_id: int | None
    subscription_type_id: int | None
    destination: str | None
    destination_hash: str | None


@dataclass(frozen=True)
class LedgerLine:
    """One event with its evidence (null after erasure) and the text that was shown.

    :param contact: public id of the contact at that time, which may have been merged since
    """

    event: ConsentEvent
    evidence: ConsentEvidence | None
    words: str | None
    contact: str | None


@dataclass(frozen=True)
class FormAnswer:
    """The event behind an answer. ``locale``: the language of the form; empty when it is unknown or was erased."""

    inserted_form_id: int | None = None
    action: str = ""
    locale: str = ""


def record(
    session: Session,
    action: Action,
    subject: Subject,
    evidence: Evidence,
    *,
    at: datetime,
    facts: Facts | None = None,
) -> int:
    """Write one event and its evidence. Returns the id of the event. Flushes, does not commit.

    :param facts: what the state depends on beside the columns (``facts.py``)
    """
    if evidence.words is not None:
        _store_wording(session, evidence.words)
    row = ledger_evidence.row_of(evidence, subject.destination)
    (event_id,) = _INSERT.one(
        session,
        contact_id=subject.contact_id,
        subscription_type_id=subject.subscription_type_id,
        action=action.value,
        source=evidence.source.value,
        actor=evidence.actor,
        evidence_level=evidence.level.value,
        destination_hash=subject.destination_hash,
        form_version_id=evidence.form_version_id,
        inserted_form_id=evidence.inserted_form_id,
        evidence_hash=row.hash,
        occurred_at=at,
        is_persons_word=evidence.is_persons_word,
        facts=facts,
        recorded_at=clock.now(),
        salt=row.salt,
        **row.columns,
    )
    return int(event_id)


def of_contact(
    session: Session,
    contact_id: int,
    *,
    actions: Collection[Action] | None = None,
    limit: int = 200,
    before_id: int | None = None,
) -> list[LedgerLine]:
    """The events of one contact and of contacts merged into it, newest first.

    :param actions: only events with these; null: all
    :param before_id: the id of the last event of the page before
    """
    query = select(ConsentEvent.id).where(_is_of(session, contact_id))
    if actions is not None:
        query = query.where(ConsentEvent.action.in_(actions))
    return _lines(session, query.where(ConsentEvent.id < before_id) if before_id else query, limit)


def find(session: Session, event_id: int) -> LedgerLine | None:
    """One event; null when there is none with this id."""
    return next(iter(_lines(session, select(ConsentEvent.id).where(ConsentEvent.id == event_id), 1)), None)


def find_of_contact(session: Session, contact_id: int, event_id: int) -> LedgerLine | None:
    """One event of this contact or of a contact merged into it; null where it is another's."""
    query = select(ConsentEvent.id).where(_is_of(session, contact_id), ConsentEvent.id == event_id)
    return next(iter(_lines(session, query, 1)), None)


def about(
    session: Session, destination_hashes: Collection[str], contact_ids: Collection[int], *, limit: int
) -> list[LedgerLine]:
    """The events about these numbers and addresses, newest first.

    Those of these contacts that name no destination, and their changes of number, are among them.
    """
    is_general = ConsentEvent.destination_hash.is_(None) | (ConsentEvent.action == Action.NUMBER_CHANGE)
    ids = union(
        select(ConsentEvent.id).where(ConsentEvent.destination_hash.in_(destination_hashes)),
        select(ConsentEvent.id).where(ConsentEvent.contact_id.in_(contact_ids), is_general),
    ).subquery()
    return _lines(session, select(ConsentEvent.id).where(ConsentEvent.id.in_(select(ids.c.id))), limit)


def of_number(session: Session, phone_hash: str, *, limit: int = 200, before_id: int | None = None) -> list[LedgerLine]:
    """The events of a number that name no contact, such as its suppression, newest first.

    :param before_id: the id of the last event of the page before
    """
    about_number = ConsentEvent.contact_id.is_(None) & (ConsentEvent.destination_hash == phone_hash)
    query = select(ConsentEvent.id).where(about_number)
    return _lines(session, query.where(ConsentEvent.id < before_id) if before_id else query, limit)


def count_of_contact(session: Session, contact_id: int) -> int:
    """How many events ``of_contact`` returns without a limit."""
    return session.scalar(select(func.count()).where(_is_of(session, contact_id))) or 0


def evidence_of(session: Session, event_id: int) -> Evidence:
    """The evidence of an event, to be recorded for another contact. What was erased is missing; who said so is not."""
    ((event, evidence, body, _),) = _rows(session, select(ConsentEvent.id).where(ConsentEvent.id == event_id), 1)
    source, level = Source(event.source), EvidenceLevel(event.evidence_level)
    if evidence is None:
        return Evidence(source, event.actor, level, has_persons_word=event.is_persons_word)
    return Evidence(
        source,
        event.actor,
        level,
        ip_address=evidence.ip_address,
        user_agent=evidence.user_agent,
        origin=evidence.origin,
        page=evidence.page,
        locale=evidence.locale,
        words=FrozenWording(evidence.locale or "", body, evidence.wording_hash) if body is not None else None,
        note=evidence.note,
        form_version_id=event.form_version_id,
        details=evidence.details or {},
    )


def sources_of(session: Session, event_ids: Collection[int]) -> dict[int, str]:
    """The sources of these events, by event id."""
    query = select(ConsentEvent.id, ConsentEvent.source).where(ConsentEvent.id.in_(event_ids))
    return {row.id: row.source for row in session.execute(query)}


def form_answers(session: Session, event_ids: Collection[int]) -> dict[int, FormAnswer]:
    """What each of these events says about the answer of a form, by event id."""
    if not event_ids:
        return {}
    query = (
        select(ConsentEvent.id, ConsentEvent.inserted_form_id, ConsentEvent.action, ConsentEvidence.locale)
        .outerjoin(ConsentEvidence, ConsentEvidence.event_id == ConsentEvent.id)
        .where(ConsentEvent.id.in_(event_ids))
    )
    return {row.id: FormAnswer(row.inserted_form_id, row.action, row.locale or "") for row in session.execute(query)}


def of_inserted_forms(session: Session, inserted_form_ids: Collection[int]) -> dict[int, LedgerLine]:
    """The newest event of each answered inserted form, by the form's id."""
    if not inserted_form_ids:
        return {}
    lines = _lines(session, select(ConsentEvent.id).where(ConsentEvent.inserted_form_id.in_(inserted_form_ids)), 500)
    return {line.event.inserted_form_id: line for line in reversed(lines) if line.event.inserted_form_id}


def newest(
    session: Session, *, action: Action | None = None, limit: int = 50, before_id: int | None = None
) -> list[LedgerLine]:
    """The newest events, with one action or with any.

    :param before_id: the id of the last event of the page before
    """
    query = select(ConsentEvent.id)
    query = query if action is None else query.where(ConsentEvent.action == action)
    return _lines(session, query.where(ConsentEvent.id < before_id) if before_id else query, limit)


def _is_of(session: Session, contact_id: int) -> ColumnElement[bool]:
    merged = session.scalars(select(Contact.id).where(Contact.merged_into_id == contact_id))
    return ConsentEvent.contact_id.in_([contact_id, *merged])  # a list of ids, so that the index is used


def _lines(session: Session, ids: Any, limit: int) -> list[LedgerLine]:
    return [LedgerLine(*row) for row in _rows(session, ids, limit)]


def _rows(session: Session, ids: Any, limit: int) -> Sequence[Any]:
    chosen = ids.order_by(ConsentEvent.id.desc()).limit(limit).subquery()
    return session.execute(
        select(ConsentEvent, ConsentEvidence, Wording.body, Contact.public_id)
        .join(chosen, chosen.c.id == ConsentEvent.id)
        .outerjoin(
            ConsentEvidence,
            (ConsentEvidence.event_id == ConsentEvent.id) & ConsentEvidence.erased_at.is_(None),
        )
        .outerjoin(Wording, Wording.hash == ConsentEvidence.wording_hash)
        .outerjoin(Contact, Contact.id == ConsentEvent.contact_id)
        .order_by(ConsentEvent.id.desc())
    ).all()


def _store_wording(session: Session, words: FrozenWording) -> None:
    """Store the text once. Only hashes of committed rows are remembered, because a new row may be rolled back."""
    known: set[str] = session.info.setdefault(_KNOWN_WORDINGS, set())
    if words.hash not in known and not _INSERT_WORDING.run(session, hash=words.hash, body=words.body):
        known.add(words.hash)


def attach(info: dict[str, Any]) -> None:
    """Add the set of stored wordings to the info that all sessions of a database share."""
    info[_KNOWN_WORDINGS] = set()
