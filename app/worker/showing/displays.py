"""Values shown among the output as a notebook shows them: a cell's last expression, and what `display()` is given."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pprint import pformat
from typing import Any

from matplotlib.figure import Figure as Plot
from PIL import Image
from torch import Tensor

from app.vocabulary.frames import ShownNow
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Shown, Table
from app.vocabulary.values import Span
from app.worker.compiling.cell_code import CellCode
from app.worker.lending.notebook import Markup
from app.worker.recording.frames import program_frame
from app.worker.recording.functions import silenced
from app.worker.recording.identity import IdentityTable
from app.worker.recording.namespace import Found
from app.worker.recording.places import Places
from app.worker.recording.recorder import Recorder
from app.worker.recording.tensors import is_uninitialised
from app.worker.showing.figures import FigureCollector
from app.worker.showing.output import Transcript
from app.worker.showing.tables import table_of
from app.worker.wording import plain_text

LINE = 80
LONGEST_NAME = 40
CONTAINERS = (list, tuple, dict, set, frozenset)
"""Shown with a line for each part, where one line is too short."""


class Displays:
    """A value's `__repr__` runs while the program does, and is no part of what is recorded."""

    def __init__(
        self,
        places: Places,
        identities: IdentityTable,
        recorder: Recorder,
        limits: Limits,
        transcript: Transcript,
        figures: FigureCollector,
        send: Callable[[ShownNow], None],
    ) -> None:
        self.shown: list[Shown] = []
        self.found: list[Found] = []
        """The tensors that were last expressions."""
        self.value: Any = None
        """The latest last expression, shown or not."""
        self.dropped = 0
        self._places = places
        self._identities = identities
        self._recorder = recorder
        self._limits = limits
        self._room = limits.output_bytes
        self._transcript = transcript
        self._figures = figures
        self._send = send

    @property
    def result(self) -> Shown | None:
        return next((each for each in reversed(self.shown) if not each.displayed), None)

    def show(self, value: Any, code: CellCode) -> None:
        """A cell's last expression."""
        self.value = value
        if code.silent or code.place is None:
            return
        line, end_line, column, end_column = code.place
        span = self._places.source.span(line, column, end_line, end_column)
        number = None
        if isinstance(value, Tensor) and not is_uninitialised(type(value)):
            number = self._identities.number(value)
            self.found.append(Found(self._places.source.text(span), value, "tensor"))
        self._show(value, span, number, displayed=False)

    def display(self, *values: Any, **options: Any) -> None:
        """`display` of notebooks; what it is asked besides, it does not know."""
        frame = program_frame(sys._getframe(1))
        span = self._places.span(frame.f_code, frame.f_lasti) if frame else None
        for value in values:
            self._show(value, span or Span(1, 0, 1, 0), None, displayed=True)

    def clear_output(self, wait: bool = False) -> None:
        """`clear_output` of notebooks: forget what the cell has shown so far; with `wait` when it shows more."""
        self._transcript.clear(wait, self._forget)

    def _forget(self) -> None:
        cell = self._transcript.cell
        self.shown = [each for each in self.shown if each.cell != cell]
        self._figures.forget(cell)

    def _show(self, value: Any, span: Span, number: Any, displayed: bool) -> None:
        if isinstance(value, Plot):
            self._figures.take(value, again=True)
        elif isinstance(value, Image.Image):
            self._figures.picture(value)
        elif displayed and len(self.shown) >= self._limits.displays:
            self.dropped += 1
        else:
            cell, after, turn = self._transcript.place()
            text, table = self._read(value)
            markup = plain_text(str(value.markup))[:LONGEST_NAME] if isinstance(value, Markup) else None
            self.shown.append(Shown(text, span, number, cell, after, turn, displayed, markup, table))
            self._send(ShownNow(self.shown[-1]))

    def _read(self, value: Any) -> tuple[str, Table | None]:
        """A value's text within what room is left, and the table it is."""
        with silenced(self._recorder):
            written = repr(value)
            if type(value) in CONTAINERS and LINE < len(written) <= self._limits.text_chars:
                written = pformat(value, sort_dicts=False)
            text = plain_text(written)[: max(0, min(self._limits.text_chars, self._room))]
            self._room -= len(text)
            return text, table_of(value) if self._room > 0 else None
