"""All contacts, and the search for one."""

from flask import render_template, request
from sqlalchemy.orm import Session

from app.core import phone
from app.core.contacts import finding, search
from app.core.workspace import settings
from app.models import Workspace
from app.web import ids
from app.web.contacts.blueprint import blueprint
from app.web.services import read_only
from app.web.sign_in.setup import agent_required

PAGE_SIZE = 50


@blueprint.get("/contacts")
@agent_required
def list_page() -> str:
    """Every contact, newest first, or those that a search finds."""
    typed = request.args.get("q", "", type=str)[:255].strip()
    with read_only() as session:
        workspace = settings.get(session)
        return _found(session, typed, workspace) if typed else _all(session, workspace)


def _found(session: Session, typed: str, workspace: Workspace) -> str:
    found = finding.find_matching(session, typed, region=workspace.default_country)
    return render_template(
        "contacts/found.html", typed=typed, found=found, time_zone=workspace.time_zone, formatted=phone.formatted
    )


def _all(session: Session, workspace: Workspace) -> str:
    before = request.args.get("before", type=ids.whole_number)
    found = finding.page(session, before_id=before, limit=PAGE_SIZE + 1)
    return render_template(
        "contacts/list.html",
        contacts=found[:PAGE_SIZE],
        next_before=found[PAGE_SIZE - 1].id if len(found) > PAGE_SIZE else None,
        is_first=before is None,
        total=search.count(session, None),
        counted_max=search.COUNTED_MAX,
        time_zone=workspace.time_zone,
        formatted=phone.formatted,
    )
