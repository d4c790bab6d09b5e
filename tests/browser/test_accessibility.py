"""axe finds nothing to complain about, in both themes and both languages, in every state the page commonly has.

axe-core (Deque, MPL-2.0) lies unchanged in `vendor`, is used by these tests alone and is no part of what is served.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import FakeSite

VENDOR = Path(__file__).parent / "vendor"
AXE = (VENDOR / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """What axe finds wrong, with the first elements it is about."""
    page.evaluate(f"{AXE}; null")
    found: dict[str, Any] = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    assert len(found["passes"]) > 10
    return [
        f"{each['id']}: {', '.join(node['html'][:120] for node in each['nodes'][:3])}"
        for each in found["violations"]
    ]


@pytest.fixture(params=[("light", "en-US"), ("dark", "zh-CN")])
def themed(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    theme, locale = request.param
    context = browser.new_context(color_scheme=theme, locale=locale)
    yield context.new_page()
    context.close()


def test_axe_finds_nothing(fake_site: FakeSite, themed: Page) -> None:
    page = themed
    fake_site.sandbox.lets = 5  # what trains is still running when it is looked at
    page.goto(fake_site.url)
    assert violations(page) == []
    page.locator('[data-kind][value="diff"]').click()
    expect(page.locator(".changes strong")).to_be_visible()
    page.locator('#stepper [value="first"]').click()
    page.locator('#stepper [value="next"]').click()
    page.locator(".stages summary").click()
    page.locator("#outline > summary").click()
    page.locator("#outline li summary").nth(2).click()
    page.locator("svg.graph .box").first.click()
    page.locator('svg.graph .box[aria-label*="MulBackward0"]').click()
    expect(page.locator("#inspector math").first).to_be_visible()
    page.locator("#find").fill("w")
    page.locator(".saves > summary").click()
    expect(page.locator("[data-png]")).to_be_visible()
    page.locator("#recipe > summary").click()
    page.locator("#recipe-lr").fill("fast")
    page.locator("#recipe-lr").blur()
    expect(page.locator("#recipe-problems p")).to_be_visible()
    assert violations(page) == []
    page.locator("#source").fill("weights = 1 +")
    expect(page.locator("#stale")).to_be_visible()
    assert violations(page) == []
    page.locator("#source").fill("weights = 1")
    expect(page.locator("svg.heat").first).to_be_visible()
    assert violations(page) == []
    page.locator("#source").fill("print('loss')")
    expect(page.locator(".meter progress")).to_be_visible()
    assert violations(page) == []
    page.locator("#source").fill("for epoch in range(2): pass")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#training-title")).to_be_visible()
    expect(page.locator(".live-output .output")).to_be_visible()
    assert violations(page) == []
    page.locator("button[data-stop]").first.click()
    page.goto(f"{fake_site.url}/docs")
    assert violations(page) == []


def test_axe_would_find_a_fault(fake_site: FakeSite, page: Page) -> None:
    page.goto(fake_site.url)
    page.evaluate(
        """() => {
          const faint = document.createElement("p");
          Object.assign(faint.style, { color: "#bbb", background: "#fff" });
          faint.textContent = "too faint";
          document.querySelector("main").append(faint, document.createElement("img"));
        }"""
    )
    assert {each.partition(":")[0] for each in violations(page)} == {"color-contrast", "image-alt"}


def test_axe_is_the_file_its_manifest_names() -> None:
    manifest = json.loads((VENDOR / "MANIFEST.json").read_text("utf-8"))
    assert manifest.keys() == {"axe.min.js"}
    digest = hashlib.sha384((VENDOR / "axe.min.js").read_bytes()).digest()
    assert base64.b64encode(digest).decode() == manifest["axe.min.js"]["sha384"]
    assert f"axe v{manifest['axe.min.js']['version']}" in AXE
    assert "Mozilla Public License" in (VENDOR / "LICENSE-axe-core.txt").read_text("utf-8")
