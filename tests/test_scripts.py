"""The scripts of ``static/js``: how their modules import each other."""

import re
from pathlib import Path

import pytest

from app.config import ROOT

SCRIPTS = ROOT / "static" / "js"
FOLDERS = sorted(path.name for path in SCRIPTS.iterdir() if path.is_dir() and len(list(path.glob("*.js"))) > 1)
_IMPORT = re.compile(r"""^import\s+(?:[^"';]*?\sfrom\s+)?["']\./([\w-]+)\.js["'];?""", re.MULTILINE)


def imports_of(folder: Path) -> dict[str, set[str]]:
    """What each module of a folder imports, by name."""
    return {path.stem: set(_IMPORT.findall(path.read_text())) for path in folder.glob("*.js")}


def circle_in(imports: dict[str, set[str]]) -> list[str]:
    """The modules of one import circle, in order; empty when there is none."""
    finished: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return path[path.index(name) :]
        if name in finished:
            return []
        for other in sorted(imports[name]):
            if circle := visit(other, [*path, name]):
                return circle
        finished.add(name)
        return []

    return next((circle for name in sorted(imports) if (circle := visit(name, []))), [])


@pytest.mark.parametrize("folder", FOLDERS)
def test_modules_import_each_other_in_one_direction_only(folder: str) -> None:
    imports = imports_of(SCRIPTS / folder)
    assert sum(map(len, imports.values())) > 5, "no imports were read"
    assert circle_in(imports) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_modules_import_only_what_other_modules_export(folder: str) -> None:
    names = re.compile(r"^import\s+\{([^}]*)\}\s+from\s+\"\./([\w-]+)\.js\"", re.MULTILINE)
    exports = re.compile(r"^export\s+(?:async\s+)?(?:const|let|function|class)\s+(?:\[([^\]]*)\]|(\w+))", re.MULTILINE)
    exported: dict[str, set[str]] = {}
    for path in (SCRIPTS / folder).glob("*.js"):
        found = exports.findall(path.read_text())
        exported[path.stem] = {name.strip() for several, one in found for name in (several or one).split(",")}
    for path in (SCRIPTS / folder).glob("*.js"):
        for wanted, module in names.findall(path.read_text()):
            missing = {name.strip() for name in wanted.split(",") if name.strip()} - exported[module]
            assert not missing, f"{path.name} imports {missing} from {module}.js"


def test_a_circle_is_found() -> None:
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]
    assert circle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
