"""The warnings of a run: each told once for a line of the program and a text, with how often it came."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import CodeType
from typing import TextIO

from app.vocabulary.frames import WarnedNow
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Warned
from app.vocabulary.values import Span
from app.worker.recording.frames import program_frame
from app.worker.wording import plain_text

LONGEST_NAME = 200
Key = tuple[type[Warning], str, CodeType | None, int]


class Warnings:
    """Stands where Python would print them. torch names its own files, or our recorder, as where a warning is from:
    here it is always the program's line."""

    def __init__(
        self,
        limits: Limits,
        span: Callable[[CodeType | None, int], Span | None],
        cell: Callable[[], int | None],
        send: Callable[[WarnedNow], None],
    ) -> None:
        self._told: dict[Key, Warned] = {}
        self.dropped = 0
        self._limits = limits
        self._span = span
        self._cell = cell
        self._send = send

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Meanwhile every warning that would be printed comes here, also when its line is run again."""
        kept = warnings.showwarning, vars(warnings)["defaultaction"]
        warnings.showwarning, vars(warnings)["defaultaction"] = self._show, "always"
        try:
            yield
        finally:
            warnings.showwarning, vars(warnings)["defaultaction"] = kept

    def told(self) -> tuple[Warned, ...]:
        return tuple(self._told.values())

    def _show(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if file is not None:
            file.write(warnings.formatwarning(message, category, filename, lineno, line))
            return
        frame = program_frame(sys._getframe(1))
        code, instruction = (frame.f_code, frame.f_lasti) if frame else (None, 0)
        text = plain_text(str(message))[: self._limits.text_chars // 10]
        key = category, text, code, frame.f_lineno if frame else 0
        known = self._told.get(key)
        if known is not None:
            self._told[key] = replace(known, count=known.count + 1)
        elif len(self._told) < self._limits.warnings:
            name = plain_text(str(category.__name__))[:LONGEST_NAME]
            self._told[key] = Warned(name, text, self._span(code, instruction), 1, self._cell())
            self._send(WarnedNow(self._told[key]))
        else:
            self.dropped += 1
