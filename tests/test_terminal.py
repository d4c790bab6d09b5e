"""A trace in a terminal: every tensor in one line, every end in plain words."""

from __future__ import annotations

import json

import pytest

from app.terminal import (
    describe_outcome,
    describe_problems,
    describe_tensor,
    describe_trace,
    describe_value,
)
from app.vocabulary.trace import Completed, Crashed, Outcome, Output, Raised, Shown, Stopped, Trace
from app.vocabulary.values import Problem, Span, Text
from app.words import json_for_terminal
from tests.worker.running import run, tensor


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("x = torch.tensor([[1., 2.], [3., 4.5]])", "x  float32  (2, 2)  [[1, 2], [3, 4.5]]"),
        ("x = torch.arange(100.).reshape(4, 25)", "x  float32  (4, 25)  [0, 99]  mean 49.5  std 29.01"),
        ("x = torch.full((9,), float('nan'))", "x  float32  (9,)  no finite values"),
        (
            "x = torch.tensor([0., 1., 2., 3., 4., 5., 6., 7., float('inf')])",
            "x  float32  (9,)  [0, 7]  mean 3.5  std 2.449  1 inf!",
        ),
        ("x = torch.empty(2, device='meta')", "x  float32  (2,)  meta  no values"),
        (
            "x = torch.ones(2, requires_grad=True)\n(x * 3).sum().backward()",
            "x  float32  (2,)  [1, 1]  requires_grad  grad [3, 3]",
        ),
        ("x = torch.tensor(True)", "x  bool  ()  True"),
        ("x = torch.zeros(0, 3)", "x  float32  (0, 3)  []"),
    ],
)
def test_tensor_is_one_line(source: str, line: str) -> None:
    assert describe_tensor(tensor(run(source), "x")) == line


def test_missing_values_are_said_to_be_missing() -> None:
    assert describe_value(None) == "no values"


SPAN = Span(1, 0, 1, 3)


@pytest.mark.parametrize(
    ("outcome", "lines"),
    [
        (Completed(), []),
        (
            Raised("E", "m", SPAN, (), Text("try {this}", {"this": "that"})),
            ["line 1: a b", "E: m", "hint: try that"],
        ),
        (Raised("E", "m", None, ()), ["E: m"]),
        (Stopped("seconds", 10.0, SPAN), ["line 1: a b", "stopped: the limit seconds of 10 was reached"]),
        (Crashed("SIGSEGV"), ["crashed: the program ended its own process (SIGSEGV)"]),
    ],
)
def test_every_end_is_told(outcome: Outcome, lines: list[str]) -> None:
    assert list(describe_outcome(outcome, "a b")) == lines


def test_reasons_stand_below_their_tensor() -> None:
    trace = run("w = torch.ones(2, requires_grad=True)\n(w * 0).sum().backward()")
    lines = list(describe_trace(trace, ""))
    assert lines[0].startswith("w  float32")
    assert lines[1] == "    `w * 0` (line 2) multiplies by 0, and so the gradient is 0 too."


def test_modules_and_static_graphs_are_summed_up() -> None:
    source = """
from torch import fx
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.idle = nn.Linear(2, 3), nn.Linear(1, 1).requires_grad_(False)
    def forward(self, x):
        for _ in range(2): x = torch.relu(x)
        return self.fc(x)
net = Net()
g = fx.symbolic_trace(net)
net(torch.ones(1, 2))
"""
    lines = list(describe_trace(run(source), source))
    assert "net  3 modules  11 parameters, 9 trainable  44 B  never called: net.idle" in lines
    at = lines.index("static graph: g, 5 nodes by torch.fx")
    assert lines[at + 1].startswith("    Line 8: the loop over `range(2)` was unrolled")


def test_what_a_program_prints_is_shown_and_not_obeyed() -> None:
    trace = Trace(
        Raised("E\x1b[2J", "m\x1b]0;title\x07", SPAN, (), Text("{a}", {"a": "\x9b31m"})),
        "cpu",
        output=(Output("stdout", "\x1b[31mred\x1b[0m\tone\r\ntwo\n"), Output("stderr", "\x1b]52;c;aGk=\x07")),
        result=Shown("\x1bcshown", SPAN, None),
        notes=(Text("{a.__class__} {b}", {"a": 1}),),
    )
    lines = list(describe_trace(trace, "a\x1b[2Jb"))
    assert lines == [
        "red\tone", "two", "cshown", "{a.__class__} {b}", "line 1: ab", "E: m", "hint: 31m",
    ]  # fmt: skip


def test_problems_hold_no_orders_to_the_terminal() -> None:
    problem = Problem("bad_input", Text("Input `{name}`.", {"name": "x\x1b[2J"}))
    assert list(describe_problems((problem,))) == ["Input `x`."]


def test_json_holds_no_orders_to_the_terminal_and_means_the_same() -> None:
    text = json.dumps({"a": "\x9b31m中\u202e\x1b[2J"}, ensure_ascii=False)
    safe = json_for_terminal(text)
    assert safe == '{"a": "\\u009b31m中\\u202e\\u001b[2J"}'
    assert json.loads(safe) == json.loads(text)
