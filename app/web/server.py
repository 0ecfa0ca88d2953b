"""Granian, the web server, as this program runs it."""

import multiprocessing
import os
import resource
import socket

from flask import Flask
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from app import config, create_app, logs, processes
from app.core import phone
from app.core.errors import InvalidState
from app.web.services import services_of

# Requests wait for the database and for the disk, so more of them run than there are processors. With SQLite writers
# wait for each other, and every further thread takes the interpreter away from the one that writes.
THREADS_ON_SQLITE, THREADS_ON_POSTGRESQL = 4, 6
BACKLOG = 1024
# Open connections of one process. Each open messenger keeps one between its polls; whoever is beyond this waits.
CONNECTIONS = 10_000
_FILES_BESIDE = 1_000
# How long requests in flight may go on after the server was told to stop.
STOP_WITHIN_S = 30
# The application that ``run`` made. Forked worker processes use it as it is: it has opened no connection yet.
_prepared: dict[None, Flask] = {}


def default_workers() -> int:
    """Two processes where there are two processors; more is for whoever has measured."""
    return min(2, len(os.sched_getaffinity(0)))


def run(settings: config.Settings, host: str, port: int, *, workers: int) -> None:
    """Serve until told to stop (SIGTERM, SIGINT): requests in flight are finished, then it returns.

    A worker process that dies is replaced; when it dies again at once, everything stops and the process exits with 1.

    :raises InvalidState: the address cannot be used
    """
    check_address(host, port)
    allow_open_files(CONNECTIONS + _FILES_BESIDE)
    # Once here, so that a mistake shows before anything is served and the worker processes inherit what is loaded.
    app = _prepared[None] = _prepare(settings)
    is_sqlite = services_of(app).database.is_sqlite
    processes.share_memory_with_forks()
    server = Server(
        "app",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS_ON_SQLITE if is_sqlite else THREADS_ON_POSTGRESQL,
        backlog=BACKLOG,
        backpressure=CONNECTIONS,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_WITHIN_S,
        log_access=False,
        log_level=LogLevels.error,
        log_dictconfig={"loggers": {"_granian": {"level": "ERROR", "propagate": True}}},
    )
    server.serve(target_loader=load, wrap_loader=False)


def load() -> Flask:
    """The application of one worker process, ready to answer its first request as fast as any other."""
    if parent := multiprocessing.parent_process():
        processes.end_with(parent.pid or 0)
    logs.configure()
    return _prepared.get(None) or _prepare(config.load())


def _prepare(settings: config.Settings) -> Flask:
    """The application, with everything loaded that its first request needs."""
    app = create_app(settings)
    phone.preload()
    return app


def allow_open_files(wanted: int) -> None:
    """Let this process and those that it starts hold so many files and connections, as far as the system allows.

    What a service gets by itself is often 1,024, and every open messenger holds a connection.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def check_address(host: str, port: int) -> None:
    """Granian shares its port with whoever else listens there; two installations on one port would mix.

    :raises InvalidState: somebody listens there already, or the address is not one of this machine
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as problem:
        raise InvalidState(f"{host}:{port} cannot be used: {problem.strerror}") from None
