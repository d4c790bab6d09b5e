"""Where a program without autograd compares: `y_pred - y` in a loop, told from the text.

The side that the loop assigns is the prediction, the other one the target; the names the prediction is computed from
lead to the input. What the names hold is looked at while it runs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """Names: the prediction, the target, and what the prediction is computed from, nearest first."""

    prediction: str
    target: str
    sources: tuple[str, ...]


def find_differences(nodes: Iterable[ast.AST]) -> tuple[Difference, ...]:
    """Differences first, then calls with two names such as `mse(y_pred, y)`; each in the order of the text."""
    loops = [node for node in nodes if isinstance(node, ast.For | ast.While)]
    found = [each for loop in loops for each in _in_loop(loop)]
    return tuple(dict.fromkeys(each for _, each in sorted(found, key=lambda pair: pair[0])))


def _in_loop(loop: ast.For | ast.While) -> Iterator[tuple[int, Difference]]:
    """With how sure each is: 0 for a difference, 1 for a call."""
    made: dict[str, list[str]] = {}
    for node in ast.walk(loop):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            made.setdefault(node.targets[0].id, []).extend(_names(node.value))
    for node in ast.walk(loop):
        match node:
            case ast.BinOp(left=ast.Name(id=left), op=ast.Sub(), right=ast.Name(id=right)):
                rank = 0
            case ast.Call(args=[ast.Name(id=left), ast.Name(id=right)]):
                rank = 1
            case _:
                continue
        for prediction, target in ((left, right), (right, left)):
            if prediction in made and target not in made:
                yield rank, Difference(prediction, target, tuple(_sources(prediction, made)))


def _names(value: ast.expr) -> Iterator[str]:
    return (node.id for node in ast.walk(value) if isinstance(node, ast.Name))


def _sources(name: str, made: dict[str, list[str]]) -> Iterator[str]:
    """Names from outside the loop that a name is computed from in it."""
    seen = {name}
    waiting = list(made[name])
    while waiting:
        each = waiting.pop(0)
        if each in seen:
            continue
        seen.add(each)
        if each in made:
            waiting.extend(made[each])
        else:
            yield each
