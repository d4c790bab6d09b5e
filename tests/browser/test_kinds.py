"""The kinds of graph in a browser: switched by the keyboard without another run, two graphs that light up together."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, FakeSite
from tests.browser.test_accessibility import violations
from tests.web.test_kinds import with_static


def test_kinds_are_switched_by_keyboard_and_graphs_of_one_place_light_up_together(
    fake_site: FakeSite, page: Page, complaints: Complaints
) -> None:
    fake_site.sandbox.trace = with_static
    page.goto(fake_site.url)
    kind = page.locator("[data-kind]")
    pressed = page.locator('[data-kind][aria-pressed="true"]')
    expect(pressed).to_have_text("Static")
    page.locator("#s0-n1").hover()
    expect(page.locator(".viewport .function.lit")).not_to_have_count(0)
    lit = page.locator(".viewport .box.lit").evaluate_all("boxes => boxes.map((box) => box.id.slice(0, 2))")
    assert set(lit) == {"g0", "s0"}
    expect(page.locator("#backdrop mark")).to_have_text("x*w")
    page.locator(".static-said summary").click()
    page.locator("#modules > summary").click()
    assert violations(page) == []
    with page.expect_response("**/graph"):
        kind.get_by_text("Modules").press("Enter")
    expect(page.locator("#module-tree .box")).to_have_count(3)
    expect(pressed).to_have_text("Modules")
    expect(pressed).to_be_focused()
    page.locator("#module-tree .group").press("Enter")
    expect(page.locator("#module-tree .box")).to_have_count(7)
    assert violations(page) == []
    page.keyboard.press("Backspace")
    expect(page.locator("#module-tree .box")).to_have_count(3)
    with page.expect_response("**/graph"):
        kind.get_by_text("Autograd").press("Enter")
    expect(page.locator("svg#g0")).to_be_visible()
    assert len(fake_site.sandbox.asked) == 1
    assert complaints.all() == []
