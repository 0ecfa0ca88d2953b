"""The services that views use: settings, database, keys and caches, one ``Services`` value for each process.

``app.extensions["assent"]`` holds it, in the main application and in every application mounted beside it. Views call
the functions below: ``unit_of_work()`` to write, ``read_only()`` and ``read_connection()`` to read.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app
from sqlalchemy.orm import Session

from app.config import Settings
from app.core.conversations.change_cache import Changes
from app.core.messenger.polling import Polls
from app.core.signing import Keys
from app.core.workspace import bootstrap
from app.db import Database, ReadConnection

EXTENSION = "assent"


@dataclass(frozen=True)
class Services:
    """What a request may use. Applications of one process share one value.

    ``changes`` and ``polls`` answer the polls of the inbox and the messenger from memory.
    """

    settings: Settings
    database: Database
    keys: Keys
    changes: Changes
    polls: Polls


def init_app(app: Flask, settings: Settings) -> None:
    """Open the database and give the application its services."""
    changes = Changes()
    app.extensions[EXTENSION] = Services(
        settings=settings,
        database=bootstrap.open_database(settings),
        keys=Keys(settings.secret_key),
        changes=changes,
        polls=Polls(changes),
    )


def services_of(app: Flask) -> Services:
    """The services of one application, outside a request."""
    return cast(Services, app.extensions[EXTENSION])


def services() -> Services:
    """The services of the current application."""
    return services_of(current_app)


def settings() -> Settings:
    return services().settings


def database() -> Database:
    return services().database


def keys() -> Keys:
    return services().keys


def changes() -> Changes:
    return services().changes


def polls() -> Polls:
    return services().polls


def unit_of_work() -> AbstractContextManager[Session]:
    """A write transaction: committed at the end of the block, rolled back by any error."""
    return database().unit_of_work()


def read_only() -> AbstractContextManager[Session]:
    """A read transaction, for GETs. It writes nothing and never waits for a writer."""
    return database().read_only()


def read_connection() -> AbstractContextManager[ReadConnection]:
    """Reads by compiled statements alone, for paths that the benchmarks measure."""
    return database().read_connection()
