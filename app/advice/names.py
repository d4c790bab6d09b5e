"""Which of torch's, Python's or a package's names an expression means; a name the program binds itself means none."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.source import SourceText
from app.values import Span

GIVEN: Mapping[str, str] = {
    "torch": "torch",
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "optim": "torch.optim",
    "np": "numpy",
    "plt": "matplotlib.pyplot",
    "math": "math",
}
"""What names mean that every program has."""


@dataclass(frozen=True, slots=True)
class Names:
    tree: ast.Module
    source: SourceText
    meanings: Mapping[str, str]

    @classmethod
    def of(cls, tree: ast.Module, text: str) -> Names:
        imported = dict(_imported(tree))
        bound = _bound(tree)
        known = {**{name: name for name in dir(builtins)}, **GIVEN}
        meanings = {name: path for name, path in known.items() if name not in bound}
        meanings |= {name: path for name, path in imported.items() if name not in bound}
        return cls(tree, SourceText.of(text), meanings)

    def meaning(self, node: ast.AST) -> str:
        """The full name an expression stands for; empty where it is none we know."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self.meanings:
            return ""
        return ".".join([self.meanings[node.id], *reversed(parts)])

    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield node, self.meaning(node.func)

    def span(self, node: ast.expr | ast.stmt) -> Span:
        return self.source.span_of(node)

    def text(self, node: ast.expr | ast.stmt) -> str:
        return self.source.text(self.span(node))


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    top = alias.name.partition(".")[0]
                    yield (alias.asname, alias.name) if alias.asname else (top, top)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield from ((alias.asname or alias.name, f"{module}.{alias.name}") for alias in names)


def bound_names(tree: ast.Module) -> set[str]:
    """Every name a program binds anywhere, also by importing it or catching an exception under it."""
    bound = _bound(tree) | {name for name, _ in _imported(tree)}
    for node in ast.walk(tree):
        match node:
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                bound.add(name)
            case ast.MatchMapping(rest=str(name)):
                bound.add(name)
            case ast.ImportFrom(names=names, level=level) if level:
                bound.update(alias.asname or alias.name for alias in names)
    return bound


def _bound(tree: ast.Module) -> set[str]:
    bound: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
                bound.add(name)
    return bound
