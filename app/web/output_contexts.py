"""What the templates are given of a program's output: items in order, each of them text, a value or figures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BarView:
    """A progress bar: the texts before and after it, and how much is done in percent."""

    before: str
    percent: float
    after: str


@dataclass(frozen=True, slots=True)
class Printed:
    """Text of one stream in one look, or a row of its own that is a bar."""

    stream: str
    text: str
    look: str = ""
    bar: BarView | None = None


@dataclass(frozen=True, slots=True)
class TableView:
    levels: tuple[tuple[str, ...], ...]
    """The rows of heads above it."""
    rows: tuple[tuple[str, ...], ...]
    heads: int


@dataclass(frozen=True, slots=True)
class ValueItem:
    """A value that was shown: as a table where it is one, else its text."""

    label: str
    text: str
    table: TableView | None
    said: str
    """How large the whole table is, or that markup is not obeyed."""


@dataclass(frozen=True, slots=True)
class Image:
    """A figure the program made, as a data URL: shown as an image, never as markup."""

    url: str
    title: str


@dataclass(frozen=True, slots=True)
class Item:
    """One of the three: printed text, a value, or a figure; a figure that moves has several images."""

    printed: tuple[Printed, ...] = ()
    value: ValueItem | None = None
    images: tuple[Image, ...] = ()
