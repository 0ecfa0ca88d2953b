"""The sealed ledger: how far it is sealed, what the last verification found, and the head to publish elsewhere."""

import json
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.core import clock
from app.core.ledger import head, lag, verifications
from app.core.workspace import settings
from app.web.admin.blueprint import blueprint
from app.web.i18n import gettext, lazy_gettext
from app.web.services import read_only, unit_of_work
from app.web.services import settings as configured
from app.web.sign_in.setup import admin_required, current_actor

SHOWN = 5
# What a verification names: the part of the result, the name in it, and its words.
FINDINGS = (
    ("events", "altered", lazy_gettext("Events that were changed")),
    ("events", "missing", lazy_gettext("Events that are missing")),
    ("events", "inserted", lazy_gettext("Events that were added later")),
    ("events", "reordered", lazy_gettext("Events out of order")),
    ("evidence", "altered", lazy_gettext("Events with changed evidence")),
    ("evidence", "missing", lazy_gettext("Events without evidence")),
    ("evidence", "unexplained_erasures", lazy_gettext("Evidence that was erased without a record of it")),
    ("wordings", "altered", lazy_gettext("Texts that were changed")),
    ("wordings", "missing", lazy_gettext("Texts that are missing")),
    ("seals", "bad", lazy_gettext("Seals that are not right")),
    ("seals", "missing", lazy_gettext("Seals that are missing")),
    ("keys", "foreign", lazy_gettext("Signing keys that this installation did not make")),
    ("state", "mismatches", lazy_gettext("Consents, opt-outs and blocked numbers that differ from the events")),
)


@blueprint.get("/admin/ledger")
@admin_required
def ledger_page() -> str:
    with read_only() as session:
        last = verifications.last(session)
        current = head.current(session)
        return render_template(
            "admin/ledger.html",
            lag=lag.current(session),
            head=current,
            head_json=json.dumps(current, separators=(",", ":")) if current else "",
            published=head.last_published(session),
            last=last,
            result=last.result if last else None,
            waiting=verifications.unfinished(session),
            findings=FINDINGS,
            first_of=first_of,
            head_file=configured().ledger_head_file,
            time_zone=settings.get(session).time_zone,
        )


def first_of(found: dict[str, Any]) -> list[str]:
    """The first rows that a verification names: ids in one line, seals and rows of the state one a line."""
    rows: list[Any] = (found.get("ids") or found.get("seals") or found.get("rows") or [])[:SHOWN]
    if all(not isinstance(each, dict) for each in rows):
        return [", ".join(map(str, rows))]
    return [", ".join(f"{name} {_shown(value)}" for name, value in each.items()) for each in rows]


def _shown(value: Any) -> str:
    return "/".join(map(str, value)) if isinstance(value, list) else str(value)


@blueprint.post("/admin/ledger/verify")
@admin_required
def verify_ledger() -> ResponseReturnValue:
    """Ask the worker to verify the ledger. A second time, before it has begun, changes nothing."""
    with unit_of_work() as session:
        verifications.request(session, actor=current_actor(), at=clock.now())
    flash(gettext("The ledger is being verified."))
    return redirect(url_for("admin.ledger_page"), 303)
