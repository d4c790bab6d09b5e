"""The vocabulary of a program in cells: what each one is, whether it ran, and whose turn it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.vocabulary.values import Span

CellKind = Literal["code", "text"]
CellState = Literal["ran", "ended", "not_run"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a notebook, or of a text with `# %%` lines between its parts."""

    kind: CellKind
    title: str
    """What stands behind its `# %%`."""
    source: str
    """Its own text; of a text cell the words, without comment signs."""
    span: Span
    """Where it stands in the program, its `# %%` line aside."""
    number: int | None
    """Of a code cell, its turn: what a notebook writes as `In [2]`."""
    state: CellState | None = None
    """Of a code cell: the program may have `ended` in it, by an exception, say, so that later ones were not run."""


@dataclass(frozen=True, slots=True)
class CellTurn:
    """A cell begins: its place among all cells, its number, and how many code cells there are."""

    cell: int
    number: int
    count: int
    frame: Literal["cell"] = "cell"
