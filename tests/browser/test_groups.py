"""Groups in a browser: they open and close where they stood; a picture that was patched is the one drawn whole."""

from __future__ import annotations

import re
import time
from xml.etree import ElementTree

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Complaints
from tests.browser.test_graph import press, run


def late(route: Route) -> None:
    time.sleep(0.9)
    route.continue_()


def test_group_opens_and_closes_where_it_stood(real_site: str, page: Page, complaints: Complaints) -> None:
    page.goto(real_site)
    run(page, "h = w * 1\nfor _ in range(200):\n    h = torch.tanh(h * w)")
    group = page.locator("svg.graph .box.group")
    expect(group).to_have_count(1)
    group.focus()
    place = group.bounding_box()
    page.route("**/graph", late)
    press(page, "Enter")
    focused = page.locator("svg.graph .box:focus")
    expect(focused).to_have_attribute("data-within", re.compile("lines-"))
    expect(page.locator(".minimap svg")).to_be_visible()
    now = focused.bounding_box()
    assert place is not None
    assert now is not None
    assert abs(place["x"] - now["x"]) < 2
    assert abs(place["y"] - now["y"]) < 2
    expect(page.locator("#status")).to_contain_text("Completed")  # a look is no run, however long it takes
    press(page, "Backspace")
    expect(group).to_have_count(1)
    expect(group).to_be_focused()
    expect(page.locator(".chip")).to_have_count(0)
    assert complaints.all() == []


FORM = "() => new URLSearchParams(new FormData(document.getElementById('program'))).toString()"
ROOM = "['width', 'height'].map((side) => parseFloat(document.querySelector('.paper').style[side]))"
TOLD = ("id", "d", "transform", "data-within", "data-group", "data-producer", "data-consumer", "aria-label")


def tell(picture: str) -> list[object]:
    """Everything in a picture in its order, but for what the page itself lights."""
    inside = list(ElementTree.fromstring(picture).iter())[1:]
    styles = [set(each.get("class", "").split()) - {"lit", "shown"} for each in inside]
    facts = [(each.tag, each.text, *[each.get(name) for name in TOLD]) for each in inside]
    return list(zip(facts, styles, strict=True))


def test_picture_that_was_patched_is_the_one_drawn_whole(
    real_site: str, page: Page, complaints: Complaints
) -> None:
    """Groups are opened, one in another, and closed; each answer is smaller than what it stands for."""
    page.goto(real_site)
    run(page, "h = w * 1\nfor _ in range(200):\n    h = torch.tanh(h * w)")
    group, inner = "svg.graph .box.group", "svg.graph .box[data-within]"
    for key, chips in (("Enter", 1), ("Enter", 2), ("Backspace", 1), ("Backspace", 0), ("Enter", 1)):
        page.locator(group if key == "Enter" else inner).first.focus()
        with page.expect_response("**/graph") as answer:
            press(page, key)
        expect(page.locator(".chip")).to_have_count(chips)
        stands = page.evaluate("new XMLSerializer().serializeToString(document.querySelector('svg.graph'))")
        form = re.sub("(^|&)seen=[^&]*", "", page.evaluate(FORM))
        header = {"Content-Type": "application/x-www-form-urlencoded"}
        whole = page.request.post(f"{real_site}/graph", data=form, headers=header).text()
        drawn = whole[whole.index("<svg") : whole.index("</svg>") + 6]
        assert tell(stands) == tell(drawn)
        *_, width, height = ElementTree.fromstring(drawn).get("viewBox", "").split()
        scale = float(page.locator("svg.graph").get_attribute("data-scale") or 0)
        assert page.evaluate(ROOM) == [float(width) * scale, float(height) * scale]
        assert len(answer.value.text()) < len(whole)
    assert complaints.all() == []


def test_answer_to_an_older_picture_is_asked_for_again(
    real_site: str, page: Page, complaints: Complaints
) -> None:
    """As if the picture had become another one while the answer was on its way."""
    page.goto(real_site)
    run(page, "h = w * 1\nfor _ in range(200):\n    h = torch.tanh(h * w)")
    rename = "document.getElementById('seen').value = 'another'"
    page.evaluate(
        f"addEventListener('htmx:before:swap', () => {{ {rename} }}, {{ capture: true, once: true }})"
    )
    page.locator("svg.graph .box.group").focus()
    with page.expect_response("**/graph") as first:
        press(page, "Enter")
    expect(page.locator(".chip")).to_have_count(1)
    expect(page.locator("svg.graph .box:focus")).to_have_attribute("data-within", re.compile("lines-"))
    assert "data-since" in first.value.text()
    assert complaints.all() == []


STAGES = "JSON.parse(document.getElementById('story').textContent).stages.length"
SEEN = "document.getElementById('seen')"
OVER = "window.over = new Promise((done) => addEventListener('htmx:finally:request', done, { once: true }))"


def test_story_of_a_patched_picture_comes_behind_it(
    real_site: str, page: Page, complaints: Complaints
) -> None:
    """Where yet another picture stands by then, it is not taken."""
    page.goto(real_site)
    run(page, "h = w * 1\nfor _ in range(200):\n    h = torch.tanh(h * w)")
    before, waiting = page.evaluate(STAGES), list[Route]()
    page.route("**/graph/story", lambda route: waiting.append(route))
    for chips in (1, 2):
        page.locator("svg.graph .box.group").first.focus()
        with page.expect_request("**/graph/story"):
            press(page, "Enter")
        expect(page.locator(".chip")).to_have_count(chips)
        if chips == 1:
            page.evaluate(f"() => {{ {OVER}; {SEEN}.dataset.was = {SEEN}.value; {SEEN}.value = 'another' }}")
            waiting.pop().continue_()
            page.evaluate("window.over")
            page.evaluate(f"() => {{ {SEEN}.value = {SEEN}.dataset.was }}")
    assert page.evaluate(STAGES) == before
    waiting.pop().continue_()
    page.wait_for_function(f"() => {STAGES} !== {before}")
    count = page.evaluate(STAGES)
    assert page.locator("#step-slider").get_attribute("max") == str(count)
    page.get_by_role("button", name="Step back").click()
    expect(page.locator(".step-count")).to_have_text(f"{count - 1} / {count}")
    assert complaints.all() == []
