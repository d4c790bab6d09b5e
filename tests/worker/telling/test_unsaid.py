"""Faults torch says nothing of are told with their line; sound programs that look alike are left in peace."""

from __future__ import annotations

import pytest

from app.vocabulary.trace import Completed
from app.words import in_english
from tests.worker.running import run

DATA = "torch.manual_seed(0)\nx = torch.randn(8, 3)\n"
LOOP = """
for step in range(12):
{passes}"""


def training(passes: str, head: str = "") -> str:
    return DATA + head + LOOP.format(passes="".join(f"    {line}\n" for line in passes.split("; ")))


NET = "net = nn.Linear(3, 1)\nopt = optim.SGD(net.parameters(), lr=0.1)\n"
CLASSES = (
    "net = nn.Sequential(nn.Linear(3, 2), {})\nopt = optim.Adam(net.parameters())\ny = torch.ones(8).long()\n"
)
ENTROPY = "opt.zero_grad(); nn.CrossEntropyLoss()(net(x), y).backward(); opt.step()"
BROADCAST = "every output is compared with every target"
TWICE = "takes a softmax of its own"
PILED = "Nothing clears the gradients"
BESIDE = "moves no parameter that the loss depends on"
FAULTS: tuple[tuple[str, str, str], ...] = (
    (DATA + "w = torch.ones(3, 1, requires_grad=True)\ny = torch.ones(8)\n((x @ w - y) ** 2).mean().backward()",
     BROADCAST, "x @ w - y"),
    (DATA + "net = nn.Linear(3, 1)\ny = torch.ones(8)\n(y - net(x)).abs().sum().backward()", BROADCAST, "y - net(x)"),
    (DATA + "y = torch.ones(8)\nright = (nn.Linear(3, 1)(x).round() == y).sum()", BROADCAST,
     "nn.Linear(3, 1)(x).round() == y"),
    (training(ENTROPY, CLASSES.format("nn.Softmax(dim=1)")), TWICE, "nn.CrossEntropyLoss()(net(x), y)"),
    (training("net(x).mean().backward(); opt.step()", NET), PILED, "opt.step()"),
    (training("(net(x) ** 2).sum().backward(); opt.step(); other = net.weight * 2", NET), PILED, "opt.step()"),
    (training("opt.zero_grad(); net(x).mean().backward(); opt.step()", NET + "net = nn.Linear(3, 1)\n"), BESIDE,
     "opt.step()"),
)  # fmt: skip
SOUND = (
    # all with all, as asked for
    DATA + "v = torch.ones(8, requires_grad=True)\n(v.unsqueeze(1) - v).abs().sum().backward()",
    DATA + "v = torch.ones(8, requires_grad=True)\n(v[:, None] - v).abs().sum().backward()\n(v.view(-1, 1) == v).sum()",
    # one shape, and a single sample
    DATA + "net = nn.Linear(3, 1)\n((net(x) - torch.ones(8, 1)) ** 2).mean().backward()",
    "net = nn.Linear(3, 1)\n((net(torch.ones(1, 3)) - torch.ones(1)) ** 2).mean().backward()",
    # log_softmax twice changes nothing; a softmax that is only looked at
    training(ENTROPY, CLASSES.format("nn.LogSoftmax(dim=1)")),
    training(ENTROPY + "; p = net(x).softmax(1)", CLASSES.format("nn.ReLU()")),
    # every way to clear
    training("opt.zero_grad(); net(x).mean().backward(); opt.step()", NET),
    training("net(x).mean().backward(); opt.step(); opt.zero_grad(set_to_none=False)", NET),
    training("net.zero_grad(); net(x).mean().backward(); opt.step()", NET),
    training("net(x).mean().backward(); opt.step(); net.weight.grad = None; net.bias.grad = None", NET),
    training("net(x).mean().backward(); opt.step(); [p.grad.zero_() for p in net.parameters()]", NET),
    # gradients of several batches, gathered before one step
    training("net(x).mean().backward(); net(x).mean().backward(); opt.step(); opt.zero_grad()", NET),
    training("net(x).mean().backward(); (opt.step(), opt.zero_grad()) if step % 4 == 3 else None", NET),
    # two optimisers, of which one moves what the other's loss does not reach
    training(
        "a.zero_grad(); net(x).mean().backward(); a.step(); b.zero_grad(); two(x).mean().backward(); b.step()",
        "net, two = nn.Linear(3, 1), nn.Linear(3, 1)\na, b = optim.SGD(net.parameters(), 0.1), "
        "optim.SGD(two.parameters(), 0.1)\n",
    ),
    training(
        "net(x).mean().backward()",
        "net, x = nn.Linear(3, 1), torch.ones(2, 3)\nown = {p: optim.SGD([p], 0.1) for p in net.parameters()}\n"
        "def step(p):\n    own[p].step()\n    own[p].zero_grad()\n"
        "for p in net.parameters():\n    p.register_post_accumulate_grad_hook(step)\n",
    ),
)  # fmt: skip


@pytest.mark.parametrize(("source", "fault", "place"), FAULTS)
def test_fault_is_told_with_its_line(source: str, fault: str, place: str) -> None:
    trace = run(source)
    assert trace.outcome == Completed()
    (told,) = (note for note in trace.notes if fault in note.template)
    assert told.values["call"] == place
    line = int(told.values["line"])
    assert place in source.split("\n")[line - 1]
    assert "{" not in in_english(told)


@pytest.mark.parametrize("source", SOUND)
def test_sound_program_is_not_accused(source: str) -> None:
    trace = run(source)
    assert trace.outcome == Completed()
    faults = (BROADCAST, TWICE, PILED, BESIDE)
    assert [note.template for note in trace.notes if any(each in note.template for each in faults)] == []
