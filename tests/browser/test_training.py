"""The Training panel in a browser: curves that move while they train, controls, dropped connections, small windows."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import PATIENCE, Complaints, FakeSite, answered, wait_until
from tests.fakes import canned
from tests.web.test_live import trained_trace

TRAIN = "for epoch in range(300):\n    loss = 1"
SOME = 5  # frames of it: four of them bring points
POINTS_AFTER = ("81", "183", "284")  # how many points are drawn when some frames came once, twice, thrice
THIRTY, FULL = 5, 8  # places on the slider of the speed: steps a second, and as fast as it can
REAL = """
torch.manual_seed(0)
x = torch.linspace(-1, 1, 64).unsqueeze(1)
y = x ** 2
net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = optim.Adam(net.parameters(), lr=0.01)
for epoch in range(3000):
    loss = F.mse_loss(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""".strip()


def panel(page: Page) -> Locator:
    return page.locator("#panel-training")


def write(page: Page, source: str) -> None:
    """Type a program and wait until the page shows its answer."""
    with answered(page):
        page.locator("#source").fill(source)


def start(page: Page, source: str = TRAIN) -> None:
    """Run a program without waiting for the evaluation of the edit, until the panel is this run's."""
    before = panel(page).get_attribute("data-run") or ""
    page.locator("#source").fill(source)
    page.locator("#source").press("Control+Enter")
    expect(panel(page)).not_to_have_attribute("data-run", before)


def finish(page: Page, seconds: float = PATIENCE) -> None:
    expect(panel(page)).to_have_attribute("data-state", "finished", timeout=seconds * 1000)


def set_speed(page: Page, choice: int) -> None:
    """The slider of the speed, which is hidden until something runs: the run that comes begins with it."""
    page.locator("#control-speed").evaluate(
        """(slider, choice) => {
          slider.value = choice;
          slider.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        str(choice),
    )


def see_points_come(page: Page) -> None:
    """Wait until more points are drawn than now."""
    now = panel(page).get_attribute("data-points") or "0"
    expect(panel(page)).not_to_have_attribute("data-points", now)


def go_on(page: Page) -> None:
    """A loss that is no number has paused the run: let it go on."""
    expect(page.locator("#control-run")).to_have_attribute("data-state", "paused")
    page.get_by_role("button", name=re.compile("Continue|继续")).click()


def saved(page: Page, kind: str) -> Path:
    page.locator(".training-menu summary").click()
    with page.expect_download() as download:
        page.locator(f'[data-save="{kind}"]').click()
    return Path(download.value.path())


def test_curve_moves_while_a_real_program_trains(real_site: str, page: Page, complaints: Complaints) -> None:
    page.goto(f"{real_site}/?example=views")
    set_speed(page, THIRTY)
    start(page, REAL)
    for _ in range(3):
        see_points_come(page)
    expect(panel(page)).to_have_attribute("data-state", "running")
    set_speed(page, FULL)
    finish(page, 120)
    expect(page.locator(".curve", has_text="loss").first).to_be_visible()
    expect(page.locator("#status .dot-completed")).to_be_attached()
    expect(page.get_by_role("article", name="loss", exact=True)).to_be_visible()
    rows = list(csv.DictReader(saved(page, "csv").read_text().splitlines()))
    assert {"loss", "lr"} <= {row["curve"] for row in rows}
    assert [row["step"] for row in rows if row["curve"] == "loss"][-1] == "2999"
    assert complaints.all() == []


def test_stop_ends_the_program(fake_site: FakeSite, page: Page) -> None:
    fake_site.sandbox.lets = SOME
    page.goto(fake_site.url)
    start(page)
    expect(page.locator(".curve").first).to_be_visible()
    assert fake_site.sandbox.running == 1
    panel(page).get_by_role("button", name="Stop").click()
    expect(panel(page)).to_have_attribute("data-state", "stopped")
    wait_until(page, lambda: not fake_site.sandbox.running)
    expect(page.locator("#status")).to_contain_text("Stopped")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(page.locator(".curve").first).to_be_visible()


def test_leaving_the_page_ends_the_program(fake_site: FakeSite, page: Page) -> None:
    fake_site.sandbox.lets = SOME
    page.goto(fake_site.url)
    start(page)
    expect(panel(page)).to_be_visible()
    assert fake_site.sandbox.running == 1
    page.goto("about:blank")
    wait_until(page, lambda: not fake_site.sandbox.running)


def test_dropped_connections_leave_the_servers_curve(
    fake_site: FakeSite, page: Page, complaints: Complaints
) -> None:
    fake_site.sandbox.lets = SOME
    page.goto(fake_site.url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/events" in request.url else None)
    start(page)
    for points in POINTS_AFTER:
        expect(panel(page)).to_have_attribute("data-points", points)
        asked.clear()
        fake_site.drop_connections()
        fake_site.sandbox.lets += SOME
        wait_until(page, lambda: bool(asked))
    fake_site.sandbox.lets = math.inf
    finish(page)
    expect(page.locator("#training-note")).to_be_hidden()
    drawn = json.loads(saved(page, "json").read_text())["curves"]
    run = page.locator('#live [name="run"]').get_attribute("value")
    served: list[dict[str, Any]] = httpx.get(f"{fake_site.url}/api/v1/runs/{run}").json()["curves"]
    assert [(each["name"], each["steps"], each["values"]) for each in drawn] == [
        (each["series"]["name"], each["points"]["steps"], each["points"]["values"]) for each in served
    ]
    assert [each for each in complaints.all() if "ERR_" not in each] == []


def test_run_the_server_no_longer_knows_is_said(fake_site: FakeSite, page: Page) -> None:
    fake_site.sandbox.lets = SOME
    page.goto(fake_site.url)
    start(page)
    expect(page.locator(".curve").first).to_be_visible()  # it is being followed
    page.route("**/events*", lambda route: route.fulfill(status=404, body="{}"))
    fake_site.drop_connections()
    expect(page.locator("#training-note")).to_contain_text("no longer knows")


def test_every_control_works_within_the_policy(
    fake_site: FakeSite, page: Page, complaints: Complaints
) -> None:
    page.goto(fake_site.url)
    start(page, TRAIN + "  # nan")
    go_on(page)
    finish(page)
    plot = page.locator("#training-plot")
    expect(page.locator("#training-bad")).to_contain_text("loss became NaN at step 211")
    expect(page.locator("#training-axis")).to_be_visible()
    page.get_by_role("button", name="log", exact=True).click()
    page.get_by_role("button", name="steps", exact=True).click()
    page.locator("#training-smoothing").fill("0.9")
    expect(page.locator(".training-smooth output")).to_have_text("0.9")
    page.get_by_role("button", name="Learning rate").click()
    expect(page.locator(".curve")).to_have_count(1)
    page.get_by_role("button", name="Loss and metrics").click()
    page.locator(".curve", has_text="accuracy").click()
    expect(page.locator(".curve", has_text="accuracy")).to_have_attribute("aria-pressed", "false")
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 200, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 320, box["y"] + 120, steps=4)
    page.mouse.up()
    page.get_by_role("group", name="Zoom").first.get_by_role("button", name="Larger").click()
    page.get_by_role("button", name="All", exact=True).click()
    page.locator("#training-table summary").click()
    expect(page.locator("#training-table tbody tr")).to_have_count(24)
    expect(page.locator("#training-table tbody")).to_contain_text("NaN")
    page.get_by_role("button", name="Dark theme").click()
    assert saved(page, "png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert "NaN" in saved(page, "csv").read_text()
    assert complaints.all() == []


def test_curves_are_read_by_keyboard(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    start(page)
    finish(page)
    expect(panel(page)).to_have_attribute("data-points", "610")  # all are drawn
    plot = page.locator("#training-plot")
    plot.focus()
    page.keyboard.press("ArrowRight")
    expect(plot).to_have_attribute("data-reading", "epoch 0.03333")
    first = page.locator(".curve-value").first.text_content()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".curve-value").first).not_to_have_text(first or "")
    for key in ("+", "+", "Shift+ArrowRight", "-", "0"):
        page.keyboard.press(key)
    page.keyboard.press("Tab")
    expect(plot).not_to_be_focused()
    expect(page.locator("#training-summary")).to_contain_text("loss: 300 points, first 2.6")


def test_earlier_runs_lie_below_the_newest(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    earlier = page.locator("#training-before")
    for rounds in (300, 200, 200, 100, 40, 50):
        start(page, "x = 1\n" * (rounds == 40) + TRAIN.replace("300", str(rounds)))
        finish(page)
        if rounds == 300:
            expect(earlier).to_be_hidden()
    names = ["range: 200 → 50", "range: 100 → 50", "2 lines differ"]
    expect(earlier.locator(".curve-name")).to_have_text(names)
    looks = {entry.get_attribute("class") for entry in earlier.get_by_role("button").all()}
    assert len(looks) == len(names)  # colour and pattern of their own
    page.locator("#training-table summary").click()
    expect(page.locator("#training-table thead")).to_contain_text("loss (range: 100 → 50)")
    runs = {row["run"] for row in csv.DictReader(saved(page, "csv").read_text().splitlines())}
    assert runs == {"this run", *names}
    assert {each["run"] for each in json.loads(saved(page, "json").read_text())["curves"]} == runs
    earlier.get_by_role("button", name="range: 100 → 50").click()
    expect(earlier.get_by_role("button", name="range: 100 → 50")).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#training-table thead")).not_to_contain_text("range: 100 → 50")
    expect(page.locator("#training-table thead")).to_contain_text("range: 200 → 50")


def test_edit_during_a_run_keeps_the_newer_result(fake_site: FakeSite, page: Page) -> None:
    fake_site.sandbox.lets = SOME
    page.goto(fake_site.url)
    start(page)
    expect(page.locator(".curve").first).to_be_visible()
    write(page, "print(1)")
    expect(page.locator("#panel-output")).to_contain_text("tensor(15)")
    fake_site.sandbox.lets = math.inf
    finish(page)
    expect(page.locator("#training-note")).to_contain_text("before your last edit")
    page.wait_for_timeout(300)
    expect(page.locator("#panel-output")).to_contain_text("tensor(15)")


def test_curves_of_an_edits_evaluation_are_drawn_too(fake_site: FakeSite, page: Page) -> None:
    fake_site.sandbox.trace = trained_trace
    page.goto(fake_site.url)
    expect(panel(page)).to_be_visible()
    expect(page.locator(".curve")).to_have_count(2)
    expect(page.locator("#panel-trained")).to_be_hidden()
    fake_site.sandbox.trace = canned
    write(page, "y = x*w + b  # no training")
    expect(panel(page)).to_be_hidden()


def test_quick_run_shows_no_panel(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    with page.expect_response("**/live/answer"):
        page.get_by_role("button", name="Run").click()
    expect(page.locator("#status")).to_contain_text("Completed")
    expect(panel(page)).to_be_hidden()


def test_second_run_takes_the_place_of_the_first(fake_site: FakeSite, page: Page) -> None:
    fake_site.sandbox.lets = SOME
    page.goto(fake_site.url)
    start(page)
    expect(page.locator(".curve").first).to_be_visible()
    start(page, TRAIN + "  # second")
    wait_until(page, lambda: fake_site.sandbox.cancelled == 1 and fake_site.sandbox.running == 1)
    expect(panel(page)).to_have_attribute("data-state", "running")


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_panel_fits_a_phone(fake_site: FakeSite, browser: Browser, locale: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, locale=locale, has_touch=True)
    page = context.new_page()
    fake_site.sandbox.lets = SOME
    page.goto(fake_site.url)
    start(page, TRAIN + "  # nan")
    expect(page.locator("#training-title")).to_be_in_viewport()  # Run goes to what it shows
    expect(page.locator(".curve").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    fake_site.sandbox.lets = math.inf
    go_on(page)
    finish(page)
    page.locator("#training-table summary").click()
    page.locator(".training-menu summary").click()
    expect(page.locator(".training-menu ul")).to_be_visible()
    menu = page.locator(".training-menu ul").bounding_box()
    assert menu is not None
    assert menu["x"] >= 0
    assert menu["x"] + menu["width"] <= 360
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    context.close()


@pytest.mark.parametrize("kind", ["py", "ipynb"])
def test_program_is_saved_as_a_file(fake_site: FakeSite, page: Page, kind: str) -> None:
    page.goto(fake_site.url)
    with page.expect_download() as download:
        page.get_by_role("button", name=f".{kind}", exact=True).click()
    assert download.value.suggested_filename == f"program.{kind}"
    assert "y = x*w + b" in Path(download.value.path()).read_text()


def test_expression_is_watched_while_it_trains(real_site: str, page: Page, complaints: Complaints) -> None:
    page.goto(f"{real_site}/?example=views")
    start(page, REAL.replace("3000", "10_000_000"))
    expect(page.locator(".curve", has_text="loss").first).to_be_visible()
    page.locator("#watches input").last.fill("net[0].weight")
    page.locator("#watches input").last.press("Enter")
    page.locator("#watches input").last.fill("missing")
    page.locator("#watches input").last.press("Enter")
    watched, wrong = page.locator("#watches .watch").nth(0), page.locator("#watches .watch").nth(1)
    expect(watched.locator(".watch-value")).to_have_text(re.compile(r"^\d+\.\d+$"))
    expect(wrong.locator(".watch-said")).to_contain_text("NameError: name 'missing' is not defined")
    legend = page.locator("#training-legend .curve")
    expect(legend).to_have_count(1)
    expect(legend).to_contain_text("‖net[0].weight‖")
    wrong.get_by_role("button").click()
    expect(page.locator("#watches .watch")).to_have_count(2)
    panel(page).get_by_role("button", name="Loss and metrics").click()
    loss = legend.filter(has_text="loss")
    loss.click()
    expect(loss).to_have_attribute("title", "Show this curve again")
    loss.click()
    expect(loss).to_have_attribute("aria-pressed", "true")
    panel(page).get_by_role("button", name="Stop").click()
    expect(panel(page)).to_have_attribute("data-state", "stopped")
    assert complaints.all() == []


def test_values_and_warnings_stand_among_the_output_while_the_program_runs(
    real_site: str, page: Page
) -> None:
    source = "# %%\n1 + 1\n# %%\nimport warnings\nprint('said')\nwarnings.warn('slow')\n'last'\n# %%\nwhile True: pass"
    page.goto(real_site)
    page.locator("#source").fill(source)
    page.keyboard.press("Control+Enter")
    rows = page.locator(".live-output .output")
    expect(rows).to_have_text("2\nsaid\nline 6 · UserWarning: slow\n'last'\n")
    expect(rows.locator(".shown-now")).to_have_count(2)
    page.locator("button[data-stop]").first.click()
    expect(page.locator("#panel-training")).to_have_attribute("data-state", re.compile("stopped|finished"))


def test_edit_that_trains_for_long_is_watched_until_the_next(real_site: str, page: Page) -> None:
    """Nobody presses Run: pasting is enough, and so is typing on."""
    page.goto(f"{real_site}/?example=views")
    page.locator("#source").fill(REAL.replace("3000", "10_000_000"))
    expect(panel(page)).to_have_attribute("data-state", "running")
    see_points_come(page)
    write(page, "y = torch.ones(3) * 2")
    expect(panel(page)).to_be_hidden()
    expect(page.locator("#status")).to_contain_text("Completed")
