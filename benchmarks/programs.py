"""Whole programs: the seeds, sealed and recorded, against the same text in a warm plain Python process, in turns.

What is compared is compute time: each program asks what its own process has used, all threads of it, when it begins
and when it ends. (`time.process_time()` would not do: under a limit of processor time, as a sealed child has, Linux
moves it on only at each tick of 4 ms.) Of the playground that is the sealed child with all that records there; telling
the trace afterwards is shown apart, by the clock. A ratio is the median of those of all rounds.

Programs that end in an exception on purpose cannot be asked twice and are left out. Training loops of 2,000 steps stand
apart: those of the seeds made that long, and a few more of the kinds that tutorials are full of.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.training import Bar, Site, our_server

SEEDS = Path(__file__).resolve().parent.parent / "tests" / "seeds" / "programs.json"
STEPS = 2_000
BAR = 1.10
MARK = "\n@compute "
TIMED = """
import resource as _resource
def _compute():
    used = _resource.getrusage(_resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
_began = _compute()
{program}
print({mark!r} + str(_compute() - _began))
"""
PLAIN = """
import contextlib, io, json, math, sys
import matplotlib
matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np
import pandas, sklearn, torch
import torch.nn.functional as F
from torch import nn, optim
torch.set_num_threads(1)
given = dict(torch=torch, nn=nn, F=F, optim=optim, np=np, plt=plt, math=math, __name__="__main__")
for line in sys.stdin:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        exec(compile(json.loads(line), "<benchmark>", "exec"), dict(given))
        plt.close("all")
    print(json.dumps(printed.getvalue()), flush=True)
"""
LAYERS = """
x, y = torch.randn({batch}, {inputs}), torch.randn({batch}, {outputs})
net = nn.Sequential(nn.Linear({inputs}, {hidden}), nn.ReLU(), nn.Linear({hidden}, {outputs}))
optimizer = optim.{optimiser}(net.parameters(), lr=1e-3)
for step in range(2_000):
    loss = nn.functional.mse_loss(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
LESSON, IMAGES = (
    {"inputs": 2, "hidden": 16, "outputs": 1, "batch": 64},
    {"inputs": 784, "hidden": 128, "outputs": 10, "batch": 64},
)
BY_HAND = """
x = torch.linspace(-1, 1, 100)
y = 3 * x + 1
w, b = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
for step in range(2_000):
    loss = ((w * x + b - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        b -= 0.1 * b.grad
        w.grad.zero_()
        b.grad.zero_()
"""
EPOCHS = """
x, y = torch.randn(320, 8), torch.randn(320, 1)
net = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = optim.SGD(net.parameters(), lr=1e-2)
data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=16, shuffle=True)
for epoch in range(100):
    for inputs, targets in data:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(inputs), targets)
        loss.backward()
        optimizer.step()
"""
LOOPS = {
    "MLP of a lesson, SGD": LAYERS.format(optimiser="SGD", **LESSON),
    "MLP of a lesson, Adam": LAYERS.format(optimiser="Adam", **LESSON),
    "MLP on images, Adam": LAYERS.format(optimiser="Adam", **IMAGES),
    "update by hand": BY_HAND,
    "100 epochs of 20 batches": EPOCHS,
}
Run = Callable[[str], str]


class Took(NamedTuple):
    """Seconds: of the processor while the program ran; by the clock to tell the trace, where there is one."""

    compute: float
    telling: float = 0.0


def read_programs() -> tuple[dict[str, str], dict[str, str]]:
    """Whole programs, and training loops of 2,000 steps, by name."""
    seeds: list[dict[str, Any]] = json.loads(SEEDS.read_text(encoding="utf-8"))
    whole = {
        each["id"]: each["code"]
        for each in seeds
        if not any(fact["kind"] == "raises" for fact in each["expect"])
    }
    trains = {name: code for name, code in whole.items() if ".step()" in code and "range(" in code}
    longer = {
        f"{name}, {STEPS} steps": re.sub(r"in range\(\d+\)", f"in range({STEPS})", code)
        for name, code in trains.items()
    }
    return whole, {**longer, **LOOPS}


def seconds_in(printed: str) -> float:
    """What the program said its compute time was."""
    _, mark, told = printed.rpartition(MARK)
    if not mark:
        sys.exit(f"a program did not come to its end: {printed[-300:]!r}")
    return float(told)


@contextmanager
def plain_python() -> Iterator[Callable[[str], Took]]:
    with subprocess.Popen(
        [sys.executable, "-c", PLAIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def run(program: str) -> Took:
            stdin.write(json.dumps(program) + "\n")
            stdin.flush()
            line = stdout.readline()
            if not line:
                sys.exit("the plain Python process ended")
            return Took(seconds_in(json.loads(line)))

        yield run
        stdin.close()


def run_sealed(site: Site, program: str) -> Took:
    answer = site.ask("POST", "/api/v1/evaluate", {"source": program, "graph": {"format": "none"}})
    if answer["outcome"]["kind"] != "completed":
        sys.exit(f"a program did not complete: {answer['outcome']}")
    printed = "".join(part["text"] for part in answer["output"] if part["stream"] == "stdout")
    return Took(seconds_in(printed), answer["timings"]["record"])


def measure(
    title: str, programs: dict[str, str], plain: Callable[[str], Took], site: Site, rounds: int
) -> list[float]:
    """Print a row for each program; the ratios."""
    print(
        f"\n{title:<34}{'plain ms':>10}{'ours ms':>10}{'ratio':>8}{'least':>7}{'most':>7}{'telling ms':>12}"
    )
    ratios = []
    for name, program in programs.items():
        text = TIMED.format(program=program, mark=MARK)
        plain(text), run_sealed(site, text)
        pairs = []
        for number in range(rounds):
            ours = run_sealed(site, text) if number % 2 else None
            base = plain(text)
            pairs.append((ours or run_sealed(site, text), base))
        each = [ours.compute / base.compute for ours, base in pairs]
        ratios.append(statistics.median(each))
        middle = [statistics.median(took.compute for took in side) * 1e3 for side in zip(*pairs, strict=True)]
        told = statistics.median(ours.telling for ours, _ in pairs) * 1e3
        print(
            f"{name:<34}{middle[1]:>10.2f}{middle[0]:>10.2f}{ratios[-1]:>8.2f}{min(each):>7.2f}{max(each):>7.2f}"
            f"{told:>12.1f}"
        )
    return ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    whole, loops = read_programs()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {rounds} rounds, interleaved")
    with our_server() as site, plain_python() as plain:
        short = measure("whole seed programs", whole, plain, site, rounds)
        long = measure(f"training loops of {STEPS:,} steps", loops, plain, site, rounds)
    print(f"\nwhole seed programs, median ratio: {statistics.median(short):.2f}")
    print(Bar(f"loops of {STEPS:,} steps, the worst ratio", max(long), BAR, at_most=True))
    print(Bar(f"loops of {STEPS:,} steps, the median ratio", statistics.median(long), BAR, at_most=True))


if __name__ == "__main__":
    main()
