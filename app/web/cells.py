"""A run's trace -> what the page shows of each cell: its text, and beside it what it printed, drew and gave.

The trace may come from a child that was taken over: what names no cell of the program is shown with the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from app.cells import Cell
from app.source import SourceText
from app.trace import Figure, Output, Shown, Trace
from app.values import Text
from app.web.contexts import CellView, Image, Printed, Words
from app.web.languages import Language
from app.web.places import Place, data_url, locate

MOST_OUTPUT = 100_000
"""Characters of printed text on the page."""
STATES: Mapping[str, Text] = {
    "ran": Text("ran"),
    "ended": Text("The program ended in this cell."),
    "not_run": Text("not run"),
}


def join_output(chunks: Sequence[Output]) -> tuple[Printed, ...]:
    """The start of the printed text in order, neighbouring pieces of one stream joined."""
    pieces: list[tuple[str, list[str]]] = []
    room = MOST_OUTPUT
    for each in chunks:
        if room <= 0:
            break
        room -= len(each.text)
        if not pieces or pieces[-1][0] != each.stream:
            pieces.append((each.stream, []))
        pieces[-1][1].append(each.text[: room + len(each.text)])
    return tuple(Printed(stream, "".join(texts)) for stream, texts in pieces)


def show_figures(figures: Sequence[Figure]) -> tuple[Image, ...]:
    return tuple(Image(data_url(each.svg), each.title) for each in figures)


def show_cells(trace: Trace, source: SourceText, language: Language) -> tuple[CellView, ...]:
    return tuple(_show_cell(at, cell, trace, source, language) for at, cell in enumerate(trace.cells))


def outside_cells(trace: Trace) -> tuple[tuple[Output, ...], Shown | None, tuple[Figure, ...]]:
    """What was printed, shown last and drawn in no cell: in a program in one piece, everything."""
    inside = range(len(trace.cells))
    return (
        tuple(each for each in trace.output if each.cell not in inside),
        trace.result if trace.result and trace.result.cell not in inside else None,
        tuple(each for each in trace.figures if each.cell not in inside),
    )


def _show_cell(at: int, cell: Cell, trace: Trace, source: SourceText, language: Language) -> CellView:
    state = cell.state or "ran"
    return CellView(
        number=cell.number,
        title=cell.title,
        state=state,
        said=language.say(STATES[state]) if state != "ran" else "",
        source=cell.source,
        words=tuple(_words(cell.source)) if cell.kind == "text" else (),
        place=_place(cell, source),
        output=join_output([each for each in trace.output if each.cell == at]),
        shown=tuple(each.text for each in trace.displays if each.cell == at),
        figures=show_figures([each for each in trace.figures if each.cell == at]),
    )


def _place(cell: Cell, source: SourceText) -> Place | None:
    return locate(source, cell.span)


def _words(text: str) -> Iterator[Words]:
    """A text cell's headings and what stands between them; all of it shown as text."""
    waiting: list[str] = []
    for line in text.split("\n"):
        bare = line.lstrip("#")
        if line.startswith("#") and bare.startswith(" "):
            yield from _paragraph(waiting)
            waiting = []
            yield Words("heading", bare.strip())
        else:
            waiting.append(line)
    yield from _paragraph(waiting)


def _paragraph(lines: Sequence[str]) -> Iterator[Words]:
    text = "\n".join(lines).strip("\n")
    if text:
        yield Words("text", text)
