"""Days as the workspace counts them: in its time zone."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Workspace


@dataclass(frozen=True)
class Zone:
    """The time zone of the workspace."""

    name: str

    def day(self, at: datetime) -> date:
        """The day of an aware time in this zone."""
        return at.astimezone(ZoneInfo(self.name)).date()


def zone(session: Session) -> Zone:
    """The zone that days are counted in now. What was counted before a change of the zone keeps its day."""
    return Zone(session.scalars(select(Workspace.time_zone)).one())
