"""Expansion in chunks: what goes to many contacts becomes one row for each of them, by several workers.

A part of the work claims what it expands, and claims it again with each chunk. A chunk is one transaction that also
moves the position, so two parts cannot both commit it. What a killed process claimed is free again after ``LEASE``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, or_, select, update
from sqlalchemy.orm import Session

from app.core import leases
from app.core.errors import InvalidState
from app.core.workspace import steady_clock
from app.db import dialect_of, is_in, run
from app.models import Contact

_CONTACT = Contact.__table__
LEASE = timedelta(seconds=15)
SCHEDULED, EXPANDING = "scheduled", "expanding"


@dataclass(frozen=True)
class Expansion:
    """:param table: of campaigns or outbound chats, with the columns ``id``, ``state``, ``send_at``, ``position``,
    ``claimed_by`` and ``claimed_at``
    """

    table: Table

    def due(self, session: Session, *, at: datetime) -> list[int]:
        """What a worker has to begin or go on with, and that none works on."""
        columns = self.table.c
        is_free = leases.is_free(columns.claimed_at, LEASE, at=at)
        found = select(columns.id).where(self._is_due(session, at), is_free).order_by(columns.id)
        return list(run(session, found).scalars())

    def claim(self, session: Session, number: int, part: str, *, at: datetime) -> bool:
        """Claim one for a part of the work; false where another part has it, or there is nothing to do."""
        columns = self.table.c
        is_free = or_(leases.is_free(columns.claimed_at, LEASE, at=at), columns.claimed_by == part)
        claiming = update(self.table).where(columns.id == number, self._is_due(session, at), is_free)
        return run(session, claiming.values(claimed_by=part, claimed_at=at)).rowcount == 1

    def advance(self, session: Session, number: int, part: str, position: int, values: dict[str, Any]) -> None:
        """Write these values, with the new position, if this part still has it and the position is ``position``.

        :raises InvalidState: another part has it by now, or it was stopped; nothing may be committed
        """
        columns = self.table.c
        ours = update(self.table).where(
            columns.id == number,
            columns.claimed_by == part,
            columns.position == position,
            columns.state == EXPANDING,
        )
        if run(session, ours.values(**values)).rowcount != 1:
            raise InvalidState("This is not expanded here any more.")

    def _is_due(self, session: Session, at: datetime) -> ColumnElement[bool]:
        columns = self.table.c
        if not steady_clock.can_be_believed(session, at=at):
            return columns.state == EXPANDING
        return or_(and_(columns.state == SCHEDULED, columns.send_at <= at), columns.state == EXPANDING)


def not_erased(session: Session, contact_ids: Sequence[int]) -> set[int]:
    """Those of these contacts that were not erased since they were read.

    They are not erased before this transaction ends: an erasure would miss the rows that it writes about them.
    """
    is_one = is_in(dialect_of(session), _CONTACT.c.id, "ids")
    known = select(_CONTACT.c.id).where(is_one, _CONTACT.c.erased_at.is_(None)).order_by(_CONTACT.c.id)
    locked = known.with_for_update(read=True, key_share=True)
    return set(run(session, locked, {"ids": list(contact_ids)}).scalars())
