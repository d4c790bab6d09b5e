"""The vocabulary of an exception explained: who was involved, which sizes clash, where the cause began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.vocabulary.editing import Fix
from app.vocabulary.values import Many, Span, Text

Fact = Literal["shape", "dtype", "device"]


@dataclass(frozen=True, slots=True)
class Involved:
    """A tensor that went into the call that failed."""

    name: str
    """The program's own text for it: `x`, `self.fc1.weight`, or the call that made it."""
    shape: Many[int]
    dtype: str
    device: str
    requires_grad: bool
    clashes: Many[Fact] = ()
    """Which of its facts does not go with the others'."""


@dataclass(frozen=True, slots=True)
class AlignedColumn:
    """One role a dimension plays; its sizes clash where they should agree and do not."""

    label: Text
    clash: bool


@dataclass(frozen=True, slots=True)
class AlignedRow:
    label: Text
    sizes: Many[int | None]
    """A size for each column; null where the row has no such dimension, -1 for one that was left to torch."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """Sizes side by side by their roles: what stands in one column has to agree."""

    columns: Many[AlignedColumn]
    rows: Many[AlignedRow]


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where the cause began: the line that detached, that wrote in place, that ran backward first."""

    sentence: Text
    span: Span | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """`code` is a short name of the cause: `broadcast`, `detached`, `written_in_place`."""

    code: str
    sentence: Text | None = None
    remedy: Text | None = None
    operands: Many[Involved] = ()
    table: Alignment | None = None
    beginnings: Many[Beginning] = ()
    fixes: Many[Fix] = ()
    """Edits that are offered; one of them is made, or none."""
