"""What sealed trainings tell without being asked: their curves by name and number, and words where there is none."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from app.vocabulary.trace import Completed
from app.words import in_english
from tests.sandbox.conftest import RealSandbox

TABLES: dict[str, list[dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("training.toml").read_text(encoding="utf-8")
)
PROGRAMS, FAULTS = TABLES["programs"], TABLES["faults"]
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


@pytest.mark.parametrize("fault", FAULTS, ids=[each["name"] for each in FAULTS])
async def test_training_without_a_loss_says_so(real: RealSandbox, fault: dict[str, Any]) -> None:
    trace = await real.run(fault["source"].lstrip("\n"), SECONDS)
    assert isinstance(trace.outcome, Completed), trace.outcome
    said = " ".join(map(in_english, trace.notes))
    assert fault.get("says", "") in said
    assert [each.first_bad for each in trace.curves if each.series.kind == "loss"] == (
        [fault["bad"]] if "bad" in fault else []
    )
