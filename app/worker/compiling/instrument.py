"""The program's tree made ready to run: cut into cells, its loops and losses heard, names by span.

Positions are kept, so tracebacks and recorded spans are those of the text the user wrote.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from app.notebook import parse_start, split_cells
from app.program import FILENAME
from app.vocabulary.cells import Cell
from app.worker.compiling.cell_code import CellCode, compile_cells
from app.worker.compiling.differences import Difference, find_differences
from app.worker.compiling.tellings import Function, Telling, find_sums, keeps_to_itself, overwritten, phases
from app.worker.recording.places import Place, place_of

OVER = "__playground_over__"
"""`for x in OVER(iterable, line)`"""
AGAIN = "__playground_again__"
"""Called first in each pass of a `while` loop."""
NOTE = "__playground_note__"
"""Called with name, value, line and the loop's first line (0 for none) after a telling name was assigned."""
TELLING = re.compile(
    r"loss|损失|准确率|精度|误差|错误率|代价|奖励|"
    r"(?:^|_|(?-i:(?<=[a-z\d])(?=[A-Z])))"
    r"(?:acc|accuracy|err|error|cost|score|ppl|perplexity|auc|f1|mse|mae|rmse|reward|elbo|nll|bce|kl|"
    r"objective|energy)(?:$|_|\d|(?-i:(?=[A-Z])))",
    re.IGNORECASE,
)
"""Names that tell of how well training goes, words apart by `_` or by a capital: `val_acc`, `errD`."""
TRAINS = frozenset({"backward", "grad", "step"})
"""Attributes that a text which trains a model uses."""


Silent = Set[tuple[ast.stmt, str]]
"""Assignments that tell nothing."""
Phases = Mapping[int, str]
"""Variables that say which phase it is, by first lines of loops."""


@dataclass(frozen=True, slots=True)
class Compiled:
    codes: tuple[CellCode, ...]
    cells: tuple[Cell, ...]
    trains: bool
    """Whether the text looks like one that trains something."""
    roots: frozenset[str]
    """Names whose `.backward()` is called: losses, whatever they are called."""
    loops: tuple[range, ...]
    """The lines each loop spans, outer loops before inner ones; a loop goes by its first line."""
    assigned: tuple[str, ...]
    """The module's own names in the order of the last place that assigns each."""
    differences: tuple[Difference, ...]
    """Where loops compare a prediction with a target, by name."""
    names: dict[Place, tuple[str, ...]]
    """For the span of an assigned expression, the names its result (or its parts) got."""


def compile_program(source: str) -> Compiled:
    """Compile a program; where a cell of it is broken, the cells before that one."""
    tree, broken = parse_start(source, _parse)
    nodes = tuple(ast.walk(tree))
    names = _assigned_names(nodes)
    trains = _looks_like_training(nodes)
    roots = frozenset(_backward_roots(nodes))
    assigned = tuple(_last_assignments(tree.body))
    differences = find_differences(nodes)
    cells = split_cells(source, tree)
    loops = _hear_loops(tree, nodes)
    codes = compile_cells(source, tree, cells, broken)
    return Compiled(codes, cells, trains, roots, loops, assigned, differences, names)


def _parse(source: str) -> ast.Module:
    """The tree; of a program in cells the compiler too is asked, so that it finds its errors before any cell runs."""
    tree = ast.parse(source, FILENAME)
    if "#" in source and split_cells(source, tree):
        compile(tree, FILENAME, "exec", dont_inherit=True)
    return tree


def _hear_loops(tree: ast.Module, nodes: Sequence[ast.AST]) -> tuple[range, ...]:
    """Let every loop that calls anything be heard, and every telling name assigned in it. The lines of the loops.

    A loop that calls nothing runs no torch either, and shall not become slower.
    """
    loops = [node for node in nodes if isinstance(node, ast.For | ast.While) and _calls_anything(node)]
    functions = [node for node in nodes if isinstance(node, Function)]
    sums = find_sums(tree, functions, TELLING.search)
    known = phases(loops)
    for telling in sums.tellings:
        _tell_sum(telling, known)
    _hear_functions(functions, loops, sums.silent, known)
    for node in loops:
        _hear_names(node.body, node.lineno, sums.silent, known)
        if isinstance(node, ast.For):
            node.iter = _call_at(node.iter, OVER, node.iter, ast.Constant(node.lineno))
        else:
            node.body.insert(0, _statement(node.body[0], AGAIN, ast.Constant(node.lineno)))
    lines = [range(node.lineno, (node.end_lineno or node.lineno) + 1) for node in loops]
    for each in nodes:
        if isinstance(each, ast.For):  # what fails between two passes stands there, as since Python 3.13
            ast.copy_location(each, each.iter)
    return tuple(sorted(lines, key=lambda span: (span.start, -span.stop)))


def _looks_like_training(nodes: Sequence[ast.AST]) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr in TRAINS)
        or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and TELLING.search(node.id))
        for node in nodes
    )


def _calls_anything(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Call) for inner in ast.walk(node))


def _hear_functions(
    functions: Sequence[Function], loops: Sequence[ast.For | ast.While], silent: Silent, known: Phases
) -> None:
    """Hear what a function that returns nothing assigns, but for names that loops tell of."""
    told = {
        name
        for loop in loops
        for node in ast.walk(loop)
        if isinstance(node, ast.stmt)
        for name in _telling_names(node)
    }
    for node in functions:
        if isinstance(node, ast.FunctionDef) and keeps_to_itself(node):
            own = {(inner, name) for inner in ast.walk(node) if isinstance(inner, ast.stmt) for name in told}
            _hear_names(node.body, 0, silent | own, known)


def _tell_sum(telling: Telling, known: Phases) -> None:
    block, statement = telling.block, telling.statement
    note = _note(statement, telling.name, telling.loop, known)
    unknown = ast.ExceptHandler(ast.Name("NameError", ast.Load()), None, [ast.Pass()])
    careful = ast.copy_location(ast.Try([note], [unknown], [], []), statement)  # a sum that never began
    block.insert(block.index(statement) + (not telling.before), ast.fix_missing_locations(careful))


def _note(statement: ast.stmt, name: str, loop: int, known: Phases) -> ast.Expr:
    place = ast.Constant(statement.lineno), ast.Constant(loop)
    phase = (ast.Name(known[loop], ast.Load()),) if loop in known else ()
    return _statement(statement, NOTE, ast.Constant(name), ast.Name(name, ast.Load()), *place, *phase)


def _hear_names(body: list[ast.stmt], loop: int, silent: Silent, known: Phases) -> None:
    """Put a note after each assignment of a telling name, in this block and in those within it that are no loops."""
    silent = silent | set(overwritten(body))
    for position in reversed(range(len(body))):
        statement = body[position]
        if isinstance(statement, ast.For | ast.While | ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            continue
        for block in ("body", "orelse", "finalbody"):
            _hear_names(getattr(statement, block, []), loop, silent, known)
        for name in reversed(list(_telling_names(statement))):
            if (statement, name) not in silent:
                body.insert(position + 1, _note(statement, name, loop, known))


def _telling_names(statement: ast.stmt) -> Iterator[str]:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AugAssign | ast.AnnAssign) and statement.value is not None:
        targets = [statement.target]
    if is_boundless(getattr(statement, "value", None)):
        return
    for target in targets:
        names = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
        yield from (name.id for name in names if isinstance(name, ast.Name) and TELLING.search(name.id))


def is_boundless(value: object) -> bool:
    """Whether an expression is but an infinity to start from: `float("inf")`, `math.inf`, `-torch.inf`."""
    match value:
        case ast.UnaryOp(operand=operand):
            return is_boundless(operand)
        case ast.Attribute(attr="inf"):
            return True
        case ast.Call(func=ast.Name("float"), args=[ast.Constant(value=str(text))]):
            return text.strip("+-").lower() in ("inf", "infinity")
    return False


def _call_at(place: ast.expr | ast.stmt, function: str, *arguments: ast.expr) -> ast.Call:
    call = ast.Call(ast.Name(function, ast.Load()), list(arguments), [])
    return ast.fix_missing_locations(ast.copy_location(call, place))


def _statement(place: ast.stmt, function: str, *arguments: ast.expr) -> ast.Expr:
    return ast.copy_location(ast.Expr(_call_at(place, function, *arguments)), place)


def _last_assignments(body: list[ast.stmt]) -> dict[str, None]:
    """Names the module's statements assign, functions and classes aside; each where it was assigned last."""
    order: dict[str, None] = {}
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        targets = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
        stored = [node for node in targets if isinstance(node.ctx, ast.Store)]
        for node in sorted(stored, key=lambda node: (node.lineno, node.col_offset)):
            order.pop(node.id, None)
            order[node.id] = None
    return order


def _backward_roots(nodes: Sequence[ast.AST]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="backward")):
                yield name


def _assigned_names(nodes: Sequence[ast.AST]) -> dict[Place, tuple[str, ...]]:
    names: dict[Place, tuple[str, ...]] = {}
    for node in nodes:
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
