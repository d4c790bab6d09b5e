"""Sandboxes without torch: canned traces for a few programs, and every way a sandbox can fail.

`y = x*w + b` is really computed, so that moving a slider changes the page; the other traces are written by hand.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, field, replace

from app.program import Program
from app.sandbox.face import Device, SandboxHealth, SealLayer
from app.vocabulary.classic import ClassicEdge, ClassicGraph, ClassicNode
from app.vocabulary.errors import DrawingFailed
from app.vocabulary.frames import Frame
from app.vocabulary.graph import (
    AutogradGraph,
    BackwardPass,
    GraphEdge,
    GraphNode,
    GraphRoot,
    NodeKind,
    NodeOutput,
    SavedItem,
)
from app.vocabulary.holding import Command, Pace
from app.vocabulary.trace import (
    Completed,
    InputSpec,
    Operand,
    Output,
    Raised,
    RunRequest,
    Shown,
    StackFrame,
    Step,
    Table,
    TensorRecord,
    Timings,
    Trace,
    Versions,
    Warned,
)
from app.vocabulary.values import (
    GraphCut,
    Mark,
    Nested,
    NodeId,
    Span,
    Statistics,
    StepId,
    StorageId,
    TensorId,
    TensorValue,
    Text,
    Why,
)
from tests.fake_gate import FakeGate
from tests.fake_training import training_frames

LINE = "y = x*w + b"
VERSIONS = Versions("3.11.7", "2.13.0+cpu", "2.4.6")


def number(value: float) -> TensorValue:
    return TensorValue(value, None, Statistics(value, value, value, None, abs(value), 0, 0, 0, 0))


def values(data: Nested, index: str | None = None) -> TensorValue:
    flat = [float(each) for each in flatten(data) if not isinstance(each, str)]
    finite = [each for each in flat if math.isfinite(each)]
    mean = sum(finite) / len(finite) if finite else None
    counts = [sum(1 for each in flatten(data) if each == name) for name in ("NaN", "Infinity", "-Infinity")]
    statistics = Statistics(min(finite, default=None), max(finite, default=None), mean, 1.0, 2.0, 0, *counts)
    return TensorValue(data, index, statistics)


def flatten(data: Nested) -> list[float | str]:
    if isinstance(data, tuple | list):
        return [each for item in data for each in flatten(item)]
    return [data if isinstance(data, str) else float(data)]  # type: ignore[arg-type]  # no complex numbers here


def record(identity: int, name: str, value: TensorValue, **changes: object) -> TensorRecord:
    """A float32 leaf on the CPU; `changes` say what is different."""
    plain = TensorRecord(
        id=TensorId(identity),
        name=name,
        aliases=(),
        kind="tensor",
        shape=(),
        dtype="float32",
        device="cpu",
        layout="strided",
        requires_grad=False,
        is_leaf=True,
        grad_fn=None,
        stride=(),
        storage_offset=0,
        storage=StorageId(identity),
        base=None,
        version=0,
        bytes=4,
        value=value,
        grad=None,
        why=(),
        span=None,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # mypy cannot see the names


def scalar_of(spec: InputSpec | None) -> float:
    return float(spec.value) if spec and isinstance(spec.value, int | float) else 1.0


def line_trace(program: Program, request: RunRequest) -> Trace:
    """`y = x*w + b` with numbers for x, w and b."""
    x, w, b = (scalar_of(request.inputs.get(name)) for name in "xwb")
    product = Span(1, 4, 1, 7)
    whole = Span(1, 4, 1, 11)
    reason = Text("`{name}` does not require grad.", {"name": "x"})
    tensors = (
        record(0, "x", number(x), why=(Why("no_requires_grad", reason),)),
        record(1, "w", number(w), requires_grad=True, grad=number(x)),
        record(2, "b", number(b), requires_grad=True, grad=number(1.0)),
        record(
            3, "y", number(x * w + b), requires_grad=True, is_leaf=False, grad_fn="AddBackward0",
            span=Span(1, 0, 1, 11), grad=number(1.0),
        ),
    )  # fmt: skip
    graph = AutogradGraph(
        roots=(GraphRoot(NodeId(0), 0),),
        nodes=(
            node(0, "function", "AddBackward0", "x*w + b", whole, "y", x * w + b, 1.0),
            node(1, "function", "MulBackward0", "x*w", product, None, x * w, 1.0, saved_by_mul(x)),
            node(2, "accumulate", "AccumulateGrad", None, None, "w", w, x),
            node(3, "accumulate", "AccumulateGrad", None, None, "b", b, 1.0),
            node(4, "constant", "constant", None, None, "x", x, None),
        ),
        edges=(
            GraphEdge(NodeId(0), 0, NodeId(1), 0, number(1.0)),
            GraphEdge(NodeId(0), 1, NodeId(3), 0, number(1.0)),
            GraphEdge(NodeId(1), 0, NodeId(4), 0, None),
            GraphEdge(NodeId(1), 1, NodeId(2), 0, number(x)),
        ),
        backward=BackwardPass("auto", ("y",), "one", None, False, False),
        occurrence=0,
        nodes_left_out=0,
    )
    scalar = Operand(TensorId(0), (), "float32")
    steps = (
        Step(StepId(0), "torch.Tensor.mul", None, product, None, (scalar, scalar), (scalar,)),
        Step(StepId(1), "torch.Tensor.add", "y", whole, None, (scalar, scalar), (scalar,)),
    )
    note = Text("A note about `{name}`.", {"name": "y"})
    return Trace(Completed(), "cpu", tensors, steps=steps, graphs=(graph,), classic=classic(), notes=(note,),
                 versions=VERSIONS, timings=Timings(0.001, 0.0005, 0.0004))  # fmt: skip


def node(
    identity: int, kind: NodeKind, op: str, call: str | None, span: Span | None, name: str | None, value: float,
    grad: float | None, saved: tuple[SavedItem, ...] = (),
) -> GraphNode:  # fmt: skip
    given = number(grad) if grad is not None else None
    output = NodeOutput(0, name, None, (), "float32", "cpu", number(value), given)
    return GraphNode(NodeId(identity), kind, op, outputs=(output,), call=call, span=span, saved=saved)


def saved_by_mul(x: float) -> tuple[SavedItem, ...]:
    """As torch tells it where only the second operand requires grad."""
    return SavedItem("other", "None"), SavedItem("self", None, (), "float32", 4, number(x))


def classic() -> ClassicGraph:
    nodes = (
        ClassicNode(NodeId(0), "y\n ()", "darkolivegreen1", "box"),
        ClassicNode(NodeId(1), "AddBackward0", "", "box"),
    )
    return ClassicGraph(nodes, (ClassicEdge(NodeId(1), NodeId(0), False),))


def matrix_trace(program: Program, request: RunRequest) -> Trace:
    small: Nested = ((1.5, -2.0, 0.0), (0.25, "NaN", "Infinity"))
    large = tuple(
        tuple(math.sin(row * 0.4) * math.cos(column * 0.3) for column in range(32)) for row in range(24)
    )
    cube = tuple(tuple(tuple(float(i * j - k) for k in range(4)) for j in range(3)) for i in range(8))
    last = Span(1, 0, 1, 5)
    tensors = (
        record(0, "weights", values(large, "[:24, :32]"), shape=(64, 64), stride=(64, 1), bytes=16384,
               requires_grad=True, grad=values(large), span=last),
        record(1, "weights.T", values(small), shape=(2, 3), stride=(1, 2), storage=StorageId(0), base=TensorId(0)),
        record(2, "cube", values(cube), shape=(8, 3, 4), kind="buffer"),
        record(3, "empty", values(()), shape=(0,)),
        record(4, "flags", TensorValue((True, False, True), None, None), shape=(3,), dtype="bool"),
    )  # fmt: skip
    return Trace(Completed(), "cpu", tensors, graphs=(cut_graph(),), versions=VERSIONS, timings=Timings(0.01))


def cut_graph() -> AutogradGraph:
    """`y = h * h.detach()`: the constant is drawn with what it was cut from."""
    detached = Text("cut: detach")
    constant = replace(
        node(2, "constant", "constant", None, None, "d", 0.5, None), marks=(Mark("cut", detached),)
    )
    nodes = (
        node(0, "function", "MulBackward0", "h * d", None, "y", 0.25, None),
        node(1, "function", "TanhBackward0", "w.tanh()", None, "h", 0.5, None),
        constant,
    )
    edges = tuple(GraphEdge(NodeId(0), nr, NodeId(nr + 1), 0) for nr in (0, 1))
    cuts = (GraphCut(NodeId(2), NodeId(1), 0, detached),)
    return AutogradGraph((GraphRoot(NodeId(0), 0),), nodes, edges, None, 0, 0, cuts=cuts)


def printing_trace(program: Program, request: RunRequest) -> Trace:
    lines = program.source.count("\n") + 1
    span = Span(lines, 0, lines, 1)
    shown = Shown("tensor([1., 2.])", span, None, after=4, turn=1)
    table = Table((("",), ("loss",)), (("0", "0.5"), ("1", "0.25")), 1, (2, 1))
    framed = Shown("a frame", span, None, after=1, displayed=True, table=table)
    bar = Output("stderr", "\r训练:  50%|█████     | 1/2 [00:00<00:00, 9.00it/s]")
    output = (
        Output("stdout", "tensor(15)\n"),
        bar,
        Output("stdout", "\x1b[1;32m精度\x1b[0m \x1b[33;44m0.9\x1b[0m\n"),
        Output("stderr", "trouble\n"),
    )
    return Trace(
        Completed(),
        "cpu",
        result=shown,
        displays=(framed, shown),
        output=output,
        warnings=(Warned("UserWarning", "careful", span, 3),),
        versions=VERSIONS,
    )


def raised_trace(program: Program, request: RunRequest) -> Trace:
    span = Span(3, 4, 3, 9)
    hint = Text("The inner sizes {left} and {right} must be equal.", {"left": 3, "right": 4})
    outcome = Raised(
        "RuntimeError",
        "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)",
        span,
        (StackFrame("<module>", Span(9, 0, 9, 1)), StackFrame("forward", span)),
        hint,
    )
    return Trace(
        outcome, "cpu", (record(0, "a", values(((1.0, 1.0, 1.0),) * 2), shape=(2, 3)),), versions=VERSIONS
    )


Canned = Callable[[Program, RunRequest], Trace]


def canned(program: Program, request: RunRequest) -> Trace:
    """A trace by what the program contains."""
    for word, trace in (("a @ b", raised_trace), ("print", printing_trace), ("weights", matrix_trace)):
        if word in program.source:
            return trace(program, request)
    return line_trace(program, request)


@dataclass
class FakeSandbox:
    """Answers with `trace`, after `delay` seconds, or fails with `failure`. `asked` is what it was asked, in order."""

    trace: Canned = canned
    failure: Exception | None = None
    delay: Callable[[Program], float] = lambda program: 0.0
    ready: bool = True
    frames: Callable[[Program], Iterator[Frame]] = lambda program: (
        training_frames(program.source) if "epoch" in program.source else iter(())
    )
    pace: float = 0.0
    """Seconds between two frames of a stream."""
    lets: float = math.inf
    """Frames of a stream that come of themselves; before the next one it waits until this is more, or for an order."""
    asked: list[tuple[Program, RunRequest]] = field(default_factory=list)
    expected: int = 0
    cancelled: int = 0
    running: int = 0
    most_running: int = 0

    def expect(self) -> None:
        self.expected += 1

    async def run(self, program: Program, request: RunRequest) -> Trace:
        self.asked.append((program, request))
        if self.failure:
            raise self.failure
        try:
            await asyncio.sleep(self.delay(program))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.trace(program, request)

    async def stream(
        self,
        program: Program,
        request: RunRequest,
        seconds: float | None = None,
        commands: asyncio.Queue[Command] | None = None,
    ) -> AsyncGenerator[Frame, None]:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        gate = FakeGate(request.pace or Pace(), commands or asyncio.Queue())
        try:
            for number, frame in enumerate(self.frames(program)):
                await asyncio.sleep(self.pace)
                while number >= self.lets and gate.is_left_alone():
                    await asyncio.sleep(0.01)
                async for held in gate.pass_by():
                    yield held
                yield frame
                gate.heed(frame)
            yield await self.run(program, request)
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            raise
        finally:
            self.running -= 1

    def health(self) -> SandboxHealth:
        layers = (SealLayer("seccomp", True, True, "filter installed"),)
        return SandboxHealth(self.ready, True, layers, 2, 0, VERSIONS)

    def devices(self) -> tuple[Device, ...]:
        return (Device("cpu", "2 cores", None, 0),)


@dataclass
class FakeGraphviz:
    failing: bool = False

    async def render(self, dot: str) -> str:
        if self.failing:
            raise DrawingFailed("deadline")
        return '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60"><circle r="20" cx="30" cy="30"/></svg>'
