"""Why, in a browser: the reason stands at the tensor and at the node, leads to its place, and passes can be chosen."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints

DEAD = """w = torch.tensor([1.0, 2.0], requires_grad=True)
(w * 3).sum().backward()
h = torch.relu(w - 9)
h.sum().backward()
v = torch.ones(2, requires_grad=True)
torch.relu(v - 7).sum().backward()"""


def test_reason_leads_to_its_place_and_passes_are_chosen(
    real_site: str, page: Page, complaints: Complaints
) -> None:
    page.goto(real_site)
    page.locator("#source").fill(DEAD)
    why = page.locator("article.tensor[aria-label=v] .why")
    expect(why).to_contain_text("100 % of the inputs of torch.relu(v - 7)")
    expect(page.locator(".box .ask")).to_have_count(1)
    why.get_by_role("button").click()
    selected = "area => area.value.slice(area.selectionStart, area.selectionEnd)"
    assert page.locator("#source").evaluate(selected) == "torch.relu(v - 7)"
    choice = page.get_by_label("Backward pass")
    expect(choice.locator("option")).to_have_count(3)
    choice.select_option(index=0)
    expect(page.locator('.box[aria-label*="ReluBackward0"]')).to_have_count(0)
    expect(page.locator(".graph-caption")).to_contain_text("(w * 3).sum()")
    assert complaints.all() == []
