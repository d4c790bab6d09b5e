"""From a finished run to its SVG: our picture against torchviz and dot, in one run, for graphs of any size.

    python -m benchmarks.graphs

Every program runs sealed, as a visitor's does; timed is what follows: the trace drawn and written as a standalone SVG,
as the page shows it ("collapsed" where that takes groups) and "whole", with every node. Pictures of more than 300 boxes
have no heatmaps; 50,000 boxes nobody wishes to see, so "whole" stands in that row and has no bar. torchviz runs the
same text in a process of its own with a deadline; what is timed there is `make_dot` and `dot -Tsvg`. Networks are
narrow, which no graph shows; what capture costs is measured on the real ResNet-18.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
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

ROOT = Path(__file__).parents[1]
DEADLINE = 60.0
"""Seconds torchviz and dot may take for one graph."""
ENOUGH = 1.0
"""Seconds after which nothing is timed again."""
WHOLE = 10**9
SETTINGS = Settings(seconds=60.0, memory=2 << 30, spares=1, slots=1)

LINE = """
import torch
x, w, b = (torch.tensor(number, requires_grad=True) for number in (2.0, 3.0, 1.0))
loss = x*w + b
loss.backward()
"""
MLP = """
import torch
from torch import nn
from torch.nn import functional as F
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))
loss = F.mse_loss(net(torch.randn(6, 4)), torch.zeros(6, 1))
loss.backward()
"""
RESNET = """
import time
import torch
from torch import nn
from torch.nn import functional as F
torch.set_num_threads(1)

def conv(before, after, size, stride=1):
    return nn.Conv2d(before, after, size, stride, size // 2, bias=False)

class Shortcut(nn.Sequential):
    def __init__(self, before, after, stride):
        same = before == after and stride == 1
        super().__init__(*([] if same else [conv(before, after, 1, stride), nn.BatchNorm2d(after)]))

class Basic(nn.Module):
    expansion = 1
    def __init__(self, before, width, stride):
        super().__init__()
        self.conv1, self.bn1 = conv(before, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3), nn.BatchNorm2d(width)
        self.relu, self.downsample = nn.ReLU(inplace=True), Shortcut(before, width, stride)
    def forward(self, x):
        h = self.relu(self.bn1(self.conv1(x)))
        h = self.bn2(self.conv2(h))
        h += self.downsample(x)
        return self.relu(h)

class Bottleneck(nn.Module):
    expansion = 4
    def __init__(self, before, width, stride):
        super().__init__()
        self.conv1, self.bn1 = conv(before, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = conv(width, 4 * width, 1), nn.BatchNorm2d(4 * width)
        self.relu, self.downsample = nn.ReLU(inplace=True), Shortcut(before, 4 * width, stride)
    def forward(self, x):
        h = self.relu(self.bn1(self.conv1(x)))
        h = self.relu(self.bn2(self.conv2(h)))
        h = self.bn3(self.conv3(h))
        h += self.downsample(x)
        return self.relu(h)

class ResNet(nn.Module):
    def __init__(self, block, counts, width):
        super().__init__()
        self.conv1, self.bn1, self.relu = conv(3, width, 7, 2), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        self.maxpool, before = nn.MaxPool2d(3, 2, 1), width
        for number, count in enumerate(counts, 1):
            blocks = []
            for place in range(count):
                blocks.append(block(before, width, 2 if number > 1 and not place else 1))
                before = width * block.expansion
            setattr(self, f"layer{{number}}", nn.Sequential(*blocks))
            width *= 2
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(before, 1000)
    def forward(self, x):
        h = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        h = self.layer4(self.layer3(self.layer2(self.layer1(h))))
        return self.fc(torch.flatten(self.avgpool(h), 1))

net, images = ResNet({block}, {counts}, {width}), torch.randn(2, 3, {size}, {size})
"""
ONCE = """
loss = F.cross_entropy(net(images), torch.tensor([1, 2]))
loss.backward()
"""
TIMED = """
taken = []
for _ in range(4):
    net.zero_grad()
    began = time.perf_counter()
    loss = F.cross_entropy(net(images), torch.tensor([1, 2]))
    loss.backward()
    taken.append(time.perf_counter() - began)
print(min(taken[1:]))
"""
WITHOUT_ONEDNN = "import torch; torch.backends.mkldnn.set_flags(False)\n"
TRANSFORMER = """
import torch
from torch import nn
layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
net = nn.TransformerEncoder(layer, 12, enable_nested_tensor=False)
loss = net(torch.randn(2, 5, 16)).mean()
loss.backward()
"""
LSTM = """
import torch
cell = torch.nn.LSTMCell(3, 4)
h = c = torch.zeros(1, 4)
for _ in range(50):
    h, c = cell(torch.randn(1, 3), (h, c))
loss = h.sum()
loss.backward()
"""
LOOP = """
import torch
w = torch.tensor(0.9, requires_grad=True)
h = torch.tensor(1.0)
for _ in range(1_000):
    h = torch.tanh(h * w)
loss = h + 0
loss.backward()
"""
SYNTHETIC = """
import torch
w = torch.ones(2, requires_grad=True)
h = w * 1
for _ in range({blocks}):
    inner = torch.cos(torch.sin(h))
    h = h + inner
loss = h.sum()
loss.backward()
"""


def resnet(block: str, counts: list[int], width: int = 4, size: int = 32) -> str:
    return RESNET.format(block=block, counts=counts, width=width, size=size)


def programs() -> dict[str, str]:
    return {
        "y = x*w + b": LINE,
        "MLP": MLP,
        "ResNet-18": resnet("Basic", [2, 2, 2, 2]) + ONCE,
        "ResNet-50": resnet("Bottleneck", [3, 4, 6, 3]) + ONCE,
        "ResNet-152": resnet("Bottleneck", [3, 8, 36, 3]) + ONCE,
        "transformer-12": TRANSFORMER,
        "LSTMCell-50": LSTM,
        "shared weight x 1000": LOOP,
        "synthetic 10k": SYNTHETIC.format(blocks=3_333),
        "synthetic 50k": SYNTHETIC.format(blocks=16_660),
    }


# ---------------------------------------------------------------------------------------------------- the two sides


PEER = """
import json, subprocess, sys, threading, time
import torch
from torchviz import make_dot

names = {}
exec(compile(sys.stdin.read(), "<benchmark>", "exec"), names)
net, loss = names.get("net", names.get("cell")), names["loss"]
params = dict(net.named_parameters()) if net is not None else {n: names[n] for n in "xwb" if n in names}

def draw():
    taken, began = [], time.perf_counter()
    while len(taken) < 5 and (not taken or time.perf_counter() - began < 1.0):
        started = time.perf_counter()
        dot = make_dot(loss, params=params).source
        svg = subprocess.run(["dot", "-Tsvg"], input=dot.encode(), capture_output=True, check=True).stdout
        taken.append(time.perf_counter() - started)
        assert svg.rstrip().endswith(b"</svg>"), svg[-100:]
    print(json.dumps(min(taken)))

sys.setrecursionlimit(10**7)
threading.stack_size(1 << 29)  # make_dot calls itself once for each node of a chain
thread = threading.Thread(target=draw)
thread.start()
thread.join()
"""


def time_peer(source: str) -> float | str:
    """Seconds of torchviz and dot, or why there are none."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PEER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as peer:
        try:
            told, _ = peer.communicate(source, timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            os.killpg(peer.pid, signal.SIGKILL)
            return f"> {DEADLINE:.0f} s"
    return float(json.loads(told)) if told.strip() else "failed"


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
    best, began = float("inf"), time.perf_counter()
    for _ in range(7):
        started = time.perf_counter()
        svg = write(graph, most)
        best = min(best, time.perf_counter() - started)
        assert svg.endswith("</svg>")
        if time.perf_counter() - began > ENOUGH:
            break
    return best


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


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    nodes: int
    collapsed: float
    whole: float
    peer: float | str

    def __str__(self) -> str:
        times = f"{self.name:<24}{self.nodes:>7}{self.collapsed * 1e3:>12.1f}{self.whole * 1e3:>12.1f}"
        if isinstance(self.peer, str):
            return f"{times}{self.peer:>15}"
        shares = f"{self.collapsed / self.peer:>11.3f}x{self.whole / self.peer:>9.3f}x"
        return f"{times}{self.peer * 1e3:>15.1f}{shares}"


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


def tell_bars(rows: dict[str, Row], capture: Capture) -> list[str]:
    bars = []
    for row in rows.values():
        if isinstance(row.peer, float):
            bars.append(tell(f"{row.name}, collapsed, of torchviz and dot", row.collapsed / row.peer, 0.5))
            bars.append(tell(f"{row.name}, whole, of torchviz and dot", row.whole / row.peer, 0.5))
    deep = rows["ResNet-152"]
    if isinstance(deep.peer, float):
        bars.append(tell("ResNet-152, collapsed, of torchviz and dot", deep.collapsed / deep.peer, 0.03))
        bars.append(tell("ResNet-152, whole, of torchviz and dot", deep.whole / deep.peer, 0.2))
    bars += [
        tell("LSTMCell-50, collapsed, seconds", rows["LSTMCell-50"].collapsed, 0.1),
        tell("LSTMCell-50, whole, seconds", rows["LSTMCell-50"].whole, 0.1),
        tell("shared weight x 1000, collapsed, seconds", rows["shared weight x 1000"].collapsed, 0.2),
        tell("shared weight x 1000, whole, seconds", rows["shared weight x 1000"].whole, 0.2),
        tell("synthetic 50k, collapsed, seconds", rows["synthetic 50k"].collapsed, 2.0),
        tell(
            "capture on ResNet-18, of forward and backward without oneDNN",
            capture.watched / capture.alike,
            1.5,
        ),
        f"  {'(beside)':<8}{'the same, of forward and backward with oneDNN, which no sealed child has':<68}"
        f"{capture.watched / capture.alone:>8.3f}",
    ]
    return bars


async def main() -> None:
    if shutil.which("dot") is None:
        sys.exit("dot is not here: install Graphviz to compare with it")
    write, rows = make_writer(), {}
    plan = plan_sandbox(SETTINGS)
    limits = replace(plan.limits, graph_nodes=60_000)
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; milliseconds from a finished run to its SVG"
    )
    print(
        f"{'':<24}{'nodes':>7}{'collapsed':>12}{'whole':>12}{'torchviz+dot':>15}{'collapsed':>12}{'whole':>10}"
    )
    async with LocalSandbox(replace(plan, limits=limits)).running() as sandbox:
        for name, source in programs().items():
            (graph,) = (await run_program(sandbox, source, limits)).graphs
            collect_rarely()  # as the service does; what is held meanwhile is no part of drawing
            collapsed, whole = (time_ours(write, graph, most) for most in (limits.drawn_nodes, WHOLE))
            rows[name] = Row(
                name, len(graph.nodes), collapsed, whole, await asyncio.to_thread(time_peer, source)
            )
            print(rows[name], flush=True)
        capture = await measure_capture(sandbox, limits)
    print("\n".join(["", *tell_bars(rows, capture)]))


if __name__ == "__main__":
    asyncio.run(main())
