"""Sealed, the sets scikit-learn brings along are read, and the programs the training panel writes run and learn."""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import mean

import pytest

from app.recipes.recipe import Recipe
from app.recipes.writing import write_program
from app.vocabulary.predictions import Predictions
from app.vocabulary.trace import Completed, RunRequest, Trace
from app.vocabulary.training import Curve
from app.web.export import write_notebook, write_script
from app.words import in_english
from tests.recipes.samples import RECIPES
from tests.sandbox.conftest import RealSandbox, output_of

BUNDLED = """
from sklearn import datasets

for load in (
    datasets.load_iris, datasets.load_digits, datasets.load_wine, datasets.load_breast_cancer,
    datasets.load_diabetes, datasets.load_linnerud,
):
    print(len(load().data), load.__name__)
"""
LINES = (
    "150 load_iris",
    "1797 load_digits",
    "178 load_wine",
    "569 load_breast_cancer",
    "442 load_diabetes",
    "20 load_linnerud",
)


async def test_every_set_scikit_learn_brings_along_is_read(real: RealSandbox) -> None:
    trace = await real.run(BUNDLED, seconds=20)
    assert trace.outcome == Completed()
    assert "".join(each.text for each in trace.output).splitlines() == list(LINES)


def loss_of(trace: Trace) -> Curve:
    return next(each for each in trace.curves if each.series.kind == "loss" and each.series.name == "loss")


def right_on_average(look: Predictions) -> float:
    """The mean probability of the true class."""
    assert look.probabilities is not None
    shares = look.probabilities.shares
    return sum(float(each.mean) * each.count for each in shares) / sum(each.count for each in shares)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda each: f"{each.data}-{each.model}-{each.optimiser}")
async def test_panels_program_runs_learns_and_shows_what_it_predicts(
    real: RealSandbox, recipe: Recipe
) -> None:
    trace = await real.run(write_program(recipe, in_english), seconds=60)
    assert trace.outcome == Completed()
    assert trace.notes == ()
    points = [float(value) for value in loss_of(trace).points.values]
    tenth = max(1, len(points) // 10)
    assert mean(points[-tenth:]) < 0.9 * mean(points[:tenth])
    first, latest = trace.predictions
    assert (first.first, first.step, latest.first, latest.own) == (True, 0, False, False)
    if not recipe.classifies:
        assert latest.line is not None
        return
    assert (latest.surface is None) == (recipe.data == "digits")
    assert right_on_average(latest) > right_on_average(first)


async def test_saved_programs_print_the_same_in_plain_python(real: RealSandbox) -> None:
    """One as a script, the other as the cells of a notebook; nothing there is ours."""
    first, last = (real.parse(write_program(each, in_english)) for each in (RECIPES[0], RECIPES[-1]))
    cells = json.loads(write_notebook(last, RunRequest()))["cells"]
    text = "\n".join([write_script(first, RunRequest()), *("".join(each["source"]) for each in cells)])
    plain = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=600, check=True
    )
    sealed = [await real.run(each.source, seconds=60) for each in (first, last)]
    assert plain.stdout == "".join(map(output_of, sealed)) != ""
