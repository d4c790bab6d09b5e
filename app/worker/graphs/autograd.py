"""Backward passes and graphs: an iterative walk of `next_functions`, and the gradient on every edge.

A graph is taken before its backward pass runs, while saved tensors still exist; hooks on its nodes read the
gradients as they flow. Afterwards only plain values are held, so that no graph is kept alive.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction
from torch.autograd.graph import GradientEdge, Node, get_gradient_edge

from app.vocabulary.graph import NodeKind, SavedItem
from app.vocabulary.limits import MIB, Limits
from app.vocabulary.values import Mark, TensorId, TensorValue
from app.worker.graphs.budget import GraphBudget
from app.worker.graphs.replay import MOVES, move
from app.worker.graphs.saved import describe, read_saved
from app.worker.recording.anchors import (
    has_hooks,
    node_outputs,
    node_sequence,
    node_variable,
    output_shape,
    transforms_active,
    what_guards,
)
from app.worker.recording.calls import Argument, Call, Result
from app.worker.recording.identity import IdentityTable
from app.worker.recording.recorder import Recorder, version_of
from app.worker.recording.shelf import FEW
from app.worker.recording.tensors import dtype_name, summarise, summarise_list, unheard

MOVED_BYTES = 8 * MIB
"""All values copied in order to be told."""
MOST_NODES = 5_000
"""Of a graph that is searched."""
Heard = tuple[Callable[[], Tensor | None], int | None, TensorValue | None]
"""A gradient as long as it lives, its version, and what it held."""
NEVER_HEARD: Heard = (lambda: None), None, None


@dataclass(slots=True)
class RawOutput:
    """One output of a node: what torch's metadata says, then value and gradient as they become known."""

    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    device: str | None = None
    tensor: TensorId | None = None
    position: int = 0
    """Which of its call's results it is."""
    held: Any = None
    """The numbers until they are summarised: a list, or a tensor."""
    value: TensorValue | None = None
    grad: TensorValue | None = None
    view_of: TensorId | None = None
    """The base of an output that is a view, while that is known."""
    hooked: bool = False
    """Whether hooks change or watch its gradient."""
    before: TensorValue | None = None
    """Of a leaf: what `.grad` held before the pass and holds after it, where the pass added to something."""
    after: TensorValue | None = None


@dataclass(slots=True)
class RawNode:
    kind: NodeKind
    op: str
    sequence: int | None
    call: Call | None
    outputs: list[RawOutput]
    made: Result | None = None
    """Of a leaf or constant: the recorded result it is."""
    custom: bool = False
    """Whether a Function of the program's own, or of a library's Python, runs here."""
    packed: Literal["", "hook", "checkpoint"] = ""
    """What guards the tensors it saved."""
    marks: list[Mark] = field(default_factory=list)
    saved: list[SavedItem] = field(default_factory=list)
    seconds: float | None = None


@dataclass(slots=True)
class RawEdge:
    consumer: int
    input_nr: int
    producer: int
    output_nr: int
    grad: TensorValue | None = None


@dataclass(slots=True)
class RawGraph:
    """A graph as plain values; names are given when the run has ended."""

    nodes: list[RawNode]
    edges: list[RawEdge]
    roots: list[tuple[int, int]]
    left_out: int
    ran: dict[int, None] = field(default_factory=dict)
    """Nodes in the order the engine first ran them."""


def root_edges(roots: Sequence[Any]) -> list[GradientEdge]:
    """Where backward starts: the gradient edges of tensors that have one."""
    edges = []
    for root in roots:
        if isinstance(root, GradientEdge):
            edges.append(root)
        elif isinstance(root, Tensor) and root.requires_grad:
            edges.append(get_gradient_edge(root))
    return edges


class GraphWalk:
    """Walks one graph from its roots and, between `listen` and `finish`, hears the gradients that flow through it."""

    def __init__(
        self,
        roots: list[GradientEdge],
        recorder: Recorder,
        identities: IdentityTable,
        budget: GraphBudget,
        limits: Limits,
    ) -> None:
        self._recorder = recorder
        self._identities = identities
        self._budget = budget
        self._limits = limits
        self._numbers: dict[Node, int] = {}  # holds the nodes, so that none is freed and its identity reused
        self._results: dict[tuple[int, int], Result] = {}
        self._first_edge: list[int] = []
        self._handles: list[Any] = []
        self._heard: dict[int, Heard] = {}
        self._moved_bytes = 0
        self._clock = 0.0
        self.graph = RawGraph([], [], [], 0)
        self._walk(roots)
        self._add_constants()

    def read_values(self) -> None:
        """Read what the nodes' outputs hold; to be done before backward frees what was saved of them."""
        self._budget.begin(len(self.graph.nodes), len(self.graph.edges))
        self._fill_values()

    # ------------------------------------------------------------------------------------------ structure

    def _walk(self, roots: list[GradientEdge]) -> None:
        queue: list[Node] = []
        for root in roots:
            self.graph.roots.append((self._number(root.node, queue), root.output_nr))
        for node in queue:  # grows while it is read: breadth first, no recursion
            self._first_edge.append(len(self.graph.edges))
            number = self._numbers[node]
            for input_nr, (producer, output_nr) in enumerate(node.next_functions):
                if producer is None:
                    continue
                if producer not in self._numbers and len(queue) >= self._limits.graph_nodes:
                    self.graph.left_out += 1
                    continue
                if len(self.graph.edges) >= self._limits.graph_edges:
                    self.graph.left_out += 1
                    continue
                target = self._number(producer, queue)
                self.graph.edges.append(RawEdge(number, input_nr, target, output_nr))

    def _number(self, node: Node, queue: list[Node]) -> int:
        number = self._numbers.get(node)
        if number is None:
            number = self._numbers[node] = len(queue)
            queue.append(node)
            self.graph.nodes.append(self._describe(node))
        return number

    def _describe(self, node: Node) -> RawNode:
        outputs = [RawOutput(output_shape(m), dtype_name(m.dtype), str(m.device)) for m in node_outputs(node)]
        variable = node_variable(node)
        if variable is None:
            sequence = node_sequence(node)
            call = None if sequence is None else self._recorder.by_sequence.get(sequence)
            op = node.name().rsplit("::", 1)[-1]
            custom = isinstance(node, BackwardCFunction)
            packed = what_guards(node)
            return RawNode("function", op, sequence, call, outputs or [RawOutput()], None, custom, packed)
        number = self._identities.number(variable)
        made = self._recorder.made.get(number)
        output = RawOutput(tuple(variable.shape), dtype_name(variable.dtype), str(variable.device), number)
        output.position = made.position if made else 0
        output.held = variable.detach()
        output.hooked = has_hooks(variable)
        return RawNode("accumulate", "AccumulateGrad", None, made.call if made else None, [output], made)

    def _add_constants(self) -> None:
        """Tensors that took part without requiring grad: torch has no node for them, learners do."""
        constants: dict[TensorId, int] = {}
        for consumer, call, slots in self._free_slots():
            for argument in call.arguments:
                if argument.requires_grad:
                    continue
                number = constants.get(argument.tensor)
                if number is None:
                    number = constants[argument.tensor] = len(self.graph.nodes)
                    self.graph.nodes.append(self._describe_constant(argument))
                if len(self.graph.edges) < self._limits.graph_edges:
                    self.graph.edges.append(RawEdge(consumer, next(slots), number, 0))

    def _free_slots(self) -> list[tuple[int, Call, Iterator[int]]]:
        """For each recorded call, the node its constants hang on, and slots: those torch left None, then new ones."""
        chosen: dict[int, tuple[int, Call, list[int], int]] = {}
        for node, number in self._numbers.items():
            raw = self.graph.nodes[number]
            if raw.kind != "function" or raw.call is None:
                continue
            empty = [slot for slot, (producer, _) in enumerate(node.next_functions) if producer is None]
            best = chosen.get(id(raw.call))
            if best is None or (empty and not best[2]):
                chosen[id(raw.call)] = (number, raw.call, empty, len(node.next_functions))
        return [
            (number, call, itertools.chain(empty, itertools.count(after)))
            for number, call, empty, after in chosen.values()
        ]

    def _describe_constant(self, argument: Argument) -> RawNode:
        made = argument.made_by
        output = RawOutput(tuple(argument.shape), dtype_name(argument.dtype), None, argument.tensor)
        output.position = made.position if made else 0
        output.held = held_by(made)
        if output.held is None:
            alive = self._identities.thing(argument.tensor)
            output.held = alive if isinstance(alive, Tensor) else None
        return RawNode("constant", "constant", None, made.call if made else None, [output], made)

    # ------------------------------------------------------------------------------------------ values

    def _fill_values(self) -> None:
        for raw in self.graph.nodes:
            if raw.kind == "function" and raw.call is not None:
                self._fill_from_call(raw, raw.call)
        for node, number in self._numbers.items():
            found = list(read_saved(node))
            self._fill_from_saved(found)
            if self._budget.take_saved(len(found)):
                self.graph.nodes[number].saved = [describe(name, value) for name, value in found]
        if not transforms_active():  # which would wrap whatever is computed here
            for node, number in reversed(self._numbers.items()):  # operands first, as far as the walk tells
                self._fill_by_moving(node, number)
        for raw in self.graph.nodes:
            for output in raw.outputs:
                output.value = self._summary(output.held)
                output.held = None

    def _fill_by_moving(self, node: Node, number: int) -> None:
        """A value inside a library call that only moved its operand's numbers."""
        raw, edges = self.graph.nodes[number], self._edges_of(number)
        if raw.op not in MOVES or raw.outputs[0].held is not None or len(edges) != 1:
            return
        if self._moved_bytes > MOVED_BYTES:
            return
        operand = self.graph.nodes[edges[0].producer].outputs[edges[0].output_nr]
        if isinstance(operand.held, list) and operand.dtype is not None:
            operand.held = torch.tensor(operand.held, dtype=getattr(torch, operand.dtype))
        if isinstance(operand.held, Tensor):
            moved = move(raw.op, operand.held, raw.outputs[0].shape, dict(read_saved(node)))
            if moved is not None and moved.data_ptr() != operand.held.data_ptr():
                self._moved_bytes += moved.numel() * moved.itemsize
            raw.outputs[0].held = moved

    def _fill_from_call(self, raw: RawNode, call: Call) -> None:
        for result in call.results:
            if result.sequence == raw.sequence and result.output_nr < len(raw.outputs):
                output = raw.outputs[result.output_nr]
                output.tensor, output.position = result.tensor, result.position
                output.held = held_by(result)
                self._look_at(output, self._identities.thing(result.tensor))

    def _look_at(self, output: RawOutput, tensor: object) -> None:
        """What only a tensor that still lives can tell."""
        if not isinstance(tensor, Tensor) or tensor.is_inference():
            return
        output.hooked = has_hooks(tensor)
        if tensor._is_view() and tensor._base is not None:
            output.view_of = self._identities.number(tensor._base)

    def _summary(self, held: Any) -> TensorValue | None:
        most = None if held is None else self._budget.most()
        if most is None:
            return None
        if isinstance(held, Tensor):
            return summarise(held, most, "stride")
        return summarise_list(held) if most >= FEW else summarise(torch.tensor(held), most, "stride")

    def _fill_from_saved(self, found: list[tuple[str, Any]]) -> None:
        """Values inside a library call, from what autograd saved of them: a saved tensor knows its own node."""
        for _, saved in found:
            if isinstance(saved, Tensor) and saved.grad_fn is not None:
                number = self._numbers.get(saved.grad_fn)
                if number is None or saved.output_nr >= len(self.graph.nodes[number].outputs):
                    continue
                output = self.graph.nodes[number].outputs[saved.output_nr]
                if output.held is None:
                    output.held = saved.detach()

    # ------------------------------------------------------------------------------------------ gradients

    def listen(self) -> None:
        for node, number in self._numbers.items():
            leaf = node_variable(node)
            if leaf is not None and leaf.grad is not None:
                self.graph.nodes[number].outputs[0].before = self._summary(leaf.grad)
            self._handles.append(node.register_hook(self._hook(number, leaf)))
        self._clock = perf_counter()

    def _hook(self, number: int, leaf: Tensor | None) -> Any:
        def hear(grad_inputs: tuple[Tensor | None, ...], grad_outputs: tuple[Tensor | None, ...]) -> None:
            node = self.graph.nodes[number]
            node.seconds = perf_counter() - self._clock  # nodes run one after the other
            self.graph.ran.setdefault(number)
            outputs = node.outputs
            for output, grad in zip(outputs, grad_outputs, strict=False):
                output.grad = self._hear(grad)
            if leaf is not None and leaf.grad is not None and outputs[0].before is not None:
                outputs[0].after = self._summary(leaf.grad)
            for edge in self._edges_of(number):
                if edge.input_nr < len(grad_inputs):
                    edge.grad = self._hear(grad_inputs[edge.input_nr])
            self._clock = perf_counter()

        return hear

    def _edges_of(self, number: int) -> list[RawEdge]:
        start = self._first_edge[number]
        end = self._first_edge[number + 1] if number + 1 < len(self._first_edge) else len(self.graph.edges)
        return [edge for edge in self.graph.edges[start:end] if edge.consumer == number]

    def _hear(self, grad: Tensor | None) -> TensorValue | None:
        """Summarise a gradient at once: torch may go on adding into the same tensor, which then has another version.

        What one node sends is what the next one gets. It is not held, or torch would have to add elsewhere.
        """
        if grad is None:
            return None
        version = unheard(version_of, grad)
        known, before, value = self._heard.get(id(grad), NEVER_HEARD)
        if known() is grad and before == version:
            return value
        value = self._summary(grad)
        self._heard[id(grad)] = weakref.ref(grad), version, value
        return value

    def finish(self) -> RawGraph:
        """Stop listening, let go of torch's nodes, and return what was heard."""
        for handle in self._handles:
            handle.remove()
        self._add_unheard()
        self._handles.clear()
        self._numbers.clear()
        self._heard.clear()
        return self.graph

    def _add_unheard(self) -> None:
        """A leaf that `autograd.grad` asked for does not run; its gradient is its one edge's."""
        into: dict[int, list[RawEdge]] = {}
        for edge in self.graph.edges:
            into.setdefault(edge.producer, []).append(edge)
        for number, raw in enumerate(self.graph.nodes):
            if number not in self.graph.ran:
                raw.outputs[0].before = None  # nothing was added to it
            edges = into.get(number, [])
            if raw.kind == "accumulate" and raw.outputs[0].grad is None and len(edges) == 1:
                raw.outputs[0].grad = edges[0].grad


def held_by(result: Result | None) -> Any:
    """The list or tensor kept of a result, if it is still there."""
    return result.kept.read() if result is not None and result.kept is not None else None


def nodes_before(root: Node) -> list[Node]:
    """A graph's nodes, breadth first from its root; the first few thousand."""
    nodes, seen = [root], {root}
    for node in nodes:  # grows while it is read
        for producer, _ in node.next_functions:
            if producer is not None and producer not in seen and len(nodes) < MOST_NODES:
                seen.add(producer)
                nodes.append(producer)
    return nodes
