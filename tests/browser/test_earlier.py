"""Which runs the Training panel keeps as earlier ones, and a run whose curves come only at its end."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from playwright.sync_api import Page, expect

from app.program import Program
from app.vocabulary.trace import Trace
from tests.browser.conftest import FakeSite
from tests.browser.test_training import TRAIN, finish, panel, start, write
from tests.web.test_live import trained_trace


def test_what_came_and_went_while_somebody_typed_is_no_earlier_run(fake_site: FakeSite, page: Page) -> None:
    """One nobody asked for is kept where it stood for a while, or where Run follows."""

    def trace(program: Program, *_: object) -> Trace:
        whole = trained_trace()
        first = whole.curves[0]
        return replace(whole, curves=(replace(first, maximum=float(len(program.source))), *whole.curves[1:]))

    fake_site.sandbox.trace = trace
    page.add_init_script("globalThis.clock = 0; performance.now = () => clock;")
    page.goto(fake_site.url)
    earlier = page.locator("#training-before .curve-name")
    expect(page.locator(".curve")).to_have_count(2)
    page.evaluate("clock = 10_000")
    for rounds in (3, 31, 3200):
        write(page, TRAIN.replace("300", str(rounds)))
    expect(earlier).to_have_count(1)  # the first one of all was looked at
    start(page, TRAIN)
    finish(page)
    expect(earlier).to_have_text([re.compile("lines? differ"), "range: 3200 → 300"])


def test_curves_that_come_only_at_the_end_are_shown(fake_site: FakeSite, page: Page) -> None:
    series = {"index": 0, "name": "loss", "kind": "loss", "span": None}
    points = {"series": 0, "steps": [0, 1], "values": [2.0, 1.0], "epochs": [], "left_out": 0}
    facts = {"count": 2, "first": 2.0, "last": 1.0, "minimum": 1.0, "maximum": 2.0, "first_bad": None}
    end: dict[str, Any] = {
        "state": "finished",
        "reason": None,
        "seconds": 0.1,
        "error": None,
        "progress": None,
        "ribbons": [],
    }
    done = json.dumps({**end, "curves": [{"series": series, "points": points, **facts}]})
    page.route(
        "**/api/v1/runs/*/events*",
        lambda route: route.fulfill(
            content_type="text/event-stream", body=f"id: 1\nevent: done\ndata: {done}\n\n"
        ),
    )
    page.goto(fake_site.url)
    start(page)
    finish(page)
    expect(panel(page)).to_be_visible()
    expect(page.locator("#training-said")).to_contain_text("loss: 2 points")
