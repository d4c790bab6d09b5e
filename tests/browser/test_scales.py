"""Curves of very different size, dense curves, and their laws: what `scales.js` decides, asked in the browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, FakeSite
from tests.browser.test_training import finish, start

SUMS = "for epoch in range(300):\n    loss = 1  # sums"
SCALES = """async ([name, ...given]) => {
  const page = document.querySelector('script[type="module"][src*="page.js"]').src;
  const scales = await import(page.replace("page.js", "scales.js"));
  const curve = ([name, low, high, kind]) => ({ series: { name, kind: kind ?? "loss" }, low, high });
  const dense = (ys) => ({ xs: ys.map((_, at) => at), ys: ys.map((y) => y ?? NaN) });
  const asked = {
    apart: (curves) => [...scales.apart(curves.map(curve)).entries()],
    order: (curves) => scales.inOrder(curves.map(curve)).map(({ series }) => series.name),
    visible: (ys, low, high, columns) => scales.visible(dense(ys), low, high, columns),
    valueAt: (xs, x) => scales.valueAt({ xs, ys: xs.map((each) => 10 * each) }, x) ?? null,
  };
  return asked[name](...given);
}"""
Ask = Any


@pytest.fixture
def ask(fake_site: FakeSite, page: Page) -> Ask:
    page.goto(fake_site.url)
    return lambda *given: page.evaluate(SCALES, list(given))


@pytest.mark.parametrize(
    ("curves", "panes"),
    [
        ([["loss", 0.1, 2]], [0]),
        ([["loss", 0.1, 2], ["accuracy", 0, 1]], [0, 0]),
        ([["loss", 0.1, 2], ["total_loss", 2, 900], ["accuracy", 0, 1]], [0, 1, 0]),
        ([["total_loss", 2, 900], ["loss", 0.1, 2]], [0, 1]),
        ([["elbo", -5000, -900], ["kl", 0, 9], ["loss", 0, 400]], [0, 1, 2]),
        ([["zero", 0, 0], ["loss", 0, 2], ["sum", 0, 200]], [0, 0, 1]),
        ([["never a number", None, None], ["loss", 0, 2]], [0, 0]),
        ([["a", 0, 1e-9], ["b", 0, 1e-3], ["c", 0, 1], ["d", 0, 1e5], ["e", 0, 1e300]], [0, 1, 2, 3, 3]),
    ],
)
def test_no_curve_is_flattened_by_another(ask: Ask, curves: list[Any], panes: list[int]) -> None:
    told = dict(ask("apart", curves))
    assert [told[f"loss {name}"] for name, *_ in curves] == panes


def test_what_is_trained_is_told_first(ask: Ask) -> None:
    names = ["recon_loss", "errD", "train_loss", "val_loss", "loss"]
    curves = [*([name, 0, 1] for name in names), ["acc", 0, 1, "metric"]]
    assert ask("order", curves) == ["loss", "train_loss", "recon_loss", "val_loss", "errD", "acc"]


def test_spikes_gaps_and_ends_survive_on_the_screen(ask: Ask) -> None:
    ys: list[float | None] = [0.0] * 100_000
    ys[54_321], ys[70_000], ys[0], ys[-1] = 9.0, None, 3.0, 4.0
    kept = ask("visible", ys, 0, 99_999, 500)
    assert len(kept["xs"]) <= 4 * 500
    assert kept["xs"] == sorted(kept["xs"])
    values = dict(zip(kept["xs"], kept["ys"], strict=True))
    assert (values[0], values[54_321], values[99_999]) == (3, 9, 4)
    assert 70_000 in values


def test_zoomed_in_every_point_is_there(ask: Ask) -> None:
    kept = ask("visible", [float(at % 7) for at in range(100_000)], 500, 700, 500)
    assert kept["xs"] == list(range(499, 702))


def test_value_at_a_place_is_the_newest_one(ask: Ask) -> None:
    assert [ask("valueAt", [2, 4, 8], x) for x in (1, 2, 3, 8, 9)] == [None, 20, 20, 80, 80]


def test_sum_gets_a_plot_of_its_own(fake_site: FakeSite, page: Page, complaints: Complaints) -> None:
    page.goto(fake_site.url)
    start(page, SUMS)
    finish(page)
    panes = page.locator("#training-plot .pane")
    expect(panes).to_have_count(2)
    expect(panes.nth(0).locator(".pane-names")).to_contain_text("loss")
    expect(panes.nth(1).locator(".pane-names")).to_have_text("running_loss")
    own = page.get_by_label("Own scales")
    own.uncheck()
    expect(panes).to_have_count(1)
    own.check()
    page.locator(".curve", has_text="running_loss").click()
    expect(panes).to_have_count(1)
    expect(own).to_be_hidden()
    page.locator(".curve", has_text="running_loss").dblclick()
    expect(page.locator('.curve[aria-pressed="true"]')).to_have_count(1)
    page.locator(".curve", has_text="running_loss").dblclick()
    expect(panes).to_have_count(2)
    page.get_by_role("button", name="log", exact=True).click()
    expect(panes).to_have_count(1)
    assert complaints.all() == []


def test_cursor_reads_all_plots_at_one_place(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    start(page, SUMS)
    finish(page)
    expect(page.locator("#training-plot .pane")).to_have_count(2)
    page.locator("#training-plot").focus()
    page.keyboard.press("ArrowRight")
    for name, value in (("loss", "2.6"), ("running_loss", "300"), ("accuracy", "–")):
        shown = page.locator(".curve", has=page.get_by_text(name, exact=True)).locator(".curve-value")
        expect(shown).to_have_text(value)
    expect(page.locator("#training-plot .u-cursor-x")).to_have_count(2)


def test_style_that_a_tool_left_behind_is_no_complaint(
    fake_site: FakeSite, page: Page, complaints: Complaints
) -> None:
    page.goto(fake_site.url)
    page.locator("#find").evaluate("(each) => { each.style.caretColor = 'red'; }")
    with page.expect_response("**/evaluate"):
        page.locator("#source").fill("y = x*w + b  # again")
    expect(page.locator("#find:not([style])")).to_be_attached()
    assert complaints.all() == []
