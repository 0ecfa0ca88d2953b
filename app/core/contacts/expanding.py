"""Expansion in chunks: what goes to many contacts becomes one row for each of them, by several workers.

A part of the work claims what it expands, and claims it again with each chunk. A chunk is one transaction that also
moves the position, so two parts cannot both commit it. What a killed process claimed is free again after ``LEASE``.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, or_, select, update
from sqlalchemy.orm import Session

from app.core import leases
from app.core.errors import InvalidState
from app.db import run

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
        found = select(columns.id).where(self._is_due(at), is_free).order_by(columns.id)
        return list(run(session, found).scalars())

    def claim(self, session: Session, number: int, part: str, *, at: datetime) -> bool:
        """Claim one for a part of the work; false where another part has it, or there is nothing to do."""
        columns = self.table.c
        is_free = or_(leases.is_free(columns.claimed_at, LEASE, at=at), columns.claimed_by == part)
        claiming = update(self.table).where(columns.id == number, self._is_due(at), is_free)
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

    def _is_due(self, at: datetime) -> ColumnElement[bool]:
        columns = self.table.c
        return or_(and_(columns.state == SCHEDULED, columns.send_at <= at), columns.state == EXPANDING)
