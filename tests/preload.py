"""What the processes of tests have loaded before they start: ``tests/launcher.py`` forks them from one that has it."""

import importlib
import pkgutil

import flask_security.cli  # noqa: F401
import flask_sqlalchemy.cli  # noqa: F401
import granian.server  # noqa: F401
import jinja2.ext  # noqa: F401
import passlib.handlers.argon2  # noqa: F401
import psycopg  # noqa: F401
from sqlalchemy.orm import configure_mappers

import app
from app.core import phone

for _module in pkgutil.walk_packages(app.__path__, "app."):
    if not _module.name.startswith("app.migrations"):
        importlib.import_module(_module.name)

configure_mappers()
phone.preload()
