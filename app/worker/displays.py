"""What a cell's last expression gives, shown as a notebook shows it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from app.limits import Limits
from app.trace import Shown
from app.worker.functions import silenced
from app.worker.identity import IdentityTable
from app.worker.namespace import Found
from app.worker.outcome import plain_text
from app.worker.recorder import Recorder
from app.worker.report import Places
from app.worker.tensors import is_uninitialised
from app.worker.turns import CellCode


class Displays:
    """Its `__repr__` runs while the program does, and is no part of what is recorded."""

    def __init__(self, places: Places, identities: IdentityTable, recorder: Recorder, limits: Limits) -> None:
        self.shown: list[Shown] = []
        self.found: list[Found] = []
        """The tensors among them."""
        self.value: Any = None
        """The latest one, shown or not."""
        self._places = places
        self._identities = identities
        self._recorder = recorder
        self._longest = limits.text_chars
        self._room = limits.output_bytes

    def show(self, value: Any, code: CellCode) -> None:
        self.value = value
        if code.silent or code.place is None:
            return
        line, end_line, column, end_column = code.place
        span = self._places.source.span(line, column, end_line, end_column)
        number = None
        if isinstance(value, Tensor) and not is_uninitialised(type(value)):
            number = self._identities.number(value)
            self.found.append(Found(self._places.source.text(span), value, "tensor"))
        with silenced(self._recorder):
            text = plain_text(repr(value))[: min(self._longest, self._room)]
        self._room -= len(text)
        self.shown.append(Shown(text, span, number, code.cell))
