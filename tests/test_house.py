"""The house, enforced: floors, ownership, sizes and habits, read from the syntax trees of our own files.

Every rule is a function from one file to its violations. The tables in tests/house.py are the picture in
docs/house.md; the snippets at the end show that each rule can fail.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path, PurePosixPath

import pytest

from tests.house import (
    FILE_LINES,
    FUNCTION_LINES,
    MAY_CATCH_EVERYTHING,
    MUTABLE_CALLS,
    MUTABLE_DISPLAYS,
    NEIGHBOURS,
    OWNERS,
    READ_ONLY_TYPES,
    chamber_of,
    floor_of,
    room_of,
)

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("app", "tests", "benchmarks", "scripts")


@dataclass(frozen=True, slots=True)
class Source:
    path: PurePosixPath
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def in_app(self) -> bool:
        return self.path.parts[0] == "app"

    @property
    def room(self) -> str:
        return room_of(self.path.with_suffix("").parts)


Rule = Callable[[Source], Iterator[str]]


def imported_modules(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything imported, `import_module("literal")` included."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield from ((node.lineno, f"{module}.{alias.name}") for alias in names)
            case ast.Call(args=[ast.Constant(value=str(name)), *_], func=func) if called_name(func) in (
                "import_module",
                "__import__",
            ):
                yield node.lineno, name


def called_name(func: ast.expr) -> str:
    match func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


# ------------------------------------------------------------------------------------------------------ the rules


def imports_point_down(source: Source) -> Iterator[str]:
    if not source.in_app or not source.room or source.room == "__init__":
        return
    here = floor_of(source.room)
    if here is None:
        yield f"{source.path}: the room `{source.room}` stands on no floor"
        return
    for line, module in imported_modules(source.tree):
        room = room_of(tuple(module.split(".")))
        there = floor_of(room)
        if not room or room == source.room or (source.room, room) in NEIGHBOURS:
            continue
        if there is None or there >= here:
            yield f"{source.path}:{line}: `{source.room}` (floor {here}) imports `{room}` (floor {there})"


def packages_have_owners(source: Source) -> Iterator[str]:
    if not source.in_app:
        return
    for line, module in imported_modules(source.tree):
        package = module.split(".")[0]
        for rooms, packages in OWNERS:
            if package in packages and source.room not in rooms.split():
                yield f"{source.path}:{line}: only {rooms or 'nobody'} may import `{package}`"


def only_main_reads_the_environment(source: Source) -> Iterator[str]:
    """Forgetting it (`os.environ.clear()`) is everybody's right."""
    if not source.in_app or source.room == "main":
        return
    names = ("environ", "environb", "getenv", "getenvb")
    nodes = tuple(ast.walk(source.tree))
    cleared = [node.value for node in nodes if isinstance(node, ast.Attribute) and node.attr == "clear"]
    for node in nodes:
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr=name) if name in names and node not in cleared:
                yield f"{source.path}:{node.lineno}: reads os.{name}"
            case ast.ImportFrom(module="os", names=aliases) if any(alias.name in names for alias in aliases):
                yield f"{source.path}:{node.lineno}: imports the environment from os"


def imports_are_absolute(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"{source.path}:{node.lineno}: relative import"


def packages_do_not_reexport(source: Source) -> Iterator[str]:
    if source.in_app and source.path.name == "__init__.py" and len(source.tree.body) > 1:
        yield f"{source.path}: an __init__.py holds its docstring and nothing else"


def files_are_short(source: Source) -> Iterator[str]:
    lines = len(source.text.splitlines())
    if lines > FILE_LINES:
        yield f"{source.path}: {lines} lines, more than {FILE_LINES}"


def functions_are_short(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{source.path}:{node.lineno}: `{node.name}` has {lines} lines, more than {FUNCTION_LINES}"


def files_say_their_law(source: Source) -> Iterator[str]:
    if source.text.strip() and not ast.get_docstring(source.tree):
        yield f"{source.path}: no docstring"


def nothing_catches_everything(source: Source) -> Iterator[str]:
    if not source.in_app:
        return
    handlers = (node for node in ast.walk(source.tree) if isinstance(node, ast.ExceptHandler))
    found = [handler.lineno for handler in handlers if catches_everything(handler.type)]
    if str(source.path) not in dict(MAY_CATCH_EVERYTHING):
        yield from (f"{source.path}:{line}: catches everything" for line in found)
    elif not found:
        yield f"{source.path}: may catch everything, but does not: take it off the list"


def catches_everything(caught: ast.expr | None) -> bool:
    match caught:
        case None | ast.Name(id="Exception" | "BaseException"):
            return True
        case ast.Tuple(elts=elements):
            return any(map(catches_everything, elements))
        case _:
            return False


def ignores_name_their_code(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        if re.search(r"#\s*type:\s*ignore(?!\[[a-z])|#\s*noqa(?!: ?[A-Z])", line):
            yield f"{source.path}:{number}: an ignore without a code"


def modules_hold_no_state(source: Source) -> Iterator[str]:
    """No list, dict or set at module or class level that someone could change; no `global`."""
    if not source.in_app:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Global):
            yield f"{source.path}:{node.lineno}: global {', '.join(node.names)}"
        if isinstance(node, ast.Module | ast.ClassDef):
            for statement in statements_of(node):
                if holds_state(statement):
                    where = f"{source.path}:{statement.lineno}"
                    yield f"{where}: mutable state; annotate it Mapping or Sequence, or freeze it"


def statements_of(node: ast.stmt | ast.Module | ast.ExceptHandler) -> Iterator[ast.stmt]:
    """The statements run with the body, those under if, try, with and for included, functions' own not."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if isinstance(child, ast.stmt):
            yield child
        if isinstance(child, ast.stmt | ast.ExceptHandler):
            yield from statements_of(child)


def holds_state(statement: ast.stmt) -> bool:
    match statement:
        case ast.Assign(value=value):
            return is_mutable(value)
        case ast.AnnAssign(value=ast.expr() as value, annotation=annotation):
            names = {called_name(node) for node in ast.walk(annotation) if isinstance(node, ast.expr)}
            return is_mutable(value) and not names & READ_ONLY_TYPES
        case _:
            return False


def is_mutable(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return called_name(value.func) in MUTABLE_CALLS
    return isinstance(value, MUTABLE_DISPLAYS)


def no_group_is_possessive(source: Source) -> Iterator[str]:
    """Python before 3.11.5 matches such a group wrongly where it holds a choice; a possessive character is no group."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for found in re.finditer(r"(?<!\\)\)(?:[*+?]|\{[\d,]+\}+)\+", node.value):
                yield f"{source.path}:{node.lineno}: a possessive group, {found[0]}"


RULES: tuple[Rule, ...] = (
    imports_point_down,
    packages_have_owners,
    only_main_reads_the_environment,
    imports_are_absolute,
    packages_do_not_reexport,
    files_are_short,
    functions_are_short,
    files_say_their_law,
    nothing_catches_everything,
    ignores_name_their_code,
    modules_hold_no_state,
    no_group_is_possessive,
)

# -------------------------------------------------------------------------------------------------- the house stands


def our_sources() -> tuple[Source, ...]:
    paths = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    return tuple(
        Source(PurePosixPath(path.relative_to(ROOT).as_posix()), path.read_text(encoding="utf-8"))
        for path in paths
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_house_keeps_its_rules(rule: Rule) -> None:
    assert [violation for source in our_sources() for violation in rule(source)] == []


def test_trusted_side_runs_without_torch() -> None:
    modules = [
        ".".join(source.path.with_suffix("").parts)
        for source in our_sources()
        if source.in_app and source.room != "worker" and not source.path.name.startswith("__")
    ]
    heavy = [package for rooms, packages in OWNERS if rooms == "worker" for package in packages]
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print(*[name for name in {heavy!r} if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.stdout.split(), run.stderr) == ([], "")


def test_templates_leave_escaping_on() -> None:
    templates = [path for path in (ROOT / "templates").rglob("*") if path.suffix in {".html", ".svg", ".xml"}]
    found = [
        path.name for path in templates if re.search(r"\|\s*safe\b|autoescape\s+false", path.read_text())
    ]
    assert found == []


def test_docs_list_the_rooms_that_exist() -> None:
    page = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    rooms = page.partition("\n## Rooms\n")[2].partition("\n## ")[0]
    listed = set(re.findall(r"^\| `([\w.]+)/?` \|", rooms, re.MULTILINE))
    built = {path.name for path in (ROOT / "app").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert listed == built - {"__init__.py", "__pycache__"}


def known_behind_the_wall() -> dict[str, set[str]]:
    """Each room of the worker, and those it imports."""
    known: dict[str, set[str]] = {}
    for source in our_sources():
        if source.in_app and source.room == "worker":
            here = chamber_of(source.path.with_suffix("").parts)
            modules = {name for _, name in imported_modules(source.tree) if name.startswith("app.worker.")}
            known.setdefault(here, set()).update(
                {chamber_of(tuple(name.split("."))) for name in modules} - {here}
            )
    return known


def test_rooms_behind_the_wall_stand_in_order() -> None:
    page = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    rooms = page.partition("\n## Behind the wall\n")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)/` \|", rooms, re.MULTILINE)
    built = {path.name for path in (ROOT / "app" / "worker").iterdir() if path.is_dir()}
    assert sorted(listed) == sorted(built - {"__pycache__"})
    known = known_behind_the_wall()
    assert [*TopologicalSorter(known).static_order()]  # a circle would raise
    below = [(room, other) for at, room in enumerate(listed) for other in listed[at:] if other in known[room]]
    assert below == []


# ------------------------------------------------------------------------------------------- the rules can be broken

BROKEN: tuple[tuple[Rule, str, str], ...] = (
    (imports_point_down, "app/sandbox/pool.py", "from app.worker.sealing.seal import seal"),
    (imports_point_down, "app/sandbox/pool.py", "import app.worker.sealing.seal"),
    (imports_point_down, "app/drawing/boxes.py", "from app.sandbox.face import Sandbox"),
    (imports_point_down, "app/vocabulary/trace.py", "from app.wire import encode_frame"),
    (imports_point_down, "app/vocabulary/limits.py", "from app.settings import Settings"),
    (imports_point_down, "app/web/api.py", "def f() -> None:\n    from app import main"),
    (imports_point_down, "app/wire.py", "from app.settings import Settings"),
    (imports_point_down, "app/web/api.py", "from app.utils import helper"),
    (imports_point_down, "app/utils.py", "x = 1"),
    (packages_have_owners, "app/web/api.py", "import torch.nn"),
    (packages_have_owners, "app/drawing/heat.py", "from numpy import array"),
    (packages_have_owners, "app/web/api.py", "import importlib\nimportlib.import_module('torch')"),
    (packages_have_owners, "app/sandbox/pool.py", "from starlette.requests import Request"),
    (packages_have_owners, "app/web/svg.py", "import graphviz"),
    (packages_have_owners, "app/worker/reply.py", "import pickle"),
    (only_main_reads_the_environment, "app/settings.py", "import os\nx = os.environ['A']"),
    (only_main_reads_the_environment, "app/worker/sealing/seal.py", "from os import getenv"),
    (imports_are_absolute, "app/web/api.py", "from . import pages"),
    (packages_do_not_reexport, "app/web/__init__.py", '"""Law."""\nfrom app.web.api import router'),
    (files_are_short, "tests/test_x.py", "x = 1\n" * 401),
    (functions_are_short, "app/web/api.py", "async def f() -> None:\n" + "    g()\n" * 60),
    (files_say_their_law, "benchmarks/x.py", "x = 1"),
    (nothing_catches_everything, "app/wire.py", "try:\n    f()\nexcept Exception:\n    pass"),
    (nothing_catches_everything, "app/wire.py", "try:\n    f()\nexcept:\n    pass"),
    (nothing_catches_everything, "app/wire.py", "try:\n    f()\nexcept (OSError, BaseException):\n    pass"),
    (nothing_catches_everything, "app/worker/execute.py", "x = 1"),
    (ignores_name_their_code, "tests/test_x.py", "x = f()  # type" + ": ignore"),
    (ignores_name_their_code, "app/wire.py", "x = f()  # no" + "qa"),
    (modules_hold_no_state, "app/wire.py", "CACHE = {}"),
    (modules_hold_no_state, "app/wire.py", "CACHE: Final = []"),
    (modules_hold_no_state, "app/wire.py", "if True:\n    SEEN: set[str] = set()"),
    (modules_hold_no_state, "app/wire.py", "class A:\n    seen = collections.deque()"),
    (modules_hold_no_state, "app/wire.py", "def f() -> None:\n    global x\n    x = 1"),
    (no_group_is_possessive, "app/repairs/reading.py", "import re\nre.compile(r'(a|b)" + "*+')"),
    (no_group_is_possessive, "app/repairs/reading.py", "NUMBER = '(?:a|b)" + "++'"),
)

KEPT: tuple[tuple[Rule, str, str], ...] = (
    (imports_point_down, "app/web/api.py", "from app.sandbox.face import Sandbox\nimport json"),
    (imports_point_down, "app/request.py", "from app.program import Program"),
    (imports_point_down, "app/vocabulary/errors.py", "from app.vocabulary.values import Problem"),
    (packages_have_owners, "app/worker/recording/tensors.py", "import torch\nimport numpy as np"),
    (packages_have_owners, "tests/test_x.py", "import torch"),
    (only_main_reads_the_environment, "app/main.py", "import os\nx = os.environ"),
    (only_main_reads_the_environment, "app/worker/forking/child.py", "import os\nos.environ.clear()"),
    (files_are_short, "app/wire.py", "x = 1\n" * 400),
    (functions_are_short, "app/wire.py", "def f() -> None:\n" + "    g()\n" * 59),
    (nothing_catches_everything, "app/wire.py", "try:\n    f()\nexcept ValueError:\n    pass"),
    (ignores_name_their_code, "app/wire.py", "x = f()  # type" + ": ignore[misc]"),
    (modules_hold_no_state, "app/wire.py", "A = (1,)\nB = frozenset({1})\nC = MappingProxyType({1: 2})"),
    (modules_hold_no_state, "app/wire.py", "TABLE: Final[Mapping[int, int]] = {1: 2}"),
    (modules_hold_no_state, "app/wire.py", "def f() -> None:\n    seen = []"),
    (no_group_is_possessive, "app/repairs/reading.py", "NUMBER = r'[a-z]*+(a|b)+[(]\\)*+'"),
)


@pytest.mark.parametrize(("rule", "path", "text"), BROKEN)
def test_rule_catches_its_violation(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Source(PurePosixPath(path), text)))


@pytest.mark.parametrize(("rule", "path", "text"), KEPT)
def test_rule_lets_good_code_pass(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Source(PurePosixPath(path), text))) == []


def test_every_rule_has_been_seen_to_fail() -> None:
    assert {rule for rule, _, _ in BROKEN} == set(RULES)
