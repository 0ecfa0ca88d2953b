"""The audit log: who did what, when and from where, with filters and a file of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import audit, clock
from app.core.accounts import agents, api_tokens
from app.core.workspace import settings
from app.models import AuditEntry
from app.web import csv_file, formatting, ids
from app.web.admin import audit_subjects, history
from app.web.admin.blueprint import blueprint
from app.web.i18n import gettext
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import admin_required, current_actor

PAGE_SIZE = 50
CHUNK_SIZE = 1000
_HEADER = ("time", "actor", "actor_name", "action", "event", "subject", "subject_name", "address", "details")
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Asked:
    """The filters as they were asked for; empty: none. An invalid value is none."""

    actor: str = ""
    kind: str = ""
    subject: str = ""
    address: str = ""
    since: str = ""
    until: str = ""

    @property
    def given(self) -> dict[str, str]:
        return {name: value for name, value in vars(self).items() if value}

    def filter(self, time_zone: str) -> audit.Filter:
        """For ``audit.find``. The days are those of the workspace, and both are included."""
        since, until = _day(self.since), _day(self.until)
        return audit.Filter(
            actor=self.actor or None,
            actions=history.KINDS[self.kind][1] if self.kind else (),
            subject=self.subject or None,
            address=self.address or None,
            since=_midnight(since, time_zone) if since else None,
            until=_midnight(until + _ONE_DAY, time_zone) if until else None,
        )


@blueprint.get("/admin/audit")
@admin_required
def audit_page() -> str:
    """The newest entries that match the filters, newest first."""
    asked, before = _asked(), request.args.get("before", type=ids.whole_number)
    with read_only() as session:
        time_zone = settings.get(session).time_zone
        found = audit.find(session, asked.filter(time_zone), limit=PAGE_SIZE + 1, before_id=before)
        entries = found[:PAGE_SIZE]
        return render_template(
            "admin/audit.html",
            entries=entries,
            subjects=audit_subjects.subjects_of(session, {each.subject for each in entries}, time_zone),
            names=formatting.actor_names(session),
            actors=_actors(session),
            kinds=history.KINDS,
            failed=history.KINDS["failed"][1],
            asked=asked,
            about=audit_subjects.subject_of(session, asked.subject, time_zone) if asked.subject else None,
            is_first=before is None,
            next_before=entries[-1].id if len(found) > PAGE_SIZE else None,
            time_zone=time_zone,
        )


@blueprint.post("/admin/audit/export")
@admin_required
def export_audit() -> ResponseReturnValue:
    """The entries that match the filters as a file, without those that are written meanwhile. The export is one."""
    asked = _asked()
    with unit_of_work() as session:
        time_zone = settings.get(session).time_zone
        only, at = asked.filter(time_zone), clock.now()
        newest = audit.find(session, only, limit=1)
        audit.record(session, current_actor(), "audit.exported", "workspace", {"filters": asked.given}, at=at)
    chunks = _chunks(only, newest[0].id + 1 if newest else 0, time_zone)
    return csv_file.response(f"audit-log-{at.date()}.csv", _HEADER, chunks)


def _chunks(only: audit.Filter, before_id: int, time_zone: str) -> Iterator[list[tuple[object, ...]]]:
    """The rows, newest first. Each chunk is read in its own transaction, so that none stays open while sending."""
    while True:
        with read_only() as session:
            entries = audit.find(session, only, limit=CHUNK_SIZE, before_id=before_id)
            names = formatting.actor_names(session)
            subjects = audit_subjects.subjects_of(session, {each.subject for each in entries}, time_zone)
        if not entries:
            return
        yield [_row(entry, names, subjects[entry.subject].name) for entry in entries]
        before_id = entries[-1].id


def _row(entry: AuditEntry, names: dict[int | str, str], subject_name: str) -> tuple[object, ...]:
    return (
        entry.occurred_at.isoformat(timespec="seconds"),
        entry.actor,
        formatting.actor(entry.actor, names),
        entry.action,
        history.event(entry),
        entry.subject,
        subject_name,
        entry.address,
        json.dumps(entry.details, ensure_ascii=False) if entry.details else "",
    )


def _asked() -> Asked:
    values: dict[str, Any] = {name: request.values.get(name, "").strip()[:64] for name in vars(Asked())}
    asked = Asked(**values)
    return Asked(
        **values
        | {
            "kind": asked.kind if asked.kind in history.KINDS else "",
            "since": asked.since if _day(asked.since) else "",
            "until": asked.until if _day(asked.until) else "",
        }
    )


def _day(typed: str) -> date | None:
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        return None
    return day if 1970 <= day.year < 9999 else None


def _midnight(day: date, time_zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(time_zone))


def _actors(session: Session) -> list[tuple[str, str]]:
    """Who can be chosen as the actor, as pairs of code and name."""
    people = [(agents.subject_of(each), agents.label(each)) for each in agents.find_all(session)]
    tokens = [
        (code, gettext("API token “%(name)s”", name=name)) for code, name in sorted(api_tokens.names(session).items())
    ]
    others = [(code, formatting.actor(code, {})) for code in (audit.UNKNOWN, "system", "command line")]
    return [*people, *tokens, *others]
