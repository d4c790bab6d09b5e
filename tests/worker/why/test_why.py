"""Small programs whose gradients went wrong, each with the reason that is given and the place it points at; and sound
ones, for which none is given."""

from __future__ import annotations

import pytest

from app.source import SourceText
from app.vocabulary.trace import Trace
from app.vocabulary.values import Why
from app.words import in_english
from tests.worker.running import run, tensor

W = "w = torch.tensor([1.0, 2.0], requires_grad=True)\n"
GRAPH_LESS = """
class Zero(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2
    @staticmethod
    def backward(ctx, g):
        return {}
"""

# Each: the program, the tensor asked about, the reason's code, the text it points at (None: nowhere).
NONE: tuple[tuple[str, str, str, str | None], ...] = (
    ("x = torch.ones(2)\n" + W + "(x * w).sum().backward()", "x", "no_requires_grad", None),
    ("i = torch.arange(3)", "i", "dtype", None),
    (W + "best = w.argmax()", "best", "whole_numbers", "w.argmax()"),
    (W + "above = w > 1\n(w * 2).sum().backward()", "above", "whole_numbers", "w > 1"),
    (W + "y = w * 2", "y", "non_leaf", "w * 2"),
    (W + "h = w * 2\nd = h.detach()\n(h * d).sum().backward()", "d", "detached", "h.detach()"),
    (W + "d = w.data", "d", "detached", "w.data"),
    (W + "d = w.detach()\ne = d * 3\ne.sum()", "e", "detached", "w.detach()"),
    (W + "with torch.no_grad():\n    y = w * 2", "y", "no_grad", "w * 2"),
    (W + "with torch.inference_mode():\n    y = w * 2", "y", "no_grad", "w * 2"),
    (W + "@torch.no_grad()\ndef f(a):\n    return a * 2\ny = f(w)\nz = y + 1", "z", "no_grad", "a * 2"),
    (W + "c = torch.tensor(w)", "c", "copied", "torch.tensor(w)"),
    (W + "f = w.argmax().float()", "f", "whole_numbers", "w.argmax()"),
    (W + "w.requires_grad_(False)", "w", "frozen", "w.requires_grad_(False)"),
    (W + "w.requires_grad = False", "w", "frozen", "w.requires_grad"),
    (W, "w", "no_backward", None),
    (W + "v = torch.ones(2, requires_grad=True)\n(w * 2).sum().backward()", "v", "unused", None),
    (
        W + "v = torch.ones(2, requires_grad=True)\nu = v * 3\n(w * 2).sum().backward()",
        *("v", "not_connected", "v * 3"),
    ),
    (
        W + "b = torch.ones(2, requires_grad=True)\nh = (w * 2).detach()\n(h * b).sum().backward()",
        *("w", "detached", "(w * 2).detach()"),
    ),
    (
        W + "b = torch.ones(2, requires_grad=True)\nwith torch.no_grad():\n    h = w * 2\n(h * b).sum().backward()",
        *("w", "no_grad", "w * 2"),
    ),
    (
        W + "b = torch.ones(2, requires_grad=True)\nh = w.round().long()\n(b * h).sum().backward()",
        *("w", "whole_numbers", "w.round().long()"),
    ),
    (
        W + "b = torch.ones(2, requires_grad=True)\nk = w.sum().item()\n(b * k).sum().backward()",
        *("w", "left_torch", "w.sum().item()"),
    ),
    (
        W + "b = torch.ones(2, requires_grad=True)\nh = torch.tensor(w)\n(b * h).sum().backward()",
        *("w", "copied", "torch.tensor(w)"),
    ),
    (
        "x = torch.ones(2)\n" + W + "y = x * w\nx.requires_grad_()\ny.sum().backward()",
        *("x", "too_late", "x * w"),
    ),
    (W + "(w * 2).sum().backward()\nw.grad = None", "w", "cleared", "w.grad"),
    (
        "net = nn.Linear(2, 1)\nopt = optim.SGD(net.parameters(), lr=0.1)\nnet(torch.ones(1, 2)).sum().backward()\n"
        "opt.step()\nopt.zero_grad()",
        *("net.weight", "cleared", "opt.zero_grad()"),
    ),
    (W + "g, = torch.autograd.grad((w * 2).sum(), w)", "w", "autograd_grad", "torch.autograd.grad((w * 2).sum(), w)"),
    (
        W + "b = torch.ones(2, requires_grad=True)\n(w * b).sum().backward(inputs=[b])",
        *("w", "not_asked", "(w * b).sum().backward(inputs=[b])"),
    ),
    (
        GRAPH_LESS.format("None") + W + "Zero.apply(w).sum().backward()",
        *("w", "none_given", "Zero.apply(w)"),
    ),
    (W + "y = w * 2\ny.backward()", "w", "failed", "y.backward()"),
    (W + "w = w * 2\nw.sum().backward()", "w", "non_leaf", "w * 2"),
    (W + "(w > 0).float().mean().backward()", "w", "whole_numbers", "w > 0"),  # refused
    (
        "a, b = nn.Linear(2, 1), nn.Linear(2, 1)\nopt = optim.SGD(b.parameters(), lr=0.1)\n"
        "a(torch.ones(1, 2)).sum().backward()\nopt.step()",
        *("b.weight", "unused", None),
    ),
)  # fmt: skip
ZERO: tuple[tuple[str, str, str, str | None], ...] = (
    (W + "y = torch.relu(w - 5).sum()\ny.backward()", "w", "dead_relu", "torch.relu(w - 5)"),
    (W + "h = F.relu(-w)\n(h * 3).mean().backward()", "w", "dead_relu", "F.relu(-w)"),
    (
        "net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))\nnet[0].bias.data.fill_(-100)\n"
        "net(torch.ones(4, 2)).sum().backward()",
        *("net.0.weight", "dead_relu", "net(torch.ones(4, 2))"),
    ),
    (W + "(w * torch.zeros(2)).sum().backward()", "w", "multiplied_by_zero", "w * torch.zeros(2)"),
    (W + "(w * 0).sum().backward()", "w", "multiplied_by_zero", "w * 0"),
    (
        W + "z = torch.zeros(2, 2, requires_grad=True)\n(z @ w).sum().backward()",
        *("w", "multiplied_by_zero", "z @ w"),
    ),
    (
        "a = torch.ones(1, 2, requires_grad=True)\nl = nn.Linear(2, 3)\nl.weight.data.zero_()\nl(a).sum().backward()",
        *("a", "multiplied_by_zero", "l(a)"),
    ),
    (W + "torch.sigmoid(w * 200).sum().backward()", "w", "saturated", "torch.sigmoid(w * 200)"),
    (W + "torch.tanh(w * -90).sum().backward()", "w", "saturated", "torch.tanh(w * -90)"),
    (W + "w.clamp(5, 6).sum().backward()", "w", "clamped", "w.clamp(5, 6)"),
    (W + "F.hardtanh(w + 4).sum().backward()", "w", "clamped", "F.hardtanh(w + 4)"),
    (W + "(w.round() * 3).sum().backward()", "w", "flat", "w.round()"),
    (W + "torch.floor(w).sum().backward()", "w", "flat", "torch.floor(w)"),
    (W + "torch.sign(w).sum().backward()", "w", "flat", "torch.sign(w)"),
    (W + "((w - w.detach()) ** 2).sum().backward()", "w", "at_zero", "(w - w.detach()) ** 2"),
    (W + "F.mse_loss(w, torch.tensor([1.0, 2.0])).backward()", "w", "at_minimum", None),
    (W + "torch.where(w > 5, w, torch.zeros(2)).sum().backward()", "w", "not_chosen", None),
    (W + "torch.maximum(w, torch.full((2,), 9.0)).sum().backward()", "w", "not_chosen", None),
    (W + "w.masked_fill(w > 0, 1.0).sum().backward()", "w", "masked", "w.masked_fill(w > 0, 1.0)"),
    (W + "(w - w).sum().backward()", "w", "cancelled", "w - w"),
    (W + "(w * 2).backward(torch.zeros(2))", "w", "zero_seed", "(w * 2).backward(torch.zeros(2))"),
    (W + "w.register_hook(lambda g: g * 0)\n(w * 2).sum().backward()", "w", "hook", "w.register_hook(lambda g: g * 0)"),
    (W + "(w * 2).sum().backward()\nw.grad.zero_()", "w", "cleared", "w.grad.zero_()"),
    (
        GRAPH_LESS.format("g * 0") + W + "Zero.apply(w).sum().backward()",
        *("w", "custom_zero", "Zero.apply(w)"),
    ),
    (W + "h = w * 2\nh.retain_grad()\ntorch.relu(-h).sum().backward()", "h", "dead_relu", "torch.relu(-h)"),
)  # fmt: skip
BROKEN: tuple[tuple[str, str, str, str | None], ...] = (
    ("w = torch.tensor([0.0, 1.0], requires_grad=True)\nw.log().sum().backward()", "w", "log_of_zero", "w.log()"),
    (W + "y = torch.log(w - 1)\ny.sum().backward()", "y", "log_of_zero", "torch.log(w - 1)"),
    (W + "y = (w - 9).log()\nz = y * 2\nz.sum().backward()", "z", "log_of_negative", "(w - 9).log()"),
    (W + "(w - 9).sqrt().sum().backward()", "w", "root_of_negative", "(w - 9).sqrt()"),
    ("w = torch.zeros(2, requires_grad=True)\nw.sqrt().sum().backward()", "w", "root_at_zero", "w.sqrt()"),
    (
        "w = torch.tensor([-1.0, 0.0, 4.0], requires_grad=True)\n"
        "torch.where(w > 0, w.clamp(min=0).sqrt(), 0.0).sum().backward()",
        *("w", "root_at_zero", "w.clamp(min=0).sqrt()"),
    ),
    ("w = torch.zeros(2, requires_grad=True)\n(w ** 0.5).sum().backward()", "w", "root_at_zero", "w ** 0.5"),
    (W + "y = w / (w - 1)\ny.sum().backward()", "w", "division_by_zero", "w / (w - 1)"),
    (W + "y = (w - 1) / (w - 1)\ny.sum().backward()", "y", "zero_by_zero", "(w - 1) / (w - 1)"),
    (W + "y = 1 / (w - 2)\ny.sum().backward()", "y", "division_by_zero", "1 / (w - 2)"),
    (W + "y = w / 0\ny.sum().backward()", "y", "division_by_zero", "w / 0"),
    (W + "e = torch.exp(w * 500)\np = e / e.sum()\np[0].backward()", "p", "overflow", "torch.exp(w * 500)"),
    (W + "e = torch.exp(w * 500)\np = e / e.sum()\np[0].backward()", "w", "overflow", "torch.exp(w * 500)"),
    (W + "y = w.exp().exp().exp()\nz = y - y\nz.sum().backward()", "z", "overflow", "w.exp().exp().exp()"),
    (W + "y = torch.zeros(2) * torch.full((2,), float('inf'))", "y", "zero_times_infinity", None),
    (W + "a = torch.full((2,), float('inf'))\ny = a - a", "y", "infinity_minus_infinity", "a - a"),
    (W + "y = torch.softmax(torch.full((2,), -float('inf')), 0)", "y", "softmax_of_nothing", None),
    (W + "y = torch.acos(w)\ny.sum().backward()", "y", "out_of_domain", "torch.acos(w)"),
    (W + "torch.asin(w - 1).sum().backward()", "w", "at_the_edge", "torch.asin(w - 1)"),
    (W + "y = (w - 5) ** 0.5", "y", "power_of_negative", "(w - 5) ** 0.5"),
    (W + "y = (w - 1) ** -1.0", "y", "division_by_zero", "(w - 1) ** -1.0"),
    (W + "y = w[:1].std()\ny.backward()", "y", "too_few", "w[:1].std()"),
    ("h = torch.full((3,), 300.0).half()\ny = h * h", "y", "overflow", "h * h"),
    (W + "(w * 2).backward(torch.full((2,), float('nan')))", "w", "bad_seed", None),
    (
        "x = torch.zeros(4, 3)\nnet = nn.Linear(3, 1)\nopt = optim.SGD(net.parameters(), lr=0.1)\n"
        "for i in range(3):\n    loss = net(x).norm(dim=1).sub(net.bias.abs()).sqrt().mean()\n    opt.zero_grad()\n"
        "    loss.backward()\n    opt.step()",
        *("net.weight", "root_at_zero", "net(x).norm(dim=1).sub(net.bias.abs()).sqrt()"),
    ),
)  # fmt: skip
HUGE: tuple[tuple[str, str, str, str | None], ...] = (
    (W + "h = w\nfor i in range(30):\n    h = h * 3\nh.sum().backward()", "w", "huge", "h * 3"),
    (
        "torch.manual_seed(0)\nW = (torch.randn(8, 8) * 3).requires_grad_()\nh = torch.randn(1, 8)\n"
        "for i in range(20):\n    h = h @ W\nh.sum().backward()",
        *("W", "huge", "h @ W"),
    ),
    (W + "((w * 1e5) ** 2).sum().backward()", "w", "huge", None),
    (W + "(w * 2).backward(torch.full((2,), 1e9))", "w", "huge", "(w * 2).backward(torch.full((2,), 1e9))"),
    (W + "torch.sigmoid(w * 3 + 18).double().sum().backward()", "w", "saturated", None),
    (
        W + "h = w + 9\nfor i in range(6):\n    h = torch.sigmoid(h) * 8\nh.sum().backward()",
        *("w", "saturated", "torch.sigmoid(h)"),
    ),
)  # fmt: skip
BY_HAND = """
for step in range(16):
    loss = {loss}
    loss.backward()
    with torch.no_grad():
        w -= 0.5 * w.grad
        w.grad.zero_()
"""
LOOPS: tuple[tuple[str, str, str, str | None], ...] = (
    # what an update takes from a gradient began in the backward pass, or before it
    (W + BY_HAND.format(loss="-torch.log(torch.sigmoid(w * 1e3 - 3e3)).mean()"), "w", "log_of_zero", None),
    (W + BY_HAND.format(loss="-torch.log(torch.sigmoid(w * 1e3 - 3e3)).mean()"), "loss", "log_of_zero", None),
    (W + BY_HAND.format(loss="((w * 1e3 - 1) ** 2).sum()"), "w", "overflow", "w * 1e3"),
    # the graphs of the first passes alone are kept for certain; what is still 0 is explained by one of them
    (
        "net = nn.Sequential(nn.Linear(2, 1), nn.ReLU())\nnn.init.constant_(net[0].bias, -99.0)\n"
        "opt = optim.SGD(net.parameters(), lr=0.1)\nfor step in range(30):\n    opt.zero_grad()\n"
        "    (net(torch.ones(4, 2)) - 1).pow(2).mean().backward()\n    opt.step()",
        *("net.0.weight", "dead_relu", "net(torch.ones(4, 2))"),
    ),
    # a tensor first used when graphs were kept no more
    (
        "def step(p):\n    (p ** 2).sum().backward()\n    p.grad = None\n" + W + "for i in range(30):\n    step(w)\n"
        "v = w.detach().clone().requires_grad_()\nstep(v)",
        *("v", "cleared", "p.grad"),
    ),
    # many calls in the steep part of sigmoid: none of them is saturated
    (
        W + "h = w - 2\nfor i in range(14):\n    h = torch.sigmoid(h)\nh.sum().backward()",
        *("w", "vanished", "torch.sigmoid(h)"),
    ),
    # so many that nothing is left
    (
        W + "h = w - 2\nfor i in range(99):\n    h = torch.sigmoid(h)\nh.sum().backward()",
        *("w", "vanished", "torch.sigmoid(h)"),
    ),
    # no pass at all: nothing is cut off from anything
    ("net = nn.Linear(2, 1).to('cpu')\nstate = net.state_dict()", "net.weight", "no_backward", None),
    (W + "v = torch.zeros_like(w)\n(w * v).sum().backward()", "v", "no_requires_grad", None),
)  # fmt: skip


@pytest.mark.parametrize(("source", "name", "code", "place"), [*NONE, *ZERO, *BROKEN, *HUGE, *LOOPS])
def test_reason_and_its_place(source: str, name: str, code: str, place: str | None) -> None:
    trace = run(source)
    first = reasons(trace, name)[0]
    assert first.code == code, in_english(first.sentence)
    assert "{" not in in_english(first.sentence)
    if place is not None:
        assert first.span is not None
        assert SourceText.of(source).text(first.span) == place


def test_table_is_long() -> None:
    assert len((*NONE, *ZERO, *BROKEN, *HUGE)) >= 40


def reasons(trace: Trace, name: str) -> tuple[Why, ...]:
    found = tensor(trace, name).why
    assert found, f"no reason for {name}: {trace.outcome}"
    return found


SOUND = (
    W + "(w ** 2).sum().backward()",
    "net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))\n"
    "F.mse_loss(net(torch.randn(16, 4)), torch.randn(16, 1)).backward()",
    "net = nn.LSTM(3, 4)\nnet(torch.randn(5, 2, 3))[0].sum().backward()",
    "net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Tanh())\n"
    "net(torch.randn(2, 1, 8, 8)).mean().backward()",
    "l = nn.TransformerEncoderLayer(8, 2, batch_first=True)\nl(torch.randn(2, 3, 8)).pow(2).mean().backward()",
    W + "for i in range(3):\n    w.grad = None\n    (w * i + w).sum().backward()",
    "w = torch.ones(3, dtype=torch.complex64, requires_grad=True)\n(w * w.conj()).real.sum().backward()",
    "w = torch.randn(5, 3, requires_grad=True)\nF.embedding(torch.tensor([0, 1, 2, 3, 4]), w).sum().backward()",
    "q = torch.randn(1, 4, 8, requires_grad=True)\nm = torch.ones(4, 4).triu(1).bool()\n"
    "s = (q @ q.mT).masked_fill(m, float('-inf'))\n(s.softmax(-1) @ q).pow(2).sum().backward()",
    W + "(w * 1e9).sum().backward()\nnn.utils.clip_grad_norm_([w], 1.0)",  # huge for a while
    "net = nn.Linear(2, 1)\nopt = optim.Adam(net.parameters())\nfor i in range(5):\n    opt.zero_grad()\n"
    "    net(torch.ones(3, 2)).pow(2).mean().backward()\n    opt.step()",
)


@pytest.mark.parametrize("source", SOUND)
def test_sound_program_is_left_in_peace(source: str) -> None:
    """A leaf with a gradient gets no reason; what has none gets the plain one of not being a leaf, or needing none."""
    plain = {"non_leaf", "no_requires_grad", "dtype", "whole_numbers"}
    found = [(record.name, why.code) for record in run(source).tensors for why in record.why]
    assert [(name, code) for name, code in found if code not in plain] == []
