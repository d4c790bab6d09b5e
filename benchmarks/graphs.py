"""From a finished run to its SVG: our picture against torchviz and dot, in one run, for graphs of any size.

    python -m benchmarks.graphs [ROW...]

Every program runs sealed, as a visitor's does; timed is what follows: the trace drawn and written as a standalone SVG,
as the page shows it ("collapsed" where that takes groups) and "whole", with every node. Pictures of more than 300 boxes
have no heatmaps; 50,000 boxes nobody wishes to see, so "whole" stands in that row and has no bar. torchviz runs the
same text in a process of its own with a deadline; what is timed there is `make_dot` and `dot -Tsvg`. Both draw in turn,
round by round: a share is the median of the rounds' own shares, because a machine's speed may wander by half within a
second, and the share of the best of all rounds stands beside it. Times are the best of all rounds. Networks are
narrow, which no graph shows; what capture costs (the row `capture`) is measured on the real ResNet-18.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import jinja2

from app.drawing.graph import GraphView, draw_graph
from app.main import collect_rarely, plan_sandbox
from app.program import parse_program
from app.sandbox.local import LocalSandbox
from app.settings import Settings
from app.vocabulary.graph import AutogradGraph
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed, RunRequest, Trace
from app.web.svg import Pen
from app.words import in_english
from benchmarks.graph_programs import TIMED, WITHOUT_ONEDNN, programs, resnet

ROOT = Path(__file__).parents[1]
DEADLINE = 60.0
"""Seconds torchviz and dot may take for one graph."""
ENOUGH = 4.0
"""Seconds after which nothing is timed again."""
MOST = 15
"""Rounds."""
WHOLE = 10**9
CAPTURE = "capture"
SECONDS = (
    ("LSTMCell-50", "collapsed", 0.1),
    ("LSTMCell-50", "whole", 0.1),
    ("shared weight x 1000", "collapsed", 0.2),
    ("shared weight x 1000", "whole", 0.2),
    ("synthetic 50k", "collapsed", 2.0),
)
"""Bars that are no share of the peer's time."""
SETTINGS = Settings(seconds=60.0, memory=2 << 30, spares=1, slots=1)


# ---------------------------------------------------------------------------------------------------- the two sides


PEER = """
import json, subprocess, sys, threading, time
import torch
from torchviz import make_dot

names = {}
exec(compile(json.loads(sys.stdin.readline()), "<benchmark>", "exec"), names)
net, loss = names.get("net", names.get("cell")), names["loss"]
params = dict(net.named_parameters()) if net is not None else {n: names[n] for n in "xwb" if n in names}

def draw():
    for _ in sys.stdin:
        started = time.perf_counter()
        dot = make_dot(loss, params=params).source
        svg = subprocess.run(["dot", "-Tsvg"], input=dot.encode(), capture_output=True, check=True).stdout
        taken = time.perf_counter() - started
        assert svg.rstrip().endswith(b"</svg>"), svg[-100:]
        print(taken, flush=True)

sys.setrecursionlimit(10**7)
threading.stack_size(1 << 29)  # make_dot calls itself once for each node of a chain
thread = threading.Thread(target=draw)
thread.start()
thread.join()
"""


class Peer:
    """torchviz and dot, drawing the same program's graph again and again in a process of their own."""

    def __init__(self, source: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", PEER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._ask(json.dumps(source))

    def _ask(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def draw(self) -> float | str:
        """Seconds, or why there are none."""
        assert self._process.stdout is not None
        try:
            self._ask("draw")
            if not select.select([self._process.stdout], [], [], DEADLINE)[0]:
                return f"> {DEADLINE:.0f} s"
            told = self._process.stdout.readline()
        except BrokenPipeError:
            told = ""
        return float(told) if told else "failed"

    def end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


async def run_program(sandbox: LocalSandbox, source: str, limits: Limits) -> Trace:
    trace = await sandbox.run(parse_program(source, limits), RunRequest())
    assert isinstance(trace.outcome, Completed), trace.outcome
    return trace


def make_writer() -> Callable[[AutogradGraph, int], str]:
    """Draws a graph with at most so many boxes and writes its standalone SVG, as the API answers it."""
    loader = jinja2.FileSystemLoader(ROOT / "templates")
    pen = Pen(jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined))
    css = (ROOT / "static" / "graph.css").read_text(encoding="utf-8")

    def write(graph: AutogradGraph, most: int) -> str:
        return pen.write(draw_graph(graph, GraphView(most, staged=False)), True, in_english, css)

    return write


def time_ours(write: Callable[[AutogradGraph, int], str], graph: AutogradGraph, most: int) -> float:
    started = time.perf_counter()
    svg = write(graph, most)
    taken = time.perf_counter() - started
    assert svg.endswith("</svg>")
    return taken


async def time_row(
    write: Callable[[AutogradGraph, int], str], name: str, source: str, graph: AutogradGraph, most: int
) -> Row:
    """Ours and the peer's in turn: where the machine's speed wanders, both are slowed.

    Ours in the main thread, as small pictures are drawn and all were timed before.
    """
    row, peer = Row(name, len(graph.nodes)), Peer(source)
    try:
        drawn = await asyncio.to_thread(peer.draw)  # the program runs, and what is done once is done
        began = time.perf_counter()
        while len(row.collapsed) < MOST and (len(row.collapsed) < 2 or time.perf_counter() - began < ENOUGH):
            row.collapsed.append(time_ours(write, graph, most))
            row.whole.append(time_ours(write, graph, WHOLE))
            drawn = await asyncio.to_thread(peer.draw) if isinstance(drawn, float) else drawn
            row.peer.append(drawn)
    finally:
        peer.end()
    return row


def time_capture_alone(source: str) -> float:
    """Seconds of forward and backward with nobody watching."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", source],
        capture_output=True,
        text=True,
        check=True,
        timeout=DEADLINE,
    )
    return float(run.stdout)


async def measure_capture(sandbox: LocalSandbox, limits: Limits) -> Capture:
    """How many times as long forward and backward take while they are recorded; all three in turn.

    A sealed child has no oneDNN, which writes code into memory: what recording costs is told by plain Python without
    it, and what a visitor waits longer than at home by plain Python as it comes.
    """
    source = resnet("Basic", [2, 2, 2, 2], width=64, size=224) + TIMED
    watched, alike, alone = [], [], []
    for _ in range(3):
        trace = await run_program(sandbox, source, limits)
        watched.append(float("".join(chunk.text for chunk in trace.output)))
        alike.append(time_capture_alone(WITHOUT_ONEDNN + source))
        alone.append(time_capture_alone(source))
    return Capture(min(watched), min(alike), min(alone))


# ---------------------------------------------------------------------------------------------------- the bars


@dataclass(slots=True)
class Row:
    """Seconds, round by round."""

    name: str
    nodes: int
    collapsed: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    peer: list[float | str] = field(default_factory=list)
    """Or why it has none."""

    @property
    def told(self) -> list[float]:
        """The peer's, where it has all."""
        return [] if any(isinstance(each, str) for each in self.peer) else [float(each) for each in self.peer]

    def __str__(self) -> str:
        times = (
            f"{self.name:<24}{self.nodes:>7}{min(self.collapsed) * 1e3:>12.1f}{min(self.whole) * 1e3:>12.1f}"
        )
        if not self.told:
            return f"{times}{self.peer[-1]:>15}"
        shares = f"{share(self.collapsed, self.told):>11.3f}x{share(self.whole, self.told):>9.3f}x"
        return f"{times}{min(self.told) * 1e3:>15.1f}{shares}"


def share(ours: list[float], theirs: list[float]) -> float:
    """The median of how many times as long as the peer ours took, each round for itself."""
    return statistics.median([one / other for one, other in zip(ours, theirs, strict=True)])


@dataclass(frozen=True, slots=True)
class Capture:
    """Seconds of one forward and backward pass."""

    watched: float
    alike: float
    """Alone, with the convolutions a sealed child has."""
    alone: float


def tell(name: str, measured: float, most: float) -> str:
    word = "kept" if measured <= most else "MISSED"
    return f"  {word:<8}{name:<68}{measured:>8.3f}  <= {most:g}"


def tell_shares(row: Row) -> list[str]:
    """How long ours take of what the peer does, where it finishes at all."""
    if not row.told:
        return []
    deep = row.name == "ResNet-152"
    halves = (("collapsed", row.collapsed, 0.03 if deep else 0.5), ("whole", row.whole, 0.2 if deep else 0.5))
    return [
        tell(
            f"{row.name}, {word}, of torchviz and dot (best of best {min(ours) / min(row.told):.3f})",
            share(ours, row.told),
            most,
        )
        for word, ours, most in halves
    ]


def tell_seconds(row: Row) -> list[str]:
    return [
        tell(f"{row.name}, {word}, seconds", min(row.collapsed if word == "collapsed" else row.whole), most)
        for name, word, most in SECONDS
        if name == row.name
    ]


def tell_capture(capture: Capture) -> list[str]:
    recorded = "capture on ResNet-18, of forward and backward without oneDNN"
    beside = "the same, of forward and backward with oneDNN, which no sealed child has"
    return [
        tell(recorded, capture.watched / capture.alike, 1.5),
        f"  {'(beside)':<8}{beside:<68}{capture.watched / capture.alone:>8.3f}",
    ]


async def main(wanted: list[str]) -> None:
    if shutil.which("dot") is None:
        sys.exit("dot is not here: install Graphviz to compare with it")
    write, rows, bars = make_writer(), programs(), list[str]()
    plan = plan_sandbox(SETTINGS)
    limits = replace(plan.limits, graph_nodes=60_000)
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; milliseconds from a finished run to its SVG"
    )
    print(
        f"{'':<24}{'nodes':>7}{'collapsed':>12}{'whole':>12}{'torchviz+dot':>15}{'collapsed':>12}{'whole':>10}"
    )
    async with LocalSandbox(replace(plan, limits=limits)).running() as sandbox:
        for name in wanted or [*rows, CAPTURE]:
            if name == CAPTURE:
                bars += tell_capture(await measure_capture(sandbox, limits))
                continue
            (graph,) = (await run_program(sandbox, rows[name], limits)).graphs
            collect_rarely()  # as the service does; what is held meanwhile is no part of drawing
            row = await time_row(write, name, rows[name], graph, limits.drawn_nodes)
            print(row, flush=True)
            bars += [*tell_shares(row), *tell_seconds(row)]
    print("\n".join(["", *bars]))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
