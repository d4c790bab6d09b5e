"""The conformance command: what it takes from docstrings, what it calls a difference, both sides on a few programs."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from scripts.conformance.__main__ import compare_all, print_report
from scripts.conformance.compare import MORE_MEMORY, Verdict, close, has_training_loop
from scripts.conformance.programs import Sample, program_of, read_docstrings

PROMPTS = """Adds.

    >>> x = torch.ones(2)
    >>> for i in range(2):
    ...     x = x + i
    >>> x  # shown
    tensor([2., 2.])
"""
LOOP = """
torch.manual_seed(3)
w = torch.zeros(2, requires_grad=True)
optimizer = optim.SGD([w], lr=0.1)
for step in range(5):
    loss = ((w - torch.randn(2)) ** 2).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item(), w.detach())
"""
WHOLE = "a = torch.arange(6).reshape(2, 3)\nprint(a @ a.T)\nprint(torch.linalg.multi_dot((a, a.T, a)))\n"
BAG = "bag = nn.EmbeddingBag(10, 3, mode='sum')\nprint(bag(torch.tensor([[1, 2, 4], [4, 3, 9]])))\n"
CUSTOM = """
@torch.library.custom_op("lesson::double", mutates_args=())
def double(x: torch.Tensor) -> torch.Tensor:
    return x * 2

@double.register_fake
def _(x):
    return torch.empty_like(x)

print(double(torch.ones(3)))
"""
WATCHFUL = """
class Watchful(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        print("called", func.__name__)
        return super().__torch_function__(func, types, args, kwargs or {})

x = torch.ones(2, requires_grad=True).as_subclass(Watchful)
y = (x * 2).sum()
y.backward()
"""
ADDRESS = "print(object())"
BROKEN = "print(1)\nnot_there"
LARGE = "x = torch.zeros(1 << 28)"


def test_examples_of_a_docstring_are_one_program_that_shows_its_expressions() -> None:
    shown: list[str] = []
    names = {"torch": torch, "__import__": lambda name: type("sys", (), {"stdout": Written(shown)})}
    exec(program_of(PROMPTS), names)
    assert shown == ["tensor([2., 2.])\n"]


class Written:
    def __init__(self, texts: list[str]) -> None:
        self.write = texts.append


def test_examples_come_from_the_installed_torch() -> None:
    found = {sample.name: sample.source for sample in read_docstrings()}
    assert len(found) > 900
    assert "torch.lerp(start, end, 0.5)" in found["torch.lerp"]
    assert {"torch.nn.Linear", "torch.linalg.multi_dot"} <= set(found)


def test_last_digits_of_numbers_may_differ_and_nothing_else() -> None:
    assert close("('x', [1.00001, nan])", "('x', [1.00002, nan])")
    assert not close("('x', [1.0, nan])", "('x', [1.01, nan])")
    assert not close("('x', [1.0])", "('y', [1.0])")
    assert has_training_loop(LOOP)
    assert not has_training_loop(WHOLE)


def test_programs_end_alike_print_alike_and_leave_the_same_tensors(tmp_path: Path) -> None:
    sources = {"loop": LOOP, "whole": WHOLE, "bag": BAG, "custom": CUSTOM, "watchful": WATCHFUL}
    sources |= {
        "address": ADDRESS,
        "broken": BROKEN,
        "large": LARGE,
        "network": "import socket; socket.socket()",
    }
    samples = [Sample(name, "folder", source) for name, source in sources.items()]
    kept = tmp_path / "kept.jsonl"
    verdicts = {each.sample.name: each for each in compare_all(samples, kept, time.monotonic() + 600)}
    for name in ("loop", "whole", "bag", "custom", "watchful"):
        assert (verdicts[name].runs, verdicts[name].prints, verdicts[name].tensors) == (True, True, True), (
            verdicts[name]
        )
    assert (verdicts["loop"].graph, verdicts["loop"].series) == (True, True)
    assert (verdicts["watchful"].graph, verdicts["watchful"].series) == (True, None)
    assert verdicts["address"].prints is None
    assert (verdicts["broken"].plain, verdicts["broken"].runs) == ("NameError", True)
    assert (verdicts["large"].plain, verdicts["large"].runs) == (MORE_MEMORY, True)
    assert (verdicts["network"].runs, verdicts["network"].cause) == (False, "PermissionError")
    assert list(compare_all(samples, kept, 0)) == list(verdicts.values())


def test_a_bar_that_is_missed_is_told() -> None:
    sample = Sample("here", "folder", "1")
    assert print_report([Verdict(sample, "completed", True, True, True)])
    assert not print_report([Verdict(sample, "completed", False, cause="PermissionError", detail="line 1")])
