"""Which assignments of a telling name tell something new, read from the text.

A sum that starts again, like `running_loss = 0.0` and then `+=` in a loop, is told when it is whole: when its loop has
ended, or just before it starts again within that loop; where it is divided after the loop, the mean is told instead.
Of several assignments in a row the last counts, or the last before a `.backward()`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

Loop = ast.For | ast.While
Function = ast.FunctionDef | ast.AsyncFunctionDef
BLOCKS = ("body", "orelse", "finalbody")


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A statement, the block it stands in, and the loops around it within its function, outermost first."""

    statement: ast.stmt
    block: list[ast.stmt]
    loops: tuple[Loop, ...]


@dataclass(frozen=True, slots=True)
class Telling:
    """Where to tell a name's value: before or after a statement of a block; `loop` is the first line of a loop."""

    block: list[ast.stmt]
    statement: ast.stmt
    before: bool
    name: str
    loop: int


@dataclass(slots=True)
class Sums:
    tellings: list[Telling]
    silent: set[tuple[ast.stmt, str]]
    """Assignments that are not told by themselves."""


def find_sums(tree: ast.Module, functions: Iterable[Function], is_telling: Callable[[str], object]) -> Sums:
    """All sums under telling names, of the module and of each of its functions."""
    found = Sums([], set())
    for scope in (tree, *functions):
        places = list(_places(scope.body, ()))
        names = {name for place in places for name in _added(place.statement) if is_telling(name)}
        for name in sorted(names):
            _settle(name, places, found, in_function=scope is not tree)
    return found


def keeps_to_itself(function: Function) -> bool:
    """Whether a function returns nothing: its numbers are told nowhere else."""
    statements = (place.statement for place in _places(function.body, ()))
    return not any(isinstance(each, ast.Return) and each.value is not None for each in statements)


def overwritten(block: list[ast.stmt]) -> Iterator[tuple[ast.stmt, str]]:
    """All assignments of a name in a row but one: the last before a backward pass, or the last of all."""
    row = list(_in_a_row(block))
    passes = [at for at, statement in enumerate(row) if _runs_backward(statement)]
    assigned: dict[str, list[int]] = {}
    for at, statement in enumerate(row):
        for name in _assigned(statement):
            assigned.setdefault(name, []).append(at)
    for name, places in assigned.items():
        before = [at for at in places if passes and at < passes[-1]]
        told = (before or places)[-1]
        yield from ((row[at], name) for at in places if at != told)


def phases(loops: Iterable[ast.For | ast.While]) -> dict[int, str]:
    """First lines of the loops within one over texts like `for phase in ["train", "val"]`, and of itself: its name."""
    found: dict[int, str] = {}
    for loop in loops:
        match loop:
            case ast.For(target=ast.Name(name), iter=ast.List(elts) | ast.Tuple(elts)) if elts and all(
                isinstance(each, ast.Constant) and isinstance(each.value, str) for each in elts
            ):
                found.update((inner.lineno, name) for inner in ast.walk(loop) if isinstance(inner, Loop))
    return found


def _in_a_row(block: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a block, those of `with` in their place."""
    for statement in block:
        yield statement
        if isinstance(statement, ast.With | ast.AsyncWith):
            yield from _in_a_row(statement.body)


def _runs_backward(statement: ast.stmt) -> bool:
    return not isinstance(statement, ast.With) and any(
        isinstance(node, ast.Attribute) and node.attr == "backward" for node in ast.walk(statement)
    )


def _places(block: list[ast.stmt], loops: tuple[Loop, ...]) -> Iterator[Place]:
    for statement in block:
        yield Place(statement, block, loops)
        if isinstance(statement, Function | ast.ClassDef):
            continue
        inner = (*loops, statement) if isinstance(statement, Loop) else loops
        for holder in (statement, *getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
            for name in BLOCKS:
                yield from _places(getattr(holder, name, []), inner)


def _settle(name: str, places: Sequence[Place], found: Sums, in_function: bool) -> None:
    adds = [place for place in places if name in _added(place.statement) and place.loops]
    zeros = [place for place in places if name in _zeroed(place.statement)]
    whole = {place.loops[-1]: place for place in adds}
    nested = in_function or any(len(place.loops) > 1 for place in adds)
    inside = [zero for zero in zeros if any(loop in zero.loops for loop in whole)]
    if not adds or not zeros or not (nested or inside):
        return
    found.silent.update((place.statement, name) for place in (*adds, *zeros))
    if inside:
        found.tellings += [
            Telling(zero.block, zero.statement, True, name, zero.loops[-1].lineno) for zero in inside
        ]
        return
    means = [place for place in places if name in _assigned(place.statement) and place not in (*adds, *zeros)]
    if means:
        found.tellings += [
            Telling(each.block, each.statement, False, name, adds[0].loops[-1].lineno)
            for each in means
            if not each.loops
        ]
        return
    for loop in whole:
        place = next(each for each in places if each.statement is loop)
        around = place.loops[-1] if place.loops else loop
        found.tellings.append(Telling(place.block, loop, False, name, around.lineno))


def _added(statement: ast.stmt) -> Iterator[str]:
    """The name a statement adds to: `a += b`, `a = a + b`."""
    match statement:
        case ast.AugAssign(target=ast.Name(name), op=ast.Add()):
            yield name
        case ast.Assign(targets=[ast.Name(name)], value=ast.BinOp(op=ast.Add(), left=ast.Name(left))) if (
            name == left
        ):
            yield name


def _zeroed(statement: ast.stmt) -> Iterator[str]:
    """Names a statement sets to zero."""
    if isinstance(statement, ast.AnnAssign) and _is_zero(statement.value):
        yield from _names(statement.target)
    if not isinstance(statement, ast.Assign):
        return
    for target in statement.targets:
        if _is_zero(statement.value):
            yield from _names(target)
        elif isinstance(target, ast.Tuple | ast.List) and isinstance(statement.value, ast.Tuple | ast.List):
            for part, value in zip(target.elts, statement.value.elts, strict=False):
                if _is_zero(value):
                    yield from _names(part)


def _assigned(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.Assign(targets=targets):
            for target in targets:
                for part in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
                    yield from _names(part)
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            yield from _names(target)


def _names(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id


def _is_zero(value: ast.expr | None) -> bool:
    """`0`, `0.0`; also the zero tensors people add to: `torch.zeros(1)`, `torch.tensor(0.0)`."""
    match value:
        case ast.Constant(value=number):
            return type(number) in (int, float) and number == 0
        case ast.Call(func=ast.Attribute(attr="zeros")):
            return True
        case ast.Call(func=ast.Attribute(attr="tensor"), args=[first, *_]):
            return _is_zero(first)
    return False
