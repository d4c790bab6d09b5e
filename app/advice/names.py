"""Which of torch's, Python's or a package's names an expression means; a name the program binds itself means none."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.source import SourceText
from app.vocabulary.values import Span

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
    nodes: tuple[ast.AST, ...]
    """All of the tree, walked once."""
    source: SourceText
    meanings: Mapping[str, str]
    bound: frozenset[str]
    """Every name the program binds anywhere."""

    @classmethod
    def of(cls, tree: ast.Module, text: str) -> Names:
        nodes = tuple(ast.walk(tree))
        imported = dict(_imported(nodes))
        bound = _bound(nodes)
        known = {**{name: name for name in dir(builtins)}, **GIVEN}
        meanings = {name: path for name, path in known.items() if name not in bound}
        meanings |= {name: path for name, path in imported.items() if name not in bound}
        return cls(tree, nodes, SourceText.of(text), meanings, frozenset(bound | imported.keys()))

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
        for node in self.nodes:
            if isinstance(node, ast.Call):
                yield node, self.meaning(node.func)

    def string(self, node: ast.AST) -> str | None:
        """The text an expression is: written there, or under a name that is assigned once."""
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name) if name in self.bound:
                stored = [each for each in self.nodes if isinstance(each, ast.Name) and each.id == name]
                values = [
                    each.value
                    for each in self.nodes
                    if isinstance(each, ast.Assign)
                    and any(isinstance(target, ast.Name) and target.id == name for target in each.targets)
                ]
                once = sum(isinstance(each.ctx, ast.Store) for each in stored) == 1
                if (
                    once
                    and values
                    and isinstance(values[0], ast.Constant)
                    and isinstance(values[0].value, str)
                ):
                    return values[0].value
        return None

    def span(self, node: ast.expr | ast.stmt) -> Span:
        return self.source.span_of(node)

    def text(self, node: ast.expr | ast.stmt) -> str:
        return self.source.text(self.span(node))


def _imported(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        match node:
            case ast.Import(names=names):
                for alias in names:
                    top = alias.name.partition(".")[0]
                    yield (alias.asname, alias.name) if alias.asname else (top, top)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield from ((alias.asname or alias.name, f"{module}.{alias.name}") for alias in names)


def _bound(nodes: Sequence[ast.AST]) -> set[str]:
    """The names bound otherwise than by an import that tells what they mean."""
    bound: set[str] = set()
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
                bound.add(name)
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
