"""Printed text as a terminal shows it: colours, carriage returns, backspaces, moves; progress bars are recognised.

In the trace the text stays what the program wrote. stdout and stderr write in rows of their own, in the order in which
the rows began: a bar on stderr stays one bar, whatever is printed meanwhile. `static/screen.js` does the same while a
program runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice

from app.vocabulary.trace import Output
from app.words import UNSEEN

ORDERS = re.compile(
    r"\x1b\[(?P<numbers>[0-?]*)[ -/]*(?P<order>[@-~])"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-Z\\^-~]?|[\r\n\b]"
)
"""What a terminal obeys: `ESC [ numbers letter`, a title, another escape, and three characters."""
UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*)?$")
"""An escape that the next piece of text ends."""
LONGEST_ESCAPE = 200
MOST_ORDERS = 50_000
"""Ends of lines among them: a third of a second's work."""
WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff"
    "\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\U00020000-\U0003fffd]+"
)
"""Characters that take two columns."""
BAR = re.compile(r"(?P<before>.*?)[|\[](?P<drawn>[█▉▊▋▌▍▎▏#=>\-.·░▒▓━╸╺ \d]{4,})[|\]](?P<after>.*)")
PERCENT = re.compile(r"(\d{1,3}(?:\.\d+)?) ?%")
LEADING = re.compile(r"^ *\d{1,3}(?:\.\d+)? ?%")
"""What the bar itself says."""
FRACTION = re.compile(r"(\d+) ?/ ?(\d+)")
LEVELS = (0, 95, 135, 175, 215, 255)
"""Of each colour in a palette of 256."""
SIXTEEN = (
    *((0, 0, 0), (170, 0, 0), (0, 170, 0), (170, 85, 0), (0, 0, 170), (170, 0, 170), (0, 170, 170)),
    *((170, 170, 170), (85, 85, 85), (255, 85, 85), (85, 255, 85), (255, 255, 85), (85, 85, 255)),
    *((255, 85, 255), (85, 255, 255), (255, 255, 255)),
)
"""The colours that have names; every other is shown as the nearest of them."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring characters of one look; `look` names it, as in `bold fg-1`."""

    text: str
    look: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A row that is a progress bar: what stands before and after what was drawn of it."""

    before: str
    done: float
    """From 0 to 1."""
    after: str


@dataclass(frozen=True, slots=True)
class Row:
    stream: str
    stretches: tuple[Stretch, ...]
    bar: Bar | None
    piece: int
    """The first piece of output that wrote in it."""

    @property
    def text(self) -> str:
        return "".join(each.text for each in self.stretches)


@dataclass(frozen=True, slots=True)
class Shown:
    """What pieces of output leave on the screen."""

    rows: tuple[Row, ...]
    cleared: int
    """The number of the piece that last cleared all before it; -1 where none did."""
    cut: bool
    """Whether it is only the start."""


def show_rows(pieces: Iterable[tuple[int, Output]]) -> Shown:
    """The rows that numbered pieces of output leave."""
    screen = _Screen()
    for number, piece in pieces:
        screen.take(number, piece)
        if screen.room < 0:
            break
    return Shown(tuple(screen.shown()), screen.cleared, screen.room < 0)


def find_bar(text: str) -> Bar | None:
    """The progress bar a row is that was written again and again: something drawn, and how much is done in numbers."""
    match = BAR.fullmatch(text.rstrip())
    if match is None:
        return None
    before, after = match["before"], match["after"]
    done = _fraction(f"{before} {after}")
    if done is None:
        return None
    return Bar(PERCENT.sub("", before).strip(), done, LEADING.sub("", after).strip())


def _fraction(text: str) -> float | None:
    percent = PERCENT.search(text)
    if percent is not None:
        return min(float(percent[1]) / 100, 1.0)
    counts = FRACTION.search(text)
    if counts is None or not int(counts[2]):
        return None
    return min(int(counts[1]) / int(counts[2]), 1.0)


def split_wide(text: str) -> Iterator[tuple[str, bool]]:
    """A text cut where characters of two columns begin and end."""
    end = 0
    for match in WIDE.finditer(text):
        if match.start() > end:
            yield text[end : match.start()], False
        yield match[0], True
        end = match.end()
    if end < len(text):
        yield text[end:], False


# ------------------------------------------------------------------------------------------------------ the screen

Cell = tuple[str, str]
"""A character and its look; behind one of two columns stands an empty one."""


@dataclass(slots=True)
class _Line:
    """A row that is written. It takes cells only once it is written over: most rows never are."""

    stream: str
    piece: int
    returned: bool = False
    """Whether the stream came back to its start: what may be a bar."""
    stretches: list[Cell] = field(default_factory=list)
    cells: list[Cell] | None = None
    width: int = 0

    def write(self, column: int, text: str, look: str) -> int:
        """Write at a column; the column behind it."""
        if column == self.width and self.cells is None:
            self.stretches.append((text, look))
            self.width += columns_of(text)
            return self.width
        cells, written = self.opened(), list(_cells(text, look))
        end = column + len(written)
        if column and column < len(cells) and not cells[column][0]:
            cells[column - 1] = " ", look  # half of a wide character is none
        if end < len(cells) and not cells[end][0]:
            cells[end] = " ", look
        cells[column:end] = written
        self.width = len(cells)
        return end

    def opened(self) -> list[Cell]:
        if self.cells is None:
            self.cells = [cell for text, look in self.stretches for cell in _cells(text, look)]
        return self.cells

    def erase(self, start: int, end: int) -> None:
        cells = self.opened()
        if end >= len(cells):
            del cells[start:]
        else:
            cells[start:end] = [(" ", "")] * (end - start)
        self.width = len(cells)

    def shown(self) -> Row:
        joined: list[Cell] = []
        for text, look in self.stretches if self.cells is None else self.cells:
            if joined and joined[-1][1] == look:
                joined[-1] = joined[-1][0] + text, look
            else:
                joined.append((text, look))
        stretches = tuple(Stretch(text, look) for text, look in joined if text)
        whole = "".join(each.text for each in stretches)
        bar = find_bar(whole) if self.returned else None
        return Row(self.stream, stretches, bar, self.piece)


@dataclass(slots=True)
class _Pen:
    """Where one stream writes, and how."""

    lines: list[_Line] = field(default_factory=list)
    at: int = 0
    column: int = 0
    styles: dict[str, str] = field(default_factory=dict)
    look: str = ""
    unfinished: str = ""


class _Screen:
    def __init__(self) -> None:
        self._lines: list[_Line] = []
        self._pens: dict[str, _Pen] = {}
        self._piece = 0
        self.cleared = -1
        self.room = MOST_ORDERS

    def take(self, number: int, piece: Output) -> None:
        self._piece = number
        pen = self._pens.setdefault(piece.stream, _Pen())
        text = pen.unfinished + piece.text.replace("\r\n", "\n")
        cut = UNFINISHED.search(text, max(0, len(text) - LONGEST_ESCAPE))
        pen.unfinished = text[cut.start() :] if cut else ""
        end = 0
        text = text[: cut.start()] if cut else text
        for match in islice(ORDERS.finditer(text), self.room):
            self.room -= 1
            self._write(piece.stream, pen, text[end : match.start()])
            self._obey(piece.stream, pen, match)
            end = match.end()
        self.room -= self.room == 0 and end < len(text)
        if self.room >= 0:
            self._write(piece.stream, pen, text[end:])

    def shown(self) -> Iterator[Row]:
        """All rows but those that are open and hold nothing: a bar that was wiped away."""
        open_lines = {id(line) for pen in self._pens.values() for line in pen.lines[pen.at :]}
        for line in self._lines:
            row = line.shown()
            if row.text.strip() or id(line) not in open_lines:
                yield row

    def _line(self, stream: str, pen: _Pen) -> _Line:
        if pen.at == len(pen.lines):
            pen.lines.append(_Line(stream, self._piece))
            self._lines.append(pen.lines[-1])
        return pen.lines[pen.at]

    def _write(self, stream: str, pen: _Pen, text: str) -> None:
        text = UNSEEN.sub("", text)
        if text:
            line = self._line(stream, pen)
            pen.column = line.write(min(pen.column, line.width), text, pen.look)

    def _obey(self, stream: str, pen: _Pen, match: re.Match[str]) -> None:
        match match[0], match["order"]:
            case "\n", _:
                self._line(stream, pen)
                pen.at, pen.column = pen.at + 1, 0
            case "\r", _:
                self._line(stream, pen).returned = True
                pen.column = 0
            case "\b", _:
                pen.column = max(0, pen.column - 1)
            case _, "m":
                style(pen.styles, _numbers(match["numbers"]))
                pen.look = look_of(pen.styles)
            case _, str(order):
                self._move(stream, pen, order, _numbers(match["numbers"]))

    def _move(self, stream: str, pen: _Pen, order: str, numbers: Sequence[int]) -> None:
        """The few moves that bars make; none leads beyond what is written."""
        first = numbers[0]
        steps = max(1, first)
        if order == "A":
            pen.at = max(0, pen.at - steps)
        elif order == "B":
            pen.at = min(pen.at + steps, max(len(pen.lines) - 1, pen.at))
        elif order == "C":
            pen.column += steps
        elif order == "D":
            pen.column = max(0, pen.column - steps)
        elif order == "G":
            pen.column = steps - 1
        elif order == "K":
            line = self._line(stream, pen)
            line.erase(0 if first else min(pen.column, line.width), pen.column if first == 1 else line.width)
        elif order == "J" and first >= 2:
            self._lines.clear()
            self._pens = {stream: _Pen(styles=pen.styles, look=pen.look)}
            self.cleared = self._piece


def columns_of(text: str) -> int:
    return len(text) + sum(len(match[0]) for match in WIDE.finditer(text))


def _cells(text: str, look: str) -> Iterator[Cell]:
    for part, wide in split_wide(text):
        for character in part:
            yield character, look
            if wide:
                yield "", look


def _numbers(text: str) -> tuple[int, ...]:
    """`1;31` -> 1, 31; what is left out, or is no number, is 0."""
    return tuple(int(each[:4]) if each.isdigit() else 0 for each in text.split(";"))


# ------------------------------------------------------------------------------------------------------ looks

FLAGS: Mapping[int, str] = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike"}
ENDS: Mapping[int, tuple[str, ...]] = {
    22: ("bold", "dim"),
    23: ("italic",),
    24: ("underline",),
    27: ("inverse",),
    29: ("strike",),
}


def style(styles: dict[str, str], numbers: Sequence[int]) -> None:
    """Change the styles as `ESC [ numbers m` asks."""
    rest = list(numbers)
    while rest:
        number = rest.pop(0)
        if number == 0:
            styles.clear()
        elif number in FLAGS:
            styles[FLAGS[number]] = FLAGS[number]
        elif number in ENDS:
            for name in ENDS[number]:
                styles.pop(name, None)
        elif number in (38, 48):
            _colour(styles, "fg" if number == 38 else "bg", _take_colour(rest))
        elif number in (39, 49):
            styles.pop("fg" if number == 39 else "bg", None)
        elif number // 10 in (3, 4, 9, 10):
            bright = 8 if number >= 90 else 0
            _colour(styles, "fg" if number // 10 in (3, 9) else "bg", number % 10 + bright)


def _colour(styles: dict[str, str], what: str, number: int | None) -> None:
    if number is not None and number < 16:
        styles[what] = f"{what}-{number}"


def _take_colour(rest: list[int]) -> int | None:
    """`5;n` of a palette of 256, or `2;r;g;b`, taken from the front: the nearest of the sixteen."""
    kind = rest.pop(0) if rest else 0
    if kind == 5 and rest:
        return _of_palette(rest.pop(0))
    if kind == 2 and len(rest) >= 3:
        return nearest((rest.pop(0), rest.pop(0), rest.pop(0)))
    return None


def _of_palette(number: int) -> int:
    if number < 16:
        return number
    if number >= 232:
        grey = 8 + 10 * (min(number, 255) - 232)
        return nearest((grey, grey, grey))
    number -= 16
    return nearest((LEVELS[number // 36], LEVELS[number // 6 % 6], LEVELS[number % 6]))


@cache
def nearest(colour: tuple[int, int, int]) -> int:
    distances = [sum((a - b) ** 2 for a, b in zip(colour, each, strict=True)) for each in SIXTEEN]
    return distances.index(min(distances))


def look_of(styles: dict[str, str]) -> str:
    """Its name, parts in the order of the alphabet; inverse changes what is before with what is behind."""
    parts = dict(styles)
    if "inverse" in parts and ("fg" in parts or "bg" in parts):
        del parts["inverse"]
        fg, bg = parts.get("fg", ""), parts.get("bg", "")
        parts["fg"], parts["bg"] = bg.replace("bg", "fg"), fg.replace("fg", "bg")
    return " ".join(sorted(part for part in parts.values() if part))
