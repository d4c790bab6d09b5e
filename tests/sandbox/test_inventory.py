"""What readers of five tutorials do, row by row, sealed: each row is a cell, and says what it prints, shows and draws.

The rows are those of the inventory the project was given; a row that is no program is a text cell that says why.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.program import parse_program
from app.sandbox.local import SandboxPlan
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed, Trace
from tests.sandbox.conftest import RealSandbox, started

pytestmark = pytest.mark.anyio
FOLDER = Path(__file__).parent.parent / "seeds" / "inventory"
ROWS = (("000", 21), ("001", 45), ("002", 17), ("003", 12), ("004", 43))
"""Tutorials, and how many rows each has: 138 in all."""
WITHOUT_PROGRAM = 16
CLAIM = re.compile(r"^# (prints|shows|draws): (.*(?:\n#(?! (?:prints|shows|draws)) .*)*)", re.MULTILINE)


@pytest.fixture(scope="module")
async def roomy(anyio_backend: str) -> AsyncIterator[RealSandbox]:
    """As a server gives it: figures need more memory than the other tests' sandboxes have."""
    plan = SandboxPlan(Limits(seconds=30.0), slots=1, spares=1, queue_seconds=90.0, first_uid=62_200)
    async with started(plan) as sandbox:
        yield sandbox


@pytest.mark.parametrize(("tutorial", "rows"), ROWS)
async def test_every_row_does_what_its_reader_expects(tutorial: str, rows: int, roomy: RealSandbox) -> None:
    trace = await roomy.run((FOLDER / f"{tutorial}.txt").read_text("utf-8"))
    assert trace.outcome == Completed()
    assert [cell.title for cell in trace.cells] == [f"{tutorial}-{row:02}" for row in range(1, rows + 1)]
    for at, cell in enumerate(trace.cells):
        if cell.kind == "code":
            assert cell.state == "ran"
            assert claims_of(cell.source) == claims_kept(trace, at, cell.source), cell.title


def test_rows_without_a_program_are_few_and_say_why() -> None:
    texts = [(FOLDER / f"{tutorial}.txt").read_text("utf-8") for tutorial, _ in ROWS]
    cells = [cell for text in texts for cell in parse_program(text, Limits()).cells]
    assert len(cells) == 138
    told = [cell for cell in cells if cell.kind == "text"]
    assert len(told) == WITHOUT_PROGRAM
    assert all(len(cell.source.split()) > 3 for cell in told)


def claims_of(source: str) -> Counter[tuple[str, str]]:
    """What a cell says it prints, shows and draws."""
    found = (match.groups() for match in CLAIM.finditer(source))
    return Counter((kind, re.sub(r"\n# ?", "\n", text).rstrip()) for kind, text in found)


def claims_kept(trace: Trace, at: int, source: str) -> Counter[tuple[str, str]]:
    """What it did of all that; what it claims nothing about is not looked at."""
    printed = "".join(chunk.text for chunk in trace.output if chunk.cell == at).rstrip()
    shown = [each.text for each in trace.displays if each.cell == at]
    drawn = sum(figure.cell == at for figure in trace.figures)
    did = [("prints", printed), *(("shows", text) for text in shown), ("draws", str(drawn))]
    asked = {kind for kind, _ in claims_of(source)}
    if "# shows nothing" in source:
        asked.add("shows")
    return Counter((kind, text) for kind, text in did if kind in asked)
