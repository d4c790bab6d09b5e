"""Module trees for the tests of drawing and of the web, by hand."""

from __future__ import annotations

from collections.abc import Iterator

from app.vocabulary.modules import ModuleId, ModuleRecord, ModuleTree, ParameterRecord

Part = tuple[str, str, list["Part"]]
"""Name, class and parts."""


def tree_of(name: str, kind: str, parts: list[Part], calls: int = 1) -> ModuleTree:
    modules = tuple(_modules(name, kind, parts, calls))
    row = ParameterRecord(
        f"{name}.weight", ModuleId(0), "parameter", (2, 3), "float32", "cpu", 6, 24, True, 0.5
    )
    tied = ParameterRecord(
        f"{name}.tied", ModuleId(0), "parameter", (2, 3), "float32", "cpu", 6, 24, True, None, row.name
    )
    return ModuleTree(name, (), modules, (row, tied), True)


def _modules(name: str, kind: str, parts: list[Part], calls: int) -> Iterator[ModuleRecord]:
    number = 0
    waiting: list[tuple[str, str, str, list[Part], ModuleId | None]] = [(name, name, kind, parts, None)]
    while waiting:
        path, own, kind_of, inner, parent = waiting.pop()
        yield ModuleRecord(
            ModuleId(number),
            parent,
            path,
            own,
            kind_of,
            "",
            6,
            6,
            6,
            0,
            24,
            ("float32",),
            ("cpu",),
            True,
            True,
            calls,
            ((1, 3),),
        )
        waiting += [(f"{path}.{key}", key, of, rest, ModuleId(number)) for key, of, rest in reversed(inner)]
        number += 1


def blocks(count: int, kind: str = "Block") -> list[Part]:
    """So many blocks alike, each with two parts."""
    return [(str(number), kind, [("a", "Linear", []), ("b", "ReLU", [])]) for number in range(count)]
