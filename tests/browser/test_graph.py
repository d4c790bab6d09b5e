"""The graph in a browser: walked, pinned, stepped through, linked with the program both ways, found in and shared."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Complaints, FakeSite, answered, wait_until

SHARED = "# 😀 权重\nh = 1.0\nfor 因子 in (2.0, 3.0):\n\th = h * w * 因子\nh.backward()\n"


def box(page: Page, title: str) -> Locator:
    return page.locator("svg.graph .box", has=page.locator(f'.title:text-is("{title}")'))


def shown(page: Page, title: str, column: str) -> str | None:
    """The number a column of a box shows now; None where it is hidden."""
    found = box(page, title).first.locator(f"text.of-{column}, text.so-far")
    visible = [each.text_content() for each in found.all() if each.is_visible()]
    return visible[0] if visible else None


def marked(page: Page) -> Locator:
    return page.locator("#backdrop mark")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def run(page: Page, source: str) -> None:
    with answered(page):
        page.locator("#source").fill(source)


# ------------------------------------------------------------------------------------------------ step through


def test_stepping_shows_what_is_there_by_then(
    fake_site: FakeSite, page: Page, complaints: Complaints
) -> None:
    page.goto(fake_site.url)
    said, count = page.locator(".step-said"), page.locator(".step-count")
    expect(count).to_have_text("2 / 2")
    page.get_by_role("button", name="First step").click()
    assert [shown(page, title, "value") for title in ("w", "x*w", "y")] == ["4", None, None]
    page.get_by_role("button", name="Step forward").click()
    expect(said).to_have_text("Forward: x*w takes x = 3, w = 4 and gives 12 (MulBackward0).")
    expect(marked(page)).to_have_text("x*w")
    assert [shown(page, title, "value") for title in ("x*w", "y")] == ["12", None]
    expect(box(page, "x*w")).to_have_class(re.compile(r"\bnow\b"))
    expect(page.locator("svg.graph .box.near")).to_have_count(2)
    page.locator("#step-slider").focus()
    press(page, "ArrowRight")
    expect(marked(page)).to_have_text("x*w + b")
    assert shown(page, "y", "value") == "17"
    page.locator(".stages > summary").click()
    expect(page.locator(".stages li")).to_have_count(2)
    expect(page.locator(".stages li.now")).to_have_text(
        "Forward: y takes x*w = 12, b = 5 and gives 17 (AddBackward0)."
    )
    page.locator(".stages li button").first.click()
    expect(count).to_have_text("1 / 2")
    page.locator("#step-slider").focus()
    press(page, "Escape")
    expect(said).to_contain_text("The whole run")
    expect(page.locator("svg.graph .box.now")).to_have_count(0)
    assert complaints.all() == []


def test_gradients_arrive_add_up_and_end_as_torchs(
    real_site: str, page: Page, complaints: Complaints
) -> None:
    page.goto(real_site)
    run(page, SHARED)
    with answered(page):
        page.locator('[name="in.w.value"]').fill("4")
    expect(page.locator("article.tensor", has_text="w").first).to_contain_text("48")
    seen = []
    page.get_by_role("button", name="First step").click()
    for _ in range(int(page.locator("#step-slider").get_attribute("max") or 0)):
        page.get_by_role("button", name="Step forward").click()
        seen.append(shown(page, "w", "grad"))
    assert [each for at, each in enumerate(seen) if at == 0 or seen[at - 1] != each] == [None, "24", "48"]
    expect(page.locator(".step-said")).to_have_text("AccumulateGrad: w.grad becomes 24 + 24 = 48.")
    page.get_by_role("button", name="Step back").click()
    page.locator("svg.graph .box[data-span]").first.hover()
    expect(marked(page)).to_have_text("h * w")
    assert complaints.all() == []


def test_link_opens_at_its_step(fake_site: FakeSite, page: Page) -> None:
    page.goto(f"{fake_site.url}/#step=1")
    expect(page.locator(".step-count")).to_have_text("1 / 2")
    expect(box(page, "x*w")).to_have_class(re.compile(r"\bnow\b"))
    page.get_by_role("button", name="Step forward").click()
    expect(page).to_have_url(re.compile("#step=2$"))


def test_shared_link_brings_everything_back(fake_site: FakeSite, page: Page, browser: Browser) -> None:
    page.goto(fake_site.url)
    run(page, "y = x*w + b  # 共享 😀")
    with answered(page):
        page.locator('[name="in.x.value"]').fill("10")
    expect(page.get_by_role("article", name="y", exact=True)).to_contain_text("45")
    box(page, "w").click()
    page.get_by_role("button", name="First step").click()
    page.locator("#share").click()
    expect(page.locator("#shared")).not_to_be_empty()
    link = page.evaluate("location.href")
    asked = len(fake_site.sandbox.asked)
    other = browser.new_page()
    requests: list[str] = []
    other.on("request", lambda request: requests.append(request.url))
    other.goto(link)
    expect(other.locator("#source")).to_have_value("y = x*w + b  # 共享 😀")
    expect(other.get_by_role("article", name="y", exact=True)).to_contain_text("45")
    expect(other.locator(".step-count")).to_have_text("0 / 2")
    expect(box(other, "w")).to_have_class(re.compile(r"\bpinned\b"))
    assert len(fake_site.sandbox.asked) == asked + 2
    assert [url for url in requests if "#" in url or "p=" in url] == []
    run(other, "y = x*w + b")
    expect(other).not_to_have_url(link)
    other.close()


def test_step_of_an_edited_program_outlives_reload_and_language_switch(
    fake_site: FakeSite, page: Page
) -> None:
    page.goto(fake_site.url)
    run(page, "y = x*w + b  # mine")
    page.get_by_role("button", name="First step").click()
    expect(page).to_have_url(re.compile("#p=.*step=0"))
    page.reload()
    for language in ("en", "zh-Hans"):
        expect(page.locator(f'html[lang="{language}"]')).to_be_attached()
        expect(page.locator(".step-count")).to_have_text("0 / 2")
        expect(page.locator("#source")).to_have_value("y = x*w + b  # mine")
        page.locator('[name="set_language"][value="zh"]').click()


@pytest.mark.parametrize(
    "fragment", ["p=AAAA", "p=%F0%9F%98%80", "p=q1ZKVLJSUqoFAA", "step=banana", "pin=n99&step=1e9"]
)
def test_broken_link_leaves_the_page_whole(
    fake_site: FakeSite, page: Page, complaints: Complaints, fragment: str
) -> None:
    page.goto(f"{fake_site.url}/#{fragment}")
    if fragment.startswith("p="):
        expect(page.locator("#shared")).to_contain_text("cannot be read")
    expect(page.locator("#source")).to_have_value("y = x*w + b")
    expect(page.locator("svg.graph")).to_be_visible()
    assert complaints.all() == []


# ------------------------------------------------------------------------------------------------ by keyboard


def test_keyboard_walks_from_an_input_to_a_leaf(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    value = page.locator('[name="in.x.value"]')
    value.focus()
    press(page, "Control+a")
    page.keyboard.type("10")
    expect(page.get_by_role("article", name="y", exact=True)).to_contain_text("45")
    for _ in range(40):
        press(page, "Tab")
        if page.evaluate("document.activeElement.matches('svg.graph .box')"):
            break
    expect(box(page, "y")).to_be_focused()
    expect(marked(page)).to_have_text("x*w + b")
    press(page, "ArrowUp")
    expect(box(page, "x*w")).to_be_focused()
    expect(marked(page)).to_have_text("x*w")
    press(page, "ArrowRight")
    expect(box(page, "b")).to_be_focused()
    press(page, "ArrowLeft", "ArrowUp", "ArrowRight")
    leaf = box(page, "w")
    expect(leaf).to_be_focused()
    press(page, "Enter")
    expect(leaf).to_have_attribute("aria-current", "true")
    press(page, "ArrowDown")
    expect(box(page, "x*w")).to_be_focused()
    expect(leaf).to_have_class(re.compile(r"\bpinned\b"))
    press(page, "Escape")
    expect(leaf).not_to_have_attribute("aria-current", "true")
    press(page, "Tab")
    expect(box(page, "x*w")).not_to_be_focused()


def test_pin_holds_the_light_while_numbers_change(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    box(page, "x*w").click()
    page.locator("h2").first.hover()
    expect(marked(page)).to_have_text("x*w")
    page.locator('[id="in.x.range"]').fill("1")
    expect(page.get_by_role("article", name="y", exact=True)).to_contain_text("9")
    expect(box(page, "x*w")).to_have_class(re.compile(r"\bpinned\b"))
    expect(marked(page)).to_have_text("x*w")
    box(page, "x*w").click()
    page.locator("h2").first.hover()
    expect(marked(page)).to_have_count(0)


def test_outline_says_the_graph_and_leads_through_it(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    page.get_by_text("The graph as a list").click()
    entries = page.locator("#outline summary[data-box]")
    expect(entries).to_have_count(5)
    entry = entries.filter(has_text="x*w: MulBackward0")
    entry.focus()
    expect(marked(page)).to_have_text("x*w")
    press(page, "Enter", "Tab")
    expect(page.locator("#outline button:focus")).to_have_text("takes")
    press(page, "Enter")
    expect(entries.filter(has_text="x: constant")).to_be_focused()
    page.locator('[id="in.x.range"]').fill("1")
    expect(entries.filter(has_text="Value 4; gradient 1.0")).to_have_count(0)
    expect(entries.filter(has_text="x: constant, () float32. Value 1;")).to_be_visible()


def test_find_by_name_op_and_line(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    field, found = page.locator("#find"), page.locator("svg.graph .box.found")
    for words, count in {"MulBack": 1, "line 1": 2, "accumulate": 2, "nothing like it": 0, "": 0}.items():
        field.fill(words)
        expect(found).to_have_count(count)
    field.fill("accumulate")
    press(page, "Enter", "Enter")
    expect(page.locator("#found")).to_have_text("2 of 2")
    press(page, "ArrowDown")
    expect(page.locator("svg.graph .box.found:focus")).to_have_count(1)


# ------------------------------------------------------------------------------------------------ the program


def test_dead_gradient_is_told_first_and_found_by_a_click(real_site: str, page: Page) -> None:
    """With many boxes the one that matters may lie far below what is seen."""
    page.goto(real_site)
    run(
        page,
        """w = torch.ones(3, requires_grad=True)
h = torch.relu(w * -2.0)
for _ in range(12):
    h = h + 1
loss = h.sum()
loss.backward()
""",
    )
    whys = page.locator(".whys li")
    expect(whys.first).to_contain_text("relu passes no gradient on there")
    whys.first.get_by_role("button", name="Show in the graph").click()
    expect(page.locator("svg.graph .box.pinned .title")).to_have_text("h")
    expect(page.locator("#inspector")).to_contain_text("ReluBackward0")


def test_caret_lights_every_node_of_its_expression(real_site: str, page: Page) -> None:
    page.goto(real_site)
    run(page, SHARED)
    expect(page.locator("#step-slider")).to_be_attached()
    expect(box(page, "h * w").first).to_be_visible()
    at = page.evaluate("document.getElementById('source').value.indexOf('w *')")
    page.locator("#source").focus()
    page.locator("#source").evaluate("(area, at) => area.setSelectionRange(at, at)", at)
    expect(page.locator("svg.graph .box.lit")).to_have_count(2)
    expect(page.locator("svg.graph .box.lit .title").first).to_have_text("h * w")


def test_places_of_an_older_text_light_nothing(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    run(page, "y = x*w +")
    expect(page.locator("#stale")).to_be_visible()
    box(page, "x*w").hover()
    expect(page.locator("#backdrop mark:not(.fault)")).to_have_count(0)


# ------------------------------------------------------------------------------------------------ large graphs


def wide(page: Page) -> int:
    """The picture's width without what a gesture adds to it."""
    return int(float(page.locator("svg.graph").get_attribute("width") or 0))


def test_zoom_keeps_the_point_under_the_pointer(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    target = box(page, "w")
    before = target.bounding_box()
    assert before is not None
    x, y = before["x"] + before["width"] / 2, before["y"] + before["height"] / 2
    width = wide(page)
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    for _ in range(4):
        page.mouse.wheel(0, -60)
    page.keyboard.up("Control")
    wait_until(page, lambda: wide(page) > 3.7 * width)  # each turn of the wheel is told by itself
    expect(page.locator("svg.graph")).not_to_have_attribute("style", re.compile("transform"))
    after = target.bounding_box()
    assert after is not None
    assert after["width"] > before["width"] * 2
    assert abs(after["x"] + after["width"] / 2 - x) < 6
    assert abs(after["y"] + after["height"] / 2 - y) < 6


def test_graph_is_saved_from_its_menu_and_compared(
    real_site: str, page: Page, complaints: Complaints
) -> None:
    page.goto(real_site)
    page.locator(".saves > summary").click()
    with page.expect_download() as svg:
        page.get_by_role("button", name="SVG", exact=True).click()
    assert svg.value.path().read_text(encoding="utf-8").startswith("<svg ")
    with page.expect_download() as png:
        page.locator("[data-png]").click()
    assert png.value.path().read_bytes().startswith(b"\x89PNG")
    page.locator('[data-kind][value="diff"]').click()
    expect(page.locator(".changes strong")).to_have_text("Nothing differs.")
    run(page, "y = torch.relu(x*w + b)")
    expect(page.locator("svg.graph .box.added")).to_have_count(1)
    expect(page.locator("svg.graph .box.added .title")).to_have_text("y")
    expect(page.locator(".changes strong")).to_contain_text("Added: 1.")
    assert complaints.all() == []
