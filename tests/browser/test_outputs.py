"""What a program prints, in the browser: the script shows it while it runs as the server does when it is over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, expect

from tests.browser.conftest import FakeSite
from tests.browser.test_accessibility import violations

SAMPLES = json.loads((Path(__file__).parents[1] / "screens.json").read_text("utf-8"))
SHOW = """async (samples) => {
  const page = document.querySelector('script[src$="/page.js"]').src;
  const { Screen } = await import(page.replace("page.js", "screen.js"));
  return samples.map(({ printed }) => {
    const screen = new Screen();
    for (const [stream, text] of printed) screen.take(stream, text);
    return screen.shown().map(({ stream, stretches, bar }) => ({ stream, stretches, bar }));
  });
}"""


def test_script_shows_text_as_the_server_does(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    assert page.evaluate(SHOW, SAMPLES) == [sample["rows"] for sample in SAMPLES]


def test_output_is_rows_bars_and_tables_in_order(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    page.locator("#source").fill("print('loss')")
    output = page.locator("#panel-output")
    bar = output.locator("progress")
    expect(bar).to_have_attribute("value", "50")
    expect(output.get_by_role("progressbar", name="训练:")).to_be_visible()
    assert output.locator(".output, .shown").evaluate_all("(all) => all.map((each) => each.className)") == [
        "output",
        "shown",
        "output",
        "shown",
    ]
    expect(output.locator(".frame tbody td")).to_have_text(["0.5", "0.25"])
    wide = output.locator(".wide").first
    narrow = page.evaluate(
        "(box) => { const probe = document.createElement('span'); probe.textContent = '0000'; box.append(probe);"
        " const width = probe.getBoundingClientRect().width; probe.remove(); return width; }",
        output.locator(".output").last.element_handle(),
    )
    assert abs((wide.bounding_box() or {"width": 0})["width"] - narrow) < 1  # 精度 takes four columns
    output.locator(".warned").get_by_role("button").click()
    assert page.evaluate("document.activeElement.id") == "source"


CELLS = """
1  # %% Old code, pasted with its line numbers
2  import warnings
3  from tqdm import tqdm
4  for i in tqdm(range(3), desc="训练"): warnings.warn("careful")
5  torch.range(0, 1)
6  # %% [markdown]
7  # # Words
8  # between the cells
9  # %% Drawn
10 plt.plot([1, 2])
11 import pandas as pd
12 pd.DataFrame({"a": range(3)})
"""


def test_cells_repairs_and_advice_are_accessible(real_site: str, page: Page) -> None:
    page.goto(real_site)
    page.locator("#source").fill(CELLS)
    cells = page.locator("#panel-cells .cell")
    expect(cells).to_have_count(3)
    expect(cells.nth(0).locator("progress")).to_have_attribute("value", "100")
    expect(cells.nth(0).locator(".warned li")).to_have_count(2)
    expect(cells.nth(2).locator(".frame tbody tr")).to_have_count(3)
    expect(cells.nth(2).locator("img")).to_have_count(1)
    expect(page.locator("#repairs li").first).to_be_visible()
    expect(page.locator("#advice")).to_contain_text("torch.range")
    check_widths(page, "light", "dark")
    page.locator("#source").fill("# %%\nprint(1)\n# %% Broken\nx = +\n# %%\nprint('never')")
    expect(cells.nth(1).locator(".cell-said")).to_have_text("The program ended in this cell.")
    expect(cells.nth(2).locator(".cell-said")).to_have_text("not run")
    expect(page.locator("#notices h3")).to_have_text("SyntaxError")
    check_widths(page, "dark", "light")


def check_widths(page: Page, narrow: Literal["light", "dark"], wide: Literal["light", "dark"]) -> None:
    """axe finds nothing at either width, each in its theme; and nothing has to be scrolled sideways."""
    for width, theme in ((360, narrow), (1280, wide)):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(page) == []
