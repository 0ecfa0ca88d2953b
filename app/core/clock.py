"""The clock. No other module reads the time of day."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current time: aware UTC, to the microsecond."""
    return datetime.now(UTC)
