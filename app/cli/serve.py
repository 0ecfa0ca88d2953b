"""Commands that run servers: web, worker, serve, demo."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import click

from app import config, processes
from app.cli.database import migrated, ready, settings_with_warnings

_HOST = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
_PORT = click.option(
    "--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to listen on."
)
_WORKERS = click.option(
    "--workers", type=click.IntRange(1, 64), help="Web processes.  [default: one for each processor, at most two]"
)


@click.command()
@_HOST
@_PORT
@_WORKERS
def web(host: str, port: int, workers: int | None) -> None:
    """Run the web server alone."""
    from app import logs
    from app.web import server

    settings = settings_with_warnings()
    with ready(settings):
        server.check_address(host, port)
    logs.configure()
    logs.get_logger().info("the web server starts", version=config.VERSION, listens_at=address(host, port))
    server.run(settings, host, port, workers=workers or server.default_workers())


@click.command()
@click.option(
    "--threads", type=click.IntRange(1, 64), default=2, show_default=True, help="Jobs that run at the same time."
)
@click.option("--web-address", default="", hidden=True, help="Of the web server beside it, for links in texts.")
def worker(threads: int, web_address: str) -> None:
    """Run the background worker alone."""
    settings = settings_with_warnings()
    with _without_unused_packages(settings):
        from app import logs
        from app.jobs import worker

    logs.configure()
    worker.run(settings, threads=threads, web_address=web_address)


@click.command()
@_HOST
@_PORT
@_WORKERS
def serve(host: str, port: int, workers: int | None) -> None:
    """Run web and worker together, for one machine. The database is migrated first."""
    settings = settings_with_warnings()
    announcement = f"Assent answers at {address(host, port)}"
    _serve_with_worker(settings, host, port, workers, prepare=_migrate, announcement=announcement)


@click.command()
@_HOST
@_PORT
@_WORKERS
def demo(host: str, port: int, workers: int | None) -> None:
    """Fill a demo workspace once, run web and worker, and print addresses and sign-ins."""
    from app.core.demo.staff import DEMO_PASSWORD, SIGN_INS

    settings = settings_with_warnings()
    sign_ins = [f"                    {email:<18} {DEMO_PASSWORD}  ({role})" for email, role in SIGN_INS]
    ready_at = f"  Assent is ready:  {address(host, port)}/"
    announcement = "\n".join(["", ready_at, "  Sign in as:", *sign_ins, "  Stop with Ctrl+C.", ""])
    _serve_with_worker(settings, host, port, workers, prepare=_migrate_and_fill, announcement=announcement)


def address(host: str, port: int) -> str:
    """The address at which a browser on this machine reaches the server."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{name}:{port}"


def _serve_with_worker(
    settings: config.Settings,
    host: str,
    port: int,
    workers: int | None,
    *,
    prepare: Callable[[config.Settings], None],
    announcement: str,
) -> None:
    """:param prepare: makes the database ready; it runs in a process that ends, so that its memory is free again"""
    with _without_unused_packages(settings):
        # Imported before the worker is forked, so that the processes share the memory of both.
        import flask_security  # noqa: F401

        import app.jobs.worker  # noqa: F401
        from app import logs
        from app.cli import supervisor
        from app.web import request_times, server

    server.check_address(host, port)
    supervisor.finish_first("the preparation of the database", partial(prepare, settings))
    with request_times.own_folder(settings):
        server.prepare(settings)
        reached_at = address(host, port)
        with supervisor.beside(supervisor.Child(worker, ("--web-address", reached_at))) as companion:
            supervisor.announce(announcement, f"{reached_at}/readyz")
            logs.configure()
            server.run(settings, host, port, workers=workers or server.default_workers(), on_stop=companion.ask_to_stop)


def _without_unused_packages(settings: config.Settings) -> AbstractContextManager[None]:
    """Without what libraries load only because it is installed, up to 20 MB: Huey the drivers of every database that
    it could use, Flask-Security Twilio's client (our gateway loads it itself), structlog rich.
    """
    return processes.without("redis", "rich", "twilio", *(("psycopg",) if settings.is_sqlite else ()))


def _migrate(settings: config.Settings) -> None:
    with migrated(settings):
        pass


def _migrate_and_fill(settings: config.Settings) -> None:
    from app.core import clock
    from app.core import demo as core_demo
    from app.core.accounts.agents import hash_password

    with migrated(settings) as database:
        with database.read_only() as session:
            is_filled = core_demo.is_filled(session)
        if not is_filled:
            password_hash = hash_password(core_demo.DEMO_PASSWORD)
            with database.unit_of_work() as session:
                core_demo.fill(session, at=clock.now(), password_hash=password_hash)


COMMANDS = (demo, web, worker, serve)
