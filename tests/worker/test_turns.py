"""Cells run one after the other, each with its own output, figures and display, as in a notebook."""

from __future__ import annotations

import pytest

from app.vocabulary.cells import CellTurn
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed, Raised, Stopped
from tests.worker.running import run, run_frames


def test_every_cell_shows_its_last_expression() -> None:
    trace = run("# %%\nx = torch.ones(2)\nx\n# %%\nx * 2;\n# %%\ny = x\n# %%\nNone\n# %%\nx.shape")
    assert [(each.cell, each.text) for each in trace.displays] == [
        (0, "tensor([1., 1.])"),
        (4, "torch.Size([2])"),
    ]
    assert trace.result == trace.displays[-1]


def test_showing_a_value_is_no_step_of_the_program() -> None:
    cells = run("# %%\nx = torch.ones(2)\nx\n# %%\nx + 1")
    assert [step.op for step in cells.steps] == [step.op for step in run("x = torch.ones(2)\nx + 1").steps]


def test_what_is_printed_and_drawn_goes_by_its_cell() -> None:
    trace = run(
        "# %%\nprint('a', end='')\nplt.plot([1])\n# %%\nprint('b')\n# %%\nplt.plot([2]); plt.show(); plt.plot([3])"
    )
    assert [(each.cell, each.text) for each in trace.output] == [(0, "a"), (1, "b\n")]
    assert [each.cell for each in trace.figures] == [0, 2, 2]


def test_names_go_on_from_cell_to_cell() -> None:
    trace = run(
        "# %%\nw = torch.tensor(2., requires_grad=True)\n# %%\ny = w ** 3\n# %%\ny.backward()\n# %%\nw.grad"
    )
    assert trace.displays[-1].text == "tensor(12.)"
    assert trace.graphs[0].backward is not None


def test_exception_ends_its_cell_and_later_ones_are_not_run() -> None:
    trace = run(
        "# %%\nx = 1\nx\n# %% [markdown]\n# words\n# %%\nprint('before')\n1 / 0\n# %%\nprint('after')"
    )
    assert isinstance(trace.outcome, Raised)
    assert trace.outcome.span is not None
    assert trace.outcome.span.line == 8
    assert [each.state for each in trace.cells] == ["ran", None, "ended", "not_run"]
    assert [each.text for each in trace.output] == ["before\n"]
    assert [each.text for each in trace.displays] == ["1"]


@pytest.mark.parametrize(
    ("broken", "message", "line"),
    [
        ("y = x +", "invalid syntax", 7),
        ("y = (x,\n# %%\nz = 1", "'(' was never closed", 7),
        ("return x", "'return' outside function", 7),
        ("s = '''no end", "unterminated triple-quoted string literal (detected at line 9)", 7),
    ],
)
def test_broken_cell_ends_the_program_when_its_turn_comes(broken: str, message: str, line: int) -> None:
    trace = run(f"# %%\nx = 1\nprint(x)\n# %% [markdown]\n# words\n# %%\n{broken}\n# %%\nprint('after')")
    assert isinstance(trace.outcome, Raised)
    assert (trace.outcome.exception, trace.outcome.message) == ("SyntaxError", message)
    assert trace.outcome.span is not None
    assert trace.outcome.span.line == line
    assert [each.text for each in trace.output] == ["1\n"]
    assert [each.state for each in trace.cells][:3] == ["ran", None, "ended"]
    assert {each.state for each in trace.cells[3:]} == {"not_run"}


def test_exit_ends_its_cell_too() -> None:
    trace = run("# %%\nexit()\n# %%\nprint('after')")
    assert trace.outcome == Completed()
    assert [each.state for each in trace.cells] == ["ended", "not_run"]


def test_endless_cell_is_stopped_where_it_is() -> None:
    trace = run("# %%\nx = 1\n# %%\nwhile True: pass\n# %%\nx", Limits(seconds=1.0))
    assert isinstance(trace.outcome, Stopped)
    assert [each.state for each in trace.cells] == ["ran", "ended", "not_run"]


def test_turns_are_told_while_the_program_runs() -> None:
    frames = run_frames("# %% [markdown]\n# words\n# %%\nprint(1)\n# %%\n2")
    told = [each for each in frames if isinstance(each, CellTurn)]
    assert told == [CellTurn(1, 1, 2), CellTurn(2, 2, 2)]


def test_future_of_one_cell_is_that_of_the_next() -> None:
    trace = run("from __future__ import annotations\n# %%\ndef f(x: NoSuchName): ...\nf.__annotations__")
    assert trace.displays[-1].text == "{'x': 'NoSuchName'}"


@pytest.mark.parametrize(
    ("source", "shown"), [("1 + 1", ["2"]), ("1 + 1;", []), ("'中';  # why", []), ("';'", ["';'"])]
)
def test_semicolon_asks_not_to_show(source: str, shown: list[str]) -> None:
    assert [each.text for each in run(source).displays] == shown


def test_program_in_one_piece_goes_by_no_cell() -> None:
    trace = run("print(1)\n2")
    assert trace.cells == ()
    assert trace.output[0].cell is None
    assert trace.displays[0].cell is None
