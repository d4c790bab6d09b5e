"""A table that a program reads from a file of the reader's own: the edit that writes one of made-up rows before it.

Its columns are those the program names. All its numbers are 0 or 1, which every loss takes: they keep a lesson going,
and teach a model nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from app.advice.names import Names
from app.vocabulary.editing import Edit, Fix
from app.vocabulary.values import Span

ROWS = 200
OTHERS = ("x1", "x2", "x3", "x4")
"""Columns that no program names: what is left when the named ones are dropped."""
NAMING = frozenset({"columns", "subset", "by", "labels", "index", "on"})
"""Keywords that take names of columns."""
TAKING = frozenset({"drop", "get_dummies", "sort_values", "groupby", "set_index", "dropna", "pop", "rename"})
"""Calls whose arguments do."""
MOST = 60


def made_table(names: Names, call: ast.Call) -> Fix | None:
    """None where the file's name does not stand in the call, or no column is named."""
    statement = next(
        (each for each in names.nodes if isinstance(each, ast.Assign) and each.value is call), None
    )
    match statement, call.args:
        case ast.Assign(targets=[ast.Name(id=table)]), [ast.Constant(value=str(path)), *_]:
            named = list(dict.fromkeys(columns_of(names, table)))[:MOST]
        case _:
            return None
    start = names.span(statement)
    indent = names.source.lines[start.line - 1][: start.column]
    if not named or indent.strip():
        return None
    columns = [*named, *(each for each in OTHERS if each not in named)]
    file = re.split(r"[/\\]", path)[-1]
    maker = names.text(call.func).rpartition(".")[0] or "pandas"
    made = f"{maker}.DataFrame(torch.randint(2, ({ROWS}, {len(columns)})).numpy(), columns={columns})"
    written = "".join(
        f", {each.arg}={names.text(each.value)}" for each in call.keywords if each.arg in ("sep", "encoding")
    )
    line = f"{made}.to_csv({file!r}, index=False{written})  # made-up rows\n{indent}"
    place = Span(start.line, start.column, start.line, start.column)
    return Fix(line.partition("  #")[0], (Edit(place, line), Edit(names.span(call.args[0]), repr(file))))


def columns_of(names: Names, table: str) -> Iterator[str]:
    """`df["a"]`, `df[["a", "b"]]`, `df.loc[:, "a"]`, `df.drop("a", axis=1)`, `pd.get_dummies(df, columns=["a"])`."""
    for node in names.nodes:
        match node:
            case ast.Subscript(value=value, slice=index) if root_of(value) == table:
                yield from texts_in(index)
            case ast.Call(func=ast.Attribute(value=value, attr=method), args=args, keywords=keywords):
                given = [each.value for each in keywords if each.arg in NAMING]
                if method in TAKING and (
                    root_of(value) == table or any(root_of(each) == table for each in args)
                ):
                    for each in (*args, *given):
                        yield from texts_in(each)


def root_of(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def texts_in(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            for each in elements:
                yield from texts_in(each)
        case ast.Slice(lower=lower, upper=upper):
            for bound in (lower, upper):
                if bound is not None:
                    yield from texts_in(bound)
