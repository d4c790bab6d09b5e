"""Our placement against Graphviz's dot, in one run: crossings, edge length, width and CPU time, as ratios.

    python -m benchmarks.placement

Same boxes, same gaps. Crossings are counted on the curves as drawn, edges of one producer not among themselves. dot
runs in a process of its own with a deadline; where it misses it, there is only our column. The bars: crossings and
length within 1.25 times dot's, 1,000 boxes in 25 ms, 10,000 in 300 ms, 50,000 in 2 s.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot

import torch
from torch import nn
from torch.nn import functional as F

from app.drawing.placement import RANK_GAP, Placement, place
from app.drawing.ranks import Link

SIZE = (150, 70)
BOX_GAP = 22
DEADLINE = 60.0
SAMPLES = 12

Point = tuple[float, float]
Curve = tuple[int, int, list[Point]]
"""Producer, consumer and a polyline close to the drawn curve."""

DOT = """
import json, sys, time
import pygraphviz
text = sys.stdin.read()
graph = pygraphviz.AGraph(string=text)
start = time.process_time()
plain = graph.draw(format="plain", prog="dot")
json.dump({"seconds": time.process_time() - start, "plain": plain.decode()}, sys.stdout)
"""


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    boxes: int
    links: list[Link]


@dataclass(frozen=True, slots=True)
class Measured:
    crossings: int
    length: float
    width: float
    seconds: float


# ------------------------------------------------------------------------------------------------ graphs


def residual_chain(length: int) -> Case:
    """A chain with an addition over every third box."""
    links: list[Link] = []
    for box in range(1, length):
        links.append((box - 1, 0, box))
        if box >= 3 and not box % 3:
            links.append((box - 3, 1, box))
    return Case(f"res-{length}", length, links)


def chain(length: int) -> Case:
    return Case(f"chain-{length}", length, [(box, 0, box + 1) for box in range(length - 1)])


def from_torch(name: str, result: torch.Tensor) -> Case:
    """The autograd graph with a leaf at each use, as the playground draws it."""
    links: list[Link] = []
    root = result.grad_fn
    assert root is not None
    numbers, waiting = {root: 0}, [root]
    count = 1
    while waiting:
        node = waiting.pop()
        for port, (operand, _) in enumerate(node.next_functions):
            if operand is None:
                continue
            if hasattr(operand, "variable"):
                links.append((numbers[node], port, count))
                count += 1
                continue
            if operand not in numbers:
                numbers[operand] = count
                count += 1
                waiting.append(operand)
            links.append((numbers[node], port, numbers[operand]))
    return Case(name, count, links)


def line() -> torch.Tensor:
    x, w, b = (torch.tensor(number, requires_grad=True) for number in (5.0, 3.0, 2.0))
    return x * w + b


def mlp() -> torch.Tensor:
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))
    return F.mse_loss(net(torch.randn(6, 4)), torch.zeros(6, 1))


def recurrent(cell: nn.RNNCell | nn.GRUCell, steps: int) -> torch.Tensor:
    hidden = torch.zeros(1, 4)
    for _ in range(steps):
        hidden = cell(torch.randn(1, 3), hidden)
    return hidden.sum()


def long_short(steps: int) -> torch.Tensor:
    cell = nn.LSTMCell(3, 4)
    state = (torch.zeros(1, 4), torch.zeros(1, 4))
    for _ in range(steps):
        state = cell(torch.randn(1, 3), state)
    return state[0].sum()


class Block(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(before, after, 3, padding=1)
        self.norm_one = nn.BatchNorm2d(after)
        self.two = nn.Conv2d(after, after, 3, padding=1)
        self.norm_two = nn.BatchNorm2d(after)
        self.short = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = self.norm_two(self.two(F.relu(self.norm_one(self.one(x)))))
        return F.relu(inner + self.short(x))


def resnet() -> torch.Tensor:
    widths = (4, 4, 4, 8, 8, 16, 16, 32, 32)
    blocks = [Block(before, after) for before, after in pairwise(widths)]
    net = nn.Sequential(nn.Conv2d(3, 4, 3), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))
    scores: torch.Tensor = net(torch.randn(2, 3, 8, 8))
    return F.cross_entropy(scores, torch.tensor([1, 2]))


class Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm_one, self.norm_two = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out, self.up, self.down = nn.Linear(width, width), nn.Linear(width, 8), nn.Linear(8, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.norm_one(x)
        scores = self.query(h) @ self.key(h).transpose(-1, -2) / 2
        x = x + self.out(torch.softmax(scores, -1) @ self.value(h))
        inner: torch.Tensor = self.down(F.gelu(self.up(self.norm_two(x))))
        return x + inner


def transformer(layers: int) -> torch.Tensor:
    net = nn.Sequential(*[Attention(4) for _ in range(layers)])
    outputs: torch.Tensor = net(torch.randn(2, 3, 4))
    return outputs.mean()


def compared() -> list[Case]:
    return [
        from_torch("y = x*w + b", line()),
        from_torch("MLP", mlp()),
        residual_chain(100),
        from_torch("RNNCell-30", recurrent(nn.RNNCell(3, 4), 30)),
        from_torch("RNNCell-100", recurrent(nn.RNNCell(3, 4), 100)),
        from_torch("GRUCell-30", recurrent(nn.GRUCell(3, 4), 30)),
        from_torch("LSTMCell-30", long_short(30)),
        from_torch("ResNet-18-like", resnet()),
        from_torch("transformer-12", transformer(12)),
    ]


def timed() -> list[Case]:
    return [
        residual_chain(1_000),
        residual_chain(10_000),
        residual_chain(50_000),
        chain(50_000),
        from_torch("RNNCell-1000", recurrent(nn.RNNCell(3, 4), 1_000)),
    ]


# ------------------------------------------------------------------------------------------------ measuring


def measure_ours(case: Case) -> Measured:
    sizes = [SIZE] * case.boxes
    best, placement = float("inf"), place(sizes, case.links)
    for _ in range(5 if case.boxes < 5_000 else 1):
        start = time.process_time()
        placement = place(sizes, case.links)
        best = min(best, time.process_time() - start)
    curves = our_curves(case, placement)
    return Measured(count_crossings(curves), total_length(curves), placement.width, best)


def our_curves(case: Case, placement: Placement) -> list[Curve]:
    curves = []
    for (consumer, _, producer), route in zip(case.links, placement.routes, strict=True):
        polyline: list[Point] = [route.points[0]]
        for (x, y), (next_x, next_y) in pairwise(route.points):
            middle = (y + next_y) / 2
            polyline += cubic((x, y), (x, middle), (next_x, middle), (next_x, next_y))
        curves.append((producer, consumer, polyline))
    return curves


def cubic(one: Point, two: Point, three: Point, four: Point) -> list[Point]:
    points = []
    for step in range(1, SAMPLES + 1):
        t = step / SAMPLES
        a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
        points.append(
            (
                a * one[0] + b * two[0] + c * three[0] + d * four[0],
                a * one[1] + b * two[1] + c * three[1] + d * four[1],
            )
        )
    return points


def measure_dot(case: Case) -> Measured | None:
    width, height = SIZE[0] / 72, SIZE[1] / 72
    lines = [
        f"digraph {{ nodesep={BOX_GAP / 72:.4f} ranksep={RANK_GAP / 72:.4f}",
        f'node [shape=box fixedsize=true width={width:.4f} height={height:.4f} label=""] edge [arrowhead=none]',
        *[f"{box};" for box in range(case.boxes)],
        *[f"{producer} -> {consumer};" for consumer, _, producer in sorted(case.links)],
        "}",
    ]
    command = [sys.executable, "-W", "ignore", "-c", DOT]
    try:
        run = subprocess.run(
            command, input="\n".join(lines), capture_output=True, text=True, timeout=DEADLINE, check=True
        )
    except subprocess.TimeoutExpired:
        return None
    answer = json.loads(run.stdout)
    curves, drawn_width = dot_curves(answer["plain"])
    return Measured(count_crossings(curves), total_length(curves), drawn_width, answer["seconds"])


def dot_curves(plain: str) -> tuple[list[Curve], float]:
    curves: list[Curve] = []
    width = 0.0
    for row in plain.splitlines():
        words = row.split()
        if words[0] == "graph":
            width = float(words[2]) * 72
        if words[0] != "edge":
            continue
        numbers = [float(word) * 72 for word in words[4 : 4 + 2 * int(words[3])]]
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
        polyline = [points[0]]
        for first in range(0, len(points) - 1, 3):
            polyline += cubic(*points[first : first + 4])
        curves.append((int(words[1]), int(words[2]), polyline))
    return curves, width


def total_length(curves: Sequence[Curve]) -> float:
    return sum(
        hypot(x - next_x, y - next_y)
        for _, _, points in curves
        for (x, y), (next_x, next_y) in pairwise(points)
    )


def count_crossings(curves: Sequence[Curve]) -> int:
    """Crossings of segments of edges with different producers, looked for in strips of the page."""
    strips: dict[int, list[tuple[int, Point, Point]]] = defaultdict(list)
    for number, (_, _, points) in enumerate(curves):
        for one, two in pairwise(points):
            low, high = sorted((one[1], two[1]))
            for strip in range(int(low // 40), int(high // 40) + 1):
                strips[strip].append((number, one, two))
    found: set[tuple[int, int, Point, Point]] = set()
    for segments in strips.values():
        for place_in, (first, one, two) in enumerate(segments):
            for second, three, four in segments[place_in + 1 :]:
                if curves[first][0] != curves[second][0] and cross(one, two, three, four):
                    found.add((first, second, one, three))
    return len(found)


def cross(one: Point, two: Point, three: Point, four: Point) -> bool:
    def side(a: Point, b: Point, c: Point) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    if max(one[0], two[0]) < min(three[0], four[0]) or max(three[0], four[0]) < min(one[0], two[0]):
        return False
    tight = 1e-6
    return (
        side(one, two, three) * side(one, two, four) < -tight
        and side(three, four, one) * side(three, four, two) < -tight
    )


# ------------------------------------------------------------------------------------------------ the table


def ratio(ours: float, theirs: float) -> str:
    if not theirs:
        return "1.00" if not ours else f"{ours:.0f}/0"
    return f"{ours / theirs:.2f}"


def report(case: Case, dot: Measured | None) -> str:
    ours = measure_ours(case)
    row = f"{case.name:16}{case.boxes:>7}{len(case.links):>7}{ours.crossings:>7}{ours.seconds * 1000:>10.2f}"
    if dot is None:
        return row
    return (
        f"{row}{dot.crossings:>7}{dot.seconds * 1000:>10.2f}"
        f"{ratio(ours.crossings, dot.crossings):>11}{ratio(ours.length, dot.length):>8}"
        f"{ratio(ours.width, dot.width):>7}{ratio(ours.seconds, dot.seconds):>7}"
    )


def main() -> None:
    torch.manual_seed(0)
    print(f"{'':16}{'boxes':>7}{'edges':>7}{'ours':>7}{'ms':>10}{'dot':>7}{'ms':>10}", end="")
    print(f"{'crossings':>11}{'length':>8}{'width':>7}{'time':>7}")
    small, large = compared(), timed()
    gc.freeze()  # torch's many objects are no part of the process that places graphs
    for case in small:
        print(report(case, measure_dot(case)), flush=True)
    for case in large:
        print(report(case, None), flush=True)


if __name__ == "__main__":
    main()
