"""The vocabulary of changed program text: what was repaired before it was read, and edits that are offered."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.vocabulary.values import Many, Span, Text


@dataclass(frozen=True, slots=True)
class Change:
    """One line before and after a repair: `after` is null for a line that was taken out.

    `line` is its number in the repaired text; of a line taken out, that of the line that now stands in its place.
    """

    line: int
    before: str
    after: str | None


@dataclass(frozen=True, slots=True)
class Repair:
    """Everything of one kind that was repaired; it is undone as a whole, whatever else was repaired."""

    kind: str
    sentence: Text
    span: Span
    """The first line it changed, in the repaired text."""
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Repaired:
    """A text as it was sent, and as it was read."""

    original: str
    source: str
    repairs: tuple[Repair, ...] = ()
    origins: tuple[int, ...] = ()
    """Of each line of `source`, which line of the original it was, from 0."""
    kept: frozenset[str] = field(default_factory=frozenset)
    """Kinds of repairs the reader undid."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What stands at `span` becomes `text`."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that belong together, offered and never made unasked. `label` is what the program then says."""

    label: str
    edits: Many[Edit]


@dataclass(frozen=True, slots=True)
class Advice:
    """What a program's text says of itself before it runs: old code, or something that is not here."""

    code: str
    sentence: Text
    span: Span
    fix: Fix | None = None
    when_raised: bool = False
    """It is wrong in some programs only: worth saying where the program has failed at this place."""
    stand_in: str | None = None
    """The built-in set that may take the place of what is not here, for a request that asks for it."""
