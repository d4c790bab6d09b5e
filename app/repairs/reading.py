"""Python's tokens in text that may not be Python: strings, comments and brackets, found without a parser.

It never fails and takes linear time: a string in one quote ends with its line, one in three quotes with the text.
"""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.notebook import MARKER

SPANNING = re.compile(
    r"""
    [#＃][^\n]*
    | \"{3} [^\\"]*+ (?:(?:\\.|"(?!"")) [^\\"]*+)* (?:\"{3}|\\?\Z)
    | '{3} [^\\']*+ (?:(?:\\.|'(?!'')) [^\\']*+)* (?:'{3}|\\?\Z)
    | " [^"\\\n]*+ (?:\\. [^"\\\n]*+)* (?:"|\\?$)
    | ' [^'\\\n]*+ (?:\\. [^'\\\n]*+)* (?:'|\\?$)
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
"""Comments and strings; between them lies code.

Nothing is tried twice: a string always finds an end. No group is possessive, because Python before 3.11.5 matches
those wrongly where they hold a choice.
"""
BINDING = re.compile(
    r"(?:^|[;:])[ \t]*+(?:(\w+)[ \t]*+=[^=]|(?:def|class) +(\w+))|\b(?:import|as) +(\w+)", re.MULTILINE
)


def parse(text: str) -> ast.Module | None:
    """The text's tree, if it is Python."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def parses(lines: Sequence[str | None]) -> bool:
    return parse("\n".join(line for line in lines if line is not None)) is not None


@dataclass(frozen=True, slots=True)
class CellLines:
    """The lines between two marks of cells, by their places."""

    mark: int
    """Where the line stands that marks it; -1 for what comes before all marks."""
    places: range
    sound: bool
    """Whether they are Python, alone or as what goes on from the cell before."""


def split_lines(lines: Sequence[str]) -> Iterator[CellLines]:
    marks = [at for at, line in enumerate(lines) if MARKER.match(line)]
    before = ""
    for mark, end in zip([-1, *marks], [*marks, len(lines)], strict=True):
        own = "\n".join(lines[mark + 1 : end])
        sound = parse(own) is not None or parse(f"{before}\n{own}") is not None
        yield CellLines(mark, range(mark + 1, end), sound)
        before = own


def code_pieces(text: str) -> Iterator[tuple[int, int]]:
    """Where in the text code is: start and end of each piece outside strings and comments."""
    at = 0
    for found in SPANNING.finditer(text):
        if found.start() > at:
            yield at, found.start()
        at = found.end()
    if at < len(text):
        yield at, len(text)


def open_lines(lines: Sequence[str]) -> list[bool]:
    """Of each line, whether it begins inside a string, between brackets or after a backslash."""
    text = "\n".join(lines)
    code = bytearray(len(text) + 1)
    for start, end in code_pieces(text):
        code[start:end] = b"\1" * (end - start)
    found, at, depth, continued = [], 0, 0, False
    for line in lines:
        inside = at > 0 and not code[at - 1]  # the newline before it is part of a string
        found.append(depth > 0 or continued or inside)
        for column, character in enumerate(line):
            if code[at + column] and character in "([{)]}":
                depth = max(0, depth + (1 if character in "([{" else -1))
        at += len(line) + 1
        continued = line.endswith("\\")
    return found


class Reader:
    """Reads a statement line by line: whether it is still open, between brackets or inside three quotes."""

    def __init__(self) -> None:
        self._depth = 0
        self._quotes = ""
        self._continued = False
        self.blocks = False
        """Whether a line opened a block."""

    @property
    def open(self) -> bool:
        return bool(self._depth > 0 or self._quotes or self._continued)

    def feed(self, line: str) -> None:
        rest = line
        if self._quotes:
            _, found, rest = line.partition(self._quotes)
            if not found:
                return
            self._quotes = ""
        for start, end in code_pieces(rest):
            code = rest[start:end]
            self._depth += sum(map(code.count, "([{")) - sum(map(code.count, ")]}"))
        self._depth = max(0, self._depth)
        self._quotes = _unclosed(rest)
        self._continued = rest.endswith("\\")
        self.blocks = self.blocks or (not self.open and without_comment(rest).endswith(":"))


def _unclosed(line: str) -> str:
    """The three quotes a line opens and does not close."""
    tokens = SPANNING.findall(line)
    token = tokens[-1] if tokens else ""
    for quotes in ('"""', "'''"):
        if token.startswith(quotes) and (len(token) < 6 or not token.endswith(quotes)):
            return quotes
    return ""


def without_comment(line: str) -> str:
    return "".join(line[start:end] for start, end in code_pieces(line)).rstrip()


def indent_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def known_names(text: str) -> frozenset[str]:
    """Names the text seems to bind, or Python does."""
    bound = {name for found in BINDING.findall(text) for name in found if name}
    return frozenset(bound | set(dir(builtins)))
