"""Sheets: where on a face everything stands, and how large that makes it.

It follows from the styles of the lines, how many columns their texts take and how many cells the heatmaps have: faces
that agree in these share one sheet. Columns of numbers are as wide as the widest number they could hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from app.drawing.heatmap import cell_size
from app.drawing.pieces import Column, Frame, LineStyle, Rule, Sheet, Spot

PADDING = 10
COLUMN_GAP = 14

ADVANCES: Mapping[LineStyle, float] = {
    "title": 7.83,
    "code": 6.63,
    "op": 6.63,
    "shape": 6.63,
    "caption": 5.73,
    "note": 5.73,
    "number": 7.83,
    "nothing": 7.83,
    "range": 5.73,
    "alarm": 5.73,
}
"""Pixels a column of each style takes: 0.602 of the size graph.css sets, as wide as common monospaced faces get."""
RISES: Mapping[LineStyle, int] = {
    "title": 17,
    "code": 15,
    "op": 14,
    "shape": 14,
    "caption": 12,
    "note": 12,
    "number": 15,
    "nothing": 15,
    "range": 11,
    "alarm": 11,
}
"""Pixels from one baseline to that of a line of this style below it."""

Row = tuple[LineStyle, int]
"""A line over the whole width: its style and the columns of its text."""
Half = tuple[LineStyle | None, tuple[int, int]]
"""A value or a gradient: the style of its line, if it has one, and the cells of its heatmap, across and down."""
Pair = tuple[int, Half, Half]
"""An output: how wide each of its columns is at least, its value, and the gradient that arrived."""
NO_MAP = (0, 0)


@lru_cache(maxsize=4_096)
def lay_out(
    rows: tuple[Row, ...],
    headers: tuple[Row, ...] = (),
    pairs: tuple[Pair, ...] = (),
    last: Row | None = None,
    use: bool = False,
    narrowest: int = 0,
) -> Sheet:
    """Rows; each pair under its header, where there are several; a last row; and what came from one use."""
    writing = _Writing()
    writing.width = max(writing.width, narrowest)
    for style, columns in rows:
        writing.write(style, columns)
    for style, columns in headers:
        writing.widen(_width(style, columns))
    for width, _, _ in pairs if headers else ():
        writing.widen(2 * width + COLUMN_GAP)
    for number, pair in enumerate(pairs):
        writing.divide()
        if headers:
            writing.write(*headers[number])
        writing.write_pair(pair)
    if last is not None:
        writing.divide()
        writing.write(*last)
    if use:
        writing.y += 4
        writing.write("range", 0, "use")
    return writing.finish()


def _width(style: LineStyle, columns: int) -> int:
    return round(columns * ADVANCES[style] + 0.5)


class _Writing:
    """A sheet being filled from top to bottom."""

    def __init__(self) -> None:
        self.spots: list[Spot] = []
        self.rules: list[Rule] = []
        self.frames: list[Frame] = []
        self.width = 2 * PADDING
        self.y = 3

    def write(self, style: LineStyle, columns: int, column: Column = "") -> None:
        self.y += RISES[style]
        self.spots.append(Spot(style, PADDING, self.y, column))
        self.widen(_width(style, columns))

    def widen(self, inner: int) -> None:
        self.width = max(self.width, inner + 2 * PADDING)

    def divide(self) -> None:
        """A hairline across; its width is known at the end."""
        self.y += 7
        self.rules.append(Rule(0, self.y, 0, 1))

    def write_pair(self, pair: Pair) -> None:
        """Two columns with a hairline between: the value, and the gradient that arrived."""
        width, value, grad = pair
        self.widen(2 * width + COLUMN_GAP)
        map_height = max(_map_size(cells)[1] for _, cells in (value, grad))
        right = self.width // 2 + COLUMN_GAP // 2
        top = self.y + 3
        self.y += RISES["caption"] + 1
        self._write_half("value", value, PADDING, map_height)
        self._write_half("grad", grad, right, map_height)
        self.y += map_height + 5 + RISES["range"] if map_height else RISES["number"]
        self.rules.append(Rule(right - COLUMN_GAP // 2, top, 1, self.y - top + 4))

    def _write_half(self, column: Column, half: Half, x: int, map_height: int) -> None:
        """Caption and content below it. Columns of tensors leave room for a map."""
        style, cells = half
        self.spots.append(Spot("caption", x, self.y))
        drawn = cells != NO_MAP
        if drawn:
            self.frames.append(Frame(x, self.y + 5, *_map_size(cells), cell_size(*cells)[1], column))
        if style is not None:
            below = map_height + 5 + RISES["range"] if drawn else RISES["number"]
            self.spots.append(Spot(style, x, self.y + below, column))

    def finish(self) -> Sheet:
        width, height = (self.width + 3) // 4 * 4, (self.y + 10) // 2 * 2
        rules = [Rule(rule.x, rule.y, rule.width or width, rule.height) for rule in self.rules]
        return Sheet(width, height, tuple(self.spots), tuple(rules), tuple(self.frames))


def _map_size(cells: tuple[int, int]) -> tuple[int, int]:
    across, down = cells
    width, height = cell_size(across, down)
    return across * width, down * height
