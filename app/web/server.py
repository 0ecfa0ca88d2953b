"""Runs the application with the web server Granian."""

import multiprocessing
import os
import resource
import signal
import socket
from collections.abc import Callable
from types import FrameType

from flask import Flask
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from app import config, create_app, logs, processes
from app.core import phone
from app.core.errors import InvalidState
from app.web import request_times

# A thread is created for every request that arrives while the others are busy, most of them by slow bodies
# (``web/admission.py``). It costs about 50 kB and ends when it was idle for half a minute.
THREADS = 1024
# How long a client may take to send the headers of a request, and may keep a connection that it does not use.
HEADERS_WITHIN_S = 5
BACKLOG = 4096
# Open connections of one process. Each open messenger keeps one between its polls. Further clients wait.
CONNECTIONS = 10_000
_OTHER_FILES = 1_000
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# How long running requests may take after the server was asked to stop.
STOP_WITHIN_S = 30
# The application that ``run`` created. Forked worker processes use it; it has no open connection yet.
_created_app: dict[None, Flask] = {}


def default_workers() -> int:
    """Two processes where there are two processors or more, else one."""
    return min(2, len(os.sched_getaffinity(0)))


def run(
    settings: config.Settings, host: str, port: int, *, workers: int, on_stop: Callable[[], None] | None = None
) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP; then finish running requests and return.

    A worker process that dies is replaced. When it dies again immediately, the server exits with status 1.

    :param on_stop: called when a signal asks to stop, before the running requests are finished
    :raises InvalidState: the address cannot be used
    """
    with request_times.own_folder(settings):
        _run(settings, host, port, workers=workers, on_stop=on_stop)


def _run(settings: config.Settings, host: str, port: int, *, workers: int, on_stop: Callable[[], None] | None) -> None:
    check_address(host, port)
    raise_open_file_limit(CONNECTIONS + _OTHER_FILES)
    # Created before the fork, so that errors appear immediately and worker processes share the memory.
    prepare(settings)
    processes.share_memory_with_forks()
    server = Server(
        "app",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS_WITHIN_S * 1000),
        blocking_threads=THREADS,
        backlog=BACKLOG,
        backpressure=CONNECTIONS,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_WITHIN_S,
        log_access=False,
        log_level=LogLevels.error,
        log_dictconfig={"loggers": {"_granian": {"level": "ERROR", "propagate": True}}},
    )

    def stop(signal_number: int, frame: FrameType | None) -> None:
        if on_stop:
            on_stop()
        server.signal_handler_interrupt(signal_number, frame)  # type: ignore[no-untyped-call]

    # Granian would take SIGHUP as a wish to reload; it sets its handlers before it calls the hooks.
    server.on_startup(lambda: [signal.signal(each, stop) for each in _STOP_SIGNALS])
    server.serve(target_loader=load, wrap_loader=False)


def prepare(settings: config.Settings) -> Flask:
    """Create the application once. Processes that are forked later share its memory."""
    if None not in _created_app:
        _created_app[None] = _create(settings)
    return _created_app[None]


def load() -> Flask:
    """The application of one worker process."""
    if parent := multiprocessing.parent_process():
        processes.end_with(parent.pid or 0)
    logs.configure()
    return _created_app.get(None) or _create(config.load())


def _create(settings: config.Settings) -> Flask:
    """The application, with all data loaded that its first request needs."""
    app = create_app(settings)
    phone.preload()
    return app


def raise_open_file_limit(files: int) -> None:
    """Raise the limit of open files and connections of this process and its children, as far as the system allows.

    A service often has a limit of 1,024, and every open messenger needs a connection.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = files if hard == resource.RLIM_INFINITY else min(files, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def check_address(host: str, port: int) -> None:
    """Check that the address is free. Granian would share its port with another server that listens there.

    :raises InvalidState: the address is in use, or is not one of this machine
    """
    try:
        family, socket_type, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket_type, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as problem:
        raise InvalidState(
            "%(address)s cannot be used: %(problem)s", address=f"{host}:{port}", problem=str(problem.strerror)
        ) from None
