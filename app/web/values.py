"""A tensor's values -> something to look at: a number, a table, or a heatmap of at most a few thousand cells.

Pure geometry and text, no markup. Zero is neutral, the scale is symmetric, and NaN and the infinities are marks of
their own: never only a colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from app.drawing import numerals
from app.vocabulary.values import Complex, Nested, Scalar, TensorValue

LEVELS = 8
TABLE_ROWS, TABLE_COLUMNS = 8, 8
TABLE_VECTOR = 16
CELL, WIDEST, TALLEST = 20, 640, 260
"""Pixels of a heatmap's cell, and of a whole heatmap at most."""
MOST_FACETS = 6
WIDE_TABLE = 4
"""Columns from which on a table needs a row of its own."""
BINS = 16
LARGEST_WHOLE = 10**20


@dataclass(frozen=True, slots=True)
class Cell:
    """One element. `tone` names its colour: n8..n1, z, p1..p8, or nan, pinf, ninf."""

    text: str
    tone: str


@dataclass(frozen=True, slots=True)
class Facet:
    """A matrix cut from the tensor; `label` is the index text before its rows and columns, empty for all of it."""

    label: str
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def width(self) -> int:
        return max((len(row) for row in self.rows), default=0)

    @property
    def pixel_width(self) -> int:
        return min(max(self.width * CELL, 2 * CELL), WIDEST)

    @property
    def pixel_height(self) -> int:
        return min(max(len(self.rows) * CELL, CELL), TALLEST)

    @property
    def paths(self) -> tuple[tuple[str, str], ...]:
        """(tone, SVG path of its cells): one path for each tone, a unit square for each cell."""
        squares: dict[str, list[str]] = {}
        for y, row in enumerate(self.rows):
            for x, cell in enumerate(row):
                squares.setdefault(cell.tone, []).append(f"M{x} {y}h1v1h-1z")
        return tuple((tone, "".join(parts)) for tone, parts in sorted(squares.items()))

    @property
    def texts(self) -> str:
        """All elements' texts, row by row, for the reader under the pointer."""
        return " ".join(cell.text for row in self.rows for cell in row)


@dataclass(frozen=True, slots=True)
class ScalarView:
    cell: Cell


@dataclass(frozen=True, slots=True)
class MatrixView:
    """Facets small enough for tables (`table`) or drawn as heatmaps."""

    table: bool
    facets: tuple[Facet, ...]
    facets_left_out: int
    bound: str
    """The magnitude at which the colour is fullest."""

    @property
    def cells(self) -> int:
        return sum(facet.width * len(facet.rows) for facet in self.facets)


@dataclass(frozen=True, slots=True)
class EmptyView:
    """A tensor without elements."""


Rows = tuple[tuple[Scalar, ...], ...]
ValueView = ScalarView | MatrixView | EmptyView


def view_value(value: TensorValue) -> ValueView:
    """How a value is shown."""
    data = value.data
    if not isinstance(data, tuple | list):
        return ScalarView(Cell(show_number(data), tone_of(data, 0.0)))
    elements = tuple(scalars(data))
    if not elements:
        return EmptyView()
    bound = max((magnitude for each in elements if (magnitude := abs(real_of(each))) < math.inf), default=0.0)
    matrices = tuple(_matrices(data))
    shown = matrices[:MOST_FACETS]
    table = all(fits_table(rows) for _, rows in shown)
    facets = tuple(_facet(label, rows, bound, 3 if table else 6) for label, rows in shown)
    return MatrixView(table, facets, len(matrices) - len(shown), show_number(bound))


def fits_table(rows: Rows) -> bool:
    columns = max(map(len, rows), default=0)
    return (len(rows) <= TABLE_ROWS and columns <= TABLE_COLUMNS) or len(rows) * columns <= TABLE_VECTOR


def scalars(data: Nested) -> Iterator[Scalar]:
    """Every element, row by row; iterative, because the data may come from anywhere."""
    stack = [iter((data,))]
    while stack:
        for item in stack[-1]:
            if isinstance(item, tuple | list):
                stack.append(iter(item))
                break
            yield item
        else:
            stack.pop()


def _matrices(data: Nested) -> Iterator[tuple[str, Rows]]:
    """(index text, rows) of every matrix in nested data; a vector is a matrix of one row."""
    shape = _shape(data)
    if len(shape) < 2:
        yield "", (tuple(scalars(data)),)
        return
    for index in product(*map(range, shape[:-2])):
        matrix = data
        for position in index:
            matrix = matrix[position] if isinstance(matrix, tuple | list) else matrix
        rows = matrix if isinstance(matrix, tuple | list) else (matrix,)
        yield ", ".join(map(str, index)), tuple(tuple(scalars(row)) for row in rows)


def _shape(data: Nested) -> tuple[int, ...]:
    sizes = []
    while isinstance(data, tuple | list):
        sizes.append(len(data))
        if not data:
            break
        data = data[0]
    return tuple(sizes)


def _facet(label: str, rows: Rows, bound: float, digits: int) -> Facet:
    return Facet(
        label,
        tuple(tuple(Cell(show_number(each, digits), tone_of(each, bound)) for each in row) for row in rows),
    )


def real_of(value: Scalar) -> float:
    """The number that decides a colour; NaN and infinities as themselves, a complex number's magnitude."""
    if isinstance(value, Complex):
        return math.hypot(numerals.as_float(value.real), numerals.as_float(value.imag))
    return numerals.as_float(value)


def tone_of(value: Scalar, bound: float) -> str:
    number = real_of(value)
    if math.isnan(number):
        return "nan"
    if math.isinf(number):
        return "pinf" if number > 0 else "ninf"
    if not bound or not number:
        return "z"
    level = max(1, round(abs(number) / bound * LEVELS))
    return f"{'p' if number > 0 else 'n'}{level}"


def show_number(value: Scalar, digits: int = 4) -> str:
    """A number as the pictures show it, with signs set in type; whole numbers as they are, however long."""
    whole = isinstance(value, int) and abs(value) < LARGEST_WHOLE
    text = str(value) if whole else numerals.show_number(value, digits)
    return text.replace("-", "−").replace("inf", "∞")


def histogram(data: Nested) -> tuple[float, ...]:
    """Heights 0..1 of equal bins over the finite elements; empty where a picture says nothing."""
    numbers = [number for each in scalars(data) if math.isfinite(number := real_of(each))]
    if len(numbers) < BINS or min(numbers) == max(numbers):
        return ()
    low, width = min(numbers), (max(numbers) - min(numbers)) / BINS
    if not width or not math.isfinite(width):
        return ()
    counts = [0] * BINS
    for number in numbers:
        counts[min(BINS - 1, int((number - low) / width))] += 1
    return tuple(count / max(counts) for count in counts)
