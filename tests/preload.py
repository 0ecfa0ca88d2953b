"""What a server of the tests has loaded before it serves: ``tests/serve.py`` forks it from a process that has it."""

import sys
from pathlib import Path

# Servers are forked from a process that did not start in this folder's tests.
sys.path.insert(0, str(Path(__file__).parent.parent))

import granian.server  # noqa: F401
import psycopg  # noqa: F401
import pytest  # noqa: F401  # multiprocessing loads the main module in each process

import app.core.submissions.submit
import app.web.admin
import app.web.api
import app.web.auth
import app.web.contacts
import app.web.embed
import app.web.home
import app.web.inbox
import app.web.messenger
import app.web.server  # noqa: F401
from app.core import phone

phone.preload()
