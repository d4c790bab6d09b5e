"""While it trains: a picture whose numbers move under the reader's eyes, ribbons of weights, the flow of gradients."""

from __future__ import annotations

import math

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Complaints, FakeSite, wait_until
from tests.browser.test_training import TRAIN, finish, panel, start, write
from tests.fake_moving import moving_frames
from tests.web.test_live import trained_trace

LINE = "y = x*w + b  # epoch"


def move(site: FakeSite, page: Page) -> None:
    """Start a program whose tensors move, and wait until they do."""
    site.sandbox.frames = lambda program: moving_frames(program.source, 1_000_000)
    site.sandbox.pace = 0.1
    page.goto(site.url)
    start(page, LINE)
    expect(page.locator("#result .note")).to_contain_text("It trains")


SHOWN = """() => [
  document.querySelector("#result .note").textContent.replace(/\\D/g, ""),
  document.querySelector('article[aria-label="w"] .half .scalar').textContent,
].map(Number)"""


def see_it_move(page: Page) -> None:
    before = page.locator("#result .note").first.text_content() or ""
    expect(page.locator("#result .note").first).not_to_have_text(before)


def test_numbers_move_in_a_picture_that_stays(
    fake_site: FakeSite, page: Page, complaints: Complaints
) -> None:
    move(fake_site, page)
    weight = page.locator('.viewport .box[aria-label^="w:"]')
    picture = page.locator(".paper > svg")
    small = picture.get_attribute("width") or ""
    page.get_by_role("group", name="Zoom").last.get_by_role("button", name="Larger").click()
    expect(picture).not_to_have_attribute("width", small)
    page.locator("#panel-tensors details").first.locator("summary").click()
    weight.focus()
    weight.press("Enter")
    page.evaluate("window.seen = document.activeElement")
    width = picture.get_attribute("width")
    said = weight.get_attribute("aria-label")
    place = weight.get_attribute("transform")
    for _ in range(3):
        see_it_move(page)
    assert page.evaluate("window.seen === document.activeElement && window.seen.isConnected")
    assert weight.get_attribute("aria-label") != said
    assert weight.get_attribute("transform") == place
    assert picture.get_attribute("width") == width
    expect(weight).to_contain_class("lit pinned")
    expect(page.locator("#panel-tensors details").first).to_have_attribute("open", "")
    passes, shown = page.evaluate(SHOWN)
    assert abs(shown * 10 - passes) <= 10
    assert complaints.all() == []


def test_edit_ends_the_moving_and_keeps_its_own_answer(fake_site: FakeSite, page: Page) -> None:
    move(fake_site, page)
    write(page, "print(1)")
    expect(page.locator("#panel-output")).to_contain_text("tensor(15)")
    page.wait_for_timeout(500)
    expect(page.locator("#panel-output")).to_contain_text("tensor(15)")
    expect(page.locator("#result")).not_to_contain_text("It trains")


def test_end_of_the_run_takes_the_place_of_what_moved(fake_site: FakeSite, page: Page) -> None:
    fake_site.sandbox.frames = lambda program: moving_frames(program.source, 6)
    fake_site.sandbox.lets = 8  # the last look is to come
    page.goto(fake_site.url)
    start(page, LINE)
    expect(page.locator("#result")).to_contain_text("It trains")
    fake_site.sandbox.lets = math.inf
    finish(page)
    expect(page.locator("#status .dot-completed")).to_be_attached()
    expect(page.locator("#result")).not_to_contain_text("It trains")
    expect(page.locator("#panel-steps")).to_be_visible()


def test_ribbons_and_flow_are_read_and_switched(
    fake_site: FakeSite, page: Page, complaints: Complaints
) -> None:
    page.goto(fake_site.url)
    start(page, TRAIN + "  # lost")
    finish(page)
    ribbons = page.locator("#ribbons")
    rows = ribbons.locator(".ribbons-table tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0).locator(".of-flow .warning")).to_have_text("✕ NaN or ∞")
    expect(rows.nth(1).locator(".of-flow .warning")).to_have_text("○ None: no gradient arrived")
    expect(rows.nth(1).locator(".of-grad .none")).to_be_visible()
    expect(ribbons.get_by_role("button", name="update / weight")).to_be_hidden()
    for name, column in (("weights", ".of-weight"), ("gradients", ".of-grad"), ("gradient flow", ".of-flow")):
        button = ribbons.get_by_role("button", name=name, exact=True)
        button.click()
        expect(rows.nth(0).locator(column)).to_be_hidden()
        button.click()
        expect(rows.nth(0).locator(column)).to_be_visible()
    ribbons.get_by_role("button", name="Gradients of net.0.weight").click()
    large = page.locator("#ribbon-detail > canvas")
    expect(large).to_have_accessible_name("Gradients of net.0.weight")
    expect(page.locator("#ribbon-detail output")).to_have_text("16 NaN or ∞")
    large.focus()
    for _ in range(12):
        page.keyboard.press("ArrowLeft")
    expect(page.locator("#ribbon-detail output")).to_contain_text("step 180: 16 elements from")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#ribbon-detail output")).to_contain_text("; 10 of them from")
    page.locator("#ribbon-table summary").click()
    expect(page.locator("#ribbon-table tbody tr")).to_have_count(24)
    expect(page.locator("#ribbon-table tbody tr").last).to_contain_text("16")
    page.get_by_role("button", name="Dark theme").click()
    wait_until(page, lambda: page.evaluate(PAINTED) > 50)
    assert complaints.all() == []


PAINTED = """() => {
  const canvas = document.querySelector("#ribbon-detail > canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let at = 0; at < data.length; at += 4) if (data[at + 3]) colours.add(data.slice(at, at + 3).join());
  return canvas.width * canvas.height ? colours.size + (data.some(Boolean) ? 50 : 0) : 0;
}"""


def test_ribbons_of_an_edits_evaluation_are_drawn_too(fake_site: FakeSite, page: Page) -> None:
    fake_site.sandbox.trace = trained_trace
    page.goto(fake_site.url)
    expect(page.locator("#ribbons")).to_be_visible()
    expect(page.locator(".ribbons-table tbody tr")).to_have_count(2)


def test_ribbons_fit_a_phone(fake_site: FakeSite, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, locale="zh-CN", has_touch=True)
    page = context.new_page()
    fake_site.sandbox.trace = trained_trace
    page.goto(fake_site.url)
    expect(page.locator("#ribbons")).to_contain_text("权重与梯度")
    page.locator("#ribbon-table summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    expect(page.locator("#ribbon-detail > canvas")).to_be_visible()
    canvas = page.locator("#ribbon-detail > canvas").bounding_box()
    assert canvas is not None
    assert canvas["x"] >= 0
    assert canvas["x"] + canvas["width"] <= 360
    expect(panel(page)).to_be_visible()
    context.close()
