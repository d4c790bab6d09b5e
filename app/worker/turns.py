"""The program's cells compiled one by one and run one after the other, as a notebook run from top to bottom does it.

A program without cells is a single one that goes by no number.
"""

from __future__ import annotations
import __future__

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from types import CodeType
from typing import Any

from app.notebook import broken_cell, first_line, mark_cells
from app.program import FILENAME
from app.vocabulary.cells import Cell, CellTurn
from app.worker.figures import FigureCollector
from app.worker.output import Transcript

FUTURES = reduce(or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names))
"""What `from __future__ import ...` in one cell asks for, it asks for in those after it."""

Place = tuple[int, int, int, int]
"""line, end line, column, end column in UTF-8 bytes: the order of `code.co_positions()`."""


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


def place_of(node: ast.expr | ast.stmt) -> Place:
    end_line = node.end_lineno or node.lineno
    return node.lineno, end_line, node.col_offset, node.end_col_offset or node.col_offset


def _ends_in_semicolon(statement: ast.Expr, lines: Sequence[str]) -> bool:
    line = lines[(statement.end_lineno or statement.lineno) - 1].encode("utf-8", "replace")
    return line[statement.end_col_offset or 0 :].lstrip().startswith(b";")


class Turns:
    """Whose turn it is; what is printed, drawn and shown meanwhile goes by it."""

    def __init__(
        self,
        codes: Sequence[CellCode],
        cells: Sequence[Cell],
        transcript: Transcript,
        figures: FigureCollector,
        send: Callable[[CellTurn], None],
    ) -> None:
        self._codes = codes
        self._cells = cells
        self._transcript = transcript
        self._figures = figures
        self._send = send
        self._begun: int | None = None
        self._over = False

    def play(self, names: dict[str, Any], show: Callable[[Any, CellCode], None]) -> None:
        """Run all cells; `show` is given what the last expression of each one is, when it is anything."""
        for code in self._codes:
            self._begin(code.cell)
            if code.broken is not None:
                raise code.broken
            exec(code.body, names)
            value = eval(code.last, names) if code.last is not None else None
            if value is not None:
                show(value, code)
            if code.cell is not None:
                self._figures.show()
        self._over = True

    def _begin(self, cell: int | None) -> None:
        if cell is None:
            return
        self._transcript.flush()
        self._transcript.cell = self._begun = cell
        self._send(CellTurn(cell, self._cells[cell].number or 0, len(self._codes)))

    def told(self) -> tuple[Cell, ...]:
        """The program's cells, and how far it came in them."""
        return mark_cells(self._cells, self._begun, not self._over)
