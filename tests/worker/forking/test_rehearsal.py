"""The programs a server learns from do what they are there for."""

from __future__ import annotations

from app.vocabulary.trace import Completed
from app.worker.forking.rehearsal import TRAINING
from tests.worker.running import run


def test_the_training_is_left_after_its_first_passes() -> None:
    trace = run(TRAINING)
    assert trace.outcome == Completed()
    assert "steps" in {cut.limit for cut in trace.cuts}
    assert {curve.series.name for curve in trace.curves} >= {"loss", "lr"}
