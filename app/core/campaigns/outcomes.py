"""Stand-in until campaigns are merged."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.models import SmsMessage


def record(session: Session, messages: Sequence[SmsMessage], *, at: datetime) -> None:
    """Update the recipients of campaigns from their texts."""
    del session, messages, at
