"""A twin answers as its module would in eval mode, whatever the module is made of, and leaves it as it was."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from app.worker.shadow import CannotAsk, ask, make_twin


class Odd(nn.Module):
    """Layers in a plain list, a bound method, a tensor that is no buffer, a generator of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(4, 4), nn.Dropout(0.5)]
        self.activation = self.twice
        self.hidden = torch.zeros(4)
        self.generator = torch.Generator()

    def twice(self, x: Tensor) -> Tensor:
        self.hidden += x.mean(0)
        return 2 * x

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return self.activation(x) + torch.rand(4, generator=self.generator)


MODULES: tuple[Callable[[], nn.Module], ...] = (
    lambda: nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 2)),
    lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 2)),
    lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 2)),
    lambda: prune.l1_unstructured(nn.Linear(4, 2), "weight", 3),  # type: ignore[no-untyped-call]
    lambda: nn.TransformerEncoderLayer(4, 2, 8),
    lambda: nn.Sequential(nn.Unflatten(1, (2, 2)), nn.LSTM(2, 3, batch_first=True), First()),
    Odd,
)


class First(nn.Module):
    def forward(self, x: Any) -> Tensor:
        first: Tensor = x[0]
        return first


@pytest.mark.parametrize("make", MODULES)
def test_twin_answers_as_the_module_would(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    module = make()
    x = torch.rand(6, 4)
    module(x)
    twin = make_twin(module)
    before = copy.deepcopy(module.state_dict()), torch.get_rng_state(), repr(vars(module))
    told = ask(twin, x)
    assert all(torch.equal(value, module.state_dict()[name]) for name, value in before[0].items())
    assert torch.equal(torch.get_rng_state(), before[1])
    assert repr(vars(module)) == before[2]
    assert module.training
    module.eval()
    if isinstance(module, Odd):
        module.layers[1].eval()
    with torch.no_grad():
        assert torch.allclose(told, module(x), atol=1e-5)


def test_twin_follows_the_parameters_unless_they_are_kept() -> None:
    module = nn.Linear(2, 1)
    x = torch.rand(3, 2)
    follows, keeps = make_twin(module), make_twin(module, keep_parameters=True)
    before = ask(keeps, x)
    with torch.no_grad():
        module.weight += 1
    assert torch.equal(ask(follows, x), module(x).detach())
    assert torch.equal(ask(keeps, x), before)
    assert not torch.equal(before, module(x))


def test_module_that_fails_or_is_compiled_cannot_be_asked() -> None:
    class Fails(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise KeyError("x")

    with pytest.raises(CannotAsk, match="KeyError"):
        ask(make_twin(Fails()), torch.ones(2))
    with pytest.raises(CannotAsk, match="no tensor"):
        ask(make_twin(nn.LSTM(2, 2)), torch.ones(1, 2))
    with pytest.warns(DeprecationWarning, match="deprecated"):
        compiled = torch.jit.script(nn.Linear(1, 1))
    with pytest.raises(CannotAsk, match="compiled"):
        make_twin(compiled)
