"""A run's trace -> what the page shows of each cell: its text, and beside it what it printed, drew and gave.

The trace may come from a child that was taken over: what names no cell of the program is shown with the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from app.source import SourceText
from app.vocabulary.cells import Cell
from app.vocabulary.trace import Outcome, Raised, Trace
from app.vocabulary.values import Text
from app.web.contexts import CellView, Words
from app.web.languages import Language
from app.web.outputs import Outputs, show_items, show_warnings, sort_outputs
from app.web.places import Place, locate

MOST_MESSAGE = 1_000
STATES: Mapping[str, Text] = {
    "ran": Text("ran"),
    "ended": Text("The program ended in this cell."),
    "not_run": Text("not run"),
}


def show_cells(trace: Trace, source: SourceText, language: Language) -> tuple[CellView, ...]:
    outputs, none = sort_outputs(trace), Outputs()
    return tuple(
        _show_cell(cell, outputs.get(at, none), trace.outcome, source, language)
        for at, cell in enumerate(trace.cells)
    )


def _show_cell(
    cell: Cell, outputs: Outputs, outcome: Outcome, source: SourceText, language: Language
) -> CellView:
    state = cell.state or "ran"
    return CellView(
        number=cell.number,
        title=cell.title,
        state=state,
        said=language.say(STATES[state]) if state != "ran" else "",
        source=cell.source,
        words=tuple(_words(cell.source)) if cell.kind == "text" else (),
        place=_place(cell, source),
        raised=_raised(outcome) if state == "ended" else "",
        items=show_items(outputs, language),
        warnings=show_warnings(outputs, source),
    )


def _place(cell: Cell, source: SourceText) -> Place | None:
    return locate(source, cell.span)


def _raised(outcome: Outcome) -> str:
    """What a notebook writes below the cell that raised it."""
    return f"{outcome.exception}: {outcome.message}"[:MOST_MESSAGE] if isinstance(outcome, Raised) else ""


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
