"""The command line, in real processes."""

import fcntl
import http.client
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from app import config
from app.core.signing import hash_of_token
from app.core.workspace import bootstrap
from app.db import Database
from app.models import Agent, ApiToken, Role
from tests import make
from tests.processes import (
    PATIENCE_S,
    assent,
    descendants,
    environment,
    environment_of,
    free_port,
    get,
    is_alive,
    is_waited_for,
    processes_of_serve,
    started,
    wait_for,
    wait_until_gone,
    wait_until_ready,
)

COMMANDS = (
    ["demo"],
    ["web"],
    ["worker"],
    ["serve"],
    ["db", "upgrade"],
    ["create-admin"],
    ["token", "create"],
    ["receipt", "verify"],
    ["config"],
    ["routes"],
    ["backup"],
    ["restore"],
)


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The message of a failed command: exactly one line on standard error."""
    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The instance folder that ``assent db upgrade`` leaves on SQLite, to copy."""
    folder = tmp_path_factory.mktemp("upgraded") / "instance"
    assert assent("db", "upgrade", env=environment(folder)).returncode == 0
    return folder


@pytest.fixture
def ready(upgraded: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a migrated installation on SQLite with its own key."""
    shutil.copytree(upgraded, tmp_path / "instance")
    return environment(tmp_path / "instance")


def test_routes_lists_every_address_without_a_database(tmp_path: Path) -> None:
    done = assent("routes", env=environment(tmp_path / "instance"))
    assert done.returncode == 0, done.stderr
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert ["GET", "/healthz", "app: healthz"] in lines
    assert ["GET", "/messenger/frame", "app: messenger.frame"] in lines


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_answers_help(command: list[str], tmp_path: Path) -> None:
    done = assent(*command, "--help", env=environment(tmp_path / "instance"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: assent {' '.join(command)}")
    assert not (tmp_path / "instance").exists()


@pytest.mark.parametrize(
    "command", [["config"], ["web"], ["worker"], ["serve"], ["demo"], ["db", "upgrade"]], ids=" ".join
)
def test_an_invalid_setting_stops_every_command_with_its_name_in_one_line(command: list[str], tmp_path: Path) -> None:
    done = assent(*command, env=environment(tmp_path, trusted_proxies="many"))
    assert "ASSENT_TRUSTED_PROXIES" in one_line(done)


def test_a_wrong_option_is_refused_in_one_line(tmp_path: Path) -> None:
    assert "--port" in one_line(assent("web", "--port", "none", env=environment(tmp_path)))
    assert "no-such" in one_line(assent("no-such", env=environment(tmp_path)))


def test_web_and_worker_refuse_an_unmigrated_database_with_the_command(tmp_path: Path) -> None:
    for command in ("web", "worker"):
        assert "assent db upgrade" in one_line(assent(command, env=environment(tmp_path)))


def test_an_unreachable_database_is_reported_in_one_line_without_the_password(tmp_path: Path) -> None:
    url = f"postgresql://assent:very-secret@127.0.0.1:{free_port()}/assent"
    for command in (["web"], ["db", "upgrade"]):
        output = one_line(assent(*command, env=environment(tmp_path, database_url=url)))
        assert "database" in output
        assert "very-secret" not in output


def test_another_secret_key_is_refused(ready: dict[str, str]) -> None:
    other = ready | {"ASSENT_SECRET_KEY": "another-key-that-is-long-enough-to-be-one"}
    for command in (["web"], ["serve"]):
        assert "ASSENT_SECRET_KEY" in one_line(assent(*command, env=other))


def test_config_shows_every_setting_with_its_source_and_hides_secrets(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('trusted_proxies = 2\nmetrics_token = "scrape-me"\n')
    env = environment(
        tmp_path, database_url="postgresql://me:hidden-word@db/assent", public_uri="https://a.example.com"
    )
    done = assent("config", env=env)
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert done.returncode == 0
    assert set(lines) == {setting.variable for setting in config.SETTINGS}
    assert lines["ASSENT_DATABASE_URL"].split()[1:] == ["postgresql://me:***@db/assent", "environment"]
    assert str(tmp_path / "config.toml") in lines["ASSENT_TRUSTED_PROXIES"]
    assert str(tmp_path / "secret_key") in lines["ASSENT_SECRET_KEY"]
    assert "default" in lines["ASSENT_SMTP_URL"]
    key = (tmp_path / "secret_key").read_text()
    assert not any(secret in done.stdout for secret in ("hidden-word", "scrape-me", key))
    assert "did you mean ASSENT_PUBLIC_URL" in done.stderr


def test_an_admin_is_created_with_a_password_from_standard_input(settings: config.Settings, database: Database) -> None:
    env = environment_of(settings)
    create = ("create-admin", "Max@Example.com", "--name", "Max Harbour", "--password-stdin")
    done = assent(*create, env=env, stdin="a quiet harbour\n")
    assert done.returncode == 0, done.stderr
    with database.read_only() as session:
        max_ = session.scalars(select(Agent)).one()
        assert (max_.email, max_.role, max_.active) == ("max@example.com", "admin", True)
        assert max_.name == "Max Harbour"
        assert max_.password
        assert "a quiet harbour" not in max_.password


def test_a_weak_password_or_a_second_account_is_refused_in_one_line(ready: dict[str, str]) -> None:
    create = ("create-admin", "max@example.com", "--password-stdin")
    one_line(assent(*create, env=ready, stdin="short\n"))
    assert assent(*create, env=ready, stdin="a quiet harbour\n").returncode == 0
    one_line(assent(*create, env=ready, stdin="a quiet harbour\n"))


def test_without_a_terminal_the_password_is_not_prompted_for(ready: dict[str, str]) -> None:
    assert "--password-stdin" in one_line(
        assent("create-admin", "max@example.com", env=ready, stdin="a quiet harbour\n")
    )


def test_a_token_is_printed_alone_and_only_its_hash_is_stored(settings: config.Settings, database: Database) -> None:
    done = assent("token", "create", "shop", "--scope", "read", env=environment_of(settings))
    assert (done.returncode, done.stderr) == (0, "")
    text = done.stdout.removesuffix("\n")
    assert text.startswith("assent_")
    assert "\n" not in text
    with database.read_only() as session:
        stored = session.scalars(select(ApiToken)).one()
        assert (stored.token_hash, stored.scopes, stored.name) == (hash_of_token(text), ["read"], "shop")


def test_a_token_with_an_unknown_scope_is_refused(ready: dict[str, str]) -> None:
    assert "root" in one_line(assent("token", "create", "shop", "--scope", "root", env=ready))


def test_a_token_is_given_to_an_admin(settings: config.Settings, database: Database) -> None:
    with database.unit_of_work() as session:
        max_ = make.agent(session, email="max@example.com", role=Role.ADMIN).id
        make.agent(session, email="ana@example.com")
    env = environment_of(settings)
    assert assent("token", "create", "shop", "--admin", "Max@example.com", env=env).returncode == 0
    assert "no admin" in one_line(assent("token", "create", "shop", "--admin", "ana@example.com", env=env))
    with database.read_only() as session:
        assert session.scalars(select(ApiToken.created_by)).all() == [f"agent:{max_}"]


def test_the_web_server_finishes_a_running_request_before_it_stops(ready: dict[str, str], tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    with started("web", "--port", str(port), "--workers", "2", env=ready, log=log) as process:
        wait_until_ready(port, process, log)
        statuses: list[int] = []
        database = tmp_path / "instance" / "assent.db"
        with write_lock(database) as release:
            waiting = threading.Thread(target=lambda: statuses.append(post_seen(port)))
            waiting.start()
            wait_for(lambda: is_waited_for(Path(f"{database}.lock")))
            process.send_signal(signal.SIGTERM)
            time.sleep(1)
            assert process.poll() is None, "it did not wait for the request"
            release()
            waiting.join(PATIENCE_S)
        assert process.wait(PATIENCE_S) == 0
        assert statuses
        assert statuses[0] < 500


def test_a_web_process_that_dies_is_replaced(ready: dict[str, str], tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    with started("web", "--port", str(port), "--workers", "1", env=ready, log=log) as process:
        wait_until_ready(port, process, log)
        (worker,) = descendants(process.pid)
        os.kill(worker, signal.SIGKILL)
        wait_until_gone([worker])
        wait_until_ready(port, process, log)
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def test_a_used_port_is_reported_in_one_line(ready: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert str(port) in one_line(assent("web", "--port", str(port), env=ready))


def test_log_lines_of_the_server_are_json_with_the_route_but_no_path(ready: dict[str, str], tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    with started("web", "--port", str(port), "--workers", "1", env=ready, log=log) as process:
        wait_until_ready(port, process, log)
        get(port, "/f/secret-token-of-somebody")
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    first, *lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert (first["event"], first["version"]) == ("the web server starts", config.VERSION)
    assert {"/readyz", "/f/<token>"} <= {line["route"] for line in lines}
    assert all(line["request_id"] and line["duration_ms"] >= 0 for line in lines)
    assert "secret-token-of-somebody" not in log.read_text()


def test_serve_migrates_and_runs_web_and_worker(tmp_path: Path) -> None:
    port, log, env = free_port(), tmp_path / "log", environment(tmp_path / "instance")
    with started("serve", "--port", str(port), "--workers", "1", env=env, log=log) as process:
        wait_until_ready(port, process, log)
        worker, web = processes_of_serve(process.pid, log)
        assert len(web) == 1
        made = [tmp_path / "instance", *(tmp_path / "instance").iterdir()]
        assert {"assent.db-wal", "assent.db-shm", "huey.db"} <= {each.name for each in made}
        assert {each.name for each in made if each.stat().st_mode & 0o077} == set()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0, log.read_text()
        wait_until_gone([worker, *web])


def test_when_the_worker_is_killed_the_web_server_stops(tmp_path: Path) -> None:
    port, log, env = free_port(), tmp_path / "log", environment(tmp_path / "instance")
    with started("serve", "--port", str(port), "--workers", "1", env=env, log=log) as process:
        wait_until_ready(port, process, log)
        worker, others = processes_of_serve(process.pid, log)
        os.kill(worker, signal.SIGKILL)
        assert process.wait(PATIENCE_S) != 0
        wait_until_gone(others)
        assert "assent: worker ended, so everything was stopped" in log.read_text()


def test_when_the_web_server_cannot_go_on_the_worker_stops(tmp_path: Path) -> None:
    port, log, env = free_port(), tmp_path / "log", environment(tmp_path / "instance")
    with started("serve", "--port", str(port), "--workers", "1", env=env, log=log) as process:
        wait_until_ready(port, process, log)
        worker, web = processes_of_serve(process.pid, log)
        os.kill(web[0], signal.SIGKILL)
        replaced = wait_for(lambda: [each for each in descendants(process.pid) if each not in {worker, *web}])
        os.kill(replaced[0], signal.SIGKILL)
        assert process.wait(PATIENCE_S) != 0
        wait_until_gone([worker])
        assert "assent: web ended, so worker was stopped" in log.read_text()


def test_no_process_remains_when_the_first_process_is_killed(tmp_path: Path) -> None:
    port, log, env = free_port(), tmp_path / "log", environment(tmp_path / "instance")
    with started("serve", "--port", str(port), "--workers", "1", env=env, log=log) as process:
        wait_until_ready(port, process, log)
        children = descendants(process.pid)
        process.kill()
        wait_until_gone(children)


@pytest.mark.own_database
def test_two_processes_can_upgrade_a_new_database_at_the_same_time(settings: config.Settings) -> None:
    env = environment_of(settings)
    if settings.is_sqlite:
        (settings.instance / "assent.db").unlink()
    else:
        empty(settings)
    results: list[int] = []
    both = [
        threading.Thread(target=lambda: results.append(assent("db", "upgrade", env=env).returncode)) for _ in range(2)
    ]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert results == [0, 0]


def test_the_demo_is_filled_once_and_prints_the_accounts(tmp_path: Path) -> None:
    port, log, env = free_port(), tmp_path / "log", environment(tmp_path / "instance")
    for _ in range(2):
        with started("demo", "--port", str(port), "--workers", "1", env=env, log=log) as process:
            wait_until_ready(port, process, log)
            wait_for(lambda: "Stop with" in log.read_text())
            output = log.read_text()
            assert f"http://127.0.0.1:{port}/" in output
            assert all(part in output for part in ("max@example.com", "ana@example.com", "demo-password-1234"))
            process.terminate()
            assert process.wait(PATIENCE_S) == 0


def test_backup_and_restore_copy_everything_to_another_installation(ready: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "assent.zip"
    create_max = ("create-admin", "max@example.com", "--password-stdin")
    assert assent(*create_max, env=ready, stdin="a quiet harbour").returncode == 0
    done = assent("backup", str(file), env=ready)
    assert done.returncode == 0, done.stderr
    assert "secret key is in it" in done.stdout
    assert f"sqlite:///{tmp_path / 'instance' / 'assent.db'}" in done.stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    elsewhere = environment(tmp_path / "elsewhere")
    done = assent("restore", str(file), env=elsewhere)
    assert done.returncode == 0, done.stderr
    assert f"sqlite:///{tmp_path / 'elsewhere' / 'assent.db'}" in done.stdout
    again = assent(*create_max, env=elsewhere, stdin="a quiet harbour")
    assert "account" in one_line(again)
    assert (tmp_path / "elsewhere" / "secret_key").read_text() == (tmp_path / "instance" / "secret_key").read_text()
    assert "--replace" in one_line(assent("restore", str(file), env=elsewhere))
    assert assent("restore", str(file), "--replace", env=elsewhere).returncode == 0


def test_a_restore_is_refused_while_a_server_runs(ready: dict[str, str], tmp_path: Path) -> None:
    file, port, log = tmp_path / "assent.zip", free_port(), tmp_path / "log"
    assert assent("backup", str(file), env=ready).returncode == 0
    with started("web", "--port", str(port), "--workers", "1", env=ready, log=log) as process:
        wait_until_ready(port, process, log)
        assert "stop web and worker first" in one_line(assent("restore", str(file), "--replace", env=ready))
        assert get(port, "/readyz") == 200
        assert is_alive(process.pid)


def post_seen(port: int) -> int:
    """The status of a request that writes (a form was seen), and so waits for the lock of writers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request("POST", "/f/abcdefghijklmnopqrstuv/seen")
    status = connection.getresponse().status
    connection.close()
    return status


@contextmanager
def write_lock(database: Path) -> Iterator[Callable[[], None]]:
    """Lock this SQLite database against writers until the yielded function is called."""
    lock = os.open(f"{database}.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lambda: fcntl.flock(lock, fcntl.LOCK_UN)
    finally:
        os.close(lock)


def empty(settings: config.Settings) -> None:
    """Drop everything from a PostgreSQL database of a test."""
    opened = bootstrap.open_database(settings, connections=1)
    with opened.engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    opened.close()
