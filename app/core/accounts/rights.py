"""What each role may do. Every page, command and rule that depends on the role asks here."""

from enum import StrEnum

from app.models import Role


class Right(StrEnum):
    """What a page or an act is part of.

    ``service``: conversations, contacts and what they said. ``marketing``: forms, subscription types, previews, and
    the numbers about them; erasing people, also where they asked for it, and allowing texts that were stopped by hand.
    ``administration``: settings, team, tokens, webhooks, problems, audit log.
    """

    SERVICE = "service"
    MARKETING = "marketing"
    ADMINISTRATION = "administration"


_RIGHTS: dict[Role, frozenset[Right]] = {
    Role.AGENT: frozenset({Right.SERVICE}),
    Role.MARKETER: frozenset({Right.SERVICE, Right.MARKETING}),
    Role.ADMIN: frozenset(Right),
}


def may(role: str, right: Right) -> bool:
    """Whether an agent with this role has the right."""
    return right in _RIGHTS[Role(role)]
