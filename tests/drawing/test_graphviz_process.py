"""Laws of the Graphviz process: an answer or DrawingFailed within the deadline, whatever happens to the process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

import pytest

from app.drawing.classic import write_dot
from app.drawing.graphviz_process import MOST_WAITING, Graphviz
from app.vocabulary.classic import ClassicEdge, ClassicGraph, ClassicNode
from app.vocabulary.errors import DrawingFailed
from app.vocabulary.values import NodeId

SMALL = "digraph { a -> b }"
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def graphviz() -> AsyncIterator[Graphviz]:
    process = Graphviz(seconds=30)
    yield process
    await process.close()


def shared_weight(steps: int) -> str:
    """torchviz's picture of a loop that uses one weight at every step: the program that hangs dot."""
    nodes = [
        ClassicNode(NodeId(number), f"node {number}", "lightgrey", "box") for number in range(2 * steps + 2)
    ]
    edges = [ClassicEdge(NodeId(0), NodeId(1 + 2 * step)) for step in range(steps)]
    edges += [ClassicEdge(NodeId(number), NodeId(number + 1)) for number in range(1, 2 * steps + 1)]
    edges += [ClassicEdge(NodeId(2 * step), NodeId(2 * step + 3)) for step in range(1, steps)]
    return write_dot(ClassicGraph(tuple(nodes), tuple(edges)))


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def wait_until_gone(pid: int) -> bool:
    deadline = monotonic() + 60
    while alive(pid) and monotonic() < deadline:
        sleep(0.02)
    return not alive(pid)


async def test_dot_becomes_svg(graphviz: Graphviz) -> None:
    svg = await graphviz.render('digraph { a [label="权重 😀 <b>"]; a -> b }')
    assert "权重 😀 &lt;b&gt;" in svg


async def test_process_stays_for_the_next_request(graphviz: Graphviz) -> None:
    await graphviz.render(SMALL)
    pid = graphviz.pid
    await graphviz.render(SMALL)
    assert pid is not None
    assert graphviz.pid == pid


async def test_requests_at_the_same_time_get_their_own_answers(graphviz: Graphviz) -> None:
    svgs = await asyncio.gather(*[graphviz.render(f"digraph {{ name{number} }}") for number in range(8)])
    assert [f"name{number}<" in svg for number, svg in enumerate(svgs)] == [True] * 8


async def test_too_many_requests_at_once_are_refused(graphviz: Graphviz) -> None:
    asked = [graphviz.render(SMALL) for _ in range(MOST_WAITING + 4)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, DrawingFailed) for answer in answers) == 4
    assert await graphviz.render(SMALL)


async def test_deadline_ends_the_picture_and_its_process() -> None:
    graphviz = Graphviz(seconds=60)
    await graphviz.render(SMALL)
    pid = graphviz.pid
    assert pid is not None
    graphviz._seconds = 0.5
    with pytest.raises(DrawingFailed, match=r"longer than 0\.5 s"):
        await graphviz.render(shared_weight(75))
    graphviz._seconds = 60
    assert wait_until_gone(pid)
    assert await graphviz.render(SMALL)
    await graphviz.close()


@pytest.mark.parametrize(
    "dot", ["digraph { a -> ", "", "no dot at all", "\x00", 'digraph { a [shape=record label="{"] }']
)
async def test_malformed_dot_is_refused_or_drawn_and_the_next_request_works(
    graphviz: Graphviz, dot: str
) -> None:
    with suppress(DrawingFailed):
        await graphviz.render(dot)
    assert await graphviz.render(SMALL)


@pytest.mark.parametrize(
    "attribute", ['href="http://example.org"', 'image="/etc/passwd"', 'style="stroke:url(x)"']
)
async def test_links_and_images_are_refused(graphviz: Graphviz, attribute: str) -> None:
    try:
        svg = await graphviz.render(f"digraph {{ a [{attribute}] }}")
    except DrawingFailed:
        return
    assert "example" not in svg
    assert "passwd" not in svg
    assert "url(" not in svg


async def test_killed_while_idle_costs_no_picture(graphviz: Graphviz) -> None:
    await graphviz.render(SMALL)
    assert graphviz.pid is not None
    os.kill(graphviz.pid, signal.SIGKILL)
    assert await graphviz.render(SMALL)


async def test_killed_in_the_middle_costs_at_most_this_picture(graphviz: Graphviz) -> None:
    await graphviz.render(SMALL)
    pid = graphviz.pid
    assert pid is not None
    asked = asyncio.create_task(graphviz.render(shared_weight(75)))
    await asyncio.sleep(0.3)
    os.kill(pid, signal.SIGKILL)
    with suppress(DrawingFailed):
        assert "</svg>" in await asked
    assert await graphviz.render(SMALL)


async def test_cancelled_request_leaves_no_answer_behind(graphviz: Graphviz) -> None:
    await graphviz.render(SMALL)
    asked = asyncio.create_task(graphviz.render(shared_weight(60)))
    await asyncio.sleep(0.2)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert "name" in await graphviz.render("digraph { name }")


async def test_oversized_dot_is_refused() -> None:
    with pytest.raises(DrawingFailed, match="too large"):
        await Graphviz(seconds=1, dot_bytes=100).render("x" * 101)


async def test_memory_is_limited() -> None:
    graphviz = Graphviz(seconds=20, memory_bytes=200 * 1024 * 1024)
    wide = (
        "digraph { "
        + "; ".join(f"{{a{n}}} -> {{{' '.join(f'b{m}' for m in range(300))}}}" for n in range(300))
        + "}"
    )
    with suppress(DrawingFailed):
        await graphviz.render(wide)
    assert await graphviz.render(SMALL)
    await graphviz.close()


async def test_closing_ends_the_process_and_another_request_starts_one() -> None:
    graphviz = Graphviz(seconds=5)
    await graphviz.render(SMALL)
    pid = graphviz.pid
    assert pid is not None
    await graphviz.close()
    assert not alive(pid)
    assert await graphviz.render(SMALL)
    await graphviz.close()
    await graphviz.close()


PARENT = """
import asyncio
from app.drawing.graphviz_process import Graphviz
async def main():
    graphviz = Graphviz(seconds=30)
    await graphviz.render("digraph { a }")
    print(graphviz.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_process_does_not_outlive_its_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert wait_until_gone(pid)


async def test_process_is_told_nothing_about_its_surroundings(
    graphviz: Graphviz, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    await graphviz.render(SMALL)
    told = Path(f"/proc/{graphviz.pid}/environ").read_bytes().split(b"\0")
    assert sorted(word.split(b"=")[0] for word in told if word) == [b"HOME", b"LANG", b"PATH"]
