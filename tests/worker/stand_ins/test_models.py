"""Trained weights in a run that asks for stand-ins: the model is made, keeps its random weights, and that is told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
import torch
from torch import nn

from app.vocabulary.trace import Completed
from app.worker.forking.libraries import import_torchvision
from tests.worker.running import run

WAYS = (
    "from torchvision import models\nmodel = models.squeezenet1_1(pretrained=True)",
    "from torchvision.models import squeezenet1_1 as net, SqueezeNet1_1_Weights as W\nmodel = net(weights=W.DEFAULT)",
    "model = torch.hub.load('pytorch/vision:v0.10.0', 'squeezenet1_1', weights='DEFAULT', verbose=False)",
    "from torchvision.models import squeezenet1_1\nmodel = squeezenet1_1()\n"
    "model.load_state_dict(torch.hub.load_state_dict_from_url('https://example.org/squeezenet.pth'))",
)


@pytest.fixture(scope="module", autouse=True)
def torchvision() -> Iterator[ModuleType]:
    names = import_torchvision()
    yield sys.modules["torchvision.models"]
    del names


@pytest.mark.parametrize("source", WAYS)
def test_a_model_begins_with_random_weights(source: str) -> None:
    trace = run(f"{source}\nmodel.classifier[1].out_channels", stand_ins=True)
    assert trace.outcome == Completed()
    assert trace.result is not None
    assert trace.result.text == "1000"
    assert [each.name for each in trace.stand_ins] == ["weights"]


def test_a_checkpoint_that_is_not_here_brings_nothing() -> None:
    source = """net = nn.Linear(1, 1)
net.load_state_dict(torch.load("data/lenet.pth", map_location="cpu"))
kept = torch.load("a/best.ckpt", weights_only=True)
net.load_state_dict(kept["model"])
optim.SGD(net.parameters(), lr=0.1).load_state_dict(kept["optimizer"])
torch.save(net.state_dict(), "own.pt")
torch.load("own.pt").keys() == net.state_dict().keys()"""
    trace = run(source, stand_ins=True)
    assert trace.outcome == Completed()
    assert trace.result is not None
    assert trace.result.text == "True"
    assert [each.name for each in trace.stand_ins] == ["weights"]


def test_own_weights_are_loaded_as_ever() -> None:
    before = nn.Module.load_state_dict, torch.hub.load
    source = "a, b = nn.Linear(1, 1), nn.Linear(1, 1)\nb.load_state_dict(a.state_dict())\nbool(a.weight == b.weight)"
    trace = run(source, stand_ins=True)
    assert trace.result is not None
    assert (trace.result.text, trace.stand_ins) == ("True", ())
    assert (nn.Module.load_state_dict, torch.hub.load) == before
