"""The inspector in a browser: a pinned box tells its story, by mouse and by keyboard, and the story stays current."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints

MUL = '.box[aria-label*="MulBackward0"]'


def test_pinned_node_tells_its_rule_with_the_numbers(
    real_site: str, page: Page, complaints: Complaints
) -> None:
    page.goto(f"{real_site}/?example=line")
    inspector = page.locator("#inspector")
    expect(inspector).to_be_hidden()
    page.locator(MUL).click()
    expect(inspector.get_by_role("heading", level=3)).to_have_text("x*w")
    formulas = inspector.locator("math")
    assert formulas.first.evaluate("node => node.namespaceURI") == "http://www.w3.org/1998/Math/MathML"
    expect(formulas.last).to_contain_text("g·x=1×3=3")
    page.locator('[name="in.x.value"]').fill("7")
    expect(formulas.last).to_contain_text("g·x=1×7=7")
    inspector.locator("button.call").click()
    selected = "area => area.value.slice(area.selectionStart, area.selectionEnd)"
    assert page.locator("#source").evaluate(selected) == "x*w"
    assert complaints.all() == []


def test_sum_leads_on_by_keyboard_and_escape_closes(real_site: str, page: Page) -> None:
    page.goto(f"{real_site}/?example=chain-rule")
    page.locator(".box.accumulate").first.focus()
    page.keyboard.press("Enter")
    inspector = page.locator("#inspector")
    expect(inspector.locator(".sums tbody tr").last).to_contain_text(".grad after this pass")
    inspector.locator(".sums button").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".box.pinned")).to_be_focused()
    expect(inspector.locator(".badge-fn")).to_have_text("MulBackward0")
    page.keyboard.press("Escape")
    expect(inspector).to_be_hidden()


def test_step_tells_the_story_of_its_op(real_site: str, page: Page) -> None:
    page.goto(f"{real_site}/?example=line")
    page.get_by_role("button", name="First step").click()
    page.get_by_role("button", name="Step forward").click()
    inspector = page.locator("#inspector")
    expect(inspector.get_by_role("heading", level=3)).to_have_text("x*w")
    inspector.locator("summary").click()
    page.get_by_role("button", name="Step forward").click()
    expect(inspector.get_by_role("heading", level=3)).to_have_text("y")
    page.keyboard.press("Escape")
    expect(inspector).to_be_hidden()
