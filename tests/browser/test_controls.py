"""Holding a live run from the page: buttons, speed, the reason of a pause, and what the panel says meanwhile."""

from __future__ import annotations

import math
import re

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Complaints, FakeSite
from tests.browser.test_training import SOME, TRAIN, finish, go_on, panel, start


def group(page: Page) -> Locator:
    return page.locator("#control-run")


def pause(page: Page) -> None:
    group(page).get_by_role("button", name="Pause").click()
    expect(group(page)).to_have_attribute("data-state", "paused")


def expect_points(page: Page, count: int) -> None:
    expect(panel(page)).to_have_attribute("data-points", str(count))


def test_run_is_paused_stepped_slowed_and_let_go(
    fake_site: FakeSite, page: Page, complaints: Complaints
) -> None:
    fake_site.sandbox.lets = SOME
    page.goto(fake_site.url)
    start(page)
    expect(page.locator(".curve").first).to_be_visible()
    pause(page)
    fake_site.sandbox.lets = math.inf  # only the pause holds it now
    expect(page.locator("#status")).to_contain_text("Paused")
    expect(page.locator("#training-held")).to_have_text("Held at line 12.")
    expect(page.locator("#training-until")).to_have_text(
        re.compile(r"until \d\d:\d\d( [AP]M)? at most, then it is stopped")
    )
    expect_points(page, 81)
    expect(page.locator(".passes")).to_have_text("40 of 300 passes")
    page.wait_for_timeout(700)
    expect_points(page, 81)
    group(page).get_by_role("button", name="One step").press("Enter")
    expect(page.locator(".passes")).to_have_text("50 of 300 passes")
    expect_points(page, 101)
    expect(group(page)).to_have_attribute("data-state", "paused")
    with page.expect_request("**/control") as asked:
        page.locator("#control-speed").press("Home")
    assert asked.value.post_data_json == {"do": "speed", "steps_per_second": 0.5}
    expect(page.locator("output[for=control-speed]")).to_have_text("one step in 2 seconds")
    group(page).get_by_role("button", name="Continue").click()
    finish(page)
    expect(page.locator("#control-toggle")).to_be_hidden()
    assert complaints.all() == []
    start(page, TRAIN + "  # again")
    finish(page)
    asked_pace = fake_site.sandbox.asked[-1][1].pace
    assert asked_pace is not None
    assert (asked_pace.steps_per_second, asked_pace.pause_on_nonfinite) == (0.5, True)


def test_run_begins_with_a_step(fake_site: FakeSite, page: Page) -> None:
    """Where nothing runs the button begins a run that waits before its first step."""
    page.goto(fake_site.url)
    start(page)
    finish(page)
    group(page).get_by_role("button", name="One step").click()
    expect(group(page)).to_have_attribute("data-state", "paused")
    expect_points(page, 0)
    for _ in range(3):  # the first step is a line of text
        group(page).get_by_role("button", name="One step").click()
    expect_points(page, 40)
    expect(group(page)).to_have_attribute("data-state", "paused")
    group(page).get_by_role("button", name="Continue").click()
    finish(page)
    start(page)
    finish(page)


def test_bad_loss_pauses_and_its_origin_is_a_place_in_the_program(fake_site: FakeSite, page: Page) -> None:
    source = TRAIN + "\n" * 6 + "q = torch.log(p)  # nan"
    page.goto(fake_site.url)
    start(page, source)
    expect(page.locator("#training-held")).to_contain_text("Paused because loss became NaN.")
    expect(page.locator("#training-bad")).to_contain_text("loss became NaN at step 211")
    origin = page.locator("#training-origin")
    expect(origin).to_contain_text("It began in torch.log(p)")
    origin.get_by_role("button", name="line 8").click()
    selected = "source.value.slice(source.selectionStart, source.selectionEnd)"
    assert (
        page.evaluate(f"(() => {{ const source = document.getElementById('source'); return {selected}; }})()")
        == "torch.log(p)"
    )
    go_on(page)
    finish(page)
    expect(origin).to_be_visible()


def test_held_run_is_held_for_one_whose_connection_broke(fake_site: FakeSite, page: Page) -> None:
    fake_site.sandbox.lets = SOME
    page.goto(fake_site.url)
    start(page)
    expect(page.locator(".curve").first).to_be_visible()
    run = page.locator('#live [name="run"]').get_attribute("value")
    address = f"{fake_site.url}/api/v1/runs/{run}/control"
    httpx.post(address, json={"do": "pause"}).raise_for_status()
    expect(group(page)).to_have_attribute("data-state", "paused")
    with page.expect_request("**/events*"):
        fake_site.drop_connections()
    httpx.post(address, json={"do": "resume"}).raise_for_status()
    expect(group(page)).to_have_attribute("data-state", "running")
    fake_site.sandbox.lets = math.inf
    finish(page)
