"""Stand-in until campaigns are merged."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.models import SmsMessage


def render(session: Session, messages: Sequence[SmsMessage], *, base: str, at: datetime) -> None:
    """Write the bodies of claimed texts of campaigns."""
    del session, messages, base, at
