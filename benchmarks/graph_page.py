"""Large graphs on the page, in headless Chromium: frames a second while they are panned and zoomed, groups opened.

    python -m benchmarks.graph_page

A thousand drawn boxes are panned and zoomed for two seconds each; groups of ResNet-152 are opened one after the other,
from the key to the painted picture, each when the scroll that ended the one before has come to rest; and a graph of
5,000 nodes arrives, is found in and is seen on the minimap while the page's longest pause is measured. Server, program
and browser share this machine's cores.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

from benchmarks.graph_programs import SYNTHETIC, programs

CHROMIUM = "/usr/bin/chromium"
READY = "Tensor Playground is ready on "
PATIENCE = 60_000
"""Milliseconds any single thing may take."""
OPENED = 5

FRAMES = """([move, seconds]) => new Promise((done) => {
  const area = document.querySelector(".viewport");
  const { left, top, width, height } = area.getBoundingClientRect();
  const at = { clientX: left + width / 2, clientY: top + Math.min(height, innerHeight - top) / 2 };
  const moves = {
    pan: (n) => area.scrollBy({ left: n % 120 < 60 ? 9 : -9, top: n % 240 < 120 ? 24 : -24, behavior: "instant" }),
    zoom: (n) => area.querySelector("svg").dispatchEvent(new WheelEvent("wheel", {
      ...at, deltaY: n % 60 < 30 ? 8 : -8, ctrlKey: true, bubbles: true, cancelable: true })),
  };
  const times = [];
  requestAnimationFrame(function next(now) {
    times.push(now);
    if (now - times[0] > seconds * 1000) return done((times.length - 1) / (now - times[0]) * 1000);
    moves[move](times.length);
    requestAnimationFrame(next);
  });
})"""
OPEN = """(group) => new Promise((done) => {
  const boxes = () => [...document.querySelectorAll("svg.graph .box")];
  const box = boxes().find((each) => each.dataset.group === group);
  const watch = new MutationObserver(() => {
    if (!boxes().some((each) => each.dataset.within?.split(" ").includes(group))) return;
    watch.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
  });
  watch.observe(document.body, { childList: true, subtree: true });
  const began = performance.now();
  box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
})"""
STILL = """() => new Promise((done) => {
  const area = document.querySelector(".viewport");
  let [left, top, frames] = [NaN, NaN, 0];
  requestAnimationFrame(function next() {
    frames = area.scrollLeft === left && area.scrollTop === top ? frames + 1 : 0;
    [left, top] = [area.scrollLeft, area.scrollTop];
    if (frames === 12) done();
    else requestAnimationFrame(next);
  });
})"""
PAUSES = """
window.pause = 0;
let last = performance.now();
(function next() {
  requestAnimationFrame((now) => { window.pause = Math.max(window.pause, now - last); last = now; next(); });
})();
"""


@contextmanager
def served(**settings: str) -> Iterator[str]:
    """The address of the application, as its command starts it."""
    given = {f"PLAYGROUND_{name.upper()}": value for name, value in settings.items()}
    with subprocess.Popen(
        [sys.executable, "-m", "app.main", "serve", "--port", "0"],
        env={**os.environ, "PLAYGROUND_RUNS_PER_MINUTE": "0", **given},
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            if not line.startswith(READY):
                sys.exit("the application did not start")
            yield line.removeprefix(READY).strip()
        finally:
            server.terminate()


def show(page: Page, url: str, source: str, nodes: int) -> None:
    """Type a program and wait until its graph is drawn."""
    page.goto(url)
    page.locator("#source").fill(
        source
    )  # what takes its time is watched live: its answer may come either way
    drawn = f"document.querySelectorAll('svg.graph .box').length >= {nodes}"
    over = "document.getElementById('status').textContent.includes('Completed')"
    page.wait_for_function(f"() => {drawn} && {over}", timeout=PATIENCE)
    page.wait_for_timeout(500)


def measure_frames(page: Page) -> None:
    with served(drawn_nodes="1200") as url:
        show(page, url, SYNTHETIC.format(blocks=333), 1_000)
        boxes = page.locator("svg.graph .box").count()
        for move in ("pan", "zoom"):
            tell(
                f"{move}, frames a second at {boxes:,} boxes",
                page.evaluate(FRAMES, [move, 2]),
                50,
                least=True,
            )


def measure_groups(page: Page, url: str) -> None:
    show(page, url, programs()["ResNet-152"], 20)
    taken = []
    for _ in range(OPENED):
        group = page.locator("svg.graph .box.group").nth(2).get_attribute("data-group")
        taken.append(page.evaluate(OPEN, group))
        page.wait_for_timeout(300)
        page.evaluate(STILL)
    tell("opening a group of ResNet-152, milliseconds, median", statistics.median(taken), 100)


def measure_many(page: Page, url: str) -> None:
    show(page, url, "y = torch.zeros(())", 0)
    page.evaluate(f"() => {{ {PAUSES} }}")
    source = SYNTHETIC.format(blocks=1_666)
    page.locator("#source").fill(source)
    page.wait_for_selector("svg.graph .box.group", timeout=PATIENCE)
    page.locator("#find").fill("sin")
    page.wait_for_selector("svg.graph .box.found", timeout=PATIENCE)
    assert page.locator("#found").text_content(), "nothing was found"
    assert page.locator(".minimap").is_visible(), "the minimap is hidden"
    cards = page.locator(".minimap path").first.get_attribute("d") or ""
    assert cards.count("M") == page.locator("svg.graph .box").count(), "the minimap shows other boxes"
    assert page.locator(".graph-note").is_visible(), "it is not said why the graph is grouped"
    page.wait_for_timeout(300)
    tell("the longest pause as 5,000 nodes arrive, milliseconds", page.evaluate("window.pause"), 500)


def tell(name: str, measured: float, bound: float, least: bool = False) -> None:
    kept = measured >= bound if least else measured <= bound
    sign = ">=" if least else "<="
    print(f"  {'kept' if kept else 'MISSED':<8}{name:<62}{measured:>8.1f}  {sign} {bound:g}", flush=True)


def main() -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        measure_frames(page)
        with served(memory="2G", seconds="60") as url:
            measure_groups(page, url)
            measure_many(page, url)
        browser.close()


if __name__ == "__main__":
    main()
