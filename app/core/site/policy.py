"""What the workspace decides about calls of pages, as one value that a process keeps for a few seconds."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.messenger import identity as messenger_identity
from app.core.messenger.identity import Identity, SignedUser
from app.core.site import snippets
from app.core.workspace import settings
from app.models import SubscriptionType, TypeState

# The workspace's revision, and the live type that pages sign people up for.
Version = tuple[int, int | None]


class Proof(NamedTuple):
    """The user whom a page proves, or the code of what is wrong with its proof. Both null: it proves no one."""

    user: SignedUser | None = None
    problem: str | None = None


@dataclass(frozen=True)
class SitePolicy:
    """:param secrets: that pages may have signed with
    :param version: changes with everything that decides what a claim does
    """

    key: str
    origins: frozenset[str]
    secrets: tuple[str, ...]
    version: Version

    def prove(self, identity: Identity, *, at: datetime) -> Proof:
        """Check the signature of a page. Reads no database."""
        if (user := messenger_identity.proven(identity, self.secrets, at=at)) is not None:
            return Proof(user)
        return Proof(problem=messenger_identity.problem_with(identity, self.secrets, at=at))


def read(session: Session, *, at: datetime) -> SitePolicy:
    """The policy as of now."""
    workspace = settings.get(session)
    offered = select(SubscriptionType.id).where(
        SubscriptionType.id == workspace.site_subscription_type_id, SubscriptionType.state == TypeState.LIVE.value
    )
    return SitePolicy(
        key=workspace.messenger_key,
        origins=frozenset(snippets.allowed_origins(session)),
        secrets=messenger_identity.accepted_secrets(workspace, at=at),
        version=(workspace.revision, session.scalar(offered)),
    )
