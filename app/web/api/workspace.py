"""The workspace: its policy, as the settings pages set it."""

from collections.abc import Collection
from typing import Any

from sqlalchemy.orm import Session

from app.core import clock
from app.core.workspace import identity_secret, settings
from app.models import Workspace
from app.schemas.workspace import ChangedWorkspaceSchema, IdentitySecretSchema, WorkspacePolicySchema
from app.web.api import auth
from app.web.api.auth import Scope
from app.web.api.blueprint import ApiBlueprint

blueprint = ApiBlueprint("workspace", __name__, description="Name and policy of the workspace.")


@blueprint.get("/workspace")
@blueprint.response(200, WorkspacePolicySchema)
def find_workspace() -> Workspace:
    """Read the policy of the workspace.

    `public_key` is the key of the snippets.
    """
    return settings.get(auth.read_session())


def _current(session: Session, _names: Collection[str]) -> Workspace:
    return settings.get(session)


@blueprint.put("/workspace", scope=Scope.ADMIN, errors=(422,))
@blueprint.arguments(ChangedWorkspaceSchema)
@blueprint.commit(WorkspacePolicySchema, current=_current)
def update_workspace(session: Session, body: dict[str, Any]) -> Workspace:
    """Change the policy of the workspace.

    What is left out stays as it is. Every value is checked before any is stored.
    """
    return settings.change(session, body, actor=auth.caller().actor, at=clock.now())


@blueprint.post("/workspace/identity_secret", scope=Scope.ADMIN)
@blueprint.commit(IdentitySecretSchema)
def renew_identity_secret(session: Session) -> dict[str, Any]:
    """Create a new secret that signs identities of users.

    The old one stays valid for 24 hours. The new one is in this answer alone: keep it on your server.
    """
    workspace = identity_secret.renew(session, actor=auth.caller().actor, at=clock.now())
    return {
        "identity_secret": workspace.messenger_secret,
        "previous_secret_ends_at": workspace.previous_secret_ends_at,
    }
