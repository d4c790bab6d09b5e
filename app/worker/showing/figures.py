"""matplotlib figures to SVG: those open at each `plt.show()`, those still open at the end, and those that are saved.

The last ones are kept. A figure that `plt.pause()` shows again and again is one that moves: its pictures are thinned as
they come, so that they tell of its whole course. So is one that an `Animation` moves: some of its frames are drawn.
"""

from __future__ import annotations

import base64
import io
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any, Literal

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib import font_manager
from matplotlib._pylab_helpers import Gcf
from matplotlib.animation import Animation
from matplotlib.collections import PathCollection
from matplotlib.container import BarContainer
from matplotlib.figure import Figure as Plot
from PIL import Image

from app.vocabulary.limits import Limits
from app.vocabulary.trace import Figure
from app.worker.lending.ways import replaced
from app.worker.showing.output import Place

PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    '<image width="{width}" height="{height}" image-rendering="{how}" href="data:image/png;base64,{data}"/></svg>'
)
CHINESE = "Noto Sans CJK SC"
CHINESE_NAMES = (
    *(
        "SimHei",
        "SimSun",
        "KaiTi",
        "FangSong",
        "NSimSun",
        "Microsoft YaHei",
        "Microsoft JhengHei",
        "DengXian",
    ),
    *(
        "PingFang SC",
        "PingFang TC",
        "PingFang HK",
        "Heiti SC",
        "Heiti TC",
        "STHeiti",
        "STSong",
        "STKaiti",
        "STFangsong",
    ),
    *(
        "Songti SC",
        "Kaiti SC",
        "Hiragino Sans GB",
        "Arial Unicode MS",
        "WenQuanYi Zen Hei",
        "WenQuanYi Micro Hei",
    ),
    *("Source Han Sans CN", "Source Han Sans SC", "Noto Sans SC", "Droid Sans Fallback"),
)
OPEN = Gcf.figs
"""pyplot's figures by their numbers. Asked for its numbers, pyplot goes a longer way: most programs have none."""
MADE_UP = re.compile(r"\b[mp][0-9a-f]{10}\b")
"""Names of markers and of clips, which change when a picture is drawn again although it looks the same."""
MOST_FRAMES = 1_000
"""Of an animation, which may have no end."""
SMALL_PICTURE = 160
"""Pixels along the longer side up to which a picture is shown enlarged, pixel by pixel."""


class FigureCollector:
    """Stands where a window would open."""

    def __init__(self, limits: Limits, place: Callable[[], Place], send: Callable[[Figure], None]) -> None:
        self.figures: list[Figure] = []
        self.dropped = 0
        self._count = 0
        self._allowed = limits.figures
        self._room = limits.frame_bytes // 2
        self._unsent = limits.reply_bytes // 4
        self._place = place
        self._send = send
        self._films: dict[Plot, Film] = {}
        self._shown: dict[Plot, str] = {}
        self._animated: dict[Plot, Any] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Meanwhile `plt.show()` hands its figures here, `plt.pause()` the one that moves, and what is saved is shown:
        nobody could look at the file."""

        def show(*args: Any, **kwargs: Any) -> None:  # a plain function: matplotlib writes attributes on it
            self.show()

        def begin(animation: Any, fig: Plot, *args: Any, **kwargs: Any) -> None:
            begins(animation, fig, *args, **kwargs)
            self._animated[fig] = animation

        def save(plot: Plot, *args: Any, **kwargs: Any) -> None:
            saves(plot, *args, **kwargs)
            self.take(plot)

        begins, saves = Animation.__init__, Plot.savefig
        with (
            replaced(plt, "show", show),
            replaced(plt, "pause", self.pause),
            replaced(Animation, "__init__", begin),
            replaced(Plot, "savefig", save),
        ):
            yield

    def show(self) -> None:
        for number in sorted(OPEN):
            plot = plt.figure(number)
            animation = self._animated.pop(plot, None)
            if animation is None:
                self.take(plot)
            else:
                self._play(plot, animation)
        if OPEN:
            plt.close("all")
        self._films.clear()
        self._shown.clear()

    def take(self, plot: Plot, again: bool = False) -> None:
        """Keep what a figure shows now, where it shows anything; what it has shown before, only if asked `again`."""
        if not (plot.axes or plot.texts or plot.images):
            return
        film = self._films.get(plot)
        described = describe_figure(plot, film.number if film else None)
        drawn = MADE_UP.sub("", described.svg)
        if again or self._shown.get(plot) != drawn:
            self._shown[plot] = drawn
            self._keep(described)

    def pause(self, interval: float = 0.0) -> None:
        """What the current figure shows, as one picture of several. Nobody waits: there is no window to look at."""
        if not plt.get_fignums():
            return
        plot = plt.gcf()
        film = self._make_film(plot)
        if film.is_wanted():
            self.take(plot)
            self._thin(film)

    def _play(self, plot: Plot, animation: Any) -> None:
        """Some of the frames of an animation, from its first to its last."""
        film = self._make_film(plot)
        frames = list(islice(animation.new_frame_seq(), MOST_FRAMES))
        wanted = max(1, self._allowed // 2)
        animation._init_draw()
        for at in dict.fromkeys(len(frames) * each // wanted for each in range(wanted)):
            if at < len(frames):
                animation._draw_frame(frames[at])
                self._keep(describe_figure(plot, film.number))

    def _make_film(self, plot: Plot) -> Film:
        if plot not in self._films:
            self._films[plot] = Film(self._count)
            self._count += 1
        return self._films[plot]

    def picture(self, image: Image.Image) -> None:
        """Keep a PIL image as a figure."""
        self._keep(describe_picture(image))

    def forget(self, cell: int | None) -> None:
        """`clear_output()` was called in a cell."""
        self.figures = [each for each in self.figures if each.cell != cell]
        self._shown.clear()

    def _keep(self, figure: Figure) -> None:
        cell, after, turn = self._place()
        figure = replace(figure, cell=cell, after=after, turn=turn)
        self.figures.append(figure)
        while len(self.figures) > self._allowed or sum(len(each.svg) for each in self.figures) > self._room:
            self.figures.pop(0)
            self.dropped += 1
        self._unsent -= len(figure.svg)
        if self._unsent > 0:
            self._send(figure)

    def _thin(self, film: Film) -> None:
        """Leave out every other picture of a film that takes most of the room there is."""
        mine = [each for each in self.figures if each.moving == film.number]
        if len(mine) <= max(2, self._allowed * 3 // 4):
            return
        film.stride *= 2
        out = {id(each) for each in mine[1::2]}
        self.figures = [each for each in self.figures if id(each) not in out]


class Film:
    """One figure that moves; of its pictures every `stride`-th is taken."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.stride = 1
        self._seen = 0

    def is_wanted(self) -> bool:
        self._seen += 1
        return (self._seen - 1) % self.stride == 0


def prepare_matplotlib() -> None:
    """Settings for pictures without a window, and everything that is read from disk, read now."""
    mpl.use("svg")
    name_chinese_fonts()
    logging.getLogger("matplotlib.font_manager").addFilter(OnceEach())
    mpl.rc("font", family=["DejaVu Sans", CHINESE, "sans-serif"])
    mpl.rc("svg", fonttype="none", hashsalt="tensor-playground")
    mpl.rc("figure", max_open_warning=0)
    warm, axes = plt.subplots()
    axes.plot([0, 1], label="warm")
    axes.legend()
    describe_figure(warm)
    plt.close("all")
    # matplotlib empties this cache in every forked child, which there means copying a megabyte of pages
    font_manager._get_font.cache_clear()  # type: ignore[attr-defined]


def name_chinese_fonts() -> None:
    """Let the one Chinese font there is answer to the names that lessons give theirs, wherever they were written."""
    fonts = font_manager.fontManager.ttflist
    ours = [each for each in fonts if each.name == CHINESE]
    known = {each.name for each in fonts}
    fonts.extend(replace(each, name=name) for name in CHINESE_NAMES if name not in known for each in ours)


class OnceEach(logging.Filter):
    """A font that is missing is told of once, not for every label."""

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        new = text not in self._told
        self._told.add(text)
        return new


def describe_figure(plot: Plot, moving: int | None = None) -> Figure:
    """As notebooks show it, no label cut off; one that moves keeps its size."""
    buffer = io.StringIO()
    box: Literal["tight"] | None = "tight" if moving is None else None
    plot.canvas.print_figure(buffer, format="svg", metadata={"Date": None}, bbox_inches=box)
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
        moving=moving,
    )


def describe_picture(image: Image.Image) -> Figure:
    """A picture of pixels in an SVG around it; a small one enlarged."""
    buffer = io.BytesIO()
    (image if image.mode in ("1", "L", "LA", "P", "RGB", "RGBA") else image.convert("RGB")).save(
        buffer, "PNG"
    )
    data = base64.b64encode(buffer.getvalue()).decode()
    width, height = image.size
    times = max(1, SMALL_PICTURE // max(width, height, 1))
    how = "pixelated" if times > 1 else "auto"
    svg = PICTURE.format(width=width * times, height=height * times, how=how, data=data)
    return Figure(svg, f"{width} × {height}", "", "", 0, 0, 0, ())
