"""Parameters and buffers of lazy layers, before the first call and after: a run tells of them and never trips."""

from __future__ import annotations

import pytest

from app.vocabulary.trace import Completed, Raised
from tests.worker.running import run, tensor

LAZY = (
    "import torch\nfrom torch import nn\nnet = nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(1))\n"
)
UNINITIALISED = (
    "net",
    "net[0].weight",
    "print(net[0].weight, net)",
    "several = [nn.LazyBatchNorm2d(), nn.LazyConv1d(3, 2).weight]",
    "net.double().to('cpu'); kept = net.state_dict()",
    "optimiser = torch.optim.SGD(net.parameters(), lr=0.1)",
    "raw = nn.parameter.UninitializedBuffer(); raw",
    "w = torch.ones(3, requires_grad=True)\nfor i in range(20):\n    loss = (w * w).sum()\n    loss.backward()",
)


@pytest.mark.parametrize("rest", UNINITIALISED)
def test_parameters_without_a_shape_are_named_not_looked_at(rest: str) -> None:
    trace = run(LAZY + rest, watch=("net[0].weight", "net[2].bias"))
    assert isinstance(trace.outcome, Completed)
    (note,) = trace.notes
    assert "net.0.weight" in str(note.values["names"])
    assert not any(each.name.startswith("net.0") for each in trace.tensors)
    assert all(each.error is None and each.value is None for each in trace.watched)


def test_what_an_uninitialised_parameter_refuses_is_the_programs_exception() -> None:
    trace = run(LAZY + "net[0].weight + 1")
    assert isinstance(trace.outcome, Raised)
    assert trace.outcome.exception == "ValueError"


def test_a_lazy_model_trains_and_is_shown_once_it_has_shapes() -> None:
    body = "    loss = (net(torch.ones(3, 5)) - 1).pow(2).mean()\n    loss.backward()\n    net.zero_grad()\n"
    trace = run(LAZY + "for i in range(12):\n" + body)
    assert isinstance(trace.outcome, Completed)
    assert not trace.notes
    assert tensor(trace, "net.0.weight").shape == (4, 5)
    assert "torch.nn.functional.linear" in [step.op for step in trace.steps]
    assert trace.graphs
