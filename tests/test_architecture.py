"""The house stands as DESIGN.md draws it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from app import create_app
from app.config import ROOT, Settings

TOP_LEVEL = {
    *("pyproject.toml", "requirements.txt", "Makefile", "README.md", "CHANGELOG.md", "LICENSE"),
    *("CONTRIBUTING.md", "SECURITY.md"),
    *("app", "templates", "static", "tests", "docs", "bench", "instance"),
}
SURFACES = ("home", "auth", "embed", "admin", "contacts", "api")
WITHOUT_WEB = (
    "app.core.submissions.submit",
    "app.core.backup",
    "app.core.demo",
    "app.jobs.worker",
    "app.models",
    "app.cli",
)
MAX_LINES = 500


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode == 0:
        return [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]
    return [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]


def test_imports_run_downwards_only() -> None:
    lint = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", WITHOUT_WEB)
def test_rules_jobs_and_commands_load_without_the_web(module: str) -> None:
    web = "{'flask', 'werkzeug', 'wtforms', 'flask_wtf', 'flask_security', 'flask_babel', 'jinja2'}"
    script = f"import sys, {module}; print(sorted({web} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "[]\n"


def test_there_is_nothing_else_at_the_top() -> None:
    top = {name.partition("/")[0] for name in tracked()}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL


def test_no_file_is_a_drawer_for_everything() -> None:
    drawers = re.compile(r"(^|/)_?(utils?|helpers?|common|extensions?|misc|tools)(\.py|/)")
    assert [name for name in tracked() if drawers.search(name)] == []


def test_files_stay_small_enough_to_read() -> None:
    python = [name for name in tracked() if name.startswith("app/") and name.endswith(".py")]
    long = {name: count for name in python if (count := (ROOT / name).read_text().count("\n")) > MAX_LINES}
    assert {name: count for name, count in long.items() if "/migrations/versions/" not in name} == {}


def test_local_state_is_never_committed() -> None:
    assert sorted(name for name in tracked() if name.startswith("instance/")) == [
        "instance/.gitignore",
        "instance/config.example.toml",
    ]


def test_every_surface_has_its_routes_its_templates_and_its_tests(settings: Settings) -> None:
    app = create_app(settings)
    used = {rule.endpoint.partition(".")[0] for rule in app.url_map.iter_rules()}
    for surface in SURFACES:
        assert surface in used or surface in {"embed", "api"}, surface
        assert (ROOT / "templates" / surface).is_dir(), surface
        assert list((ROOT / "tests" / "web" / surface).glob("test_*.py")), surface
    assert app.test_client().get("/f/form/none").status_code == 404
    app.extensions["assent"].database.close()


def test_only_one_place_commits_and_only_one_asks_the_time() -> None:
    for name in tracked():
        if name.startswith("app/") and name.endswith(".py"):
            source = (ROOT / name).read_text()
            assert source.count("session.commit()") == (name == "app/db/transactions.py"), name
            assert "datetime.now(" not in source or name == "app/core/clock.py", name


def test_only_one_module_speaks_http_to_others() -> None:
    speaks = re.compile(r"^\s*(import|from) (urllib\.request|http\.client|urllib3|requests|httpx)\b", re.MULTILINE)
    users = [name for name in tracked() if name.startswith("app/") and name.endswith(".py")]
    assert [name for name in users if speaks.search((ROOT / name).read_text())] == ["app/http_client.py"]


def test_only_the_one_door_changes_a_consent() -> None:
    writes = re.compile(r"(insert|update|delete)\w*\(\s*(session,\s*)?(Consent|ConsentEvent|DestinationOptOut)\b")
    behind_it = re.compile(r"\bnumber_opt_outs\.\w+\(")
    allowed = {"app/core/consent/changes.py", "app/core/ledger/events.py", "app/core/consent/destination_opt_outs.py"}
    for name in tracked():
        if name.startswith("app/") and name.endswith(".py") and name not in allowed:
            content = (ROOT / name).read_text()
            assert not behind_it.search(content), name
            assert not (name.startswith("app/core/") and writes.search(content)), name


def test_requirements_are_pinned_with_hashes_and_name_no_registry() -> None:
    for name in ("requirements.txt", ".ci/requirements-build.txt", "tests/requirements.txt"):
        content = (ROOT / name).read_text()
        assert "://" not in content
        pinned = [line for line in content.splitlines() if re.match(r"[A-Za-z]", line)]
        assert pinned
        assert all("==" in line for line in pinned)
        assert content.count("--hash=sha256:") >= len(pinned)
    runtime, build, tests = (
        set(re.findall(r"^([A-Za-z][\w.-]*)==([\w.]+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.txt", ".ci/requirements-build.txt", "tests/requirements.txt")
    )
    assert runtime | build <= tests, "make requirements"
