"""What a program prints, in the browser: the script shows it while it runs as the server does when it is over."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import FakeSite

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
