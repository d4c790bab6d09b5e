"""The package of the textbook Dive into Deep Learning, `from d2l import torch as d2l`: imported once, led to each run.

It shows figures as notebooks do, loads data with workers of its own, and downloads: here it finds the run's display,
no workers, and of what it downloads what stands in.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from app.worker.lending.notebook import nothing, watching_notebook

PACKAGE = "d2l.torch"
NOTEBOOK = ("IPython.display", "matplotlib_inline.backend_inline")


def import_textbook() -> None:
    """Where it is installed. It asks for IPython, of which a program finds what is ours."""
    with watching_notebook(nothing, nothing, nothing):
        try:
            book = importlib.import_module(PACKAGE)
        except ImportError:
            return
    vars(book)["get_dataloader_workers"] = no_workers


def no_workers() -> int:
    """A program here has one process."""
    return 0


@contextmanager
def reading_textbook() -> Iterator[None]:
    """Meanwhile it shows what it shows where the program does; entered within `watching_notebook`."""
    book = sys.modules.get(PACKAGE)
    kept = {} if book is None else {name: vars(book).get(name) for name in map(last_part, NOTEBOOK)}
    if book is not None:
        lead(book)
    try:
        yield
    finally:
        if book is not None:
            vars(book).update(kept)


def lead(book: ModuleType) -> None:
    for name in NOTEBOOK:
        vars(book)[last_part(name)] = importlib.import_module(name)


def last_part(name: str) -> str:
    return name.rpartition(".")[2]
