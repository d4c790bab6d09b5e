"""A run, whole: names, results, output, errors with their place, limits, hints, watched expressions."""

from __future__ import annotations

import pytest

from app.vocabulary.limits import KIB, Limits
from app.vocabulary.trace import Completed, InputSpec, Output, Raised, Stopped, Trace
from app.vocabulary.values import Span
from tests.worker.running import leaf, run, run_frames, tensor


def printed(trace: Trace) -> str:
    return "".join(chunk.text for chunk in trace.output if chunk.stream == "stdout")


def raised(source: str) -> Raised:
    outcome = run(source).outcome
    assert isinstance(outcome, Raised)
    return outcome


# ---------------------------------------------------------------------------------------------- what a program has


def test_usual_names_are_there_without_import() -> None:
    source = "print(all([torch.ones, nn.Linear, F.relu, optim.SGD, np.ones, plt.plot, math.pi]), __name__)"
    assert printed(run(source)) == "True __main__\n"


@pytest.mark.parametrize("source", ["", "# nothing", "\n\n", "'''text'''"])
def test_program_that_does_nothing_completes(source: str) -> None:
    trace = run(source)
    assert isinstance(trace.outcome, Completed)
    assert trace.tensors == ()


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("1 + 1", "2"),
        ("x = torch.tensor(4.)\nx", "tensor(4.)"),
        ("x = 1\n(x, 'a')  # both", "(1, 'a')"),
        ("None", None),
        ("x = 3", None),
        ("print('a')", None),
        ("'中文 😀'", "'中文 😀'"),
        ("'\\ud800'", "'\\ud800'"),
    ],
)
def test_value_of_the_last_expression_is_shown(source: str, text: str | None) -> None:
    result = run(source).result
    assert (None if result is None else result.text) == text


def test_names_work_across_functions_classes_and_loops() -> None:
    source = """
from dataclasses import dataclass
@dataclass
class P:
    w: torch.Tensor
    def __call__(self, x): return helper(x) * self.w
def helper(x): return x + offset
offset = 1
p = P(torch.tensor(2.0))
total = sum(p(torch.tensor(float(i))) for i in range(3))
"""
    trace = run(source)
    assert isinstance(trace.outcome, Completed)
    assert [record.name for record in trace.tensors] == ["p.w", "total"]
    assert tensor(trace, "total").value == tensor(run("x = torch.tensor(12.)"), "x").value


def test_classes_of_the_program_can_be_pickled_as_in_a_script() -> None:
    source = "import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))) is A)"
    assert printed(run(source)) == "True\n"


def test_input_function_finds_no_keyboard() -> None:
    outcome = raised("name = input('who? ')")
    assert outcome.exception == "EOFError"
    assert outcome.hint is not None


# ---------------------------------------------------------------------------------------------- inputs


@pytest.mark.parametrize(
    ("spec", "dtype", "shape"),
    [
        (InputSpec(3), "int64", ()),
        (InputSpec(3.0), "float32", ()),
        (leaf(3), "float32", ()),
        (leaf(((1, 2), (3, 4))), "float32", (2, 2)),
        (InputSpec(True), "bool", ()),
        (InputSpec((1.0, "NaN")), "float32", (2,)),
        (InputSpec(shape=(2, 3), init="randn", seed=0), "float32", (2, 3)),
        (InputSpec(shape=(2,), init="ones", dtype="int64"), "int64", (2,)),
        (InputSpec(shape=(2, 3), init="arange"), "float32", (2, 3)),
        (InputSpec(shape=(3,), init="eye"), "float32", (3, 3)),
        (InputSpec(shape=(), init="rand", dtype="float64", requires_grad=True), "float64", ()),
        (InputSpec(shape=(0, 3)), "float32", (0, 3)),
    ],
)
def test_input_becomes_the_tensor_it_describes(spec: InputSpec, dtype: str, shape: tuple[int, ...]) -> None:
    record = tensor(run("y = x", inputs={"x": spec}), "x")
    assert (record.dtype, record.shape, record.requires_grad) == (dtype, shape, spec.requires_grad)
    assert record.aliases == ("y",)


def test_seed_repeats_a_run_and_no_seed_does_not() -> None:
    source = "import random\nprint(torch.rand(2), np.random.rand(), random.random())"
    assert printed(run(source, seed=7)) == printed(run(source, seed=7))
    assert printed(run(source)) != printed(run(source))


def test_seed_of_the_run_seeds_random_inputs_too() -> None:
    inputs = {"x": InputSpec(shape=(2,), init="randn")}
    first, second, other = (run("x", inputs=inputs, seed=seed).tensors[0].value for seed in (5, 5, 6))
    assert first == second
    assert first != other


def test_input_torch_cannot_make_is_the_program_s_error() -> None:
    outcome = run("x", inputs={"x": InputSpec(300, dtype="uint8")}).outcome
    assert isinstance(outcome, Raised)


def test_alarm_of_the_program_is_not_our_clock() -> None:
    outcome = run("import signal\nsignal.alarm(1)\nwhile True: pass", Limits(seconds=20)).outcome
    assert isinstance(outcome, Raised)
    assert outcome.message == "Alarm clock"


def test_watched_expressions_before_the_limit_are_kept() -> None:
    watch = ("1 + 1", "[0 for _ in iter(int, 1)]")
    trace = run("x = 1", Limits(seconds=1.0), watch=watch)
    assert isinstance(trace.outcome, Stopped)
    assert [watched.text for watched in trace.watched] == ["2"]


# ---------------------------------------------------------------------------------------------- how it ends


def test_error_has_its_exact_place_and_the_program_s_own_frames() -> None:
    outcome = raised("import json\ndef load(t):\n    return json.loads(t)\nload('{')")
    assert outcome.exception == "JSONDecodeError"
    assert outcome.span == Span(3, 11, 3, 24)
    assert [frame.function for frame in outcome.frames] == ["<module>", "load"]


def test_everything_before_the_error_is_kept() -> None:
    trace = run("print('before')\nx = torch.ones(2)\ny = x.view(3)\nz = x")
    assert isinstance(trace.outcome, Raised)
    assert printed(trace) == "before\n"
    assert [record.name for record in trace.tensors] == ["x"]


def test_exception_that_cannot_be_printed_is_still_told() -> None:
    outcome = raised("class E(Exception):\n    def __str__(self): raise RuntimeError\nraise E")
    assert (outcome.exception, outcome.message) == ("E", "<no message: RuntimeError>")


@pytest.mark.parametrize("source", ["exit()", "import sys; sys.exit()", "raise SystemExit(0)"])
def test_program_may_end_itself(source: str) -> None:
    assert isinstance(run(source).outcome, Completed)


def test_failing_repr_of_the_result_is_the_program_s_error() -> None:
    outcome = raised("class A:\n    def __repr__(self): return 1 / 0\nA()")
    assert outcome.exception == "ZeroDivisionError"


@pytest.mark.parametrize(
    "body", ["while True: pass", "import time; time.sleep(60)", "[0 for _ in iter(int, 1)]"]
)
def test_time_limit_ends_the_program_where_it_stands(body: str) -> None:
    trace = run(f"x = torch.ones(1)\nprint('started')\n{body}", Limits(seconds=1.0))
    assert isinstance(trace.outcome, Stopped)
    assert (trace.outcome.limit, trace.outcome.span and trace.outcome.span.line) == ("seconds", 3)
    assert printed(trace) == "started\n"
    assert [record.name for record in trace.tensors] == ["x"]


def test_time_limit_cannot_be_caught_away() -> None:
    trace = run("try:\n    while True: pass\nexcept Exception:\n    pass", Limits(seconds=1.0))
    assert isinstance(trace.outcome, Stopped)


def test_output_limit_keeps_what_fits() -> None:
    trace = run("while True: print('line')", Limits(output_bytes=KIB))
    assert isinstance(trace.outcome, Stopped)
    assert trace.outcome.limit == "output"
    assert len(printed(trace)) == KIB


def test_output_is_sent_while_the_program_runs() -> None:
    frames = run_frames("print('a')\nimport time, sys\ntime.sleep(0.05)\nprint('b', file=sys.stderr)")
    assert frames[:2] == [Output("stdout", "a\n"), Output("stderr", "b\n")]
    assert isinstance(frames[-1], Trace)


# ---------------------------------------------------------------------------------------------- what is shown


def test_parameters_of_modules_are_found_by_their_path() -> None:
    trace = run(
        "net = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))\nparts = [torch.ones(1), {'a': torch.zeros(1)}]"
    )
    kinds = {record.name: record.kind for record in trace.tensors}
    assert kinds == {
        "net.0.weight": "parameter",
        "net.0.bias": "parameter",
        "net.1.weight": "parameter",
        "net.1.bias": "parameter",
        "net.1.running_mean": "buffer",
        "net.1.running_var": "buffer",
        "net.1.num_batches_tracked": "buffer",
        "parts[0]": "tensor",
        "parts[1]['a']": "tensor",
    }


def test_tensors_are_bounded_and_the_trace_says_so() -> None:
    trace = run("many = [torch.ones(1) for _ in range(20)]", Limits(tensors=5))
    assert len(trace.tensors) == 5
    assert [(cut.limit, cut.dropped) for cut in trace.cuts] == [("tensors", 15)]


def test_watched_expressions_are_evaluated_at_the_end() -> None:
    trace = run("x = torch.ones(2)\n1 / 0", watch=("x.sum()", "x.shape", "nothing", "x +"))
    assert [(w.text, w.error) for w in trace.watched] == [
        ("tensor(2.)", None),
        ("torch.Size([2])", None),
        (None, "NameError: name 'nothing' is not defined"),
        (None, "SyntaxError: invalid syntax (<program>, line 1)"),
    ]
    assert trace.watched[0].value is not None
