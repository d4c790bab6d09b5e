"""When the page draws: all of a frame together, what is read now and then, and what is out of sight not at all."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import FakeSite, wait_until
from tests.browser.test_moving import move

PACE = """async () => {
  const page = document.querySelector('script[type="module"][src*="page.js"]').src;
  const { soon, sometimes, inSight } = await import(page.replace("page.js", "pace.js"));
  const frame = () => new Promise(requestAnimationFrame);
  const until = async (fact) => { while (!fact()) await frame(); };
  const far = document.body.appendChild(document.createElement("p"));
  far.style.marginTop = "9000px";
  far.textContent = "far";
  STEPS
}"""
COUNT_LOOKS = """
window.told = 0;
const listen = EventSource.prototype.addEventListener;
EventSource.prototype.addEventListener = function (kind, act) {
  listen.call(this, kind, (event) => { if (kind === "tensors") window.told += 1; act(event); });
};
"""
FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def ask(site: FakeSite, page: Page, steps: str) -> object:
    page.goto(site.url)
    return page.evaluate(PACE.replace("STEPS", steps))


def test_what_is_asked_for_twice_is_drawn_once_and_a_fault_stops_nothing_else(
    fake_site: FakeSite, page: Page
) -> None:
    steps = """
      const drawn = [];
      const act = () => drawn.push("act");
      addEventListener("error", ({ error }) => drawn.push(error.message));
      soon(() => { throw new Error("a fault"); });
      soon(act);
      soon(act);
      await until(() => drawn.includes("act"));
      await frame();
      return drawn;
    """
    assert ask(fake_site, page, steps) == ["a fault", "act"]


def test_what_is_read_is_told_now_and_then_and_the_newest_at_last(fake_site: FakeSite, page: Page) -> None:
    steps = """
      let newest = 1;
      const [told, held] = [[], []];
      const tell = () => told.push(newest);
      sometimes(tell);
      await until(() => told.length);
      globalThis.setTimeout = (act) => held.push(act); // what it does when it has rested
      for (newest = 2; newest < 9; newest += 1) sometimes(tell);
      await until(() => held.length);
      const meanwhile = told.length;
      held[0]();
      await until(() => told.length > 1);
      return [meanwhile, ...told];
    """
    assert ask(fake_site, page, steps) == [1, 1, 9]


def test_what_is_out_of_sight_is_drawn_when_it_comes_there(fake_site: FakeSite, page: Page) -> None:
    steps = """
      const drawn = [];
      const show = inSight(far, () => drawn.push(scrollY > 1000));
      await frame(); await frame();
      show(); show();
      await frame(); await frame();
      const before = drawn.length;
      show(true);
      show();
      far.scrollIntoView({ behavior: "instant" });
      await until(() => drawn.length > 1);
      await frame(); await frame();
      return [before, ...drawn];
    """
    assert ask(fake_site, page, steps) == [0, False, True]


def test_numbers_out_of_sight_are_not_asked_for(fake_site: FakeSite, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/live/tensors" in request.url else None)
    page.add_init_script(COUNT_LOOKS)
    move(fake_site, page)

    def wait_for_looks(count: int) -> None:
        told = page.evaluate("told")
        wait_until(page, lambda: page.evaluate("told") >= told + count)

    page.evaluate("document.getElementById('result').style.marginTop = '9000px'")
    page.evaluate(FRAMES)
    wait_for_looks(2)  # what was asked for before is there
    before = len(asked)
    wait_for_looks(3)
    assert len(asked) == before
    page.evaluate("document.getElementById('result').scrollIntoView({ behavior: 'instant' })")
    wait_until(page, lambda: len(asked) > before)
    expect(page.locator("#result .note").first).to_contain_text("It trains")
