"""Who works here, and whom the token acts for."""

from flask import Response

from app.core.accounts import agents as accounts
from app.core.errors import NotFound
from app.core.workspace import settings
from app.models import Agent
from app.schemas.workspace import AdminListSchema, AdminSchema, MeSchema, admin_body, me_body
from app.web.api import auth as callers
from app.web.api import ids
from app.web.api.blueprint import Room
from app.web.api.responses import polled

room = Room("admins", __name__, url_prefix="/api", description="Who works here.")


@room.call("GET", "/admins", AdminListSchema)
def list_admins() -> Response:
    """List everybody who works here."""
    agents = accounts.find_all(callers.looking())
    return polled({"type": "admin.list", "admins": [admin_body(each) for each in agents if each.active]})


@room.call("GET", "/admins/<admin_id>", AdminSchema, errors=(404,))
def find_admin(admin_id: str) -> Response:
    """Find somebody who works here by their id."""
    agent = callers.looking().get(Agent, ids.number(admin_id) or 0)
    if agent is None:
        raise NotFound("Admin Not Found")
    return polled(admin_body(agent))


@room.call("GET", "/me", MeSchema)
def identify() -> Response:
    """Whom the token acts for: who made it, and the workspace."""
    session, caller = callers.looking(), callers.current()
    kind, _, number = caller.created_by.partition(":")
    agent = session.get(Agent, int(number)) if kind == "agent" and number.isdigit() else None
    return polled(me_body(agent, caller.name, settings.get(session)))
