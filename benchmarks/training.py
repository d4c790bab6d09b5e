"""Training, watched live, against training alone: the same program text on every side, in turns, in one run.

Steps a second of an MLP with Adam in plain Python, in the playground with a reader of its events or with the page open
in Chromium, and in plain Python with TensorBoard's `add_scalar` at each step; how long a step takes to become pixels;
and how many frames a second the page holds while it draws 4 series of 100,000 points. One torch thread on every side.
Chromium shares this machine's cores with the program it watches: on two cores, that is part of the price it shows.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

REPOSITORY = Path(__file__).resolve().parent.parent
START_SECONDS, RUN_SECONDS = 90.0, 100.0
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
SIZES = ((784, 128, 10, 64), (2, 16, 1, 64))
"""Inputs, hidden units, outputs and batch: as on MNIST, and as in a lesson."""

MLP = """
import json, time, torch
from torch import nn, optim
torch.set_num_threads(1)
torch.manual_seed(0)
x, y = torch.randn({batch}, {inputs}), torch.randn({batch}, {outputs})
net = nn.Sequential(
    nn.Linear({inputs}, {hidden}), nn.ReLU(), nn.Linear({hidden}, {hidden}), nn.ReLU(), nn.Linear({hidden}, {outputs})
)
optimizer = optim.Adam(net.parameters(), lr=1e-3)
start = time.perf_counter()
for step in range({steps}):
    loss = nn.functional.mse_loss(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step == {warm} - 1:
        began, worked = time.perf_counter(), time.process_time()
rates = [({steps} - {warm}) / spent for spent in (time.perf_counter() - began, time.process_time() - worked)]
print(json.dumps([*rates, began - start]))
"""
MOMENTS = """
import json, time
import torch
from torch import nn, optim
torch.set_num_threads(1)
x, y = torch.randn(64, 784), torch.randn(64, 10)
net = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = optim.Adam(net.parameters(), lr=1e-3)
moments = []
for step in range({steps}):
    loss = nn.functional.mse_loss(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    moments.append(round(time.time(), 5))
print(json.dumps(moments))
"""
FOUR_SERIES = """
import json, math, random, time
for step in range({steps}):
    loss = math.exp(-step / 30_000) + 0.1 * random.random()
    val_loss = loss + 0.05
    accuracy = 1 - loss + 0.05 * random.random()
    error = 0.5 * loss + 0.2 * random.random()
    if step % 100 == 99:
        time.sleep(0.008)
print(json.dumps(1))
"""
TRAINER = """
import contextlib, io, json, sys
import torch
torch.set_num_threads(1)
for line in sys.stdin:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(json.loads(line), "<benchmark>", "exec"), {"__name__": "__main__"})
    print(printed.getvalue(), end="", flush=True)
"""
"""Runs the programs it is sent, each in a namespace of its own, and passes on what they print."""
SERVE = "import sys; from app.main import main; sys.exit(main())"
WATCH_PIXELS = """
window.drawn = [];
new MutationObserver((changes) => {
  const losses = changes.filter(({ target }) => target.querySelector(".curve-name")?.textContent === "loss");
  const count = Math.max(...losses.map(({ target }) => Number(target.dataset.count)));
  const see = () => window.drawn.push([count, (performance.timeOrigin + performance.now()) / 1e3]);
  if (count > 0) requestAnimationFrame(see);
}).observe(document.getElementById("training-legend"), { subtree: true, attributeFilter: ["data-count"] });
"""
"""The frame that begins after a drawing was made finds it painted: that is when its newest point counts as seen."""
WATCH_FRAMES = """
window.frames = [];
(function next() { requestAnimationFrame((now) => { window.frames.push(now); next(); }); })();
"""

WARM = 500
"""Steps before a rate is taken: the first calls of a program are recorded one by one, on purpose, and told apart."""


class Rate(NamedTuple):
    """Steps a second after the first ones, by the clock and by the processor's time; seconds the first ones took."""

    wall: float
    processor: float
    first: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A promise: what was measured, the bound it must keep, and which way is good."""

    name: str
    measured: float
    bound: float
    at_most: bool = False

    @property
    def kept(self) -> bool:
        return self.measured <= self.bound if self.at_most else self.measured >= self.bound

    def __str__(self) -> str:
        sign = "<=" if self.at_most else ">="
        return f"  {'kept  ' if self.kept else 'MISSED'}  {self.name:<54} {self.measured:8.3f}  {sign} {self.bound:g}"


# ------------------------------------------------------------------------------------------------- the two sides


class Site:
    """Our server, as its command starts it."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.looks: list[
            float
        ] = []  # of each run, the share of its time that went into what is shown meanwhile

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status >= 300:
            sys.exit(f"{method} {path} answered {answer.status}: {text[:300]!r}")
        return json.loads(text)

    def printed(self, run: str) -> Any:
        """What a finished run printed."""
        answer = self.ask("GET", f"/api/v1/runs/{run}")
        trace = answer["trace"]
        if trace is None or trace["outcome"]["kind"] != "completed":
            sys.exit(f"did not complete: {answer['state']} {answer['error']} {trace and trace['outcome']}")
        self.looks.append(trace["timings"]["looks"] / trace["timings"]["run"])
        return json.loads("".join(chunk["text"] for chunk in trace["output"]))

    def read_events(self, program: str) -> Rate:
        """Run a program, with a plain reader of its events; what it printed."""
        run = self.ask("POST", "/api/v1/runs", {"source": program, "graph": {"format": "none"}})
        reader = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=RUN_SECONDS)
        reader.request("GET", f"{run['events']}?trace=none")
        answer = reader.getresponse()
        points = sum(line.count(b'"steps":[') for line in answer)
        reader.close()
        assert points > 10, f"only {points} batches of points were streamed"
        return Rate(*self.printed(run["id"]))


@contextmanager
def our_server() -> Iterator[Site]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**os.environ, "PLAYGROUND_PORT": str(port), "PLAYGROUND_RUNS_PER_MINUTE": "0"}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, "serve"], cwd=REPOSITORY, env=env, stdout=subprocess.DEVNULL
    )
    try:
        site = Site(port)
        wait_for(site)
        yield site
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_for(site: Site) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            site.ask("GET", "/healthz")
            return
        except OSError:
            if time.monotonic() > deadline:
                sys.exit(f"no server after {START_SECONDS:g} s")
            time.sleep(0.2)


@contextmanager
def plain_python() -> Iterator[Callable[[str], Rate]]:
    """A Python process of its own, warm, that runs programs and hands back what they print."""
    with subprocess.Popen(
        [sys.executable, "-c", TRAINER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def run(program: str) -> Rate:
            stdin.write(json.dumps(program) + "\n")
            stdin.flush()
            line = stdout.readline()
            if not line:
                sys.exit("the plain Python process ended")
            return Rate(*json.loads(line))

        yield run
        stdin.close()


def with_tensorboard(program: str, folder: str) -> str:
    """The same program, telling TensorBoard the same two numbers at each step."""
    writer = f"from torch.utils.tensorboard import SummaryWriter\nwriter = SummaryWriter({folder!r})\n"
    told = (
        "    optimizer.step()\n"
        '    writer.add_scalar("loss", loss.item(), step)\n'
        '    writer.add_scalar("lr", optimizer.param_groups[0]["lr"], step)\n'
    )
    return writer + program.replace("    optimizer.step()\n", told) + "writer.close()\n"


class Viewer:
    """The page in a browser. Its programs are written before they are run, so that no edit is evaluated meanwhile."""

    def __init__(self, browser: Browser, site: Site) -> None:
        self._site = site
        self.page: Page = browser.new_page(viewport={"width": 1280, "height": 900})
        self.page.goto(site.url)

    def run(self, program: str) -> Any:
        """Run a program and watch it to its end; what it printed."""
        page = self.page
        page.locator("#source").fill(program)
        with page.expect_response("**/live/answer", timeout=RUN_SECONDS * 1e3):
            page.locator("#source").press("Control+Enter")
        page.wait_for_timeout(500)  # the answer is drawn: not in anybody else's time
        run = page.locator('#live [name="run"]').get_attribute("value")
        points = int(page.locator("#panel-training").get_attribute("data-points") or 0)
        assert points > 100, f"the page drew {points} points"
        return self._site.printed(str(run))


# ------------------------------------------------------------------------------------------------- the measurements


def measure_steps(
    site: Site, viewer: Viewer, size: tuple[int, ...], rounds: int, seconds: float
) -> list[Bar]:
    """Each round runs every contender once; every other round goes the other way round."""
    inputs, hidden, outputs, batch = size
    named = {"inputs": inputs, "hidden": hidden, "outputs": outputs, "batch": batch}
    with plain_python() as bare, plain_python() as logged, tempfile.TemporaryDirectory() as folder:
        rate = bare(MLP.format(steps=2 * WARM, warm=WARM, **named)).wall
        program = MLP.format(steps=WARM + int(rate * seconds), warm=WARM, **named)
        logging = with_tensorboard(program, folder)
        contenders: dict[str, Callable[[], Rate]] = {
            "plain Python": lambda: bare(program),
            "playground, its events read": lambda: site.read_events(program),
            "playground, the page watching": lambda: Rate(*viewer.run(program)),
            "plain Python with add_scalar": lambda: logged(logging),
        }
        told: dict[str, list[Rate]] = {name: [] for name in contenders}
        for number in range(rounds):
            order = list(contenders)
            for name in order if number % 2 else reversed(order):
                told[name].append(contenders[name]())
    label = f"MLP {inputs}-{hidden}-{hidden}-{outputs}"
    print(f"\n{label}, batch {batch}, Adam; {rounds} rounds of about {seconds:g} s each")
    show_rates(told)
    looks = statistics.median(site.looks[-2 * rounds :])
    plain, read, seen, logged_too = told.values()
    return [
        Bar(f"{label}: events read, against plain Python", ratio(read, plain), 0.97),
        Bar(f"{label}: page watching, against plain Python", ratio(seen, plain), 0.97),
        Bar(f"{label}: page watching, against add_scalar", ratio(seen, logged_too), 1.0),
        Bar(f"{label}: share of a run that looks take", looks, 0.01, at_most=True),
    ]


def show_rates(told: dict[str, list[Rate]]) -> None:
    """By the clock is what a user sees; by the processor's time is what is left of it on a busy machine."""
    plain = next(iter(told.values()))
    print(
        f"{'':<32}{'steps/s':>8}{'of plain':>10}{'least':>7}{'most':>7}{'by CPU':>8}  first {WARM} steps, s"
    )
    for name, rates in told.items():
        pairs = list(zip(rates, plain, strict=True))
        each = [rate.wall / base.wall for rate, base in pairs]
        worked = statistics.median(rate.processor / base.processor for rate, base in pairs)
        wall, first = statistics.median(r.wall for r in rates), statistics.median(r.first for r in rates)
        spread = f"{statistics.median(each):10.3f}{min(each):7.3f}{max(each):7.3f}"
        print(f"{name:<32}{wall:8.0f}{spread}{worked:8.3f}  {first:.2f}")


def ratio(ours: list[Rate], theirs: list[Rate]) -> float:
    """The median of the rounds: what ran next to each other is compared."""
    return statistics.median(one.wall / other.wall for one, other in zip(ours, theirs, strict=True))


def measure_delay(viewer: Viewer, steps: int) -> list[Bar]:
    """From the clock after each optimiser step to the frame that shows its loss."""
    viewer.page.evaluate(WATCH_PIXELS)
    moments = viewer.run(MOMENTS.format(steps=steps))
    drawn = viewer.page.evaluate("window.drawn")
    counts = [count for count, _ in drawn]
    first = ((bisect_right(counts, step), moment) for step, moment in enumerate(moments))
    delays = [(drawn[at][1] - moment) * 1e3 for at, moment in first if at < len(drawn)]
    assert len(delays) > 0.9 * steps, f"only {len(delays)} of {steps} steps were drawn"
    print(f"\nFrom step to pixel: {len(delays)} steps in {len(drawn)} drawings")
    return [
        Bar("milliseconds from step to pixel, p50", quantile(delays, 0.5), 100, at_most=True),
        Bar("milliseconds from step to pixel, p99", quantile(delays, 0.99), 300, at_most=True),
    ]


def measure_frames(viewer: Viewer, steps: int) -> list[Bar]:
    """Frames of the page while it draws a growing run, from its half on."""
    viewer.page.evaluate(WATCH_FRAMES)
    viewer.run(FOUR_SERIES.format(steps=steps))
    frames = viewer.page.evaluate("window.frames")
    half = frames[len(frames) // 2 :]
    spans = [later - sooner for sooner, later in pairwise(half)]
    print(f"\n4 series of {steps:,} points, drawn as they come: {len(frames)} frames")
    return [
        Bar("frames a second, mean", 1e3 * len(spans) / sum(spans), 50),
        Bar("frames a second, 19 frames of 20", 1e3 / quantile(spans, 0.95), 25),
    ]


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4.0)
    chosen = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if chromium is None:
        sys.exit("no Chromium on PATH: `make browser` installs it")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before it begins")
    with ExitStack() as stack:
        site = stack.enter_context(our_server())
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium)
        bars: list[Bar] = []
        for size in SIZES:
            viewer = Viewer(browser, site)
            bars += measure_steps(site, viewer, size, chosen.rounds, chosen.seconds)
            viewer.page.close()
        for measure, steps in ((measure_delay, 5_000), (measure_frames, 100_000)):
            viewer = Viewer(browser, site)
            bars += measure(viewer, steps)
            viewer.page.close()
        browser.close()
    print()
    for bar in bars:
        print(bar)


if __name__ == "__main__":
    main()
