"""Random programs that plain torch accepts, grown statement by statement: for tests that hold for all programs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

UNARY = (
    "{a}.tanh()",
    "torch.sigmoid({a})",
    "{a}.relu()",
    "-{a}",
    "{a} ** 2",
    "{a}.sin() * 0.5",
    "{a}.abs()",
    "F.softplus({a})",
    "F.gelu({a})",
    "F.log_softmax({a}, dim=-1)",
    "{a}.sum()",
    "{a}.mean(dim=0)",
    "{a}.sum(dim=-1, keepdim=True)",
    "{a}.max(dim=0).values",
    "{a}.reshape(-1)",
    "{a}.T",
    "{a}.transpose(0, -1)",
    "{a}.unsqueeze(0)",
    "{a}.expand(2, *{a}.shape)",
    "{a}[0]",
    "{a}[..., :2]",
    "{a}[..., ::2] * 3",
    "{a}.detach() * 2",
    "{a}.clone()",
    "{a}.flip(0)",
    "{a}.cumsum(0)",
    "{a}.std()",
    "F.dropout({a}, 0.0)",
    "{a}.to(torch.float64).float()",
    "Cube.apply({a})",
    "Split.apply({a})[1]",
    "{a}.view(-1)",
    "{a}.diagonal(0, 0, -1)",
    "{a}.as_strided((2,), (1,))",
    "{a}.split(1)[0]",
    "{a}.squeeze()",
    "{a}.select(0, -1)",
    "{a}.movedim(0, -1)",
    "{a}.repeat(2, *[1] * {a}.dim())",
    "{a}.gather(0, torch.zeros_like({a}, dtype=torch.long))",
    "{a}.masked_fill({a} > 0.5, 0.25)",
    "{a}.prod(dim=-1)",
    "{a}.norm() + 1e-3",
    "{a}.roll(1, 0)",
    "{a}.triu()",
    "F.layer_norm({a}, {a}.shape[-1:])",
    "F.elu({a})",
    "F.leaky_relu({a}, 0.1)",
    "torch.logsumexp({a}, -1)",
    "torch.utils.checkpoint.checkpoint(torch.tanh, {a}, use_reentrant=False)",
    "torch.view_as_real(torch.complex({a}, {a} * 2).conj() * 1j)",
    "{a}.to_dense()",
)
BINARY = (
    "{a} + {b}",
    "{a} - {b} * 2",
    "{a} * {b}",
    "{a} / ({b}.abs() + 1)",
    "{a} @ {b}",
    "{a} @ {b}.T",
    "torch.maximum({a}, {b})",
    "torch.where({a} > 0, {a}, {b})",
    "torch.cat([{a}, {b}])",
    "torch.stack([{a}, {b}, {a}])",
    "F.mse_loss({a}, {b})",
    "torch.outer({a}.reshape(-1)[:3], {b}.reshape(-1)[:3])",
    "torch.einsum('...i,...i->...', {a}, {b})",
    "torch.addcmul({a}, {a}, {b}, value=0.5)",
    "torch.lerp({a}, {b}, 0.3)",
    "{a} + {b}.sum(dim=0, keepdim=True)",
    "torch.hypot({a}, {b} + 2)",
    "torch.cdist({a}.reshape(1, -1), {b}.reshape(1, -1) + 1)",
    "F.linear({a}, {b})",
    "torch.tensordot({a}, {b}, dims=1)",
    "{a}.index_add(0, torch.tensor([0]), {b}[:1])",
)
STATEMENTS = (
    "{c}, {d} = {a}.chunk(2, dim=-1)",
    "{c}, {d} = {a}[0], {a}[-1]",
    "{c}, *_ = {a}.unbind(0)",
    "{c} = {a} * 1\n{c}.mul_(0.5)",
    "{c} = {a} + 0\n{c} += {b}",
    "{c} = {a} * 2\n{c}[0] = 1.5",
    "{c} = {a} * 2\n{c}[..., 0] = {b}[..., 0]",
    "{c} = {a} + 1\n{d} = {c}[0]\n{d}.mul_(3)",
    "with torch.no_grad():\n    {c} = {a} * {b}",
    "for i in range(3):\n    {a} = torch.tanh({a} * 0.9 + i)",
    "{c} = torch.linalg.qr({a}).R",
    "{c}, {d} = {a}.sort(dim=-1)",
    "{c}, {d} = {a}.topk(2, dim=-1)",
    "{c}, {d} = torch.var_mean({a}, dim=0)",
    "{c}, {d} = Split.apply({a})",
    "{c}, {d} = torch.frexp({a})",
    "{c}, {d} = {a}.aminmax()",
    "{c} = {a} * 1\n{c}.relu_()\n{c} = {c} - {b}",
    "{c} = {a} * 2\n{c}.T.mul_(3)",
    "{c} = {a} * 2\n{d} = {c}.view(-1)\n{d}[0] = 7.0\n{c} = {c} * {c}",
    "{c} = {a} * 2\n{c}.select(0, 0).zero_()",
    "{c} = {a} * 2\n{c}.masked_fill_({c} > 1, 0.5)",
    "{c} = {a} * 2\n{c}.copy_({b})",
    "{c} = torch.zeros(3, 3)\n{c}[:1] = {a}[:1]",
    "{c} = {a} * 2\n{c}.detach().mul_(2)",
    "{c} = {a} + {a} + {a}",
    "{c} = {a}.clone()\n{c} *= {c}.detach().clone()",
    "{c} = [{a} * i for i in range(3)]\n{c} = torch.stack({c}).sum(0)",
    "{c} = nn.GRUCell({a}.shape[-1], 2)({a})",
    "{c} = nn.Sequential(nn.Linear({a}.shape[-1], 3), nn.ReLU(), nn.Linear(3, 1))({a})",
    "{c} = nn.Linear({a}.shape[-1], 2)({a})",
)
PRELUDE = """
class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x ** 3
    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return 3 * x ** 2 * g

class Split(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2, x.sum()
    @staticmethod
    def backward(ctx, g, h):
        return 2 * g + h

import torch.utils.checkpoint
torch.manual_seed({seed})
"""
SHAPES = st.sampled_from([(), (1,), (3,), (2, 3), (3, 2), (3, 3), (2, 1, 3), (4, 2, 2)])
TEMPLATES = UNARY + BINARY + STATEMENTS
CHOICES = st.tuples(st.integers(0, 999), st.integers(0, 99), st.integers(0, 99))


class Builder:
    """Grows a program statement by statement, keeping only those that plain torch accepts."""

    def __init__(self, seed: int) -> None:
        self.source = PRELUDE.format(seed=seed)
        self.names: dict[str, Any] = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional}
        exec(self.source, self.names)

    def grow(self, statement: str) -> None:
        before = torch.get_rng_state()
        trial = dict(self.names)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(statement, trial)
        except (RuntimeError, IndexError, ValueError, TypeError):
            torch.set_rng_state(before)
            return
        self.names = trial
        self.source += statement + "\n"

    def tensors(self) -> list[str]:
        return [name for name, value in self.names.items() if isinstance(value, Tensor)]


def is_statement(template: str) -> bool:
    """Whether a template assigns its results itself."""
    return "{c}" in template or template.startswith(("for ", "with "))


@st.composite
def programs(draw: st.DrawFn, templates: Sequence[str] = TEMPLATES, last: bool = False) -> str:
    """`last`: the loss is made of the last tensor alone, not of all, so that some get no gradient."""
    builder = Builder(draw(st.integers(0, 2**16)))
    for number, shape in enumerate(draw(st.lists(SHAPES, min_size=1, max_size=4))):
        grad = number == 0 or draw(st.booleans())
        builder.grow(f"t{number} = torch.randn({list(shape)}, requires_grad={grad})")
    for number, (which, first, second) in enumerate(draw(st.lists(CHOICES, min_size=1, max_size=30))):
        names, template = builder.tensors(), templates[which % len(templates)]
        parts = {
            "a": names[first % len(names)],
            "b": names[second % len(names)],
            "c": f"u{number}",
            "d": f"v{number}",
        }
        statement = template.format(**parts)
        builder.grow(statement if is_statement(template) else f"u{number} = {statement}")
    live = [name for name in builder.tensors() if builder.names[name].requires_grad]
    if last:
        live = live[-1:]
    return builder.source + f"loss = {' + '.join(f'{name}.sum()' for name in live)}\n"


def run_plainly(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(source, names)
    return names
