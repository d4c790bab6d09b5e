"""What is offered in a browser: one press writes a name as it is, or lets a stand-in take a download's place."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints

MNIST = "from torchvision import datasets\nlen(datasets.MNIST('.', download=True))"


def test_offers_are_taken_and_given_back(real_site: str, page: Page, complaints: Complaints) -> None:
    page.goto(real_site)
    source, notices = page.locator("#source"), page.locator("#notices")
    source.fill("x = torch.tensr([1.0, 2.0])")
    notices.get_by_role("button", name="Write tensor into the program", exact=True).click()
    expect(source).to_have_value("x = torch.tensor([1.0, 2.0])")
    expect(source).to_be_focused()
    expect(notices.locator(".notice")).to_have_count(0)
    source.fill(MNIST)
    expect(notices).to_contain_text("Error downloading")
    page.get_by_role("button", name="Run with this stand-in").click()
    expect(page.locator(".shown pre")).to_have_text("800")
    expect(page.locator("#result .stand-in")).to_contain_text("Stand-in for MNIST")
    back = page.get_by_role("button", name="Run without stand-ins")
    expect(back).to_be_focused()
    page.locator("#share").click()
    expect(page.locator("#shared")).not_to_be_empty()
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("#result .stand-in")).to_contain_text("Stand-in for MNIST")
    other.get_by_role("button", name="Run without stand-ins").click()
    expect(other.locator("#notices")).to_contain_text("Error downloading")
    other.close()
    back.press("Enter")
    expect(notices).to_contain_text("Error downloading")
    expect(page.locator(".stand-in")).to_have_count(0)
    assert complaints.all() == []
