"""What moves while a program trains: true numbers of one moment, in one unchanging graph, where somebody watches."""

from __future__ import annotations

import pytest

from app.program import normalise_source
from app.vocabulary.frames import Frame, Tensors
from app.vocabulary.graph import AutogradGraph
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed, RunRequest, Trace
from app.worker.compiling.instrument import compile_program
from app.worker.execute import Run
from app.worker.training import moving
from tests.worker.running import run_frames

TRAIN = """
torch.manual_seed(0)
X = torch.randn(8, 3)
w = torch.zeros(3, requires_grad=True)
opt = optim.SGD([w], lr=0.05)
history = []
for step in range({steps}):
    loss = ((X @ w - 1) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    history.append((w.tolist(), w.grad.tolist(), loss.item()))
    opt.step()
kept = torch.tensor([w + [l] for w, g, l in history])
"""
CHANGING = """
w = torch.ones(2, requires_grad=True)
for step in range(7):
    out = (w * 2).sum() if {first} else (w * 2 + 1).exp().sum()
    out.backward()
    w.grad = None
"""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Limits:
    """Limits under which every moment is looked at."""
    monkeypatch.setattr(moving, "PATIENCE", 0)
    return Limits(looks_per_second=1e9, reply_bytes=10**18)


def look_always(source: str, limits: Limits) -> tuple[list[Tensors], Trace]:
    """What is shown at each moment of a training."""
    frames: list[Frame] = []
    source = normalise_source(source)
    run = Run(source, compile_program(source), RunRequest(), limits, frames.append)

    def again() -> None:
        run._watchers.moving.tick()
        run._watchers.moments.want()

    run._watchers.moments.listen(again)
    run._watchers.moments.want()
    assert run.program() == Completed()
    return [each for each in frames if isinstance(each, Tensors)], run.trace(Completed(), 0.0)


def structure(graph: AutogradGraph | None) -> object:
    assert graph is not None
    nodes = [(node.id, node.kind, node.op, node.call) for node in graph.nodes]
    return nodes, [(edge.consumer, edge.input_nr, edge.producer) for edge in graph.edges], graph.roots


def held(frame: Tensors, name: str) -> object:
    assert frame.graph is not None
    (output,) = (each for node in frame.graph.nodes for each in node.outputs if each.name == name)
    assert output.value is not None
    return output.value.data


def history_of(trace: Trace) -> list[list[float]]:
    """w and loss at each pass, as the program itself wrote them down."""
    (record,) = (each for each in trace.tensors if each.name == "kept")
    assert record.value is not None
    return [list(row) for row in record.value.data]  # type: ignore[union-attr, arg-type]


def test_numbers_are_those_of_the_pass_they_are_said_to_be_of(impatient: Limits) -> None:
    seen, trace = look_always(TRAIN.format(steps=8), impatient)
    assert [each.passes for each in seen] == list(range(1, 9))
    for each in seen:
        assert each.graph is not None
        *weights, loss = history_of(trace)[each.graph.occurrence]
        assert each.graph.occurrence == each.passes - 1
        assert held(each, "w") == pytest.approx(tuple(weights))
        assert held(each, "loss") == pytest.approx(loss)
        assert structure(each.graph) == structure(seen[0].graph)
        assert not each.stale


def test_tensors_are_those_of_the_moment_and_their_panels_final_ones(impatient: Limits) -> None:
    """After the optimiser's step, as the next pass finds them; and a record says what the last answer's says."""
    seen, trace = look_always(TRAIN.format(steps=6), impatient)
    for frame, (*weights, _) in zip(seen, history_of(trace)[1:], strict=False):
        (record,) = (each for each in frame.tensors if each.name == "w")
        assert record.value is not None
        assert record.value.data == pytest.approx(tuple(weights))
    (last,) = (each for each in seen[-1].tensors if each.name == "w")
    (final,) = (each for each in trace.tensors if each.name == "w")
    assert last == final


def test_clock_shows_a_training_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = run_frames(
        TRAIN.format(steps=9000), Limits(seconds=60.0, frames_per_second=400.0, looks_per_second=100.0)
    )
    seen = [each for each in frames if isinstance(each, Tensors)]
    assert len(seen) >= 2
    assert all(structure(each.graph) == structure(seen[0].graph) for each in seen)
    passes = [each.passes for each in seen]
    assert passes == sorted(set(passes))


def test_program_that_is_only_waited_for_shows_nothing() -> None:
    frames = run_frames(TRAIN.format(steps=400), Limits(frames_per_second=400.0, looks_per_second=0.0))
    assert not any(isinstance(each, Tensors) for each in frames)


@pytest.mark.parametrize(
    ("first", "shown", "stale"),
    [
        ("step % 2 == 0", [0, 0, 2, 2, 4, 4], [False, True, False, True, False, True]),
        ("step != 3", [0, 1, 2, 2, 4, 5], [False, False, False, True, False, False]),
        # A change that lasts is followed from its second pass on.
        ("step < 3", [0, 1, 2, 2, 4, 5], [False, False, False, True, False, False]),
    ],
)
def test_pass_of_another_structure_has_no_numbers_for_the_graph(
    first: str, shown: list[int], stale: list[bool], impatient: Limits
) -> None:
    seen, _ = look_always(CHANGING.replace("{first}", first), impatient)
    assert [each.graph.occurrence for each in seen if each.graph] == shown
    assert [each.stale for each in seen] == stale
    lasting = first == "step < 3"
    assert (structure(seen[0].graph) != structure(seen[-1].graph)) == lasting


def test_of_two_losses_one_is_followed(impatient: Limits) -> None:
    source = """
g, d = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
opt_g, opt_d = optim.SGD([g], lr=0.1), optim.SGD([d], lr=0.1)
for step in range(3):
    loss_d = (d * g.detach()).sum()
    loss_d.backward()
    opt_d.step()
    loss_g = -(d.detach() * g).exp().sum()
    loss_g.backward()
    opt_g.step()
"""
    seen, _ = look_always(source, impatient)
    assert {each.graph.backward.roots for each in seen if each.graph and each.graph.backward} == {("loss_d",)}
    assert not any(each.stale for each in seen)


def test_numpy_alone_moves_its_arrays(impatient: Limits) -> None:
    source = "w = np.ones(3)\nfor i in range(6):\n    loss = (w ** 2).sum()\n    w = w * 0.5"
    seen, _ = look_always(source, impatient)
    values = [each.value.data for frame in seen for each in frame.tensors if each.name == "w" and each.value]
    assert values == [(0.5**k,) * 3 for k in range(1, 6)]
    assert all(frame.graph is None for frame in seen)


def test_module_that_cannot_be_read_ends_the_showing_and_not_the_program(impatient: Limits) -> None:
    net = "class Net(nn.Module):\n    def named_buffers(self, *a, **k):\n        raise KeyError('mine')\nnet = Net()"
    seen, trace = look_always(f"{net}\n{TRAIN.format(steps=5)}\ndel net", impatient)
    assert seen == []
    assert [note.values for note in trace.notes] == [{"message": "'mine'"}]


def test_large_graph_is_left_for_the_end(impatient: Limits) -> None:
    source = """
w = torch.ones(1, requires_grad=True)
for step in range(3):
    y = w
    for i in range(1100):
        y = y * 1.001
    y.backward()
"""
    seen, trace = look_always(source, impatient)
    assert [frame.graph for frame in seen] == [None] * len(seen)
    assert [frame.waiting_nodes for frame in seen] == [1101] * len(seen)
    assert seen
    assert trace.graphs


def test_many_numbers_are_shown_as_smaller_windows(impatient: Limits) -> None:
    source = """
ws = [torch.ones(40, 40, requires_grad=True) for _ in range(12)]
opt = optim.SGD(ws, lr=0.1)
for step in range(2):
    sum(w.sum() for w in ws).backward()
    opt.step()
"""
    seen, trace = look_always(source, impatient)
    shown = [each.value.index for each in seen[-1].tensors if each.value and each.shape]
    assert shown == ["[:16, :16]"] * 12
    assert [each.value.index for each in trace.tensors if each.value and each.shape] == ["[:32, :32]"] * 12


def test_latest_pass_of_a_long_training_still_has_its_numbers() -> None:
    """Each sampled pass takes the room of the one before it, not room of its own."""
    limits = Limits(graph_values=400, steps=200)
    frames = run_frames(TRAIN.format(steps=3000), limits)
    trace = frames[-1]
    assert isinstance(trace, Trace)
    last = trace.graphs[-1]
    assert last.occurrence > 100
    assert sum(each.value is not None for node in last.nodes for each in node.outputs) >= 5
    assert not any(cut.limit == "graph_values" for cut in trace.cuts)


def test_program_that_is_held_shows_the_moment_it_is_held_at() -> None:
    """However lately something was shown; but not what a run may send would be used up by it."""
    frames: list[Frame] = []
    source = normalise_source(TRAIN.format(steps=6))
    run = Run(source, compile_program(source), RunRequest(), Limits(looks_per_second=0.001), frames.append)
    run._watchers.moments.hold = lambda moment: run._before_hold()
    assert run.program() == Completed()
    seen = [each for each in frames if isinstance(each, Tensors)]
    assert {each.passes for each in seen} >= set(range(1, 7))
    assert all(each.graph and each.graph.occurrence == each.passes - 1 for each in seen if each.passes)
