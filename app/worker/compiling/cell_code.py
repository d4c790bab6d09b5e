"""The program's cells compiled one by one, out of the whole program's tree: places stay what they are.

A program without cells is a single one that goes by no number.
"""

from __future__ import annotations
import __future__

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from types import CodeType

from app.notebook import broken_cell, first_line
from app.program import FILENAME
from app.vocabulary.cells import Cell
from app.worker.recording.places import Place, place_of

FUTURES = reduce(or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names))
"""What `from __future__ import ...` in one cell asks for, it asks for in those after it."""


@dataclass(frozen=True, slots=True)
class CellCode:
    cell: int | None
    """Its place among the program's cells."""
    body: CodeType
    last: CodeType | None
    """Its last statement, where that is a bare expression."""
    place: Place | None
    silent: bool
    """Whether a `;` behind the last expression asks not to show it."""
    broken: SyntaxError | None = None
    """What is wrong with a cell that is no Python: raised when its turn comes."""


def compile_cells(
    source: str, tree: ast.Module, cells: Sequence[Cell], broken: SyntaxError | None = None
) -> tuple[CellCode, ...]:
    """The code of each cell that holds any, taken out of the whole program's tree: places stay what they are.

    The tree of a program with a broken cell ends before that cell.
    """
    lines = source.split("\n")
    if not cells:
        return (_compile_cell(None, tree.body, lines, 0),)
    codes: list[CellCode] = []
    flags = 0
    for at, cell in enumerate(cells):
        if cell.kind == "code":
            body = [each for each in tree.body if cell.span.line <= first_line(each) <= cell.span.end_line]
            codes.append(_compile_cell(at, body, lines, flags))
            flags |= codes[-1].body.co_flags & FUTURES
    if broken is not None:
        ended = broken_cell(cells, broken)
        codes = [replace(code, broken=broken) if code.cell == ended else code for code in codes]
    return tuple(codes)


def _compile_cell(at: int | None, body: list[ast.stmt], lines: Sequence[str], flags: int) -> CellCode:
    last = body[-1] if body and isinstance(body[-1], ast.Expr) else None
    before = ast.Module(body[:-1] if last else body, [])
    code = compile(before, FILENAME, "exec", flags, dont_inherit=True)
    if last is None:
        return CellCode(at, code, None, None, True)
    flags |= code.co_flags & FUTURES
    shown = compile(ast.Expression(last.value), FILENAME, "eval", flags, dont_inherit=True)
    return CellCode(at, code, shown, place_of(last.value), _ends_in_semicolon(last, lines))


def _ends_in_semicolon(statement: ast.Expr, lines: Sequence[str]) -> bool:
    line = lines[(statement.end_lineno or statement.lineno) - 1].encode("utf-8", "replace")
    return line[statement.end_col_offset or 0 :].lstrip().startswith(b";")
