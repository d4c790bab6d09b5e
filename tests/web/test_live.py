"""Live runs on the page: what Run and the end of a run change, and programs saved as files that run elsewhere."""

from __future__ import annotations

import asyncio
import html
import json
import re
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.runs.curves import CurveBook
from app.vocabulary.errors import WorkerLost
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed, Trace, Watched
from app.vocabulary.training import Curve, Training, Watching
from tests.fake_training import training_frames
from tests.fakes import VERSIONS, FakeSandbox
from tests.web.site import ZH, post_form, site

SOURCE = "for epoch in range(3):\n    loss = 1 / (epoch + 1)"


def trained_book(source: str = "", batches: int = 30) -> CurveBook:
    book = CurveBook(Limits())
    for frame in training_frames(source, 10, batches):
        if isinstance(frame, Training):
            book.take(frame)
    return book


def trained_curves(source: str = "", batches: int = 30) -> tuple[Curve, ...]:
    return trained_book(source, batches).curves()


def trained_trace(*_: Any) -> Trace:
    book = trained_book()
    return Trace(Completed(), curves=book.curves(), ribbons=book.ribbons(), versions=VERSIONS)


def run_named(text: str) -> str:
    found = re.search(r'name="run" value="([^"]+)"', text)
    assert found, text
    return found[1]


async def end_of(client: Any, run: str) -> str:
    for _ in range(6_000):
        state: str = (await client.get(f"/api/v1/runs/{run}")).json()["state"]
        if state not in ("queued", "running"):
            return state
        await asyncio.sleep(0.01)
    raise AssertionError("the run did not end")


async def test_run_on_the_page_starts_a_live_run_and_shows_its_answer() -> None:
    async with site(FakeSandbox(trace=trained_trace)) as client:
        started = await post_form(client, "/live", source=SOURCE, sequence="7")
        run = run_named(started.text)
        assert await end_of(client, run) == "finished"
        answer = await post_form(client, "/live/answer", source=SOURCE, sequence="8", run=run)
    assert started.status_code == 200
    assert 'hx-target="#status"' in started.text
    assert "Running" in started.text
    assert 'hx-target="#result"' in answer.text
    assert 'id="panel-trained"' in answer.text
    assert "Completed" in answer.text


async def test_what_is_known_of_the_text_is_told_as_its_run_begins() -> None:
    async with site(FakeSandbox(trace=trained_trace)) as client:
        known = await post_form(client, "/live", source="import torchinfo\ny = x*w")
        plain = await post_form(client, "/live", source="y = x*w")
    assert 'aria-label="Take import torchinfo out of the program">Take it out<' in known.text
    assert 'hx-target="#advice" hx-swap="innerHTML"></hx-partial>' in plain.text


async def test_inputs_of_a_live_run_are_the_forms() -> None:
    sandbox = FakeSandbox()
    inputs = {"x": {"kind": "value", "value": "30"}, "w": {"kind": "value", "value": "4"}}
    async with site(sandbox) as client:
        started = await post_form(client, "/live", source="y = x*w", inputs=inputs)
        run = run_named(started.text)
        await end_of(client, run)
        answer = await post_form(client, "/live/answer", source="y = x*w", inputs=inputs, run=run)
    assert sandbox.asked[0][1].inputs["x"].value == 30
    assert "121" in answer.text
    assert 'hx-target="#inputs"' not in started.text


async def test_refused_program_is_answered_like_an_edit() -> None:
    async with site() as client:
        answer = await post_form(client, "/live", source="y = (")
        spent = await post_form(client, "/live/answer", source="y = 1", run="nothing")
    assert answer.status_code == 200
    assert 'id="stale"' in answer.text
    assert 'name="run"' not in answer.text
    assert spent.status_code == 404


async def test_lost_run_and_stopped_run_leave_the_result_as_it_is() -> None:
    def fail(*_: Any) -> Trace:
        raise WorkerLost("killed")

    async with site(FakeSandbox(trace=fail)) as client:
        run = run_named((await post_form(client, "/live", source="y = 1")).text)
        assert await end_of(client, run) == "failed"
        lost = await post_form(client, "/live/answer", source="y = 1", run=run)
    async with site(FakeSandbox(delay=lambda program: 9.0)) as client:
        run = run_named((await post_form(client, "/live", source="y = 1")).text)
        await client.delete(f"/api/v1/runs/{run}")
        stopped = await post_form(client, "/live/answer", source="y = 1", run=run)
    assert "ended from outside" in lost.text
    assert 'hx-target="#result"' not in lost.text
    assert (stopped.status_code, stopped.text) == (204, "")


async def test_curves_are_readable_without_a_script() -> None:
    async with site(FakeSandbox(trace=trained_trace)) as client:
        page = (await client.get("/", headers=ZH)).text
    rows = re.sub(r"<[^>]+>", " ", page.partition('id="panel-trained"')[2].partition("</table>")[0])
    assert "accuracy" in rows
    assert "指标" in rows
    data = re.search(r'data-curves="([^"]*)"', page)
    assert data
    curves = json.loads(html.unescape(data[1]))
    assert [curve["count"] for curve in curves] == [300, 300, 10]


async def test_page_carries_a_bounded_number_of_points() -> None:
    curves = trained_curves(batches=2_000)
    many = tuple(
        replace(curves[0], series=replace(curves[0].series, index=index, name=f"loss {index}"))
        for index in range(64)
    )
    trace = Trace(Completed(), curves=many, versions=VERSIONS)
    async with site(FakeSandbox(trace=lambda *_: trace)) as client:
        page = (await client.get("/")).text
    assert len(page) < 2_500_000


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x>', "{{7*7}}", "损失"])
async def test_names_of_curves_are_only_text(name: str) -> None:
    (curve, *_) = trained_curves(batches=2)
    hostile = replace(curve, series=replace(curve.series, name=name))
    trace = Trace(Completed(), curves=(hostile,), versions=VERSIONS)
    async with site(FakeSandbox(trace=lambda *_: trace)) as client:
        page = (await client.get("/")).text
    assert name in html.unescape(page)
    assert "<script>alert" not in page
    assert "<img src=x" not in page


# ------------------------------------------------------------------------------------- programs as files

INPUTS = {
    "x": {"kind": "value", "value": "[[1, 2], [3, 4]]", "requires_grad": "on"},
    "w": {"kind": "randn", "shape": "2, 2", "seed": "3", "dtype": "float64"},
    "e": {"kind": "eye", "shape": "2, 2"},
    "r": {"kind": "arange", "shape": "2, 3"},
    "o": {"kind": "ones", "shape": "", "requires_grad": "on"},
    "n": {"kind": "value", "value": "[NaN, -Infinity]"},
    "z": {"kind": "value", "value": "1+2j"},
}
PROGRAM = "y = (x.double() @ w).sum()\nq = (e, r, o, n, z)\ny.backward()\nkept = x.grad"


async def test_program_saved_as_a_file_runs_elsewhere_unchanged(tmp_path: Path) -> None:
    async with site() as client:
        saved = await post_form(client, "/export/program.py", source=PROGRAM, inputs=INPUTS)
    assert saved.headers["content-disposition"] == 'attachment; filename="program.py"'
    assert saved.text.endswith(PROGRAM + "\n")
    path = tmp_path / "program.py"
    path.write_text(saved.text, "utf-8")
    names = runpy.run_path(str(path))
    assert names["x"].dtype == names["torch"].float32
    assert names["w"].dtype == names["torch"].float64
    assert names["kept"].shape == (2, 2)
    assert names["o"].requires_grad
    assert names["r"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert names["z"].item() == 1 + 2j


@pytest.mark.parametrize(
    ("source", "given"),
    [
        ("print(1)", ""),
        ("import torch\nprint(torch.ones(1))", ""),
        (
            "x = nn.Linear(1, 1)\nF.relu(x.weight)",
            "import torch.nn.functional as F\nfrom torch import nn\n\n",
        ),
        ("print(eval('np.pi'), math.e)", "import math\n\nimport numpy as np\n\n"),
        ("a = torch.ones(1)\nimport torch", "import torch\n\n"),
        ("def f():\n    import torch\ntorch.ones(1)", "import torch\n\n"),
        ("nn.ReLU(), optim.SGD", "from torch import nn, optim\n\n"),
        ("# %%\ntorch.ones(1)\n# %%\nplt.plot(", "import matplotlib.pyplot as plt\nimport torch\n\n"),
    ],
)
async def test_saved_program_imports_what_it_is_given_and_needs(source: str, given: str) -> None:
    async with site() as client:
        saved = await post_form(client, "/export/program.py", source=source)
    assert saved.text == f"{given}{source}\n"


async def test_program_saved_as_a_notebook_holds_the_same_code() -> None:
    async with site() as client:
        script = (await post_form(client, "/export/program.py", source=PROGRAM, inputs=INPUTS)).text
        saved = await post_form(client, "/export/program.ipynb", source=PROGRAM, inputs=INPUTS)
    book = saved.json()
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert all(cell["cell_type"] == "code" and cell["id"] for cell in book["cells"])
    code = "\n\n".join("".join(cell["source"]) for cell in book["cells"])
    assert code.split() == script.split()


async def test_program_that_cannot_be_read_is_shown_on_the_page_again() -> None:
    async with site() as client:
        page = await post_form(client, "/export/program.py", source="y = (")
    assert page.status_code == 422
    assert page.headers["content-type"].startswith("text/html")
    assert "y = (</textarea>" in page.text


async def test_watched_expressions_of_the_form_are_watched() -> None:
    sandbox = FakeSandbox()
    form = "source=y+%3D+1&watch=y&watch=+y+&watch=&watch=y+%2B+1&watch=2&unwatch=2"
    async with site(sandbox) as client:
        page = await client.post(
            "/", content=form, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        refused = await post_form(client, "/evaluate", source="y = 1", watch="y +")
    assert sandbox.asked[0][1].watch == ("y", "y + 1")
    assert re.findall(r'name="watch" value="([^"]*)"', page.text) == ["y", "y + 1", ""]
    assert 'data-name="y +"' in refused.text


async def test_watched_values_stand_on_the_page() -> None:
    fault = Watching("w", "error", 7, "ValueError: no")
    watched = (
        Watched("w", "tensor(1.)", None, None, Watching("w", "number", 9), fault),
        Watched("v", "tensor([1., 2.])", None, None, Watching("v", "norm", 9)),
        Watched("<u>", None, None, "NameError: name 'u'"),
    )
    trace = Trace(Completed(), watched=watched, versions=VERSIONS)
    async with site(FakeSandbox(trace=lambda *_: trace)) as client:
        answer = await post_form(client, "/evaluate", source="y = 1")
        page = await post_form(client, "/", source="y = 1", watch="w", headers=ZH)
    assert "At step 7 it raised ValueError: no" in answer.text
    assert "Its curve is the norm of its elements." in answer.text
    assert (
        '<div data-said="" class="failed"><dt>&lt;u&gt;</dt><dd>NameError: name &#39;u&#39;</dd></div>'
        in answer.text
    )
    assert '<span class="watch-value">tensor(1.)</span>' in page.text
    assert "第 7 步时抛出" in page.text
