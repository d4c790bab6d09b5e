"""matplotlib figures to SVG: those open at each `plt.show()`, and those still open at the end."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib import font_manager
from matplotlib.collections import PathCollection
from matplotlib.container import BarContainer
from matplotlib.figure import Figure as Plot

from app.limits import Limits
from app.trace import Figure


class FigureCollector:
    """Stands where a window would open."""

    def __init__(self, limits: Limits, send: Callable[[Figure], None]) -> None:
        self.figures: list[Figure] = []
        self.dropped = 0
        self.cell: int | None = None
        self._allowed = limits.figures
        self._send = send

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Meanwhile `plt.show()` hands its figures here."""

        def show(*args: Any, **kwargs: Any) -> None:  # a plain function: matplotlib writes attributes on it
            self.show()

        original, plt.show = plt.show, show
        try:
            yield
        finally:
            plt.show = original

    def show(self) -> None:
        for number in plt.get_fignums():
            plot = plt.figure(number)
            if plot.axes or plot.texts or plot.images:
                self._take(plot)
        plt.close("all")

    def _take(self, plot: Plot) -> None:
        if len(self.figures) >= self._allowed:
            self.dropped += 1
            return
        figure = replace(describe_figure(plot), cell=self.cell)
        self.figures.append(figure)
        self._send(figure)


def prepare_matplotlib() -> None:
    """Settings for pictures without a window, and everything that is read from disk, read now."""
    mpl.use("svg")
    mpl.rc("font", family=["DejaVu Sans", "Noto Sans CJK SC", "sans-serif"])
    mpl.rc("svg", fonttype="none", hashsalt="tensor-playground")
    mpl.rc("figure", max_open_warning=0)
    warm, axes = plt.subplots()
    axes.plot([0, 1], label="warm")
    axes.legend()
    describe_figure(warm)
    plt.close("all")
    # matplotlib empties this cache in every forked child, which there means copying a megabyte of pages
    font_manager._get_font.cache_clear()  # type: ignore[attr-defined]


def describe_figure(plot: Plot) -> Figure:
    buffer = io.StringIO()
    plot.savefig(buffer, format="svg", metadata={"Date": None})
    axes = plot.axes
    first = axes[0] if axes else None
    legend = first.get_legend() if first else None
    return Figure(
        svg=buffer.getvalue(),
        title=(first.get_title() if first else "") or plot.get_suptitle(),
        xlabel=first.get_xlabel() if first else "",
        ylabel=first.get_ylabel() if first else "",
        lines=sum(len(ax.lines) for ax in axes),
        scatters=sum(isinstance(part, PathCollection) for ax in axes for part in ax.collections),
        bars=sum(len(part) for ax in axes for part in ax.containers if isinstance(part, BarContainer)),
        legend=tuple(text.get_text() for text in legend.get_texts()) if legend else (),
    )
