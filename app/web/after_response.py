"""Writes that no response waits for: when a token or a session was last used, and what websites sent."""

from collections.abc import Callable
from functools import partial

from flask import Response
from sqlalchemy.orm import Session

from app import logs
from app.core import clock
from app.core.site import sample_rows
from app.db import Database
from app.web.services import database, site_reports

_log = logs.get_logger()


def write_after(response: Response, write: Callable[[Session], None]) -> None:
    """Call ``write`` in a unit of work after the response was sent.

    While another transaction writes, or when it fails, nothing is written: a later request does it.
    """
    response.call_on_close(partial(_write, database(), write))


def write_site_reports(response: Response) -> Response:
    """Write what websites sent to this process, if it is time: an ``after_request`` hook."""
    at = clock.now()
    if site_reports().take_turn(at=at):
        write_after(response, partial(sample_rows.write_waiting, reports=site_reports(), at=at))
    return response


def _write(opened: Database, write: Callable[[Session], None]) -> None:
    try:
        with opened.unit_of_work_if_free() as session:
            write(session)
    except BlockingIOError:
        pass
    except Exception as problem:
        _log.warning("a use could not be recorded", problem=type(problem).__name__)
