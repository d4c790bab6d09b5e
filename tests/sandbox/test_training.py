"""What sealed trainings tell without being asked: their curves by name and number, and words where there is none."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from app.trace import Completed
from tests.sandbox.conftest import RealSandbox

PROGRAMS: tuple[dict[str, Any], ...] = tuple(
    tomllib.loads((Path(__file__).parent / "training.toml").read_text(encoding="utf-8"))["programs"]
)
SECONDS = 30.0


@pytest.mark.parametrize("program", PROGRAMS, ids=[each["name"] for each in PROGRAMS])
async def test_curves_of_a_training_are_found(real: RealSandbox, program: dict[str, Any]) -> None:
    trace = await real.run(program["source"], SECONDS)
    assert isinstance(trace.outcome, Completed), trace.outcome
    found = {each.series.name: each for each in trace.curves if each.series.kind in ("loss", "metric")}
    assert {name: found[name].count if count else 0 for name, count in program["curves"].items()} == program[
        "curves"
    ]
    assert set(found) == set(program["curves"])
    assert {bool(each.points.epochs) for each in found.values()} == {program.get("nested", False)}
    rates = [each.series.name for each in trace.curves if each.series.kind == "learning_rate"]
    assert rates == program.get("rates", ["lr"] if "optim" in program["source"] else [])
