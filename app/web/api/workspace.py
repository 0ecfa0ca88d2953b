"""The workspace: its policy, as the settings pages set it."""

from collections.abc import Collection
from typing import Any

from sqlalchemy.orm import Session

from app.core import clock
from app.core.workspace import settings
from app.models import Workspace
from app.schemas.workspace import ChangedWorkspaceSchema, WorkspacePolicySchema
from app.web.api import auth
from app.web.api.auth import Scope
from app.web.api.blueprint import ApiBlueprint

blueprint = ApiBlueprint("workspace", __name__, description="Name and policy of the workspace.")


@blueprint.get("/workspace")
@blueprint.response(200, WorkspacePolicySchema)
def find_workspace() -> Workspace:
    """Read the policy. `public_key` is the key of the snippets."""
    return settings.get(auth.read_session())


def _current(session: Session, _names: Collection[str]) -> Workspace:
    return settings.get(session)


@blueprint.put("/workspace", scope=Scope.ADMIN, errors=(422,))
@blueprint.arguments(ChangedWorkspaceSchema)
@blueprint.commit(WorkspacePolicySchema, current=_current)
def update_workspace(session: Session, body: dict[str, Any]) -> Workspace:
    """Change the policy. What is left out stays as it is; every value is checked before any is stored."""
    return settings.change(session, body, actor=auth.caller().actor, at=clock.now())
