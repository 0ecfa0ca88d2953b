"""On which origins a page loads one of the scripts: so admins see that a snippet works, or that it is not allowed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.core import origins
from app.core.errors import InvalidInput, NotFound
from app.core.workspace import settings
from app.db import insert_into
from app.models import OptInForm, Script, SnippetOrigin, Workspace

UNKNOWN_A_DAY = 20
KEEP = timedelta(days=90)
_FRESH = timedelta(hours=1)


@dataclass(frozen=True)
class Snippet:
    """A script on an origin. ``is_allowed``: the workspace, or a form, allows the origin."""

    origin: str
    script: Script
    is_allowed: bool
    first_seen_at: datetime
    last_seen_at: datetime


def is_news(session: Session, script: str, key: str, origin: str, *, at: datetime) -> bool:
    """Whether ``record`` would write: the key is ours, and the script was not seen there within the last hour.

    :param key: the form's key for ``embed``, else the key of the messenger
    :raises NotFound: no form and no messenger has this key
    :raises InvalidInput: ``script`` or ``origin`` is invalid
    """
    _check_key(session, _script(script), key)
    known = session.get(SnippetOrigin, (origins.read(origin), _script(script)))
    return known is None or known.last_seen_at <= at - _FRESH


def record(session: Session, script: str, origin: str, *, at: datetime) -> None:
    """Note that a page of this origin loaded the script. At most 20 new origins a day that are not allowed are kept."""
    name = origins.read(origin)
    if session.get(SnippetOrigin, (name, _script(script))) is None and not _has_room(session, name, at=at):
        return
    row = {"origin": name, "script": _script(script), "first_seen_at": at, "last_seen_at": at}
    statement = insert_into(session, SnippetOrigin).values(row)
    key = [SnippetOrigin.origin, SnippetOrigin.script]
    session.execute(statement.on_conflict_do_update(index_elements=key, set_={"last_seen_at": at}))


def find(session: Session) -> list[Snippet]:
    """Every origin and script that was seen, the latest first."""
    allowed = allowed_origins(session)
    rows = session.scalars(select(SnippetOrigin).order_by(SnippetOrigin.last_seen_at.desc(), SnippetOrigin.origin))
    return [
        Snippet(row.origin, Script(row.script), row.origin in allowed, row.first_seen_at, row.last_seen_at)
        for row in rows
    ]


def allowed_origins(session: Session) -> set[str]:
    """The origins that the workspace or a form allows."""
    of_forms = session.scalars(select(OptInForm.allowed_origins)).all()
    return {*settings.get(session).allowed_origins, *(origin for each in of_forms for origin in each)}


def allow(session: Session, origin: str, *, actor: str, at: datetime) -> Workspace:
    """Allow an origin in the whole workspace. Repeating changes nothing.

    :raises InvalidInput: it is not an origin
    """
    allowed: Sequence[str] = settings.get(session).allowed_origins
    return settings.change(session, {"allowed_origins": [*allowed, origin]}, actor=actor, at=at)


def delete_old(session: Session, *, at: datetime) -> int:
    """Delete origins that were not seen for 90 days; returns how many."""
    found = session.scalars(select(SnippetOrigin).where(SnippetOrigin.last_seen_at < at - KEEP).limit(500)).all()
    for each in found:
        session.execute(
            delete(SnippetOrigin).where(SnippetOrigin.origin == each.origin, SnippetOrigin.script == each.script)
        )
    return len(found)


def _script(name: str) -> Script:
    if name not in {*Script}:
        raise InvalidInput("Name a script: embed, messenger or site.", field="script")
    return Script(name)


def _check_key(session: Session, script: Script, key: str) -> None:
    if script != Script.EMBED:
        is_known = key == settings.get(session).messenger_key
    else:
        is_known = session.scalar(select(OptInForm.id).where(OptInForm.key == key)) is not None
    if not is_known:
        raise NotFound("No form and no messenger has this key.")


def _has_room(session: Session, origin: str, *, at: datetime) -> bool:
    allowed = allowed_origins(session)
    if origin in allowed:
        return True
    unknown = select(func.count(func.distinct(SnippetOrigin.origin))).where(
        SnippetOrigin.first_seen_at > at - timedelta(days=1), SnippetOrigin.origin.not_in(sorted(allowed))
    )
    return int(session.scalar(unknown) or 0) < UNKNOWN_A_DAY
