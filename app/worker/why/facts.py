"""What the reasons are found in: the recorded calls by tensor, the graphs by node, and words for a call's place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import CodeType

import torch
from torch import Tensor

from app.vocabulary.values import Span, TensorId, TensorValue, Text
from app.worker.graphs.autograd import RawEdge, RawGraph, RawNode, held_by
from app.worker.graphs.cuts import cuts_of, is_cut
from app.worker.graphs.passes import Passes, RawPass
from app.worker.recording.calls import Argument, Call, Event, Result
from app.worker.recording.identity import IdentityTable
from app.worker.recording.ops import EventKind
from app.worker.recording.recorder import Recorder

NAME_CHARS = 200
"""Of a name or a call in a sentence."""
Words = dict[str, str | int | float]


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: its code, its sentence, and the call, event or node it points at."""

    code: str
    sentence: Text
    at: Call | Event | RawPass | None = None
    node: tuple[RawPass, int] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """From a tensor to the node that sent it most of its gradient: the norm that left there, and the one that came."""

    consumer: int
    input_nr: int
    output_nr: int
    left: float
    arrived: float


class Flow:
    """One kept graph, with the edges by producer."""

    def __init__(self, taken: RawPass) -> None:
        self.taken = taken
        self.graph: RawGraph = taken.graph
        self.climbed: dict[tuple[int, int], Step | None] = {}
        """Steps towards the root that were looked for already."""

    @cached_property
    def ops(self) -> frozenset[str]:
        return frozenset(node.op for node in self.graph.nodes)

    @cached_property
    def into(self) -> dict[int, list[RawEdge]]:
        """For each node the edges that bring it gradients."""
        found: dict[int, list[RawEdge]] = defaultdict(list)
        for edge in self.graph.edges:
            found[edge.producer].append(edge)
        return found

    @cached_property
    def out_of(self) -> dict[int, list[RawEdge]]:
        """For each node the edges it sends gradients along: one for each operand of its call."""
        found: dict[int, list[RawEdge]] = defaultdict(list)
        for edge in self.graph.edges:
            found[edge.consumer].append(edge)
        return found

    @cached_property
    def leaves(self) -> dict[TensorId, int]:
        """Nodes of leaf tensors."""
        nodes = enumerate(self.graph.nodes)
        return {
            node.outputs[0].tensor: number
            for number, node in nodes
            if node.kind == "accumulate" and node.outputs[0].tensor is not None
        }

    def operand(self, node: int, input_nr: int) -> TensorValue | None:
        """What went into a node's forward operation at one place."""
        for edge in self.out_of[node]:
            if edge.input_nr == input_nr:
                return self.value(edge.producer, edge.output_nr)
        return None

    def value(self, node: int, output_nr: int) -> TensorValue | None:
        outputs = self.graph.nodes[node].outputs
        return outputs[output_nr].value if output_nr < len(outputs) else None

    def arrived(self, node: int, output_nr: int) -> list[TensorValue]:
        """The gradients that came along the edges into one output of a node."""
        edges = self.into[node]
        return [edge.grad for edge in edges if edge.output_nr == output_nr and edge.grad is not None]


class Facts:
    """Everything recorded, read only."""

    def __init__(
        self,
        recorder: Recorder,
        passes: Passes,
        span: Callable[[CodeType | None, int], Span | None],
        text: Callable[[Span], str],
        name: Callable[[TensorId, Call | None], str | None],
        identities: IdentityTable,
    ) -> None:
        self.calls = recorder.calls
        self.made = recorder.made
        self.complete = not recorder.left_early
        """Whether every call of the program was recorded."""
        self.count = passes.count
        self.own = passes.own
        self.kept = passes.kept()
        self.all_kept = not passes.untold
        """Whether the graph of every backward pass was kept."""
        self._refused = passes.refused
        self._events = recorder.events
        self._span = span
        self.text = text
        self._name = name
        self.number = identities.number
        self._thing = identities.thing

    @cached_property
    def flows(self) -> list[Flow]:
        return [Flow(taken) for taken in self.kept]

    @property
    def last_flow(self) -> Flow | None:
        """The graph of the last backward pass, if it was kept."""
        latest = self.flows[-1] if self.flows else None
        return latest if latest is not None and latest.taken.occurrence == self.count - 1 else None

    @cached_property
    def turns(self) -> dict[int, int]:
        """By call (its id), how many had been recorded before it."""
        return {id(call): turn for turn, call in enumerate(self.calls)}

    def events(self, tensor: TensorId, kind: EventKind) -> list[Event]:
        return [event for event in self._events if event.tensor == tensor and event.kind == kind]

    @property
    def gradient_events(self) -> list[Event]:
        """Each time a grad was given or taken away."""
        return [event for event in self._events if event.kind == "grad"]

    @cached_property
    def users(self) -> dict[TensorId, list[Call]]:
        """For each tensor the calls it went into; an optimiser's step makes nothing of it."""
        found: dict[TensorId, list[Call]] = defaultdict(list)
        for call in self.calls:
            for argument in call.arguments if not call.op.endswith(".step") else ():
                found[argument.tensor].append(call)
        return found

    @cached_property
    def cuts(self) -> list[Result]:
        """All results at which autograd's history ends, in the order of the calls."""
        return [cut for call in self.calls for cut in cuts_of(call)]

    @cached_property
    def behind_roots(self) -> set[TensorId]:
        """All tensors the roots of the passes were computed from, with history or without."""
        found = {root for taken in self.kept for root in taken.roots} | set(self._refused)
        for call in reversed(self.calls):
            if any(result.tensor in found for result in call.results):
                found.update(argument.tensor for argument in call.arguments)
        return found

    @cached_property
    def cut_behind(self) -> dict[int, Result]:
        """By result (its id), a cut it is or comes from; worked out once, along the calls."""
        found: dict[int, Result] = {}
        for call in self.calls if self.cuts else ():
            before = [
                found.get(id(argument.made_by)) for argument in call.arguments if not argument.requires_grad
            ]
            nearest = next((cut for cut in before if cut is not None), None)
            for result in call.results:
                cut = result if is_cut(call, result) else nearest
                if cut is not None and result.sequence is None:
                    found[id(result)] = cut
        return found

    # ------------------------------------------------------------------------------------------ words

    def place(self, at: Call | Event | RawPass | None) -> Span | None:
        return None if at is None else self._span(at.code, at.instruction)

    def words(self, at: Call | Event | RawPass, **more: str | int | float) -> Words:
        """The gaps {call} and {line} of a sentence about a place."""
        span = self.place(at)
        call = self.written(at)
        if isinstance(at, Call) and at.turn is not None and at.module and not calls(call, at.module):
            call = one_line(at.module)  # what is written calls a module around it
        return {"call": call, "line": span.line if span else "?", **more}

    def written(self, at: Call | Event | RawPass) -> str:
        """What the program says at a place."""
        span = self.place(at)
        op = at.op if isinstance(at, Call) else "?"
        return one_line(op if span is None else self.text(span))

    def node_words(self, node: RawNode, **more: str | int | float) -> Words:
        """The same about a node; a node without a call goes by its op."""
        if node.call is None:
            return {"call": node.op, "line": "?", **more}
        return self.words(node.call, **more)

    def name(self, tensor: TensorId, fallback: str = "?") -> str:
        made = self.made.get(tensor)
        name = self._name(tensor, made.call if made else None)
        if name is None and made is not None:
            return str(self.words(made.call)["call"])
        return one_line(name or fallback)

    # ------------------------------------------------------------------------------------------ values

    def content(self, tensor: TensorId) -> Tensor | None:
        """What a tensor holds now, if it still lives."""
        thing = self._thing(tensor)
        return thing if isinstance(thing, Tensor) else None

    def given(self, argument: Argument) -> Tensor | None:
        """What an argument held when the call was made, as far as it is known."""
        if argument.made_by is not None:
            return result_value(argument.made_by)
        if argument.tensor in self.made:  # written to since
            return None
        tensor = self.content(argument.tensor)
        return None if tensor is None or tensor.layout is not torch.strided else tensor.detach()


def result_value(result: Result) -> Tensor | None:
    """What a result held when it was made, if it was kept."""
    held = held_by(result)
    if isinstance(held, Tensor):
        return held.detach()
    return None if held is None else torch.tensor(held, dtype=result.dtype, device="cpu")


def calls(text: str, module: str) -> bool:
    """Whether a call's text is that of this module itself: `self.fc(x)` of `net.fc`."""
    return text.partition("(")[0].rpartition(".")[2] == module.rpartition(".")[2]


def one_line(text: str) -> str:
    """A call's text as it stands within a sentence."""
    short = " ".join(text.split())
    return short if len(short) <= NAME_CHARS else short[: NAME_CHARS - 1] + "…"
