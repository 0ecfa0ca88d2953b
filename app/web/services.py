"""The database as views use it: ``unit_of_work()`` to write, ``read_only()`` to look."""

from contextlib import AbstractContextManager
from typing import cast

from flask import Flask, current_app
from sqlalchemy.orm import Session

from app.config import Settings
from app.core.signing import Keys
from app.core.workspace import bootstrap as store
from app.db import Database, ReadConnection

_EXTENSION = "assent.database"
_KEYS = "assent.keys"


def connect(app: Flask, settings: Settings) -> None:
    """Give the app its database and the keys that its sessions work with."""
    app.extensions[_EXTENSION] = store.open_database(settings)
    app.extensions[_KEYS] = Keys(settings.secret_key)


def database() -> Database:
    return cast(Database, current_app.extensions[_EXTENSION])


def keys() -> Keys:
    return cast(Keys, current_app.extensions[_KEYS])


def unit_of_work() -> AbstractContextManager[Session]:
    """A write transaction: committed at the end of the block, rolled back by any error."""
    return database().unit_of_work()


def read_only() -> AbstractContextManager[Session]:
    """A read transaction, for GETs: looking changes nothing and waits for nobody."""
    return database().read_only()


def read_connection() -> AbstractContextManager[ReadConnection]:
    """A look by prepared statements alone, for what people wait on."""
    return database().read_connection()
