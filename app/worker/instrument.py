"""The program's tree made ready to run: its last expression split off, a tick in every loop, names by span.

Positions are kept, so tracebacks and recorded spans are those of the text the user wrote.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from types import CodeType

from app.program import FILENAME

TICK = "__playground_tick__"

Place = tuple[int, int, int, int]
"""line, end line, column, end column in UTF-8 bytes: the order of `code.co_positions()`."""


@dataclass(frozen=True, slots=True)
class Compiled:
    body: CodeType
    last: CodeType | None
    """The last statement, where it is a bare expression whose value is to be shown."""
    last_place: Place | None
    loops: tuple[range, ...]
    """The lines each loop spans, outer loops before inner ones; a loop's tick is called with its first line."""
    names: dict[Place, tuple[str, ...]]
    """For the span of an assigned expression, the names its result (or its parts) got."""


def compile_program(source: str) -> Compiled:
    """Compile a program that parses; SyntaxError for the few errors only the compiler finds."""
    tree = ast.parse(source, FILENAME)
    names = _assigned_names(tree)
    loops = _add_ticks(tree)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    body = compile(tree, FILENAME, "exec", dont_inherit=True)
    if not isinstance(last, ast.Expr):
        return Compiled(body, None, None, loops, names)
    shown = compile(ast.Expression(last.value), FILENAME, "eval", dont_inherit=True)
    return Compiled(body, shown, place_of(last.value), loops, names)


def place_of(node: ast.expr | ast.stmt) -> Place:
    end_line = node.end_lineno or node.lineno
    return node.lineno, end_line, node.col_offset, node.end_col_offset or node.col_offset


def _add_ticks(tree: ast.AST) -> tuple[range, ...]:
    """Put a call before each pass of a loop: the recorder's only chance to come and go. The lines of the loops."""
    loops = []
    for node in ast.walk(tree):
        if isinstance(node, ast.For | ast.While):
            call = ast.Call(ast.Name(TICK, ast.Load()), [ast.Constant(node.lineno)], [])
            tick = ast.copy_location(ast.Expr(call), node.body[0])
            node.body.insert(0, ast.fix_missing_locations(tick))
            loops.append(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return tuple(sorted(loops, key=lambda lines: (lines.start, -lines.stop)))


def _assigned_names(tree: ast.AST) -> dict[Place, tuple[str, ...]]:
    names: dict[Place, tuple[str, ...]] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[*_, target], value=value):
                _note_target(names, target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                _note_target(names, target, value)
            case ast.NamedExpr(target=target, value=value):
                _note_target(names, target, value)
            case ast.AugAssign(target=target):
                names[place_of(node)] = (ast.unparse(target),)
    return names


def _note_target(names: dict[Place, tuple[str, ...]], target: ast.expr, value: ast.expr) -> None:
    if isinstance(target, ast.Tuple | ast.List):
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
            for part, item in zip(target.elts, value.elts, strict=True):
                _note_target(names, part, item)
        elif not any(isinstance(part, ast.Starred) for part in target.elts):
            names[place_of(value)] = tuple(ast.unparse(part) for part in target.elts)
    elif isinstance(target, ast.Name | ast.Attribute):
        names[place_of(value)] = (ast.unparse(target),)
