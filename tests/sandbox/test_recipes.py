"""Sealed, the sets scikit-learn brings along are read, and the programs the training panel writes run and learn."""

from __future__ import annotations

from app.trace import Completed
from tests.sandbox.conftest import RealSandbox

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
