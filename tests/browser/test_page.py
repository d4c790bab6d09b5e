"""The page in a browser: live, safe, by keyboard, on a phone, and without JavaScript."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from app.web.examples import load_examples
from tests.browser.conftest import Complaints, FakeSite, answered, wait_until


def value(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name, exact=True).locator(".half:not(.half-grad) .scalar")


def grad(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name, exact=True).locator(".half-grad .scalar")


def test_typing_a_line_shows_seventeen_three_and_one(real_site: str, page: Page) -> None:
    page.goto(f"{real_site}/?example=views")
    source = page.locator("#source")
    source.fill("")
    source.press_sequentially("y = x*w + b")
    expect(value(page, "y")).to_have_text("2")
    for name, number in {"x": "3", "w": "4", "b": "5"}.items():
        page.locator(f'[name="in.{name}.value"]').fill(number)
    page.locator('[name="in.x.requires_grad"]').uncheck()
    expect(value(page, "y")).to_have_text("17")
    expect(grad(page, "w")).to_have_text("3")
    expect(grad(page, "b")).to_have_text("1")
    expect(page.get_by_role("article", name="x", exact=True)).to_contain_text("None")
    expect(page.locator("svg.graph")).to_be_visible()


@pytest.mark.parametrize("slug", [example.slug for example in load_examples()])
def test_example_runs_for_real(real_site: str, page: Page, complaints: Complaints, slug: str) -> None:
    page.goto(f"{real_site}/?example={slug}")
    kind = "raised" if slug == "shape-error" else "completed"
    expect(page.locator(f"#status .dot-{kind}")).to_be_attached()
    assert complaints.all() == []


def test_session_violates_no_policy(fake_site: FakeSite, page: Page, complaints: Complaints) -> None:
    page.goto(fake_site.url)
    page.locator("#source").fill("y = x*w + b  # changed")
    page.locator('[name="in.x.value"]').fill("10")
    expect(value(page, "y")).to_have_text("45")
    page.get_by_role("button", name="Dark theme").click()
    page.get_by_role("button", name="Larger").click()
    page.locator("svg.graph .box").first.click()
    page.locator('select[name="style"]').select_option("torchviz")
    expect(page.locator(".viewport img")).to_be_visible()
    page.locator("#source").fill("weights = 1")
    page.locator("svg.heat").first.hover()
    page.locator("#source").fill("c = (")
    expect(page.locator("#stale")).to_be_visible()
    page.get_by_role("button", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    assert [each for each in complaints.all() if "422" not in each] == []
    page.goto(f"{fake_site.url}/docs")
    page.get_by_role("button", name="Send").first.click()
    expect(page.locator(".reply-status").first).to_have_text("200")
    assert [each for each in complaints.all() if "422" not in each] == []


def test_injected_markup_stays_text(fake_site: FakeSite, page: Page, complaints: Complaints) -> None:
    page.goto(fake_site.url)
    page.locator("#source").fill(
        'y = (  # <img src=x onerror=alert(1)> <hx-partial hx-target="#result">x</hx-partial>'
    )
    expect(page.locator("#notices mark")).to_be_visible()
    expect(page.locator("#notices img")).to_have_count(0)
    expect(value(page, "y")).to_have_text("17")
    assert complaints.all() == []


def test_form_works_without_javascript(fake_site: FakeSite, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(fake_site.url)
    expect(value(page, "y")).to_have_text("17")
    page.locator('[name="in.x.value"]').fill("10")
    page.get_by_role("button", name="Run").click()
    expect(value(page, "y")).to_have_text("45")
    expect(page.locator("svg.graph")).to_be_visible()
    context.close()


def test_older_answer_never_overwrites_a_newer(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    source = page.locator("#source")
    source.fill("print(1)  # slow")
    wait_until(page, lambda: fake_site.sandbox.asked[-1][0].source.endswith("slow"))
    with answered(page):
        source.fill("y = x*w + b  # fast")
    expect(value(page, "y")).to_have_text("17")
    expect(page.locator("#panel-output")).to_have_count(0)
    assert fake_site.sandbox.asked[-1][0].source.endswith("fast")
    wait_until(page, lambda: fake_site.sandbox.cancelled == 1)


def test_late_answer_is_dropped_even_when_it_arrives(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    with answered(page):
        page.locator('[name="in.x.value"]').fill("10")
    expect(value(page, "y")).to_have_text("45")
    arrives = """(sequence) => document.dispatchEvent(
      new CustomEvent("htmx:before:swap", { cancelable: true, detail: { ctx: { sequence } } }))"""
    assert page.evaluate(arrives, 0) is False
    assert page.evaluate(arrives, 2) is True


def test_syntax_error_keeps_the_last_good_result(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    page.locator("#source").fill("y = x*w +")
    expect(page.locator("#notices")).to_contain_text("Line 1, column 10")
    expect(page.locator("#stale")).to_be_visible()
    expect(value(page, "y")).to_have_text("17")
    expect(page.locator('[name="in.b.value"]')).to_have_value("5.0")
    page.locator("#source").fill("y = x*w + b")
    expect(page.locator("#stale")).to_have_count(0)


def test_nothing_is_asked_while_an_input_method_composes(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    asked = len(fake_site.sandbox.asked)
    source = page.locator("#source")
    source.focus()
    source.dispatch_event("compositionstart")
    source.press_sequentially("# ni")
    page.wait_for_timeout(600)
    assert len(fake_site.sandbox.asked) == asked
    with page.expect_response("**/evaluate"):
        source.dispatch_event("compositionend")
    assert len(fake_site.sandbox.asked) == asked + 1


def test_page_is_used_by_keyboard(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    page.locator("#source").focus()
    page.keyboard.press("Tab")
    expect(page.locator("#source")).not_to_be_focused()
    slider = page.locator('[id="in.x.range"]')
    slider.focus()
    before = page.locator('[name="in.x.value"]').input_value()
    page.keyboard.press("ArrowRight")
    expect(page.locator('[name="in.x.value"]')).not_to_have_value(before)
    expect(value(page, "y")).not_to_have_text("17")
    with page.expect_response("**/live/answer"):
        page.locator('[name="in.x.value"]').fill("3")
        page.keyboard.press("Control+Enter")
    with answered(page):
        page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#source")).to_have_value("y = x*w + b")
    page.locator(".bar .menu summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".bar .menu ul")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".bar .menu ul")).to_be_hidden()


def test_moving_a_slider_keeps_the_picture_in_place(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    places = "[...document.querySelectorAll('svg.graph .box')].map((box) => box.getAttribute('transform'))"
    before = page.evaluate(places)
    with answered(page):
        page.locator('[id="in.x.range"]').fill("1")
    expect(value(page, "y")).to_have_text("9")
    assert page.evaluate(places) == before


def test_line_numbers_stay_beside_their_lines(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    page.locator("#source").fill("a = 1\n" * 80 + "y = x*w + b")
    heights = page.evaluate("[gutter, source].map((each) => Math.round(each.getBoundingClientRect().height))")
    assert heights[0] == heights[1]
    page.locator("#source").evaluate("(area) => area.scrollTo(0, 1e6)")
    page.wait_for_function("() => gutter.scrollTop > 500")
    offsets = page.evaluate("[gutter, source].map((each) => Math.round(each.scrollTop))")
    assert abs(offsets[0] - offsets[1]) <= 20  # a horizontal scroll bar is no line


def test_caret_lights_the_smallest_node_around_it(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    page.locator("#source").focus()
    page.locator("#source").evaluate("(area) => area.setSelectionRange(5, 5)")
    expect(page.locator("svg.graph .box.lit")).to_have_count(1)
    expect(page.locator("svg.graph .box.lit")).to_contain_text("MulBackward0")


def test_node_lights_its_characters_behind_emoji(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    page.locator("svg.graph .box[data-span]").first.hover()
    expect(page.locator("#backdrop mark")).to_have_text(re.compile(r"^x\*w( \+ b)?$"))
    offsets = page.evaluate(
        """async () => {
          const editor = document.querySelector('script[src$="page.js"]').src.replace("page.js", "editor.js");
          const { offsetsOf } = await import(editor);
          return offsetsOf("2:6-2:8", "# 😀\\n变量 = 😀ab + c");
        }"""
    )
    assert offsets == [12, 14]


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize(
    "source", ["y = x*w + b", "weights = 1", "a = 1\nb = 2\nc = a @ b" + " " * 200 + "# long", "print(1)"]
)
def test_phone_scrolls_only_downwards(
    fake_site: FakeSite, browser: Browser, locale: str, source: str
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, locale=locale, has_touch=True)
    page = context.new_page()
    page.goto(fake_site.url)
    # "y = x*w + b" stands there already: to write it again is an edit, too
    with answered(page):
        page.locator("#source").fill(source)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.goto(f"{fake_site.url}/docs")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    context.close()


LONG = "the_average_of_every_measured_distance_between_neighbouring_points"
TRAINS = f"""import torch
net = torch.nn.Linear(2, 3)
{LONG} = net
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(3):
    loss_of_{LONG} = torch.nn.functional.binary_cross_entropy_with_logits({LONG}(torch.ones(4, 2)), torch.ones(4, 3))
    opt.zero_grad()
    loss_of_{LONG}.backward()
    opt.step()
print("{LONG}" * 3)
"""
FAILS = f"import torch\nsum_of_{LONG} = torch.ones(2, 3, requires_grad=True)\nsum_of_{LONG}.add_(torch.ones(2, 3))"


CLASHES = "import torch\nx = torch.ones(4, 32, 6, 6)\nx.view(-1, 2048)"
"""The column that clashes is out of sight at 360 px."""


@pytest.mark.parametrize(
    ("source", "outcome"), [(TRAINS, "completed"), (FAILS, "raised"), (CLASHES, "raised")]
)
def test_long_names_widen_nothing(real_site: str, page: Page, source: str, outcome: str) -> None:
    page.goto(f"{real_site}/?example=views")
    with answered(page):
        page.locator("#source").fill(source)
    expect(page.locator(f"#status .dot-{outcome}")).to_be_attached()
    page.evaluate("document.querySelectorAll('main details').forEach(each => { each.open = true; })")
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("width", [360, 700, 1280])
def test_menu_opens_inside_the_window(fake_site: FakeSite, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    page.goto(fake_site.url)
    page.locator(".bar .menu summary").click()
    expect(page.locator(".bar .menu ul")).to_be_visible()
    box = page.locator(".bar .menu ul").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


def test_theme_is_chosen_without_a_flash(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    page.get_by_role("button", name="Dark theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    response = page.goto(fake_site.url)
    assert response is not None
    assert 'data-theme="dark"' in response.text()
