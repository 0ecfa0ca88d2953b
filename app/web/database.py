"""Flask-SQLAlchemy: it owns the engines and the sessions of the web process.

The main application alone is registered. Mounted applications share its engines through ``Services.database``, and
sessions always have a bind, so ``db.session`` works in all of them. Models stay on the plain ``Base`` of
``app.models``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import scoped_session

from app.config import Settings
from app.db import Engines, Limits, engine_options, use_engines

CONNECTIONS = 16
_scope: ContextVar[object] = ContextVar("assent_session_scope", default=None)


class BoundSession(FlaskSession):
    """A session that uses its own bind. Flask-SQLAlchemy's ``get_bind`` ignores it and takes an engine instead."""

    def get_bind(self, mapper: Any = None, clause: Any = None, bind: Any = None, **options: Any) -> Engine | Connection:
        return super().get_bind(mapper, clause, bind or self.bind, **options)


db = SQLAlchemy(session_options={"class_": BoundSession, "scopefunc": _scope.get})


def init_app(app: Flask, settings: Settings) -> None:
    """Register the main application, with the same options of engines as worker and commands have."""
    app.config["SQLALCHEMY_BINDS"] = engine_options(settings, connections=CONNECTIONS)
    db.init_app(app)


def engines_of(app: Flask, limits: Limits) -> Engines:
    """The engines of the main application, with time limits for reads and locks."""
    with app.app_context():
        return use_engines(dict(db.engines), limits)


@contextmanager
def session_scope() -> Iterator[scoped_session[FlaskSession]]:
    """``db.session`` for one transaction: a new session inside, removed at the end. Scopes may be nested."""
    token = _scope.set(object())
    try:
        yield db.session
    finally:
        db.session.remove()
        _scope.reset(token)
