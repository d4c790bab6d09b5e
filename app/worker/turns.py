"""The program's cells run one after the other, as a notebook run from top to bottom does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from app.notebook import mark_cells
from app.vocabulary.cells import Cell, CellTurn
from app.worker.compiling.cell_code import CellCode
from app.worker.showing.figures import FigureCollector
from app.worker.showing.output import Transcript


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
