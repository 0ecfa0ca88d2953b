"""Verifies the whole ledger: every event, evidence, text, seal and key, and the state that follows from the events."""

import hashlib
from collections.abc import Callable
from contextlib import closing
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.core import clock
from app.core.ledger import head, history, lag, unreadable, verify_seals, verify_state
from app.core.ledger.report import Report
from app.core.ledger.verify_events import EventCheck
from app.db import Database
from app.models import ConsentEvidence, Wording

_CHUNK = 1_000


class Stopped(Exception):
    """The verification was asked to stop before its end."""


def verify(
    database: Database, *, heads: list[dict[str, Any]] | None = None, is_stopping: Callable[[], bool] = lambda: False
) -> Report:
    """Recompute everything as of one moment, while others write. Changes nothing.

    :param heads: published heads (``head.current``) that the ledger must still contain
    :raises Stopped: ``is_stopping`` returned true, which is asked after each seal
    """
    with database.snapshot() as session:
        return verify_in(session, heads=heads, is_stopping=is_stopping)


def verify_in(
    session: Session, *, heads: list[dict[str, Any]] | None = None, is_stopping: Callable[[], bool] = lambda: False
) -> Report:
    """As ``verify``, in a transaction that sees one moment."""
    try:
        return _verify(session, heads, is_stopping)
    except OperationalError as error:
        if not unreadable.is_bad_text(error):
            raise
    with unreadable.any_text(session):
        return _verify(session, heads, is_stopping)


def _verify(session: Session, heads: list[dict[str, Any]] | None, is_stopping: Callable[[], bool]) -> Report:
    report = Report(started_at=clock.now())
    known = history.read(session)
    events = EventCheck(session, known, report)
    with closing(verify_seals.check(session, report)) as seals:
        for checked in seals:
            if is_stopping():
                raise Stopped
            events.add(checked)
            if checked.problems:
                report.bad_seals.add({"id": checked.seal.id, "problems": checked.problems})
    events.finish()
    _check_wordings(session, report)
    verify_state.check(session, known, report)
    head.check(session, heads or [], report)
    if report.not_yet_sealed.count:
        report.blocked_by = lag.blocked_by(session)
    report.finished_at = clock.now()
    return report


def _check_wordings(session: Session, report: Report) -> None:
    query = select(Wording.hash, Wording.body).execution_options(yield_per=_CHUNK)
    for wording_hash, body in session.execute(query):
        report.wordings += 1
        if hashlib.sha256(str(body).encode()).hexdigest() != wording_hash:
            report.altered_wordings.add(wording_hash)
    shown = select(ConsentEvidence.wording_hash).outerjoin(Wording, Wording.hash == ConsentEvidence.wording_hash)
    shown = shown.where(ConsentEvidence.wording_hash.is_not(None), Wording.hash.is_(None)).distinct()
    report.missing_wordings.add_all(session.scalars(shown.order_by(ConsentEvidence.wording_hash)))
