"""Stand-in until the real module is merged: the hours of the workspace's policy, in the contact's time zone."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo


def next_allowed(
    policy: Mapping[str, Any] | None, phone: str, time_zone: str | None, at: datetime
) -> tuple[datetime, str | None]:
    """``at`` and null when a text to this number may arrive then, else the first such moment and the rule's name."""
    if not policy or "start" not in policy:
        return at, None
    local = at.astimezone(ZoneInfo(time_zone or "UTC"))
    start, end = time.fromisoformat(policy["start"]), time.fromisoformat(policy["end"])
    if start <= local.time() < end:
        return at, None
    day = local.date() if local.time() < start else local.date() + timedelta(days=1)
    return datetime.combine(day, start, local.tzinfo).astimezone(at.tzinfo), "own_hours"
