"""Where in the program's text something is: instructions to spans, and to the names given to what they yield."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import CodeType, TracebackType
from typing import Any

from app.program import FILENAME
from app.source import SourceText
from app.vocabulary.trace import StackFrame
from app.vocabulary.values import Span
from app.worker.recording.calls import Call

CALL_CHARS = 200

Place = tuple[int, int, int, int]
"""line, end line, column, end column in UTF-8 bytes: the order of `code.co_positions()`."""


def place_of(node: ast.expr | ast.stmt) -> Place:
    end_line = node.end_lineno or node.lineno
    return node.lineno, end_line, node.col_offset, node.end_col_offset or node.col_offset


class Places:
    """Instructions to spans of the text, and to the names the program gives what they yield."""

    def __init__(self) -> None:
        self.source = SourceText.of("")
        self._names: Mapping[Place, tuple[str, ...]] = {}
        self._places: dict[CodeType, list[Any]] = {}

    def read(self, source: str, names: Mapping[Place, tuple[str, ...]]) -> None:
        """Now there is a program."""
        self.source = SourceText.of(source)
        self._names = names

    def place(self, code: CodeType | None, instruction: int) -> Place | None:
        if code is None:
            return None
        places = self._places.get(code)
        if places is None:
            places = self._places[code] = list(code.co_positions())
        line, end_line, column, end_column = places[instruction // 2]
        if line is None or column is None:
            return None
        return line, end_line or line, column, end_column or column

    def span(self, code: CodeType | None, instruction: int) -> Span | None:
        place = self.place(code, instruction)
        return None if place is None else self.source.span(place[0], place[2], place[1], place[3])

    def text(self, span: Span) -> str:
        return self.source.text(span)

    def name(self, call: Call, position: int = 0) -> str | None:
        place = self.place(call.code, call.instruction)
        names = self._names.get(place) if place is not None else None
        if names is None:
            return None
        return (
            names[position]
            if len(names) > 1 and position < len(names)
            else names[0]
            if len(names) == 1
            else None
        )


def program_frames(trace: TracebackType | None, places: Places) -> list[StackFrame]:
    """The program's own frames of a traceback, outermost first."""
    frames = []
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == FILENAME:
            frames.append(StackFrame(code.co_name, places.span(code, trace.tb_lasti)))
        trace = trace.tb_next
    return frames
