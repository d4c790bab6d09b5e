"""Workers of a DataLoader, which would be processes: a program here has only its own, so it loads its data itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from app.repairs.reading import parse
from app.source import SourceText
from app.vocabulary.values import Span

WITHOUT = (
    ("num_workers", "0"),
    ("persistent_workers", "False"),
    ("prefetch_factor", "None"),
    ("timeout", "0"),
)
"""What DataLoader wants to hear where there are no workers."""


def load_alone(lines: Sequence[str]) -> list[str | None]:
    text = "\n".join(lines)
    tree = parse(text) if "num_workers" in text else None
    changed = list(lines)
    places = sorted(_places(tree, SourceText.of(text)), key=lambda each: each[0].column) if tree else []
    for span, value in reversed(places):
        line = changed[span.line - 1]
        changed[span.line - 1] = line[: span.column] + value + line[span.end_column :]
    return list(changed)


def _places(tree: ast.Module, source: SourceText) -> Iterator[tuple[Span, str]]:
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not ast.unparse(call.func).endswith("DataLoader"):
            continue
        given = {each.arg: each.value for each in call.keywords}
        workers = given.get("num_workers")
        if not isinstance(workers, ast.Constant) or not workers.value:
            continue
        for name, value in WITHOUT:
            if isinstance(given.get(name), ast.Constant):
                yield source.span_of(given[name]), value
