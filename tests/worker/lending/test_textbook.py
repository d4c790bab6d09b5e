"""The textbook's package shows what it shows in the run that uses it, with one process and with what stands in."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from app.vocabulary.trace import Completed, Raised, Trace
from app.worker.forking.libraries import import_torchvision
from app.worker.lending.textbook import PACKAGE, import_textbook
from tests.worker.running import run

IMPORT = "from d2l import torch as d2l\n"


@pytest.fixture(scope="module", autouse=True)
def _textbook() -> Iterator[None]:
    names = import_torchvision()
    import_textbook()
    assert PACKAGE in sys.modules, "make setup installs d2l"
    yield
    del names


def completed(source: str, stand_ins: bool = False) -> Trace:
    trace = run(IMPORT + source, stand_ins=stand_ins)
    assert trace.outcome == Completed()
    return trace


def test_its_training_from_scratch_has_a_curve_and_a_figure() -> None:
    trace = completed(
        """d2l.set_figsize()
features, labels = d2l.synthetic_data(torch.tensor([2, -3.4]), 4.2, 200)
d2l.plt.scatter(features[:, 1], labels)
w = torch.normal(0, 0.01, size=(2, 1), requires_grad=True)
b = torch.zeros(1, requires_grad=True)
for epoch in range(3):
    for X, y in d2l.load_array((features, labels), 20):
        l = d2l.squared_loss(d2l.linreg(X, w, b), y)
        l.sum().backward()
        d2l.sgd([w, b], 0.03, 20)
"""
    )
    assert len(trace.figures) == 1
    (curve,) = (each for each in trace.curves if each.series.kind == "loss")
    assert curve.count == 30


def test_its_animations_are_one_figure_that_is_shown_anew() -> None:
    trace = completed(
        "a = d2l.Animator(xlabel='epoch', legend=['loss'])\nfor i in range(3):\n    a.add(i, 1 / (i + 1))"
    )
    assert trace.figures[-1].xlabel == "epoch"
    assert trace.figures[-1].legend == ("loss",)


def test_its_data_stands_in_and_is_loaded_without_other_processes() -> None:
    trace = completed(
        "train, test = d2l.load_data_fashion_mnist(256)\nlen(train), next(iter(test))[0].shape",
        stand_ins=True,
    )
    assert trace.result is not None
    assert trace.result.text == "(13, torch.Size([256, 1, 28, 28]))"
    (told,) = trace.stand_ins
    assert told.span is not None
    assert told.span.line == 2


def test_afterwards_it_is_led_nowhere() -> None:
    kept = vars(sys.modules[PACKAGE])["display"]
    completed("d2l.plot([1, 2], [3, 4])")
    assert vars(sys.modules[PACKAGE])["display"] is kept


def test_names_of_its_second_edition_are_told_apart() -> None:
    outcome = run(IMPORT + "class LeNet(d2l.Classifier): pass").outcome
    assert isinstance(outcome, Raised)
    assert outcome.explanation is not None
    assert outcome.explanation.code == "other_edition"
