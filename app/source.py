"""Program text by place: Python's UTF-8 byte columns to code points, spans to text, code points to UTF-16."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from app.vocabulary.values import Span


@dataclass(frozen=True, slots=True)
class SourceText:
    """A normalised program text, split into lines once."""

    lines: tuple[str, ...]

    @classmethod
    def of(cls, source: str) -> SourceText:
        return cls(tuple(source.split("\n")))

    def span(self, line: int, byte_column: int, end_line: int, end_byte_column: int) -> Span:
        """Span from the positions CPython gives: lines from 1, columns in UTF-8 bytes."""
        return Span(line, self._column(line, byte_column), end_line, self._column(end_line, end_byte_column))

    def span_of(self, node: ast.expr | ast.stmt) -> Span:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self.span(node.lineno, node.col_offset, end_line, end_column)

    def text(self, span: Span) -> str:
        """The characters a span covers; lines joined by newlines."""
        if span.line == span.end_line:
            return self._line(span.line)[span.column : span.end_column]
        first = self._line(span.line)[span.column :]
        middle = self.lines[span.line : span.end_line - 1]
        return "\n".join((first, *middle, self._line(span.end_line)[: span.end_column]))

    def utf16_offsets(self, span: Span) -> tuple[int, int]:
        """Start and end as offsets into the whole text in UTF-16 units, as browsers count."""
        return self._utf16(span.line, span.column), self._utf16(span.end_line, span.end_column)

    def _line(self, line: int) -> str:
        return self.lines[line - 1] if 0 < line <= len(self.lines) else ""

    def _column(self, line: int, byte_column: int) -> int:
        text = self._line(line)
        if text.isascii():
            return byte_column
        return len(text.encode("utf-8", "replace")[:byte_column].decode("utf-8", "ignore"))

    def _utf16(self, line: int, column: int) -> int:
        before = "\n".join((*self.lines[: line - 1], self._line(line)[:column]))
        return len(before.encode("utf-16-le", "surrogatepass")) // 2
