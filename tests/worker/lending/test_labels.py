"""A profiler finds torch's labels and the program's own in a run; where none listens, they are nearly free."""

from __future__ import annotations

import ast

import torch
from torch.autograd.profiler import record_function

from app.worker.lending.labels import telling_profilers_alone
from tests.worker.running import run

PROFILED = """
w = nn.Parameter(torch.ones(2))
opt = optim.SGD([w], lr=0.1)
data = torch.utils.data.DataLoader(torch.ones(4, 2), batch_size=2)

@torch.profiler.record_function("mine")
def loss_of(x):
    return (w * x).sum()

def train():
    for x in data:
        opt.zero_grad()
        loss_of(x).backward()
        opt.step()

train()
with torch.autograd.profiler.profile() as profile:
    train()
train()
with torch.autograd.profiler.record_function("begun before"):
    with torch.autograd.profiler.profile():
        pass
counts = {event.key: event.count for event in profile.key_averages() if "#" in event.key or event.key == "mine"}
counts
"""


def test_a_profiler_hears_every_label() -> None:
    with torch.autograd.profiler.profile() as plain:
        exec(
            PROFILED.partition("train()\nwith")[0] + "train()",
            {"torch": torch, "nn": torch.nn, "optim": torch.optim},
        )
    told = {
        event.key: event.count for event in plain.key_averages() if "#" in event.key or event.key == "mine"
    }
    trace = run(PROFILED)
    assert trace.result is not None
    assert ast.literal_eval(trace.result.text) == told
    assert len(told) == 4


def test_a_label_nobody_hears_is_as_torch_makes_it() -> None:
    before = vars(record_function("name", "args"))
    kept = record_function.__enter__
    with telling_profilers_alone():
        label = record_function("name", "args")
        assert vars(label) == before
        with label:
            assert label.record is None
        future: torch.futures.Future[int] = torch.futures.Future()
        with record_function("later") as later:
            told = later._call_end_callbacks_on_future(future)
        future.set_result(3)
        assert told.wait() == 3
    assert record_function.__enter__ is kept
