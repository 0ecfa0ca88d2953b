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
    """The user whom a page proves, or the code of what is wrong with its proof. Both null: it proves nobody."""

    user: SignedUser | None = None
    problem: str | None = None


@dataclass(frozen=True)
class SitePolicy:
    """:param secrets: that pages sign with now, the newest first
    :param version: changes with everything that decides what a claim does
    """

    key: str
    origins: frozenset[str]
    secrets: tuple[str, ...]
    version: Version

    def prove(self, identity: Identity, *, at: datetime) -> Proof:
        """Check the signature of a page. Reads no database."""
        for secret in self.secrets:
            if (user := messenger_identity.proven(identity, secret, at=at)) is not None:
                return Proof(user)
        return Proof(problem=messenger_identity.problem_with(identity, self.secrets[0], at=at))


def read(session: Session, *, at: datetime) -> SitePolicy:
    """The policy as of now."""
    workspace = settings.get(session)
    offered = select(SubscriptionType.id).where(
        SubscriptionType.id == workspace.site_subscription_type_id, SubscriptionType.state == TypeState.LIVE.value
    )
    former, ends_at = workspace.previous_messenger_secret, workspace.previous_secret_ends_at
    is_former_valid = former is not None and ends_at is not None and at < ends_at
    return SitePolicy(
        key=workspace.messenger_key,
        origins=frozenset(snippets.allowed_origins(session)),
        secrets=(workspace.messenger_secret, *((former,) if is_former_valid and former else ())),
        version=(workspace.revision, session.scalar(offered)),
    )
