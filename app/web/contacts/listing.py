"""Contacts: every one, or those of a search and a filter; and the builder of filters."""

from zoneinfo import ZoneInfo

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.core import clock
from app.core.bulk import count_jobs
from app.core.contacts import filter_form
from app.core.workspace import settings
from app.web.contacts import list_page as page
from app.web.contacts import list_request
from app.web.contacts.blueprint import blueprint
from app.web.contacts.list_page import Built
from app.web.contacts.list_request import ListRequest
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import agent_required, current_actor


@blueprint.get("/contacts")
@agent_required
def list_page() -> ResponseReturnValue:
    """The contacts that the address asks for. With ``do``, a button of the builder was pressed."""
    asked = list_request.read(request.path, request.args)
    if "do" in request.args:
        return _build(asked, request.args["do"])
    with read_only() as session:
        return page.shown(session, asked)


@blueprint.post("/contacts/count")
@agent_required
def count() -> ResponseReturnValue:
    """Start a job that counts the contacts exactly, and show the list again."""
    asked = list_request.read(url_for("contacts.list_page"), request.form)
    with unit_of_work() as session:
        selection = list_request.selection(asked.filter, asked.q)
        count_jobs.start(session, selection, actor=current_actor(), at=clock.now())
    return redirect(asked.address(), 303)


def _build(asked: ListRequest, act: str) -> ResponseReturnValue:
    """Change the rows of the builder, or apply them: then the address has the new filter."""
    form = filter_form.edited(filter_form.from_fields(request.args), act, request.args.get("new", ""))
    with read_only() as session:
        if act != "apply":
            return page.shown(session, asked, built=Built(form, {}))
        query, errors = filter_form.query_of(form, ZoneInfo(settings.get(session).time_zone))
        if errors:
            return page.shown(session, asked, built=Built(form, errors))
    return redirect(asked.address(filter=list_request.compact(query) if query else ""), 303)
