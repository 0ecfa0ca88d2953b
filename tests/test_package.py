"""The wheel, installed into a fresh environment outside the checkout, runs the demo with all its pages."""

import os
import re
import signal
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

import pytest

from app.config import ROOT, VERSION
from app.processes import end_with
from tests.processes import PATIENCE_S, descendants, free_port, wait_until_gone, wait_until_ready

# Which file of each kind the wheel must carry, named by its path in the checkout.
CARRIED = ("templates/**/*.html", "static/**/*.*", "app/**/*.py", "app/**/*.mo", "app/**/*.mako", "app/py.typed")


class Installation(NamedTuple):
    """An environment with the wheel in it; ``folder`` holds the state and is the working directory."""

    python: Path
    folder: Path
    environ: dict[str, str]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout without network access."""
    folder = tmp_path_factory.mktemp("dist")
    _run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)], cwd=ROOT)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A fresh environment with the wheel; its dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    site_packages = Path(_run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip())
    # A folder that a .pth file names is searched for packages; its own .pth files, our checkout's, are not read.
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "install"]
    _run([*pip, "--quiet", "--no-deps", "--no-index", str(wheel)])
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ASSENT_", "PYTHON"))}
    return Installation(python, folder, kept | {"XDG_STATE_HOME": str(folder / "state")})


@pytest.fixture(scope="module")
def running(installation: Installation) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The address of ``assent demo`` and its process, started from the installation."""
    with _running_demo(installation) as (address, process):
        yield address, process


@pytest.fixture
def demo(running: tuple[str, "subprocess.Popen[bytes]"]) -> str:
    """The address of ``assent demo``."""
    return running[0]


def test_the_wheel_carries_templates_static_files_catalogs_and_migrations(wheel: Path) -> None:
    assert wheel.name == f"assent_sms-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as content:
        names = set(content.namelist())
    for pattern in CARRIED:
        files = [file.relative_to(ROOT).as_posix() for file in ROOT.glob(pattern)]
        assert files, pattern
        assert {name if name.startswith("app/") else f"app/{name}" for name in files} <= names, pattern
    assert "app/core/proof/verify_receipt.mjs" in names
    assert not any(name.startswith(("tests/", "bench/", "instance/", "docs/")) for name in names)


def test_the_installed_package_does_not_come_from_the_checkout(installation: Installation) -> None:
    said = _run([str(installation.python), "-c", "import app; print(app.__file__)"], cwd=installation.folder)
    assert Path(said.strip()).is_relative_to(installation.folder)


@pytest.mark.slow
def test_the_installed_demo_serves_every_surface(demo: str) -> None:
    start = _page(demo + "/")
    assert "max@example.com" in start
    (stylesheet, *_) = re.findall(r'href="(/static/[^"]+\.css[^"]*)"', start)
    assert "--" in _page(demo + stylesheet)
    shop = _page(demo + "/shop")
    (form_key, *_) = re.findall(r'data-form="([^"]+)"', shop)
    assert 'name="phone"' in _page(f"{demo}/f/form/{form_key}")
    assert "data-form" in _page(demo + "/embed.js")
    assert 'name="password"' in _page(demo + "/sign-in")
    assert "subscription_types" in _page(demo + "/api/docs")
    assert _page(f"{demo}/f/form/{form_key}", language="de") != _page(f"{demo}/f/form/{form_key}", language="en")


@pytest.mark.slow
def test_a_demo_on_sqlite_does_not_load_the_driver_of_postgresql(
    running: tuple[str, "subprocess.Popen[bytes]"],
) -> None:
    pid = running[1].pid
    loaded = [Path(f"/proc/{each}/maps").read_text() for each in (pid, *descendants(pid))]
    assert len(loaded) >= 3  # web, worker, and the process that started both
    assert all("sqlite" in each and "psycopg" not in each for each in loaded)


@pytest.mark.slow
def test_the_installed_demo_keeps_its_state_in_the_state_folder_only(demo: str, installation: Installation) -> None:
    assert (installation.folder / "state" / "assent" / "assent.db").is_file()
    assert {path.name for path in installation.folder.iterdir()} == {"venv", "state", "log"}
    assert not list((installation.folder / "venv").rglob("*.db"))


@contextmanager
def _running_demo(installation: Installation) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    tests_pid, port, log = os.getpid(), free_port(), installation.folder / "log"
    command = [str(installation.python.with_name("assent")), "demo", "--port", str(port), "--workers", "1"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=installation.folder,
            env=installation.environ,
            stdout=out,
            stderr=out,
            preexec_fn=lambda: end_with(tests_pid),
        )
    try:
        wait_until_ready(port, process, log)
        yield f"http://127.0.0.1:{port}", process
    finally:
        children = descendants(process.pid)
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)
        wait_until_gone(children)


def _page(url: str, language: str = "en") -> str:
    """The body of a GET that succeeds."""
    with urlopen(Request(url, headers={"Accept-Language": language}), timeout=PATIENCE_S) as response:
        return str(response.read().decode())


def _run(command: list[str], cwd: Path | None = None) -> str:
    """What a command prints; it has to succeed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=5 * PATIENCE_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
