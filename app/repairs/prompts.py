"""Prompts of Python (`>>>`, `...`) and of notebooks (`In [3]:`), and the answers printed below them.

What a prompt stands before is the program; what follows without one is its answer, kept as a comment. Lines after a
blank one, or after the only prompt of a text, may be more of the program: they stay, unless they are no program.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.repairs.reading import Reader, known_names, open_lines
from app.repairs.results import comment, is_answer

PROMPT = re.compile(r"\s*>>>(?: |$)")
GOES_ON = re.compile(r"\s*\.\.\.(?: |$)")
CELL_IN = re.compile(r"\s*(?:In ?\[[ \d*]*\] ?:(?: |$)|\[[ \d*]+\]:\s*$)")
CELL_OUT = re.compile(r"\s*Out ?\[[ \d*]*\] ?:")
CELL_GOES_ON = re.compile(r"\s*\.\.\.+:(?: |$)")


class Session:
    """One reading of a session: the lines as a program, answers as comments."""

    def __init__(
        self, lines: Sequence[str], begins: re.Pattern[str], goes_on: re.Pattern[str], strict: bool
    ) -> None:
        self._lines = lines
        self._begins = begins
        self._goes_on = goes_on
        self._known = known_names(_without_prompts(lines, begins))
        self._reader = Reader()
        self._strict = strict
        """Whether what directly follows a prompt's line, without a prompt, is certainly its answer."""
        self._told: list[str | None] = []
        self._last = -1
        """Up to where what has no prompt is certainly an answer: a console's last prompt."""

    def read(self, whole_cells: bool = False) -> list[str | None]:
        at, directly = 0, False
        in_cell = started = False
        if whole_cells and self._strict:
            self._last = max(place for place, line in enumerate(self._lines) if self._begins.match(line))
        while at < len(self._lines):
            line = self._lines[at]
            if begun := self._begins.match(line):
                self._reader = Reader()
                rest = line[begun.end() :]
                in_cell, directly, started = whole_cells and not rest.strip(), True, True
                self._say(None if whole_cells and not rest else rest)
            elif (
                started and not in_cell and (going := self._goes_on.match(line)) and not CELL_OUT.match(line)
            ):
                self._say(line[going.end() :])
            elif CELL_OUT.match(line) and whole_cells:
                at = self._answer(at)
                in_cell, directly = False, True
                continue
            elif not started or in_cell or not line.strip() or self._belongs(line):
                self._say(line)
                directly = directly and bool(line.strip())
            else:
                at = self._judge(at, (directly and self._strict) or at < self._last)
                continue
            at += 1
        return self._told

    def _say(self, line: str | None) -> None:
        self._told.append(line)
        if line:
            self._reader.feed(line)

    def _belongs(self, line: str) -> bool:
        """An open bracket, or a block's next line."""
        return self._reader.open or (self._reader.blocks and line[:1] in " \t")

    def _answer(self, at: int) -> int:
        stop = self._end_of_chunk(at)
        self._told.extend(comment(line) if line.strip() else line for line in self._lines[at:stop])
        return stop

    def _judge(self, at: int, certainly: bool) -> int:
        """Take the lines that belong together from `at` as an answer or as program."""
        stop = self._end_of_chunk(at)
        chunk = self._lines[at:stop]
        if certainly or is_answer("\n".join(chunk), self._known):
            return self._answer(at)
        self._reader = Reader()
        for line in chunk:
            self._say(line)
        return stop

    def _end_of_chunk(self, at: int) -> int:
        """Where the statement or the value that begins at a line is over: at the next prompt at the latest."""
        reader = Reader()
        reader.feed(self._lines[at])
        stop = at + 1
        while reader.open and stop < len(self._lines) and not self._begins.match(self._lines[stop]):
            reader.feed(self._lines[stop])
            stop += 1
        return stop


def _without_prompts(lines: Sequence[str], begins: re.Pattern[str]) -> str:
    return "\n".join(begins.sub("", line) for line in lines)


def strip_prompts(lines: Sequence[str]) -> list[str | None]:
    if not _marked(lines, PROMPT):
        return list(lines)
    return Session(lines, PROMPT, GOES_ON, sum(1 for line in lines if PROMPT.match(line)) > 1).read()


def strip_cells(lines: Sequence[str]) -> list[str | None]:
    if not _marked(lines, CELL_IN) or "In" in known_names("\n".join(lines)):
        return list(lines)
    strict = any(map(CELL_GOES_ON.match, lines))  # a console's; a cell has many lines and one label
    return Session(lines, CELL_IN, CELL_GOES_ON, strict).read(whole_cells=True)


def _marked(lines: Sequence[str], mark: re.Pattern[str]) -> bool:
    inside = open_lines(lines)
    return any(not inside[at] and mark.match(line) for at, line in enumerate(lines))
