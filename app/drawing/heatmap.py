"""Heatmaps: a tensor's window as at most 8 x 8 cells (a vector: one row of at most 16), coloured from -1 to 1.

A cell's colour is a step of a diverging scale whose middle is zero; NaN and infinities get marks of their own, so
they can be told apart without colour. Cells of one colour are one path: a picture of 300 boxes stays small.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from app.drawing.numerals import as_float
from app.values import Complex, Nested, Scalar, TensorValue

STEPS = 8
"""Colour steps on each side of zero: classes h0 (least) to h16 (greatest), h8 is zero."""
MOST_ROWS = 8
MOST_COLUMNS = 8
LONGEST_ROW = 16
WIDTH = 96
WIDEST_CELL = 24

T = TypeVar("T")
Row = tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Ink:
    """Everything drawn in one colour or with one mark: `kind` is h0 to h16, nan, inf or neginf."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Heatmap:
    x: int
    y: int
    width: int
    height: int
    inks: tuple[Ink, ...]
    column: str = ""
    """Whose map it is: the value's or the gradient's."""


def rows_of(data: Nested) -> tuple[Row, ...]:
    """Nested values as a table: the last dimension across, all others down; evenly thinned to the size of the map."""
    if not isinstance(data, tuple):
        return ((data,),)
    if not data or not isinstance(data[0], tuple):
        return _fold([number for number in data if not isinstance(number, tuple)])
    rows = list(data)
    while rows and isinstance(rows[0], tuple) and rows[0] and isinstance(rows[0][0], tuple):
        rows = [row for group in rows if isinstance(group, tuple) for row in group]
    return tuple(_thin(_flat(row), MOST_COLUMNS) for row in _thin(tuple(rows), MOST_ROWS))


def _flat(row: Nested) -> Row:
    return (
        tuple([number for number in row if not isinstance(number, tuple)])
        if isinstance(row, tuple)
        else (row,)
    )


def _fold(numbers: list[Scalar]) -> tuple[Row, ...]:
    """A vector in one row, or in rows of eight when it is long."""
    if len(numbers) <= LONGEST_ROW:
        return (tuple(numbers),)
    kept = _thin(tuple(numbers), MOST_ROWS * MOST_COLUMNS)
    return tuple(kept[start : start + MOST_COLUMNS] for start in range(0, len(kept), MOST_COLUMNS))


def _thin(items: tuple[T, ...], most: int) -> tuple[T, ...]:
    count = len(items)
    return items if count <= most else tuple([items[place * count // most] for place in range(most)])


# ------------------------------------------------------------------------------------------------ ink


def draw_heatmap(value: TensorValue, x: int, y: int, column: str = "") -> Heatmap:
    """The map with its upper left corner at (x, y)."""
    rows = rows_of(value.data)
    across = max([1, *map(len, rows)])
    cell_width = min(WIDEST_CELL, WIDTH // across)
    cell_height = 8 if len(rows) > 4 else 12
    scale = _scale(value, rows)
    runs: dict[str, list[str]] = {}
    for place, row in enumerate(rows):
        _draw_row(
            runs,
            _kinds(row, scale),
            (x, y + place * cell_height),
            (cell_width, cell_height),
        )
    inks = tuple([Ink(kind, "".join(runs[kind])) for kind in sorted(runs)])
    return Heatmap(x, y, across * cell_width, len(rows) * cell_height, inks, column)


def heatmap_height(value: TensorValue) -> int:
    rows = len(rows_of(value.data))
    return rows * (8 if rows > 4 else 12)


def _scale(value: TensorValue, rows: tuple[Row, ...]) -> float:
    """The magnitude that gets the strongest colour: the greatest finite one."""
    found = value.statistics
    if found is not None and found.minimum is not None and found.maximum is not None:
        return max(abs(as_float(found.minimum)), abs(as_float(found.maximum)))
    sizes = [abs(_plain(number)) for row in rows for number in row]
    return max([size for size in sizes if size < float("inf")], default=0.0)


def _plain(number: Scalar) -> float:
    if isinstance(number, Complex):
        return abs(complex(as_float(number.real), as_float(number.imag)))
    return as_float(number)


def _kinds(row: Row, scale: float) -> list[str]:
    """The colour of each cell. Nearly all are finite floats, for which a look in the table of steps is enough."""
    if not 0 < scale < float("inf"):
        return [_kind(number, scale) for number in row]
    kinds = []
    for number in row:
        if type(number) is float and abs(number) <= scale:
            step = round(number / scale * STEPS) or (number > 0) - (number < 0)
            kinds.append(_COLOURS[STEPS + step])
        else:
            kinds.append(_kind(number, scale))
    return kinds


def _kind(number: Scalar, scale: float) -> str:
    """Zero has the middle step for itself: the smallest other number is one step away."""
    size = _plain(number)
    if size != size:
        return "nan"
    if size in (float("inf"), float("-inf")):
        return "inf" if size > 0 else "neginf"
    if not size or not scale > 0:
        return f"h{STEPS}"
    step = max(1, min(STEPS, round(abs(size) / scale * STEPS)))
    return f"h{STEPS + step if size > 0 else STEPS - step}"


def _draw_row(
    runs: dict[str, list[str]], kinds: list[str], corner: tuple[int, int], cell: tuple[int, int]
) -> None:
    x, y = corner
    width, height = cell
    start = 0
    following = [*kinds[1:], ""]
    for place, kind in enumerate(kinds):
        if kind == following[place] and kind not in _MARKS:
            continue
        if kind in _MARKS:
            path = _MARKS[kind](x + place * width, y, width, height)
        else:
            length = (place + 1 - start) * width
            path = f"M{x + start * width} {y}h{length}v{height}h-{length}z"
        if kind in runs:
            runs[kind].append(path)
        else:
            runs[kind] = [path]
        start = place + 1


def _cross(x: int, y: int, width: int, height: int) -> str:
    return f"M{x + 1} {y + 1}l{width - 2} {height - 2}m0 -{height - 2}l-{width - 2} {height - 2}"


def _peak(x: int, y: int, width: int, height: int) -> str:
    return f"M{x + 1} {y + height - 1}h{width - 2}l-{(width - 2) / 2:g} -{height - 2}z"


def _valley(x: int, y: int, width: int, height: int) -> str:
    return f"M{x + 1} {y + 1}h{width - 2}l-{(width - 2) / 2:g} {height - 2}z"


_COLOURS: Sequence[str] = tuple([f"h{step}" for step in range(2 * STEPS + 1)])
_MARKS: Mapping[str, Callable[[int, int, int, int], str]] = {"nan": _cross, "inf": _peak, "neginf": _valley}
