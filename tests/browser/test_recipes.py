"""The training panel in a browser: only what fits is offered, its program is typed into the editor and watched."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, FakeSite
from tests.browser.test_training import finish

UNDO = "ControlOrMeta+z"


def offered(page: Page, name: str) -> list[str]:
    options: list[str] = page.locator(f"#recipe-{name}").evaluate(
        "select => [...select.options].filter((option) => !option.disabled).map((option) => option.value)"
    )
    return options


def test_digits_are_learnt_and_their_probabilities_shown(
    real_site: str, page: Page, complaints: Complaints
) -> None:
    page.goto(f"{real_site}/?example=views")
    page.locator("#source").press_sequentially("mine = 1\n")
    mine = page.locator("#source").input_value()
    page.get_by_text("Training panel").click()
    expect(page.locator("#recipe-channels")).to_be_hidden()
    page.locator("#recipe-loss").select_option("BCEWithLogitsLoss")
    page.locator("#recipe-data").select_option("digits")
    page.locator("#recipe-model").select_option("cnn")
    assert offered(page, "loss") == ["CrossEntropyLoss"]
    expect(page.locator("#recipe-noise")).to_be_hidden()
    expect(page.locator("#recipe-epochs")).to_have_attribute("placeholder", "10")
    page.locator("#recipe-channels").fill("4, 8")
    page.locator("#recipe-epochs").fill("2")
    page.get_by_role("button", name="Write and run").click()
    expect(page.locator("#predictions-shares")).to_contain_text("class 9", timeout=180_000)
    finish(page, 180)
    expect(page.locator("#predictions-caption")).to_have_text("model after 90 steps, asked for 64 rows")
    expect(page.locator("#predictions-samples .few-row")).to_have_count(6)
    assert "nn.Conv2d(4, 8, kernel_size=3, padding=1)" in page.locator("#source").input_value()
    page.locator("#source").focus()
    page.keyboard.press(UNDO)
    expect(page.locator("#source")).to_have_value(mine)
    assert complaints.all() == []


def test_misfit_is_told_where_it_is_typed_and_what_was_typed_comes_back(
    fake_site: FakeSite, page: Page
) -> None:
    page.goto(fake_site.url)
    mine = page.locator("#source").input_value()
    page.get_by_text("Training panel").click()
    page.locator("#recipe-data").select_option("digits")
    page.locator("#recipe-model").select_option("cnn")
    page.locator("#recipe-data").select_option("moons")
    expect(page.locator("#recipe-model")).to_have_value("mlp")
    expect(page.locator("#recipe-link")).to_have_attribute("href", re.compile(r"data=moons&.*model=mlp&"))
    page.locator("#recipe-widths").fill("8, many")
    page.locator("#recipe-widths").press("Enter")
    expect(page.locator("#recipe-problems")).to_contain_text("“8, many”: write 1 to 6 whole numbers")
    expect(page.locator("#recipe-widths")).to_have_attribute("aria-invalid", "true")
    assert page.locator("#source").input_value() == mine
    page.locator("#recipe-widths").fill("8")
    page.locator("#recipe-widths").press("Enter")
    expect(page.locator("#source")).to_have_value(re.compile(r"nn\.Linear\(2, 8\)"))
    expect(page.locator("#recipe-problems")).to_be_empty()
    page.get_by_role("button", name="Bring back the program before").click()
    expect(page.locator("#source")).to_have_value(mine)
    page.get_by_role("button", name="中文").click()
    expect(page.locator("#recipe-widths")).to_have_value("8")
    expect(page.locator("#recipe-data")).to_have_value("moons")
