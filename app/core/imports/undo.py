"""Undoes an import.

New contacts that were not touched since are archived. Fields that are unchanged since get back the values that they
had. Consents are taken back as those of a bulk change are.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from app.core.bulk import consent_steps, jobs
from app.core.consent.set_changes import Outcome
from app.core.consent.set_undo import Done
from app.core.contacts import profile, records
from app.core.imports.planning import ATTRIBUTES, stored
from app.core.ledger.evidence import Evidence, reported_by
from app.db import run
from app.models import (
    BulkJob,
    BulkJobItem,
    ConsentEvent,
    Contact,
    ContactNote,
    ContactTag,
    Conversation,
    SubscriptionType,
)

CONTACTS_MAX = 300
RESTORED, CHANGED_SINCE, GONE = "restored", "changed_since", "erased"
_ITEM = BulkJobItem.__table__
_DATES = frozenset({"signed_up_at"})


def run_undo(session: Session, job: BulkJob, at: datetime) -> bool:
    """Undo the next chunk of an import; true when nothing is left."""
    after = job.position.get("contact_id", 0)
    items = _next_items(session, job, after)
    if items:
        outcomes = _undo(session, job, items, at=at)
        job.position = {"contact_id": items[-1].contact_id}
        counts = {reason: list(outcomes.values()).count(reason) for reason in set(outcomes.values())}
        jobs.add_outcomes(job, {jobs.CHANGED: counts.pop(RESTORED, 0), **counts})
    return len(items) < CONTACTS_MAX


def _next_items(session: Session, job: BulkJob, after: int) -> list[BulkJobItem]:
    changed = select(BulkJobItem).where(BulkJobItem.job_id == job.id, BulkJobItem.outcome == jobs.CHANGED)
    following = changed.where(BulkJobItem.contact_id > after).order_by(BulkJobItem.contact_id)
    return list(session.scalars(following.limit(CONTACTS_MAX)))


def _undo(session: Session, job: BulkJob, items: Sequence[BulkJobItem], *, at: datetime) -> dict[int, str]:
    """Undo these items. Returns ``restored``, or why something was left alone, by contact."""
    ids = [item.contact_id for item in items]
    query = select(Contact).where(Contact.id.in_(ids)).order_by(Contact.id).with_for_update()
    contacts = {each.id: each for each in session.scalars(query.execution_options(populate_existing=True))}
    untouched = _untouched(session, contacts, items)
    evidence = reported_by(str((job.undo or {})["by"]), bulk_job=job.id)
    outcomes, events = _undo_consents(session, job, items, at=at)
    for item in items:
        contact = contacts[item.contact_id]
        outcome = _undo_contact(session, contact, item, evidence, at=at, is_untouched=item.contact_id in untouched)
        outcomes[item.contact_id] = outcome if outcome != RESTORED else outcomes.get(item.contact_id, RESTORED)
    marked = update(_ITEM).where(_ITEM.c.job_id == job.id, _ITEM.c.contact_id == bindparam("contact"))
    run(
        session,
        marked.values(undo_outcome=bindparam("outcome_now"), undo_event_id=bindparam("event")),
        [{"contact": each, "outcome_now": outcomes[each], "event": events.get(each)} for each in ids],
    )
    return outcomes


def _undo_consents(
    session: Session, job: BulkJob, items: Sequence[BulkJobItem], *, at: datetime
) -> tuple[dict[int, str], dict[int, int]]:
    """Take the consents back. Returns what became of each, and the event of each that was, by contact."""
    done = [Done(item.contact_id, item.event_id) for item in items if item.event_id is not None]
    if not done:
        return {}, {}
    subscription_type = session.get_one(SubscriptionType, job.subscription_type_id)
    results = consent_steps.restore(session, job, subscription_type, done, at=at)
    outcomes = {each.contact_id: RESTORED if each.event_id else each.outcome.value for each in results}
    return outcomes, {each.contact_id: each.event_id for each in results if each.event_id}


def _untouched(session: Session, contacts: Mapping[int, Contact], items: Sequence[BulkJobItem]) -> set[int]:
    """The new contacts of these items that are untouched: unchanged, without conversation, note or later event.

    The consents of the job itself do not count.
    """
    seen_at = {item.contact_id: (item.details or {}).get("updated_at") for item in items}
    untouched = {each.id for each in contacts.values() if each.updated_at.isoformat() == seen_at[each.id]}
    for table in (Conversation, ContactNote):
        untouched -= set(session.scalars(select(table.contact_id).where(table.contact_id.in_(untouched))))
    newest: dict[int, int] = {item.contact_id: item.event_id or 0 for item in items}
    events = select(ConsentEvent.contact_id, ConsentEvent.id).where(ConsentEvent.contact_id.in_(untouched))
    later = {contact_id for contact_id, event_id in session.execute(events) if event_id > newest[contact_id or 0]}
    return untouched - later


def _undo_contact(
    session: Session, contact: Contact, item: BulkJobItem, evidence: Evidence, *, at: datetime, is_untouched: bool
) -> str:
    details = item.details
    if contact.erased_at is not None or contact.merged_into_id is not None or details is None:
        return GONE if contact.merged_into_id is None else Outcome.MERGED
    if details.get("created"):
        if not is_untouched:
            return CHANGED_SINCE
        profile.archive(session, contact, actor=evidence.actor, at=at)
        return RESTORED
    _detach(session, contact, details.get("tags", ()), item.job_id)
    return _restore(session, contact, details, evidence, at=at)


def _restore(
    session: Session, contact: Contact, details: Mapping[str, Any], evidence: Evidence, *, at: datetime
) -> str:
    """Give the fields that are as the import left them their former values."""
    before, after = dict(details["before"]), dict(details["after"])
    attributes = _attributes(contact, before.pop(ATTRIBUTES, None), after.pop(ATTRIBUTES, None))
    kept = {name for name in before if stored(getattr(contact, name)) != after[name]}
    values = {name: value for name, value in before.items() if name not in kept}
    kept |= _taken(session, contact, values)
    for name in set(values) - kept - {"phone", "email"}:
        setattr(contact, name, _value(name, values[name]))
    if "email" in values and "email" not in kept:
        records.set_email(session, contact, values["email"])
    if attributes is not None:
        contact.custom_attributes = attributes
    records.mark_updated(session, contact, at=at)
    if "phone" in values and "phone" not in kept:
        records.change_phone(session, contact, values["phone"], evidence=evidence, at=at)
    return CHANGED_SINCE if kept else RESTORED


def _taken(session: Session, contact: Contact, values: Mapping[str, Any]) -> set[str]:
    """Those of the former external id and address that another contact has now."""
    same = [("external_id", Contact.external_id), ("email", Contact.email)]
    return {
        name
        for name, column in same
        if values.get(name)
        and session.scalars(select(Contact.id).where(column == values[name], Contact.id != contact.id).limit(1)).first()
    }


def _attributes(
    contact: Contact, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """The custom attributes with those restored that only the import changed; null: there are none."""
    if before is None or after is None:
        return None
    restored = dict(contact.custom_attributes)
    for name in after:
        if after[name] != before.get(name) and restored.get(name) == after[name]:
            restored.pop(name)
            restored |= {name: before[name]} if name in before else {}
    return restored


def _detach(session: Session, contact: Contact, tag_ids: Sequence[int], job_id: int) -> None:
    """Detach the tags that the import attached. One that was detached and attached again since is another row."""
    if tag_ids:
        job = session.get_one(BulkJob, job_id)
        ended_at = job.finished_at or job.created_at
        attached = delete(ContactTag).where(ContactTag.contact_id == contact.id, ContactTag.tag_id.in_(tag_ids))
        run(session, attached.where(ContactTag.created_by == job.created_by, ContactTag.created_at <= ended_at))


def _value(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name in _DATES and value else value
