"""Places of a program as the page shows them, and pictures as it may hold them."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from app.source import SourceText
from app.vocabulary.values import Span

MOST_LINE_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Place:
    """A span of the program: its line, what stands before, in and after it, and its UTF-16 offsets in the source."""

    line: int
    column: int
    before: str
    marked: str
    after: str
    start: int
    end: int


def data_url(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode("utf-8", "replace")).decode()


def locate(source: SourceText, span: Span | None) -> Place | None:
    """Where a span is, with the text around it; None for one outside the program."""
    if span is None or not 1 <= span.line <= len(source.lines):
        return None
    text = source.lines[span.line - 1]
    column = min(max(span.column, 0), len(text))
    end = min(max(span.end_column, column), len(text)) if span.end_line == span.line else len(text)
    last = min(max(span.end_line, span.line), len(source.lines))
    whole = Span(span.line, column, last, max(span.end_column, 0) if last > span.line else end)
    first = max(0, column - MOST_LINE_CHARACTERS)
    return Place(
        span.line,
        column + 1,
        text[first:column],
        text[column:end][:MOST_LINE_CHARACTERS],
        text[end:][:MOST_LINE_CHARACTERS],
        *source.utf16_offsets(whole),
    )
