"""Predictions in a browser: a line that moves with a real program; boundary and probabilities read and switched."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Complaints, FakeSite, wait_until
from tests.browser.test_training import FULL, REAL, THIRTY, finish, set_speed, start
from tests.canned_predictions import classifier_trace, regressor_trace


def part(page: Page, name: str) -> Locator:
    return page.locator(f"#predictions-{name}")


def painted(page: Page) -> str:
    """The picture of the plane, as one value that changes when it does."""
    picture: str = page.locator("#predictions-field canvas").evaluate("canvas => canvas.toDataURL()")
    return picture


def see_it_change(page: Page, before: str) -> None:
    wait_until(page, lambda: painted(page) != before)


def test_fitted_line_moves_while_a_real_program_trains(
    real_site: str, page: Page, complaints: Complaints
) -> None:
    page.goto(f"{real_site}/?example=views")
    set_speed(page, THIRTY)
    start(page, REAL)
    expect(part(page, "field")).to_be_visible()
    for _ in range(3):
        see_it_change(page, painted(page))
    expect(page.locator("#panel-training")).to_have_attribute("data-state", "running")
    set_speed(page, FULL)
    finish(page, 120)
    expect(part(page, "caption")).to_have_text("net after 3000 steps, asked for 64 rows")
    part(page, "field").focus()
    page.keyboard.press("Home")
    expect(part(page, "reading")).to_have_text(
        re.compile(r"^x = −1: y = 1, predicted [\d.]+, before −?[\d.e−]+$")
    )
    expect(part(page, "summary")).to_contain_text("mean distance from the target")
    before = painted(page)
    part(page, "legend").get_by_role("button", name="before training").click()
    see_it_change(page, before)
    assert complaints.all() == []


def test_boundary_and_probabilities_are_switched_and_read(
    fake_site: FakeSite, page: Page, complaints: Complaints
) -> None:
    fake_site.sandbox.trace = classifier_trace
    page.goto(fake_site.url)
    expect(part(page, "field")).to_be_visible()
    now = painted(page)
    page.get_by_role("button", name="Before training").click()
    expect(part(page, "caption")).to_contain_text("net after 0 steps")
    see_it_change(page, now)
    part(page, "field").focus()
    page.keyboard.press("ArrowRight")
    expect(part(page, "reading")).to_have_text("x[:, 0] = −1, x[:, 1] = −1: y = 0, predicted 0.1, before 0.5")
    page.keyboard.press("Escape")
    expect(part(page, "reading")).to_have_text("")
    expect(part(page, "summary")).to_have_text("net: 4 of 4 rows predicted right, before training 2.")
    page.get_by_role("button", name="Probabilities").click()
    expect(part(page, "shares")).to_contain_text("50 % → 90 %")
    expect(part(page, "sure-now").get_by_text("0.9 to 1.0: 4 right, 0 wrong")).to_be_attached()
    part(page, "table").locator("summary").click()
    expect(part(page, "table").locator("tbody tr")).to_have_count(4)
    assert complaints.all() == []


def test_model_of_many_inputs_is_shown_as_predicted_over_true(
    fake_site: FakeSite, page: Page, complaints: Complaints
) -> None:
    fake_site.sandbox.trace = regressor_trace
    page.goto(fake_site.url)
    expect(part(page, "legend")).to_contain_text("predicted exactly")
    part(page, "field").focus()
    page.keyboard.press("End")
    expect(part(page, "reading")).to_have_text("Row 3: y = 1, predicted 1, before 0")
    expect(part(page, "summary")).to_have_text(
        "net: mean distance from the target 0.25, before training 1.5."
    )
    part(page, "table").locator("summary").click()
    expect(part(page, "table").locator("tbody tr")).to_have_count(2)
    assert complaints.all() == []


def test_predictions_fit_a_phone(fake_site: FakeSite, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, locale="zh-CN", has_touch=True)
    page = context.new_page()
    fake_site.sandbox.trace = classifier_trace
    page.goto(fake_site.url)
    expect(part(page, "field")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.get_by_role("button", name="概率").click()
    expect(part(page, "shares")).to_contain_text("类别 0")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    context.close()
