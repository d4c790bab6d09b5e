"""The training panel on the page and in the API: programs are written, misfits told, and nothing typed is lost."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlencode

import httpx

from app.recipes.recipe import Recipe
from app.recipes.writing import write_program
from app.words import in_english
from tests.fakes import FakeSandbox
from tests.web.site import ZH, check_failure, post_form, site

API = "/api/v1/recipe"
MINE = "x = 1  # mine\nprint('<&>')\n"


def program_of(html: str) -> str:
    """What stands in the editor."""
    found = re.search(r'<textarea id="source".*?>\n(.*?)</textarea>', html, re.DOTALL)
    assert found
    return unescape(found[1])


def earlier_of(html: str) -> list[str]:
    return [
        unescape(each)
        for each in re.findall(r'<textarea name="earlier".*?>\n(.*?)</textarea>', html, re.DOTALL)
    ]


def hidden_of(html: str, name: str) -> str:
    found = re.search(rf'<input type="hidden" name="{name}" value="(.*?)">', html)
    assert found
    return found[1]


async def press(client: httpx.AsyncClient, page: httpx.Response, act: str, **choices: str) -> httpx.Response:
    """Send the form of a page again, without JavaScript."""
    source = choices.pop("source", program_of(page.text))
    pairs = [("earlier", each) for each in earlier_of(page.text)]
    sent = [("source", source), ("act", act), ("written", hidden_of(page.text, "written")), *pairs]
    sent += [(f"recipe.{name}", text) for name, text in choices.items()]
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return await client.post("/recipe", content=urlencode(sent), headers=headers)


async def test_program_is_written_into_the_editor_and_run_without_javascript() -> None:
    sandbox = FakeSandbox()
    async with site(sandbox) as client:
        page = await client.get("/")
        written = await press(client, page, "write", data="moons", lr="0.3", epochs="")
    assert written.status_code == 200
    program, _ = sandbox.asked[-1]
    assert program.source == program_of(written.text)
    assert "lr=0.3)" in program.source
    assert '<details class="sheet recipe" id="recipe" open>' in written.text
    assert re.search(r'id="recipe-lr" value="0.3"', written.text)
    assert re.search(r'id="recipe-epochs" value="" placeholder="100"', written.text)
    assert re.search(r'<option value="moons" data-for="[a-z ]+" selected>', written.text)
    assert earlier_of(written.text) == [program_of(page.text)]


async def test_nothing_typed_is_lost() -> None:
    async with site() as client:
        page = await press(client, await client.get("/"), "write", data="xor", source=MINE)
        xor = program_of(page.text)
        page = await press(client, page, "write", data="moons")
        moons = program_of(page.text)
        assert earlier_of(page.text) == [MINE]
        page = await press(client, page, "write", data="xor", source=moons + "# changed\n")
        assert (program_of(page.text), earlier_of(page.text)) == (xor, [MINE, moons + "# changed\n"])
        page = await press(client, page, "back")
        assert (program_of(page.text), earlier_of(page.text)) == (moons + "# changed\n", [MINE])
        page = await press(client, page, "back")
        assert (program_of(page.text), earlier_of(page.text)) == (MINE, [moons + "# changed\n"])
        page = await press(client, page, "back")
        assert (program_of(page.text), earlier_of(page.text)) == (moons + "# changed\n", [MINE])


async def test_program_is_saved_as_it_stands() -> None:
    source = write_program(Recipe(), in_english)
    async with site() as client:
        assert (await post_form(client, "/export/program.py", source=source)).text == source
        book = (await post_form(client, "/export/program.ipynb", source=source)).json()
    assert ["".join(cell["source"]) for cell in book["cells"]] == [source.rstrip("\n")]


async def test_misfit_is_told_and_the_program_stays() -> None:
    async with site() as client:
        page = await press(
            client, await client.get("/"), "write", source=MINE, data="digits", loss="MSELoss", lr="<b>"
        )
    assert (program_of(page.text), earlier_of(page.text)) == (MINE, [])
    assert "Choose from: CrossEntropyLoss." in page.text
    assert "“&lt;b&gt;” is no number" in page.text
    assert len(re.findall(r'id="recipe-(?:loss|lr)"[^>]* aria-invalid="true"', page.text)) == 2


async def test_choices_and_earlier_programs_outlive_a_change_of_language() -> None:
    async with site() as client:
        texts = {"recipe.data": "digits", "recipe.model": "cnn", "earlier": MINE, "set_language": "zh"}
        page = await post_form(client, source="x = 1", **texts)
        opened = await post_form(client, source="x = 1", recipe_open="on", **texts)
    assert re.search(r'<option value="cnn" data-for="digits" selected>卷积网络</option>', page.text)
    assert earlier_of(page.text) == [MINE]
    assert 'id="recipe" open' not in page.text
    assert 'id="recipe" open' in opened.text


async def test_link_leads_to_the_same_program() -> None:
    async with site() as client:
        page = await press(client, await client.get("/"), "write", data="moons", widths="8, 16", lr="0.3")
        (link,) = re.findall(r'<a id="recipe-link" href="(.*?)"', page.text)
        assert program_of((await client.get(unescape(link))).text) == program_of(page.text)


async def test_address_opens_a_program() -> None:
    async with site() as client:
        page = await client.get(
            "/recipe", params={"data": "circles", "optimiser": "SGD with momentum"}, headers=ZH
        )
        broken = await client.get("/recipe?data=moons&speed=9")
    assert "optim.SGD(model.parameters(), lr=0.02, momentum=0.9)" in program_of(page.text)
    assert "# 大圆里套着小圆" in program_of(page.text)
    assert "There is no choice named `speed`." in broken.text


async def test_api_writes_the_program_and_says_what_it_chose() -> None:
    async with site() as client:
        answer = (await client.get(API)).json()
        refused = await client.get(API, params={"model": "cnn", "data": "xor"}, headers=ZH)
        schema = (await client.get("/openapi.json")).json()
    assert answer["source"] == write_program(Recipe(), in_english)
    assert answer["recipe"]["widths"] == [32, 32]
    (problem,) = check_failure(refused, 422, "request_refused")["problems"]
    assert (problem["name"], problem["code"]) == ("model", "model_misfit")
    assert "手写数字" in problem["message"]
    parameters = schema["paths"][API]["get"]["parameters"]
    assert [each["name"] for each in parameters] == list(answer["recipe"])


async def test_reference_lists_what_can_be_chosen() -> None:
    async with site() as client:
        schema = (await client.get("/openapi.json")).json()
        listed = (await client.get("/docs")).text
        for parameter in schema["paths"][API]["get"]["parameters"]:
            assert f"<code>{parameter['name']}</code>" in listed
            for choice in parameter["schema"].get("enum", ()):
                answer = (await client.get(API, params={parameter["name"]: choice})).json()
                problems = answer.get("error", {"problems": ()})["problems"]
                assert "bad_choice" not in [each["code"] for each in problems]
