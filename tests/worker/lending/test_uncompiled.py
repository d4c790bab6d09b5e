"""`torch.compile` in a run: what it is given comes back, whatever is asked of it, and it is torch's own again after."""

from __future__ import annotations

import torch

from app.vocabulary.trace import Completed
from tests.worker.running import run

PROGRAM = """
@torch.compile(fullgraph=True, mode="max-autotune")
def f(x):
    return x.sin()

net = nn.Linear(2, 2)
net.compile(backend="aot_eager")
same = torch.compile(net, backend="inductor", options={"trace.enabled": True}) is net
same and torch.equal(f(torch.ones(2)), torch.ones(2).sin()) and net(torch.ones(1, 2)).shape == (1, 2)
"""


def test_a_program_runs_uncompiled() -> None:
    before = torch.compile
    trace = run(PROGRAM)
    assert trace.outcome == Completed()
    assert trace.result is not None
    assert trace.result.text == "True"
    assert torch.compile is before
