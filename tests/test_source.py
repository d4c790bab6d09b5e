"""Places in a program's text: bytes, code points and UTF-16 units tell the same story."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.source import SourceText
from app.vocabulary.values import Span

LINES = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=12)
SOURCES = st.lists(LINES, min_size=1, max_size=6).map("\n".join)


@st.composite
def places(draw: st.DrawFn) -> tuple[str, Span]:
    """A text and a span that lies in it."""
    source = draw(SOURCES)
    lines = source.split("\n")
    ends = sorted(
        (line, draw(st.integers(0, len(lines[line - 1]))))
        for line in (draw(st.integers(1, len(lines))) for _ in range(2))
    )
    (line, column), (end_line, end_column) = ends
    return source, Span(line, column, end_line, end_column)


@pytest.mark.parametrize(
    ("source", "node_text"),
    [
        ("y = x*w", "x*w"),
        ("张量 = 权重 * 偏置", "权重 * 偏置"),
        ("s = '🙂🙂'; y = f(x)", "f(x)"),
        ("if 真:\n\ty = é + 1", "é + 1"),
        ("y = f(\n  '中',\n\tb)", "f(\n  '中',\n\tb)"),
    ],
)
def test_span_of_a_node_covers_its_text(source: str, node_text: str) -> None:
    text = SourceText.of(source)
    values = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assign)]
    assert text.text(text.span_of(values[-1])) == node_text


@pytest.mark.parametrize(
    ("source", "bytes_at", "span"),
    [
        ("y = x", (1, 4, 1, 5), Span(1, 4, 1, 5)),
        ("中 = x", (1, 6, 1, 7), Span(1, 4, 1, 5)),
        ("'🙂'; x", (1, 8, 1, 9), Span(1, 5, 1, 6)),
        ("é\n中文x", (2, 6, 2, 7), Span(2, 2, 2, 3)),
        ("中", (1, 1, 1, 2), Span(1, 0, 1, 0)),
        ("x", (7, 3, 8, 4), Span(7, 3, 8, 4)),
    ],
)
def test_byte_columns_become_code_points(
    source: str, bytes_at: tuple[int, int, int, int], span: Span
) -> None:
    assert SourceText.of(source).span(*bytes_at) == span


@pytest.mark.parametrize(
    ("source", "span", "offsets"),
    [
        ("y = x", Span(1, 4, 1, 5), (4, 5)),
        ("中 = x", Span(1, 4, 1, 5), (4, 5)),
        ("'🙂' + x", Span(1, 6, 1, 7), (7, 8)),
        ("🙂🙂\n\tx", Span(2, 1, 2, 2), (6, 7)),
        ("a\n\nb", Span(1, 0, 3, 1), (0, 4)),
    ],
)
def test_browsers_count_utf16(source: str, span: Span, offsets: tuple[int, int]) -> None:
    assert SourceText.of(source).utf16_offsets(span) == offsets


@given(places())
def test_bytes_code_points_and_utf16_agree(place: tuple[str, Span]) -> None:
    source, span = place
    text = SourceText.of(source)
    lines = source.split("\n")
    start = len(lines[span.line - 1][: span.column].encode())
    end = len(lines[span.end_line - 1][: span.end_column].encode())
    first, last = text.utf16_offsets(span)
    utf16 = source.encode("utf-16-le")
    assert text.span(span.line, start, span.end_line, end) == span
    assert text.text(span) == utf16[2 * first : 2 * last].decode("utf-16-le")


@given(SOURCES, st.tuples(*[st.integers(-(2**70), 2**70)] * 4))
def test_spans_outside_the_text_are_harmless(source: str, place: tuple[int, int, int, int]) -> None:
    """A program can forge its trace, and with it every span."""
    text = SourceText.of(source)
    span = Span(*place)
    start, end = text.utf16_offsets(span)
    length = len(source.encode("utf-16-le")) // 2
    assert 0 <= start <= length + 1  # just behind the text, for a line after its last
    assert 0 <= end <= length + 1
    assert len(text.text(span)) <= 2 * len(source) + 2
