"""The evidence of an event. The event contains its hash, so it can be erased without breaking the seals."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from app.core.ledger.canonical import canonical_columns, canonical_json
from app.core.wording import FrozenWording
from app.db import run
from app.models import ConsentEvent, ConsentEvidence, EvidenceLevel, Source

# What the hash of evidence is over.
COLUMNS = ("destination", "ip_address", "user_agent", "origin", "page", "locale", "wording_hash", "note", "details")
SORTED = tuple(sorted(COLUMNS))
STORED = ("event_id", *COLUMNS, "salt")
_EVIDENCE = ConsentEvidence.__table__
_WITHOUT_DESTINATION = b'{"destination":null'
_ON_THEIR_OWN_ACCOUNT = frozenset({Source.API, Source.SITE})
_USER_AGENT_MAX = 512
_PAGE_MAX = 2000
_SALT_BYTES = 16


@dataclass(frozen=True)
class Evidence:
    """What proves a change. Surfaces build it from a request; rules only pass it on.

    :param actor: who acted: ``contact``, ``agent:3``, ``api:4``, ``system``
    :param ip_address: of the person, as far as trusted proxies report it
    :param origin: the origin of the page that showed the form; ``page``: its address as the browser claimed it
    :param occurred_at: when they said so, where a source reports the past; null: as it is recorded
    :param has_persons_word: of an event whose note was erased: whether the person said so; null: as the note tells
    """

    source: Source
    actor: str
    level: EvidenceLevel
    ip_address: str | None = None
    user_agent: str | None = None
    origin: str | None = None
    page: str | None = None
    locale: str | None = None
    words: FrozenWording | None = None
    note: str | None = None
    form_version_id: int | None = None
    inserted_form_id: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    occurred_at: datetime | None = None
    has_persons_word: bool | None = None

    @property
    def is_persons_word(self) -> bool:
        """Whether the person said so. An API client acts on its own account without a note of how they did. So does
        a page.
        """
        if self.has_persons_word is not None:
            return self.has_persons_word
        return self.source not in _ON_THEIR_OWN_ACCOUNT or bool(self.note)

    def of_inserted_form(self, inserted_form_id: int) -> "Evidence":
        return replace(self, inserted_form_id=inserted_form_id)

    def with_details(self, **details: Any) -> "Evidence":
        return replace(self, details={**self.details, **details})


def reported_by(actor: str, note: str | None = None, **details: Any) -> Evidence:
    """The evidence of what an agent, an API client or the system did, named by their ``actor``.

    A blank note is none.
    """
    source = {"agent": Source.AGENT, "api": Source.API}.get(actor.partition(":")[0], Source.SYSTEM)
    return Evidence(source, actor, EvidenceLevel.REPORTED, note=(note or "").strip() or None, details=details)


class EvidenceRow(NamedTuple):
    """The columns of one evidence row before it is written, with the salt and hash that its event carries."""

    columns: dict[str, Any]
    salt: bytes
    hash: bytes


def row_of(evidence: Evidence, destination: str | None) -> EvidenceRow:
    """The row that keeps this evidence, with a new salt. Long user agents and page addresses are cut off."""
    columns = {
        "destination": destination,
        "ip_address": evidence.ip_address,
        "user_agent": evidence.user_agent[:_USER_AGENT_MAX] if evidence.user_agent else None,
        "origin": evidence.origin,
        "page": evidence.page[:_PAGE_MAX] if evidence.page else None,
        "locale": evidence.locale,
        "wording_hash": evidence.words.hash if evidence.words else None,
        "note": evidence.note,
        "details": dict(evidence.details),
    }
    salt = secrets.token_bytes(_SALT_BYTES)
    return EvidenceRow(columns, salt, hash_of(columns, salt))


def rows_of(evidence: Sequence[Evidence], destinations: Sequence[str | None]) -> list[EvidenceRow]:
    """The rows that keep several evidences, each with its destination.

    What follows the destination in the canonical form is written once for each evidence: those of a set are often one.
    """
    known: dict[int, tuple[dict[str, Any], bytes]] = {}
    salts = secrets.token_bytes(_SALT_BYTES * len(evidence))
    rows = []
    for index, (each, destination) in enumerate(zip(evidence, destinations, strict=True)):
        if id(each) not in known:
            columns = row_of(each, None).columns
            content = canonical_columns({name: columns[name] for name in SORTED}, nested="details")
            known[id(each)] = columns, content.removeprefix(_WITHOUT_DESTINATION)
        columns, rest = known[id(each)]
        salt = salts[index * _SALT_BYTES : (index + 1) * _SALT_BYTES]
        content = b"".join((salt, b'{"destination":', canonical_json(destination), rest))
        rows.append(EvidenceRow(columns, salt, hashlib.sha256(content).digest()))
    return rows


def erase(session: Session, contact_id: int, *, at: datetime) -> int:
    """Clear the evidence of every event of one contact: all columns, the salt included. The events stay.

    Returns how many were cleared. ``core/consent/recording.py`` writes the event that says so.
    """
    return _erase(session, ConsentEvent.contact_id == contact_id, at=at)


def erase_of_number(session: Session, phone_hash: str, *, at: datetime) -> int:
    """Clear the evidence of events about a number that name no contact. Returns how many were cleared."""
    return _erase(session, ConsentEvent.contact_id.is_(None) & (ConsentEvent.destination_hash == phone_hash), at=at)


def expire_of_type(
    session: Session, contact_id: int, subscription_type_id: int, *, before: datetime, at: datetime
) -> int:
    """Clear the evidence of a contact's events about one type that were recorded before ``before``.

    Returns how many were cleared. ``core/consent/recording.py`` writes the event that says so.
    """
    is_of_type = (ConsentEvent.contact_id == contact_id) & (ConsentEvent.subscription_type_id == subscription_type_id)
    return _erase(session, is_of_type & (ConsentEvent.recorded_at < before), at=at)


def expire_of_number(session: Session, phone_hash: str, *, before: datetime, at: datetime) -> int:
    """Clear the evidence of events about a number that name no contact and were recorded before ``before``.

    Returns how many were cleared.
    """
    is_of_number = ConsentEvent.contact_id.is_(None) & (ConsentEvent.destination_hash == phone_hash)
    return _erase(session, is_of_number & (ConsentEvent.recorded_at < before), at=at)


def values_of(evidence: ConsentEvidence) -> dict[str, Any]:
    """The values of a stored row that its hash is over."""
    return {name: getattr(evidence, name) for name in COLUMNS}


def hash_of(columns: Mapping[str, Any], salt: bytes) -> bytes:
    """SHA-256 of the salt and the canonical JSON of an evidence row's columns, for ``consent_events.evidence_hash``."""
    return hash_in_order([columns[name] for name in SORTED], salt)


def hash_in_order(values: Sequence[Any], salt: bytes) -> bytes:
    """``hash_of`` the values of ``SORTED``, in their order."""
    columns = dict(zip(SORTED, values, strict=True))
    return hashlib.sha256(salt + canonical_columns(columns, nested="details")).digest()


def _erase(session: Session, which: ColumnElement[bool], *, at: datetime) -> int:
    events = select(ConsentEvent.id).where(which)
    cleared: dict[str, Any] = dict.fromkeys((*COLUMNS, "salt")) | {"erased_at": at}
    erasable = update(_EVIDENCE).where(_EVIDENCE.c.event_id.in_(events), _EVIDENCE.c.erased_at.is_(None))
    return run(session, erasable.values(cleared)).rowcount
