"""What a run printed, showed and drew -> what the page shows of it, in order. All of it is text or images."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, zip_longest

from app.screen import Row, show_rows, split_wide
from app.source import SourceText
from app.vocabulary.trace import Figure, Output, Shown, Table, Trace, Warned
from app.vocabulary.values import Text
from app.web.contexts import WarningRow
from app.web.languages import Language
from app.web.output_contexts import BarView, Image, Item, Printed, TableView, ValueItem
from app.web.places import data_url, locate

MOST_OUTPUT = 100_000
"""Characters of printed text on the page."""
LABELS: Mapping[bool, Text] = {False: Text("Last expression"), True: Text("Displayed")}
MARKUP = Text("{language}, shown as text: nothing a program makes is shown as markup here")
SIZE = Text("{rows} rows × {columns} columns")
TRIGGERED = re.compile(r"\s*\(Triggered internally at [^()]*\)$")
"""Where in torch's own source a warning comes from: of no use to a reader."""

Other = Shown | Figure


@dataclass(slots=True)
class Outputs:
    """What one cell put out, or what belongs to none; pieces of text with their place among all."""

    pieces: list[tuple[int, Output]] = field(default_factory=list)
    others: list[Other] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)


def sort_outputs(trace: Trace) -> dict[int | None, Outputs]:
    """By the place of the cell; under None what belongs to no cell of the program: in one in one piece, everything."""
    inside = range(len(trace.cells))
    of_cell: defaultdict[int | None, Outputs] = defaultdict(Outputs)

    def find(cell: int | None) -> Outputs:
        return of_cell[cell if cell in inside else None]

    for number, piece in enumerate(trace.output):
        find(piece.cell).pieces.append((number, piece))
    others: tuple[Other, ...] = (*trace.displays, *trace.figures)
    for other in others:
        find(other.cell).others.append(other)
    for warned in trace.warnings:
        find(warned.cell).warnings.append(warned)
    return of_cell


def show_items(outputs: Outputs, language: Language) -> tuple[Item, ...]:
    """Text, values and figures, as they came."""
    screen = show_rows(outputs.pieces)
    others = [each for each in outputs.others if each.after > screen.cleared]
    others.sort(key=lambda each: (each.after, each.turn))
    return tuple(_in_order(screen.rows, [list(group) for _, group in groupby(others, _film)], language))


def _film(other: Other) -> tuple[str, int]:
    """The same for all pictures of a figure that moves, and for nothing else."""
    if isinstance(other, Figure) and other.moving is not None:
        return "film", other.moving
    return "alone", id(other)


def is_long(output: Sequence[Output]) -> bool:
    """Whether the page may show only the start of it."""
    screen = show_rows(enumerate(output))
    return screen.cut or sum(len(row.text) + 1 for row in screen.rows) > MOST_OUTPUT


def show_warnings(outputs: Outputs, source: SourceText) -> tuple[WarningRow, ...]:
    return tuple(
        WarningRow(each.category, TRIGGERED.sub("", each.message), locate(source, each.span), each.count)
        for each in outputs.warnings
    )


def _in_order(rows: Sequence[Row], groups: Sequence[Sequence[Other]], language: Language) -> Iterator[Item]:
    begun, room = 0, MOST_OUTPUT
    for group in groups:
        first = group[0]
        end = next((at for at in range(begun, len(rows)) if rows[at].piece >= first.after), len(rows))
        yield from _text_item(rows[begun:end], room)
        room -= sum(len(row.text) for row in rows[begun:end])
        begun = end
        if isinstance(first, Shown):
            yield Item(value=_show_value(first, language))
        else:
            yield Item(images=tuple(_image(each) for each in group if isinstance(each, Figure)))
    yield from _text_item(rows[begun:], room)


def _image(figure: Figure) -> Image:
    return Image(data_url(figure.svg), figure.title)


def _show_value(shown: Shown, language: Language) -> ValueItem:
    said = ""
    if shown.markup is not None:
        said = language.say(Text(MARKUP.template, {"language": shown.markup[:40]}))
    elif shown.table is not None:
        said = _say_size(shown.table, language)
    table = _show_table(shown.table) if shown.table else None
    return ValueItem(language.say(LABELS[shown.displayed]), shown.text, table, said)


def _show_table(table: Table) -> TableView:
    """Its heads row by row; a column that has fewer is named in the first."""
    return TableView(tuple(zip_longest(*table.columns, fillvalue="")), table.rows, table.heads)


def _say_size(table: Table, language: Language) -> str:
    rows, columns = table.shape
    return language.say(Text(SIZE.template, {"rows": rows, "columns": columns}))


# ------------------------------------------------------------------------------------------------------ text


def _text_item(rows: Sequence[Row], room: int) -> Iterator[Item]:
    """Rows as one block of text, as far as there is room; neighbours of one stream and look joined."""
    joined: list[tuple[str, str, list[str], BarView | None]] = []
    for row in rows:
        if room <= 0:
            break
        for text, look, bar in _parts(row, room):
            last = joined[-1] if joined else None
            if last and not bar and not last[3] and last[:2] == (row.stream, look):
                last[2].append(text)
            else:
                joined.append((row.stream, look, [text], bar))
        room -= len(row.text) + 1
    if joined:
        yield Item(tuple(Printed(stream, "".join(texts), look, bar) for stream, look, texts, bar in joined))


def _parts(row: Row, room: int) -> Iterator[tuple[str, str, BarView | None]]:
    if row.bar is not None:
        yield "", "", BarView(row.bar.before, row.bar.done * 100, row.bar.after)
        return
    for stretch in row.stretches:
        for text, wide in split_wide(stretch.text[: max(room, 0)]):
            yield text, f"{stretch.look} wide".strip() if wide else stretch.look, None
    yield "\n", "", None
