"""Heatmaps: a tensor's window as at most 8 x 8 cells (a vector: one row of at most 16), coloured from -1 to 1.

A cell's colour is a step of a diverging scale whose middle is zero; NaN and infinities get marks of their own, so
they can be told apart without colour. Cells of one colour are one path of strokes, each as wide as a cell is high: a
picture of 300 boxes stays small.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from math import prod
from typing import Any, NamedTuple, TypeVar, cast

from app.drawing.numerals import as_float
from app.vocabulary.values import Complex, Nested, Scalar, TensorValue

STEPS = 8
"""Colour steps on each side of zero: classes h0 (least) to h16 (greatest), h8 is zero."""
MOST_ROWS = 8
MOST_COLUMNS = 8
LONGEST_ROW = 16
WIDTH = 96
WIDEST_CELL = 24
LOW_CELL = 8
HIGH_CELL = 12
"""Pixels a cell is high: in maps of more than four rows, and in all others."""

NO_ROWS: tuple[tuple[Scalar, ...], ...] = ((),)

T = TypeVar("T")
Row = tuple[Scalar, ...]
Ink = tuple[str, str]
"""Everything drawn in one colour or with one mark: its kind (h0 to h16, nan, inf or neginf) and its path."""


class Heatmap(NamedTuple):
    """A map from its own upper left corner on."""

    across: int
    down: int
    inks: tuple[Ink, ...]


def rows_of(data: Nested) -> tuple[Row, ...]:
    """Nested values as a table: the last dimension across, all others down; evenly thinned to the size of the map.

    Rows unlike each other, which no tensor has, are no table: it is empty.
    """
    if not isinstance(data, tuple):
        return ((data,),)
    if not data or not isinstance(data[0], tuple):
        ragged = tuple in map(type, data)
        return _fold(tuple([n for n in data if not isinstance(n, tuple)]) if ragged else cast(Row, data))
    try:
        rows = _choose_rows(data)
        if len(set(map(len, rows))) > 1 or (rows[0] and isinstance(rows[0][0], tuple)):
            return NO_ROWS
    except (TypeError, IndexError):
        return NO_ROWS
    return rows if len(rows[0]) <= MOST_COLUMNS else tuple([_thin(row, MOST_COLUMNS) for row in rows])


def _choose_rows(data: tuple[Nested, ...]) -> tuple[Row, ...]:
    """The innermost tuples, or as many of them as a map has rows; only those are looked for."""
    sizes, first = [len(data)], data[0]
    while isinstance(first, tuple) and first and isinstance(first[0], tuple):
        sizes.append(len(first))
        first = first[0]
    if len(sizes) == 1:
        return cast("tuple[Row, ...]", _thin(data, MOST_ROWS))
    rows = []
    for places in _row_places(tuple(sizes)):
        row: Any = data
        for place in places:
            row = row[place]
        rows.append(row)
    return tuple(rows)


@lru_cache(maxsize=256)
def _row_places(sizes: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Where the rows that are shown are in each dimension, the outermost first."""
    return tuple([_unravel(number, sizes) for number in _thin(range(prod(sizes)), MOST_ROWS)])


def _unravel(number: int, sizes: Sequence[int]) -> tuple[int, ...]:
    places = []
    for size in reversed(sizes):
        number, place = divmod(number, size)
        places.append(place)
    return tuple(reversed(places))


def _fold(numbers: Row) -> tuple[Row, ...]:
    """A vector in one row, or in rows of eight when it is long; only the last may be shorter."""
    if len(numbers) <= LONGEST_ROW:
        return (numbers,)
    kept = _thin(numbers, MOST_ROWS * MOST_COLUMNS)
    return tuple([kept[start : start + MOST_COLUMNS] for start in range(0, len(kept), MOST_COLUMNS)])


def _thin(items: Sequence[T], most: int) -> tuple[T, ...]:
    count = len(items)
    return tuple(items) if count <= most else tuple([items[place * count // most] for place in range(most)])


# ------------------------------------------------------------------------------------------------ ink


def draw_heatmap(value: TensorValue) -> Heatmap:
    rows = rows_of(value.data)
    across, down = max(1, len(rows[0])), len(rows)
    cells = rows[0] if down == 1 else tuple(chain.from_iterable(rows))
    strokes = _strokes(across, down)[: len(cells)]
    scale = _scale(value, cells)
    try:
        inks = _ink_floats(cells, scale, strokes)
    except (TypeError, ValueError, OverflowError, KeyError):  # a NaN, an infinity, a complex number
        inks = _ink([_kind(number, scale) for number in cells], strokes, cell_size(across, down))
    return Heatmap(across, down, inks)


def cell_size(across: int, down: int) -> tuple[int, int]:
    return min(WIDEST_CELL, WIDTH // max(1, across)), LOW_CELL if down > 4 else HIGH_CELL


def _scale(value: TensorValue, cells: Row) -> float:
    """The magnitude that gets the strongest colour: the greatest finite one."""
    found = value.statistics
    if found is not None:
        least, greatest = found.minimum, found.maximum
        if type(least) is type(greatest) is float:  # nearly always
            return max(abs(least), abs(greatest))
        if least is not None and greatest is not None:
            return max(abs(as_float(least)), abs(as_float(greatest)))
    sizes = [abs(_plain(number)) for number in cells]
    return max([size for size in sizes if size < float("inf")], default=0.0)


def _plain(number: Scalar) -> float:
    if isinstance(number, Complex):
        return abs(complex(as_float(number.real), as_float(number.imag)))
    try:
        return as_float(number)
    except TypeError:  # what is in rows unlike each other
        return float("nan")


def _ink_floats(cells: Sequence[Any], scale: float, strokes: Sequence[str]) -> tuple[Ink, ...]:
    """One path for each colour there is. Nearly all cells are finite floats.

    Any other kind of cell raises: asking each for its kind first would cost as much as drawing it.
    """
    steepness = STEPS / scale if 1e-300 < scale < float("inf") else 0.0
    paths = dict.fromkeys(_COLOURS, "")
    for n, stroke in zip(cells, strokes, strict=True):
        paths[round(n * steepness) or (n > 0) - (n < 0)] += stroke
    return tuple([(_COLOURS[step], path) for step, path in paths.items() if path])


def _kind(number: Scalar, scale: float) -> str:
    """Zero has the middle step for itself: the smallest other number is one step away."""
    size = _plain(number)
    if size != size:
        return "nan"
    if size in (float("inf"), float("-inf")):
        return "inf" if size > 0 else "neginf"
    if not size or not scale > 0:
        return f"h{STEPS}"
    step = max(1, round(min(abs(size) / scale, 1.0) * STEPS))
    return f"h{STEPS + step if size > 0 else STEPS - step}"


def _ink(kinds: Sequence[str], strokes: Sequence[str], cell: tuple[int, int]) -> tuple[Ink, ...]:
    """One path for each colour there is."""
    paths: dict[str, list[str]] = {kind: [] for kind in kinds}
    for kind, stroke in zip(kinds, strokes, strict=True):
        paths[kind].append(stroke)
    for kind in _MARKS.keys() & paths.keys():
        mark = _MARKS[kind](*cell)
        paths[kind] = [stroke[: stroke.index("h")] + mark for stroke in paths[kind]]
    return tuple([(kind, "".join(paths[kind])) for kind in sorted(paths)])


@lru_cache(maxsize=256)
def _strokes(across: int, down: int) -> tuple[str, ...]:
    """For each cell, row by row, the stroke that fills it: it begins in the middle of the cell's left side."""
    width, height = cell_size(across, down)
    return tuple(
        [f"M{x * width} {y * height + height // 2}h{width}" for y in range(down) for x in range(across)]
    )


def _cross(width: int, height: int) -> str:
    return f"m1 {1 - height // 2}l{width - 2} {height - 2}m0 {2 - height}l{2 - width} {height - 2}"


def _peak(width: int, height: int) -> str:
    return f"m1 {height // 2 - 1}h{width - 2}l-{(width - 2) / 2:g} {2 - height}z"


def _valley(width: int, height: int) -> str:
    return f"m1 {1 - height // 2}h{width - 2}l-{(width - 2) / 2:g} {height - 2}z"


_COLOURS: Mapping[int, str] = {step: f"h{STEPS + step}" for step in range(-STEPS, STEPS + 1)}
_MARKS: Mapping[str, Callable[[int, int], str]] = {"nan": _cross, "inf": _peak, "neginf": _valley}
