"""Compares the state with the fold of the events: consents, opt-outs of destinations, suppressions, ``gdpr_optin``.

People are read one after the other, in the order of the contacts' ids, so that memory does not grow with the ledger.
Only those who were merged are collected first, because their events have several contacts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import Column, Label, Select, select
from sqlalchemy.orm import Session

from app.core.ledger import facts
from app.core.ledger.fold import FoldedConsent, OptOutKey, PersonState, fold
from app.core.ledger.history import History
from app.core.ledger.report import Report
from app.core.ledger.unreadable import readable, readable_number
from app.core.signing import keys_of
from app.models import Action, Consent, ConsentEvent, Contact, DestinationOptOut, Suppression

_CHUNK = 5_000
_EVENT = ConsentEvent.__table__
_CONSENT = Consent.__table__
_OPT_OUT = DestinationOptOut.__table__
_CONTACT = Contact.__table__
_SUPPRESSION = Suppression.__table__
_FOLDED = tuple(
    readable(_EVENT.c[name])
    for name in (
        "id",
        "subscription_type_id",
        "action",
        "evidence_level",
        "destination_hash",
        "occurred_at",
        "is_persons_word",
        "facts",
    )
)
_NUMBERS: tuple[tuple[tuple[Column[Any] | Label[Any], ...], Column[Any], Column[Any]], ...] = (
    ((_CONSENT.c.contact_id, _CONSENT.c.subscription_type_id), _CONSENT.c.destination, _CONSENT.c.destination_hash),
    ((_SUPPRESSION.c.phone_hash,), _SUPPRESSION.c.phone, _SUPPRESSION.c.phone_hash),
    ((_CONTACT.c.id.label("contact_id"),), _CONTACT.c.phone, _CONTACT.c.phone_hash),
    ((_CONTACT.c.id.label("contact_id"),), _CONTACT.c.email, _CONTACT.c.email_hash),
)
_OF_NUMBERS = (Action.SUPPRESS.value, Action.LIFT.value)
_SOURCES: tuple[tuple[str, Select[Any]], ...] = (
    (
        "events",
        select(readable_number(_EVENT.c.contact_id), *_FOLDED)
        .where(_EVENT.c.contact_id.is_not(None))
        .order_by(_EVENT.c.contact_id, _EVENT.c.id),
    ),
    (
        "consents",
        select(
            readable_number(_CONSENT.c.contact_id),
            _CONSENT.c.subscription_type_id,
            _CONSENT.c.state,
            _CONSENT.c.destination_hash,
            readable(_CONSENT.c.changed_at),
            _CONSENT.c.event_id,
        ).order_by(_CONSENT.c.contact_id),
    ),
    (
        "opt_outs",
        select(
            readable_number(_OPT_OUT.c.contact_id),
            *(readable(each) for each in _OPT_OUT.c if each is not _OPT_OUT.c.contact_id),
        ).order_by(_OPT_OUT.c.contact_id),
    ),
    (
        "gdpr_off",
        select(_CONTACT.c.id.label("contact_id")).where(_CONTACT.c.gdpr_optin.is_(False)).order_by(_CONTACT.c.id),
    ),
)
# What is stored and recorded about one person, by the names of ``_SOURCES``.
_Rows = dict[str, list[Any]]


def check(session: Session, history: History, report: Report) -> None:
    """Add every row of the state to the report that does not follow from the events."""
    report.state = {"consents": 0, "destination_opt_outs": 0, "suppressions": 0}
    merged: dict[int, _Rows] = defaultdict(_no_rows)
    merging = {*history.merged_into, *history.merged_into.values()}
    for contact_id, rows in _people(session):
        if contact_id in merging:
            of_person = merged[history.person(contact_id)]
            for name, several in rows.items():
                of_person[name] += several
        else:
            _check_person(history, rows, report)
    for rows in merged.values():
        rows["events"].sort(key=lambda event: int(event.id))
        _check_person(history, rows, report)
    _check_suppressions(session, history, report)
    _check_numbers(session, report)


def _check_numbers(session: Session, report: Report) -> None:
    """Numbers and addresses that are stored beside their hash. A consent for a reassigned number has none any more.

    A contact is texted at its number, and its consents are found by the hash: they must be those of one number.
    """
    keys = keys_of(session)
    for columns, value, stored_hash in _NUMBERS:
        query = select(*columns, value.label("value"), stored_hash.label("hash"))
        query = query.where(value.is_not(None), stored_hash.is_not(None))
        for *names, text, expected in _stream(session, query):
            if not isinstance(text, str) or keys.destination_hash(text) != expected:
                named = {column.name: name for column, name in zip(columns, names, strict=True)}
                problem = f"{value.name} is not that of its hash"
                report.mismatches.add({"table": value.table.name, **named, "problem": problem})


def _no_rows() -> _Rows:
    return {name: [] for name, _ in _SOURCES}


def _people(session: Session) -> Iterator[tuple[int, _Rows]]:
    """The rows of each contact, in the order of the contacts' ids."""
    grouped = {name: groupby(_stream(session, query), key=lambda row: int(row.contact_id)) for name, query in _SOURCES}
    heads = {name: next(groups, None) for name, groups in grouped.items()}
    while waiting := [head[0] for head in heads.values() if head is not None]:
        contact_id, rows = min(waiting), _no_rows()
        for name, head in heads.items():
            if head is not None and head[0] == contact_id:
                rows[name] = list(head[1])
                heads[name] = next(grouped[name], None)
        yield contact_id, rows


def _stream(session: Session, query: Select[Any]) -> Iterable[Any]:
    return session.execute(query.execution_options(yield_per=_CHUNK))


def _check_person(history: History, rows: _Rows, report: Report) -> None:
    state = fold(history, rows["events"])
    report.state["consents"] += len(rows["consents"])
    report.state["destination_opt_outs"] += len(rows["opt_outs"])
    _check_consents(history, state, rows["consents"], report)
    _check_opt_outs(history, state, rows["opt_outs"], report)
    off, found = (
        {contact for contact, is_off in state.is_gdpr_off.items() if is_off},
        {row.contact_id for row in rows["gdpr_off"]},
    )
    for contact_id in off ^ found:
        problem = "gdpr_optin is false without an event" if contact_id in found else "gdpr_optin is not false"
        report.mismatches.add({"table": "contacts", "contact_id": contact_id, "problem": problem})


def _check_consents(history: History, state: PersonState, rows: list[Any], report: Report) -> None:
    found = {
        (row.contact_id, row.subscription_type_id): FoldedConsent(
            row.state,
            history.spelling(row.destination_hash) if row.destination_hash else row.destination_hash,
            row.changed_at,
            row.event_id,
        )
        for row in rows
    }
    for key in sorted({*found, *state.consents}, key=repr):
        if found.get(key) != state.consents.get(key):
            problem = _difference(state.consents.get(key), found.get(key))
            names = {"contact_id": key[0], "subscription_type_id": key[1]}
            report.mismatches.add({"table": "consents", **names, "problem": problem})


def _difference(expected: FoldedConsent | None, found: FoldedConsent | None) -> str:
    if found is None:
        return "missing"
    if expected is None:
        return "without an event"
    names = [name for name in FoldedConsent._fields if getattr(expected, name) != getattr(found, name)]
    return f"differs from event {expected.event_id}: {', '.join(names)}"


def _check_opt_outs(history: History, state: PersonState, rows: list[Any], report: Report) -> None:
    """Every opt-out of the fold must be there. A row that the fold does not have may be a repetition, which writes no
    event: it must name an opt-out of the same person and type.
    """
    found = set()
    for row in rows:
        key = OptOutKey(row.subscription_type_id, history.spelling(row.destination_hash), row.contact_id)
        found.add(key)
        if problem := _problem_of_opt_out(state, key, row):
            report.mismatches.add(_opt_out(row.destination_hash, key, problem))
    for key in sorted(set(state.opt_outs) - found, key=repr):
        report.mismatches.add(_opt_out(key.destination_hash, key, "missing"))


def _problem_of_opt_out(state: PersonState, key: OptOutKey, row: Any) -> str | None:
    event = state.opt_out_events.get(row.event_id)
    if event is None or event.subscription_type_id != row.subscription_type_id:
        return "without an event"
    if (key, row.event_id) in state.revoked:
        return "was revoked"
    if row.destination_hash == event.destination_hash and row.created_at < event.occurred_at:
        return f"differs from event {event.id}: created_at"
    return None


def _opt_out(destination_hash: str, key: OptOutKey, problem: str) -> dict[str, Any]:
    names = key._asdict() | {"destination_hash": destination_hash}
    return {"table": "destination_opt_outs", **names, "problem": problem}


def _check_suppressions(session: Session, history: History, report: Report) -> None:
    """Numbers with suppressions, chunk by chunk; then suppressions without any event."""
    events = (
        select(_EVENT.c.id, _EVENT.c.destination_hash, _EVENT.c.action, readable(_EVENT.c.facts))
        .where(_EVENT.c.action.in_(_OF_NUMBERS), _EVENT.c.destination_hash.is_not(None))
        .order_by(_EVENT.c.destination_hash, _EVENT.c.id)
    )
    respelled: dict[str, list[Any]] = defaultdict(list)
    spellings = {*history.respelled, *history.respelled.values()}
    found = _Suppressions(session, report)
    for phone_hash, several in groupby(_stream(session, events), key=lambda event: str(event.destination_hash)):
        if phone_hash in spellings:
            respelled[history.spelling(phone_hash)] += several
        else:
            found.expect({phone_hash}, _causes(several))
    for newest, of_number in respelled.items():
        same = {each for each in spellings if history.spelling(each) == newest}
        found.expect(same, _causes(sorted(of_number, key=lambda event: int(event.id))))
    found.compare()
    _check_without_event(session, history, spellings, report)


def _causes(events: Iterable[Any]) -> set[str]:
    """The causes that a number may be suppressed with; empty when it is not suppressed.

    The last one, or for a number with several spellings any since it was lifted, as each spelling had its own row.
    """
    causes: dict[str, str] = {}
    for event in events:
        if event.action == Action.LIFT:
            causes.clear()
        else:
            causes[event.destination_hash] = facts.of(event).cause or ""
    return set(causes.values())


class _Suppressions:
    """Compares the rows of many numbers at once with what is expected of them."""

    def __init__(self, session: Session, report: Report) -> None:
        self._session, self._report = session, report
        self._expected: list[tuple[set[str], set[str]]] = []

    def expect(self, spellings: set[str], causes: set[str]) -> None:
        self._expected.append((spellings, causes))
        if len(self._expected) >= _CHUNK // 10:
            self.compare()

    def compare(self) -> None:
        hashes = [phone_hash for spellings, _ in self._expected for phone_hash in spellings]
        rows = select(_SUPPRESSION.c.phone_hash, _SUPPRESSION.c.cause).where(_SUPPRESSION.c.phone_hash.in_(hashes))
        found = {row.phone_hash: row.cause for row in self._session.execute(rows)}
        self._report.state["suppressions"] += len(found)
        for spellings, causes in self._expected:
            stored = {found[each] for each in spellings if each in found}
            if bool(stored) != bool(causes) or not stored <= causes:
                problem = "missing" if not stored else "has another cause" if causes else "was lifted"
                names = {"table": "suppressions", "phone_hash": min(spellings)}
                self._report.mismatches.add({**names, "problem": problem})
        self._expected = []


def _check_without_event(session: Session, history: History, spellings: set[str], report: Report) -> None:
    events = select(_EVENT.c.id).where(
        _EVENT.c.destination_hash == _SUPPRESSION.c.phone_hash, _EVENT.c.action.in_(_OF_NUMBERS)
    )
    for (phone_hash,) in session.execute(select(_SUPPRESSION.c.phone_hash).where(~events.exists())):
        if phone_hash not in spellings or history.spelling(phone_hash) == phone_hash:
            names = {"table": "suppressions", "phone_hash": phone_hash}
            report.mismatches.add({**names, "problem": "without an event"})
