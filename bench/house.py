"""``python -m bench.house``: the size and shape of ``app/``, read with ``ast``, and the traces of a few requests.

``--no-traces`` leaves out what starts the application; ``--statements`` also prints the SQL of each trace.
Numbers here are not goals by themselves, except those that are printed with one.
"""

import argparse
import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.traces import Trace, trace_all

ROOT = Path(__file__).parent.parent
PARAMETERS_MAX, COMPLEXITY_MAX, FILE_LINES_MAX = 6, 8, 300
# Goals of the traces: files of app/ that are touched, and SQL statements.
TRACE_GOALS = {
    "form GET": (None, 3),
    "public opt-in POST": (18, 9),
    "agent inserts a saved form": (14, 10),
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Module:
    """One parsed file."""

    name: str
    path: Path
    source: str
    tree: ast.Module
    is_package: bool
    functions: list[Function] = field(default_factory=list)

    @property
    def lines(self) -> int:
        return len(self.source.splitlines())


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench.house", description=__doc__)
    arguments.add_argument("--no-traces", action="store_true", help="read the source only")
    arguments.add_argument("--statements", action="store_true", help="print the SQL of each trace")
    chosen = arguments.parse_args()
    print_shape(read_modules("app"))
    print_tests()
    if not chosen.no_traces:
        print_traces(trace_all(), with_statements=chosen.statements)
    return 0


def read_modules(package: str) -> list[Module]:
    """Every module of the package, without migrations."""
    modules = []
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if "migrations" in parts:
            continue
        is_package = parts[-1] == "__init__"
        source = path.read_text()
        tree = ast.parse(source)
        functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
        name = ".".join(parts[:-1] if is_package else parts)
        modules.append(Module(name, path, source, tree, is_package, functions))
    return modules


def print_shape(modules: list[Module]) -> None:
    files = sorted(each.lines for each in modules)
    longest = max(modules, key=lambda each: each.lines)
    functions = [(each, function) for each in modules for function in each.functions]
    lengths = sorted(length_of(function) for _, function in functions)
    _line("files, lines", f"{len(modules)}, {sum(files):,}")
    _line("file median / p90 / max", f"{_spread(files)} {longest.path.relative_to(ROOT)}")
    _line("function median / p90 / max", _spread(lengths))
    documented = [bool(ast.get_docstring(node)) for each in modules for node in public_definitions(each.tree)]
    in_core = [
        bool(ast.get_docstring(node))
        for each in modules
        if each.name.startswith("app.core")
        for node in public_definitions(each.tree)
    ]
    in_modules = [bool(ast.get_docstring(each.tree)) for each in modules if each.source.strip()]
    _line(
        "public docstring", f"{_share(documented)} (core {_share(in_core)}), modules with source {_share(in_modules)}"
    )
    _line("annotated functions", _share([is_annotated(function) for _, function in functions]))
    cycles = import_cycles(modules)
    _line("import cycles", f"{len(cycles)}{_list(' ↔ '.join(each) for each in cycles)}")
    counts = {name: sum(_any_count(each.tree) for each in modules if each.name.startswith(name)) for name in LAYERS}
    of_layers = ", ".join(f"{name.removeprefix('app.')} {counted}" for name, counted in counts.items() if counted)
    _line("Any in annotations and casts", f"{sum(_any_count(each.tree) for each in modules)} ({of_layers})")
    casts = [node for each in modules for node in ast.walk(each.tree) if _is_cast(node)]
    of_tables = sum("__table__" in ast.unparse(node) for node in casts)
    _line("cast", f"{len(casts)} (of tables {of_tables})")
    for comment in ("type: ignore", "noqa"):
        _line(comment, str(sum(len(re.findall(rf"#\s*{comment}", each.source)) for each in modules)))
    wide = [
        f"{each.name}.{one.name} {count}" for each, one in functions if (count := parameters_of(one)) > PARAMETERS_MAX
    ]
    _line(f"functions of more than {PARAMETERS_MAX} parameters", f"{len(wide)}{_list(wide)}")
    complex_ones = complex_functions()
    _line(f"functions of complexity over {COMPLEXITY_MAX}", f"{len(complex_ones)}{_list(complex_ones)}")
    long = [f"{each.path.relative_to(ROOT)} {each.lines}" for each in modules if each.lines > FILE_LINES_MAX]
    _line(f"files over {FILE_LINES_MAX} lines", f"{len(long)}{_list(long)}")


LAYERS = (
    "app.cli",
    "app.web",
    "app.jobs",
    "app.core",
    "app.gateways",
    "app.sms",
    "app.db",
    "app.schemas",
    "app.models",
)


def print_tests() -> None:
    trees = [ast.parse(path.read_text()) for path in sorted((ROOT / "tests").rglob("*.py"))]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    tests = sum(isinstance(node, Function) and node.name.startswith("test_") for node in nodes)
    asserts = sum(isinstance(node, ast.Assert) for node in nodes)
    _line("test functions, assert statements", f"{tests:,}, {asserts:,}")


def print_traces(traces: list[Trace], *, with_statements: bool) -> None:
    print("\nOne request, made the third time, on SQLite (goals in brackets):")
    for each in traces:
        files_max, statements_max = TRACE_GOALS.get(each.name, (None, None))
        print(
            f"  {each.name:28} {_against(len(each.files), files_max)} files  {each.calls:4} calls "
            f"({each.calls_across_files:3} between files)  {_against(len(each.statements), statements_max)} statements"
        )
        if with_statements:
            for statement in each.statements:
                print(f"      {' '.join(statement.split())[:110]}")


def _against(measured: int, at_most: int | None) -> str:
    if at_most is None:
        return f"{measured:3}     "
    return f"{measured:3} ({at_most}){'' if measured <= at_most else '!'}".ljust(8)


def length_of(function: Function) -> int:
    """Lines of a function without its decorators and its docstring."""
    first = function.body[0]
    end = function.end_lineno or function.lineno
    if ast.get_docstring(function) is not None:
        return end - function.lineno + 1 - ((first.end_lineno or first.lineno) - first.lineno + 1)
    return end - function.lineno + 1


def public_definitions(tree: ast.Module) -> Iterator[ast.ClassDef | Function]:
    """Classes and functions of a module, and methods of its public classes, whose names have no underscore in front."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (each for each in node.body if isinstance(each, Function) and not each.name.startswith("_"))


def parameters_of(function: Function) -> int:
    """How many values a caller hands over: without ``self`` and ``cls``."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args]
    is_method = bool(named) and named[0].arg in {"self", "cls"}
    starred = (arguments.vararg is not None) + (arguments.kwarg is not None)
    return len(named) - is_method + len(arguments.kwonlyargs) + starred


def is_annotated(function: Function) -> bool:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    named += [each for each in (arguments.vararg, arguments.kwarg) if each]
    return all(each.annotation or each.arg in {"self", "cls"} for each in named) and function.returns is not None


def import_cycles(modules: list[Module]) -> list[list[str]]:
    """Groups of modules that import each other when they are loaded (Tarjan's strongly connected components)."""
    known = {each.name for each in modules}
    graph = {each.name: sorted(set(_imports(each, known)) - {each.name}) for each in modules}
    found: list[list[str]] = []
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in graph[name]:
            if other not in order:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == order[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    sys.setrecursionlimit(10_000)
    for name in graph:
        if name not in order:
            visit(name)
    return found


def _imports(module: Module, known: set[str]) -> Iterator[str]:
    """What a module imports at its top level, as modules; imports for type checks only are left out."""
    for node in module.tree.body:
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known and not node.level:
            for each in node.names:
                below = f"{node.module}.{each.name}"
                yield below if below in known else str(node.module)


def complex_functions() -> list[str]:
    """Functions that branch more than is allowed, by ruff, whatever a comment excuses."""
    limit = f"lint.mccabe.max-complexity={COMPLEXITY_MAX}"
    command = [str(Path(sys.executable).with_name("ruff")), "check", "--select", "C901", "--config", limit]
    command += ["--ignore-noqa", "--output-format", "json", "--exit-zero", "app"]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [re.sub(r"`(\w+)` is too complex \((\d+).*", r"\1 \2", each["message"]) for each in json.loads(printed)]


def _any_count(tree: ast.Module) -> int:
    return sum(isinstance(node, ast.Name) and node.id == "Any" for node in ast.walk(tree))


def _is_cast(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "cast"


def _spread(values: Sequence[int]) -> str:
    """Median, ninth decile and largest of sorted values."""
    return f"{values[len(values) // 2]} / {values[int(len(values) * 0.9)]} / {values[-1]}"


def _share(flags: list[bool]) -> str:
    return f"{100 * sum(flags) / max(1, len(flags)):.0f} %"


def _list(names: "Iterator[str] | list[str]") -> str:
    listed = list(names)
    return ": " + ", ".join(listed) if listed else ""


def _line(name: str, value: str) -> None:
    print(f"{name:36} {value}")


if __name__ == "__main__":
    sys.exit(main())
