"""Agents, Intercom's ``admins``, and the owner of a token."""

from typing import Any

from sqlalchemy.orm import Session

from app.core.accounts import agents, api_tokens
from app.core.errors import InvalidInput, NotFound
from app.core.workspace import settings
from app.models import Agent
from app.schemas.agent import AdminListSchema, AdminSchema, MeSchema
from app.web.api import auth, ids
from app.web.api.blueprint import ApiBlueprint
from app.web.api.etags import use_etag

blueprint = ApiBlueprint("admins", __name__, description="Who works here.")


@blueprint.get("/admins")
@blueprint.response(200, AdminListSchema)
def list_admins() -> dict[str, Any]:
    """List everyone who works here."""
    use_etag()
    return {"admins": [agent for agent in agents.find_all(auth.read_session()) if agent.active]}


@blueprint.get("/admins/<admin_id>", errors=(404,))
@blueprint.response(200, AdminSchema)
def find_admin(admin_id: str) -> Agent:
    """Find a person who works here by their id."""
    use_etag()
    return find_agent(auth.read_session(), admin_id)


@blueprint.get("/me")
@blueprint.response(200, MeSchema)
def identify() -> dict[str, Any]:
    """Find the admin in whose name the token acts, and the workspace.

    It is the admin who made the token, or whom `assent token create --admin EMAIL` named; else the oldest admin.
    """
    use_etag()
    session, caller = auth.read_session(), auth.caller()
    workspace = settings.get(session)
    agent = api_tokens.owner_of(session, caller.created_by)
    if agent is None:  # before the first admin: Intercom's clients need an id
        return {"id": "1", "name": caller.name, "email": "", "active": False, "app": workspace}
    return {"id": agent.id, "name": agent.name, "email": agent.email, "active": agent.active, "app": workspace}


def find_agent(session: Session, admin_id: str) -> Agent:
    """:raises NotFound: there is no agent with this id"""
    agent = agents.find_or_none(session, ids.number(admin_id) or 0)
    if agent is None:
        raise NotFound("Admin Not Found")
    return agent


def find_active(session: Session, admin_id: str | None) -> Agent:
    """An agent who may act.

    :raises InvalidInput: none is named
    :raises NotFound: there is no agent with this id, or the account is disabled
    """
    if admin_id is None:
        raise InvalidInput("Say which admin.", field="admin_id")
    agent = find_agent(session, admin_id)
    if not agent.active:
        raise NotFound("Admin Not Found")
    return agent
