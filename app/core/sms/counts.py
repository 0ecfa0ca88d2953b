"""Texts by day, country, purpose and outcome, without any person: for limits of spending and the page of sender health.

A text counts under each outcome that it has had: ``sent``, then ``delivered`` or ``failed``, and under its error code.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.orm import Session

from app.core.workspace import days
from app.db import insert_rows
from app.models import SmsDailyCount, SmsMessage


def add(session: Session, outcomes: Iterable[tuple[SmsMessage, str]], *, at: datetime) -> None:
    """Count outcomes of texts. Call it last in a transaction: every sender changes the same few rows."""
    messages: Counter[tuple[str, str, str]] = Counter()
    segments: Counter[tuple[str, str, str]] = Counter()
    for message, outcome in outcomes:
        key = (message.phone_country or "", message.purpose or "", outcome[:32])
        messages[key] += 1
        segments[key] += message.segments
    if not messages:
        return
    day = days.zone(session).day(at)
    rows = [
        {
            "day": day,
            "country": country,
            "purpose": purpose,
            "outcome": outcome,
            "messages": messages[country, purpose, outcome],
            "segments": segments[country, purpose, outcome],
        }
        for country, purpose, outcome in sorted(messages)
    ]
    session.flush()
    insert_rows(session, SmsDailyCount, rows, _add_to_existing)


def _add_to_existing(statement: Insert) -> Insert:
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[SmsDailyCount.day, SmsDailyCount.country, SmsDailyCount.purpose, SmsDailyCount.outcome],
        set_={
            "messages": SmsDailyCount.messages + new.messages,
            "segments": SmsDailyCount.segments + new.segments,
        },
    )
