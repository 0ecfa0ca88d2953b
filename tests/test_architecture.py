"""The rules of the code base: layers, sizes, and what may stand where."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

from app import create_app
from app.config import ROOT, Settings
from bench import mutants

TOP_LEVEL = {
    *("pyproject.toml", "requirements.txt", "Makefile", "README.md", "CHANGELOG.md", "LICENSE"),
    *("CONTRIBUTING.md", "SECURITY.md"),
    *("app", "templates", "static", "tests", "docs", "bench", "instance"),
}
SURFACES = ("home", "auth", "embed", "admin", "contacts", "bulk", "exports", "inbox", "messenger", "api")
WITHOUT_WEB = (
    "app.core.submissions.submit",
    "app.core.backup",
    "app.core.demo",
    "app.jobs.worker",
    "app.models",
    "app.cli",
)
MAX_LINES, MAX_PARAMETERS = 300, 6
# Surfaces ask core; Flask-Security wants its own datastore, and app/web/database.py owns the session.
WITH_QUERIES = {
    "app/web/database.py",
    "app/web/sign_in/datastore.py",
    "app/web/sign_in/rate_limits.py",
}
# Tests of the whole product, and surfaces whose tests follow what people do.
WITHOUT_A_MODULE = {
    *("tests/test_architecture.py", "tests/test_licences.py", "tests/test_package.py", "tests/test_scripts.py"),
    *("tests/jobs/test_webhook_schedule.py", "tests/jobs/test_webhooks_chaos.py"),
    "tests/jobs/test_send_sms_races.py",
    "tests/test_floors.py",
    "tests/web/test_hostile_values.py",
    "tests/gateways/test_contract.py",
    *(f"tests/web/api/test_{name}.py" for name in ("conventions", "fuzz", "merging", "sdk", "search")),
    *(f"tests/web/auth/test_{name}.py" for name in ("passwords", "second_factor", "sign_in")),
    *("tests/web/contacts/test_contacts.py", "tests/web/home/test_home.py", "tests/web/messenger/test_forms.py"),
    *("tests/web/embed/test_answers.py", "tests/web/embed/test_pages.py"),
    *("tests/web/inbox/test_inbox.py", "tests/web/inbox/test_once.py"),
}


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode == 0:
        return [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]
    return [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]


def modules() -> Iterator[str]:
    """Every Python file of the application but its migrations."""
    return (
        name
        for name in tracked()
        if name.startswith("app/") and name.endswith(".py") and "/migrations/versions/" not in name
    )


def holding(pattern: str, under: str) -> set[str]:
    """The application's files below a folder that hold this regular expression."""
    return {name for name in modules() if name.startswith(under) and re.search(pattern, (ROOT / name).read_text())}


def test_imports_run_downwards_only() -> None:
    lint = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_modules_do_not_import_each_other_in_a_cycle() -> None:
    graph = grimp.build_graph("app", exclude_type_checking_imports=True, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the modules of the cycle


def test_rules_jobs_and_commands_load_without_the_web() -> None:
    web = {"flask", "werkzeug", "wtforms", "flask_wtf", "flask_security", "flask_babel", "jinja2"}
    script = f"import importlib, sys\nfor module in {WITHOUT_WEB}:\n    importlib.import_module(module)"
    script += f"\n    assert not {web} & set(sys.modules), module"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_there_is_nothing_else_at_the_top() -> None:
    top = {name.partition("/")[0] for name in tracked()}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL


def test_no_file_is_a_drawer_for_everything() -> None:
    drawers = re.compile(r"(^|/)_?(utils?|helpers?|common|extensions?|misc|tools)(\.py|/)")
    assert [name for name in tracked() if drawers.search(name)] == []


def test_files_have_at_most_300_lines() -> None:
    long = {name for name in modules() if (ROOT / name).read_text().count("\n") > MAX_LINES}
    assert long == set()


def test_functions_have_at_most_six_parameters() -> None:
    found = set()
    for name in modules():
        for function in ast.walk(ast.parse((ROOT / name).read_text())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
                if len([each for each in given if each.arg not in {"self", "cls"}]) > MAX_PARAMETERS:
                    found.add(f"{name}:{function.name}")
    assert found == set()


def test_a_file_directly_in_core_imports_no_room() -> None:
    rooms = {path.name for path in (ROOT / "app/core").iterdir() if path.is_dir()}
    for path in (ROOT / "app/core").glob("*.py"):
        for line in ast.walk(ast.parse(path.read_text())):
            if isinstance(line, ast.ImportFrom) and (line.module or "").startswith("app.core"):
                room = str(line.module).split(".")[2:3]
                assert not rooms & {*room, *(() if room else (each.name for each in line.names))}, path.name


def test_a_test_lies_where_its_module_does() -> None:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name, folder = str(path.relative_to(ROOT)), path.parent.relative_to(ROOT / "tests")
        if name in WITHOUT_A_MODULE or folder.parts[:1] in {("browser",), ("stories",)} or path.stem[:9] == "test_docs":
            continue
        module = ROOT / "app" / folder / path.stem.removeprefix("test_")
        assert module.is_dir() or module.with_suffix(".py").exists(), name


def test_surfaces_leave_queries_to_core() -> None:
    assert holding(r"\bselect\(|\bsession\.get(_one)?\(|\.scalars?\(|\bdb\.session\b", "app/web/") == WITH_QUERIES


def test_flask_has_no_second_framework_beside_it() -> None:
    assert holding(r"class \w+\((\w+\.)?Request\)|\bstart_response\b", "app/") == set()


def test_addresses_are_built_from_routes() -> None:
    assert holding(r"""["'](/f/|/p/|/messenger/(api|frame))""", "app/") == {"app/core/public_urls.py"}
    templates = [name for name in tracked() if name.startswith("templates/")]
    assert templates
    assert [name for name in templates if re.search(r"""["'}]/[a-z]""", (ROOT / name).read_text())] == []


def test_only_locking_and_leads_make_locked_contacts() -> None:
    assert holding(r"\blocked_by_write\(", "app/") == {"app/core/consent/locking.py", "app/core/contacts/leads.py"}


def test_nothing_refers_to_a_document_outside_the_repository() -> None:
    assert holding(r"(?i)DESIGN\.md|DESIGN section|STYLE\.md|interface section|domain facts", "app/") == set()


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


def test_only_one_package_speaks_http_to_others() -> None:
    speaks = re.compile(r"^\s*(import|from) (urllib\.request|http\.client|urllib3|requests|httpx)\b", re.MULTILINE)
    users = [name for name in tracked() if name.startswith("app/") and name.endswith(".py")]
    speakers = {Path(name).parent for name in users if speaks.search((ROOT / name).read_text())}
    assert speakers == {Path("app/http_client")}


def test_only_the_one_door_changes_a_consent() -> None:
    writes = re.compile(r"(insert|update|delete)\w*\(\s*(session,\s*)?(Consent|ConsentEvent|DestinationOptOut)\b")
    behind_it = re.compile(r"\bdestination_opt_outs\.\w+\(|\bset_writes\.\w+\(|\bevent_sets\.\w+\(")
    door = (
        "changes",
        "set_changes",
        "set_undo",
        "set_writes",
        "precedence",
        "destination_opt_outs",
        "respelling",
        "reassignment",
    )
    allowed = {f"app/core/consent/{name}.py" for name in door}
    allowed |= {f"app/core/ledger/{name}.py" for name in ("events", "event_sets", "evidence")}
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


def test_only_jobs_and_imports_change_sets_of_consents() -> None:
    found = holding(r"\bset_changes\.(apply|write)\(|\bset_undo\.undo\(", "app/")
    assert found <= {"app/core/bulk/consent_steps.py", "app/core/imports/consents.py", "app/core/imports/undo.py"}
    assert "app/core/bulk/consent_steps.py" in found


def test_every_rule_with_a_mutant_is_still_where_the_mutant_breaks_it() -> None:
    listed = mutants.read_mutants()
    assert len(listed) >= 91
    assert len(mutants.find_all(listed)) == len(listed)


def test_an_alias_of_a_module_says_where_the_module_is() -> None:
    """Each of its words is in the module's path, at least in the singular, so that it does not name another module."""
    misleading = {
        f"{path.relative_to(ROOT)}: {module} as {alias.asname}"
        for path in (ROOT / "app").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
        for module in [f"{node.module}.{alias.name}"]
        if (ROOT / f"{module.replace('.', '/')}.py").exists()
        and not all(
            any(part.startswith(word) for part in re.split(r"[._]", module))
            for word in alias.asname.strip("_").split("_")
        )
    }
    assert misleading == set()
