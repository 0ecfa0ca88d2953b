"""The services that views use: settings, database, keys and caches, one ``Services`` value for each process.

``app.extensions["assent"]`` holds it, in the main application and in every application mounted beside it. Views call
the functions below: ``unit_of_work()`` to write, ``read_only()`` and ``read_connection()`` to read.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import cast

from flask import Flask
from sqlalchemy.orm import Session

from app.config import Settings
from app.core import audit
from app.core.conversations.change_cache import ChangeCache
from app.core.messenger.polling import Polls
from app.core.signing import Keys
from app.core.site.known_claims import KnownClaims
from app.core.site.samples import SiteReports
from app.core.workspace import bootstrap
from app.db import Database, Limits, ReadConnection
from app.gateways import open_gateway
from app.gateways.base import Gateway
from app.mail_client import MailServer, server_of
from app.web import database as web_database
from app.web.current import application, current_globals
from app.web.database import session_scope
from app.web.request_times import RequestTimes
from app.web.working_slots import SLOTS_ON_POSTGRESQL, SLOTS_ON_SQLITE, WorkingSlots

EXTENSION = "assent"
# A read that takes longer is stopped; a change that waits longer for others gives up. Both are answered with 503.
READ_LIMIT_S, LOCK_LIMIT_S = 10.0, 5.0


@dataclass(frozen=True)
class Services:
    """The services of one process. All its applications share one value.

    ``site_reports`` are what websites sent and was not written yet, ``known_claims`` what they claimed lately.
    ``changes`` and ``polls`` answer the polls of the inbox and the messenger from memory. ``slots`` limit how many
    requests work at the same time. ``request_times`` measure for ``/metrics``, where that is served.
    """

    settings: Settings
    database: Database
    keys: Keys
    changes: ChangeCache
    polls: Polls
    mail_server: MailServer | None
    gateway: Gateway
    slots: WorkingSlots
    site_reports: SiteReports
    known_claims: KnownClaims
    request_times: RequestTimes | None


def init_app(app: Flask, settings: Settings) -> None:
    """Open the database and give the application its services."""
    web_database.init_app(app, settings)
    changes = ChangeCache()
    slots = WorkingSlots(SLOTS_ON_SQLITE if settings.is_sqlite else SLOTS_ON_POSTGRESQL)
    limits = Limits(read_s=READ_LIMIT_S, lock_s=LOCK_LIMIT_S, while_waiting=slots.lent)
    app.extensions[EXTENSION] = Services(
        settings=settings,
        database=bootstrap.open_database(settings, engines=web_database.engines_of(app, limits)),
        keys=Keys(settings.secret_key),
        changes=changes,
        polls=Polls(changes),
        mail_server=server_of(settings.smtp_url),
        gateway=open_gateway(settings),
        slots=slots,
        site_reports=SiteReports(),
        known_claims=KnownClaims(),
        request_times=RequestTimes() if settings.metrics_token else None,
    )


def services_of(app: Flask) -> Services:
    """The services of one application, outside a request."""
    return cast(Services, app.extensions[EXTENSION])


def services() -> Services:
    """The services of the current application."""
    return services_of(application())


def settings() -> Settings:
    return services().settings


def database() -> Database:
    return services().database


def keys() -> Keys:
    return services().keys


def has_mail() -> bool:
    """Whether mail can be sent. Without it one-time links are shown to the admin."""
    return services().mail_server is not None


def gateway() -> Gateway:
    """What carries texts. The web server reads its callbacks and asks what it can do; the worker sends."""
    return services().gateway


def changes() -> ChangeCache:
    return services().changes


def polls() -> Polls:
    return services().polls


def site_reports() -> SiteReports:
    return services().site_reports


def known_claims() -> KnownClaims:
    return services().known_claims


def slots() -> WorkingSlots:
    return services().slots


@contextmanager
def unit_of_work() -> Iterator[Session]:
    """A write transaction: committed at the end of the block, rolled back by any error.

    What is recorded in the audit log inside has the address that ``web/admission.py`` noted for this request.
    """
    with session_scope() as new_session, database().unit_of_work(new_session) as session:
        audit.acts_from(session, current_globals().get("client_address"))
        yield session


@contextmanager
def read_only() -> Iterator[Session]:
    """A read transaction, for GETs. It writes nothing and never waits for a writer."""
    with session_scope() as new_session, database().read_only(new_session) as session:
        yield session


def read_connection() -> AbstractContextManager[ReadConnection]:
    """Reads by compiled statements alone, for paths that the benchmarks measure."""
    return database().read_connection()
