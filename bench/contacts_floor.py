"""The floors of ``bench.contacts``: plain SQL that reads or writes the same rows, without a rule."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.contacts import tags
from app.db import dialect_of, run

_NOT_BLOCKED = (
    " AND c.sms_block IS NULL AND NOT EXISTS (SELECT 1 FROM suppressions x WHERE x.phone_hash = c.phone_hash)"
)
# The count of an index, without the few that other indexes name: archived, with a former number, blocked, suppressed,
# or with a number that was opted out of the type.
_OPTED_IN = "SELECT count(*) FROM consents WHERE subscription_type_id = :type_id AND state = 'opted_in'"
_ARCHIVED = (
    "SELECT id FROM contacts WHERE (sms_block IS NOT NULL OR archived_at IS NOT NULL) AND archived_at IS NOT NULL"
)
_FORMER = (
    "SELECT c.id FROM contacts c JOIN consents k ON k.contact_id = c.id AND k.subscription_type_id = :type_id WHERE"
    " c.former_phone_hashes IS NOT NULL AND k.destination_hash <> c.phone_hash"
)
_UNREACHABLE = (
    "SELECT id FROM contacts WHERE sms_block IS NOT NULL OR archived_at IS NOT NULL"
    " UNION SELECT c.id FROM suppressions x JOIN contacts c ON c.phone_hash = x.phone_hash"
    " UNION SELECT c.id FROM destination_opt_outs o JOIN contacts c ON c.phone_hash = o.destination_hash"
    " WHERE o.subscription_type_id = :type_id"
)


def page_statement(type_id: int, status: str, last: int, limit: int) -> str:
    """The ids of one page, by key, along the index of the state."""
    state = "opted_out" if status == "opted_out" else "opted_in"
    return (
        f"SELECT k.contact_id FROM consents k JOIN contacts c ON c.id = k.contact_id WHERE k.contact_id < {last} AND"
        f" c.id < {last} AND k.subscription_type_id = {type_id} AND k.state = '{state}' AND c.archived_at IS NULL"
        f"{_NOT_BLOCKED if status == 'reachable' else ''} ORDER BY k.contact_id DESC LIMIT {limit}"
    )


def count(session: Session, type_id: int, status: str) -> int:
    """How many opted in, or can be reached."""
    taken_away = f"{_ARCHIVED if status == 'opted_in' else _UNREACHABLE} UNION {_FORMER}"
    statement = (
        f"SELECT ({_OPTED_IN}) - (SELECT count(*) FROM ({taken_away}) b JOIN consents k ON k.contact_id = b.id"
        " WHERE k.subscription_type_id = :type_id AND k.state = 'opted_in')"
    )
    return int(run(session, text(statement), {"type_id": type_id}).scalar_one())


def tag_never_asked(session: Session, type_id: int, number: int, part: int) -> int:
    """Give a new tag to this many contacts that were never asked about a type; returns its id."""
    at = clock.now()
    tag_id = tags.create(session, f"bench {part} {at.isoformat()}", actor="agent:1", at=at).id
    statement = (
        "INSERT INTO contact_tags (tag_id, contact_id, created_by, created_at) SELECT :tag_id, c.id, 'agent:1',"
        " c.created_at FROM contacts c WHERE c.archived_at IS NULL AND NOT EXISTS (SELECT 1 FROM consents k WHERE"
        " k.contact_id = c.id AND k.subscription_type_id = :type_id) ORDER BY c.id LIMIT :number OFFSET :offset"
    )
    values = {"tag_id": tag_id, "type_id": type_id, "number": number, "offset": part * number}
    run(session, text(statement), values)
    return tag_id


def subscribe(session: Session, type_id: int, tag_id: int, *, at: datetime) -> None:
    """Write what a bulk change of consents writes for the contacts of a tag, in one transaction."""
    is_sqlite = dialect_of(session) == "sqlite"
    now = at.replace(tzinfo=None).isoformat(" ") if is_sqlite else at
    empty = "zeroblob({})" if is_sqlite else "decode(repeat('00', {}), 'hex')"
    last_event = int(run(session, text("SELECT coalesce(max(id), 0) FROM consent_events")).scalar_one())
    values = {"type_id": type_id, "tag_id": tag_id, "now": now, "last": last_event, "note": "Signed up at the till."}
    values["job_id"] = _job(session, now)
    of_tag = "FROM contact_tags t JOIN contacts c ON c.id = t.contact_id WHERE t.tag_id = :tag_id ORDER BY c.id"
    of_events = "FROM consent_events e JOIN contacts c ON c.id = e.contact_id WHERE e.id > :last"
    payload = (
        "json_object('contact_id', e.contact_id, 'subscription_type_id', CAST(:type_id AS integer), 'event_id', e.id)"
        if is_sqlite
        else "json_build_object('contact_id', e.contact_id, 'subscription_type_id', CAST(:type_id AS integer),"
        " 'event_id', e.id)"
    )
    for statement in (
        (
            "INSERT INTO consent_events (contact_id, subscription_type_id, action, source, actor, evidence_level,"
            " destination_hash, evidence_hash, occurred_at, is_persons_word, recorded_at) SELECT c.id, :type_id,"
            f" 'opt_in', 'bulk', 'agent:1', 'reported', c.phone_hash, {empty.format(32)}, :now, true, :now {of_tag}"
        ),
        (
            "INSERT INTO consent_evidence (event_id, destination, note, details, salt) SELECT e.id, c.phone, :note,"
            f" '{{}}', {empty.format(16)} {of_events}"
        ),
        (
            "INSERT INTO consents (contact_id, subscription_type_id, state, destination, destination_hash, changed_at,"
            f" event_id) SELECT e.contact_id, :type_id, 'opted_in', c.phone, c.phone_hash, :now, e.id {of_events}"
        ),
        (
            "INSERT INTO outbox_events (topic, contact_id, payload, created_at) SELECT 'granular.subscribe',"
            f" e.contact_id, {payload}, :now {of_events}"
        ),
        (
            "INSERT INTO bulk_job_items (job_id, contact_id, outcome, event_id) SELECT :job_id, e.contact_id,"
            f" 'changed', e.id {of_events}"
        ),
        (
            "UPDATE contacts SET updated_at = :now WHERE id IN"
            " (SELECT contact_id FROM contact_tags WHERE tag_id = :tag_id)"
        ),
    ):
        run(session, text(statement), {name: value for name, value in values.items() if f":{name}" in statement})


def _job(session: Session, now: object) -> int:
    statement = (
        "INSERT INTO bulk_jobs (kind, state, is_reading, parameters, position, done, changed, unchanged, skipped,"
        " is_cancel_requested, attempts, created_by, created_at) VALUES ('subscribe', 'done', false, '{}', '{}', 0, 0,"
        " 0, '{}', false, 0, 'agent:1', :now) RETURNING id"
    )
    return int(run(session, text(statement), {"now": now}).scalar_one())
