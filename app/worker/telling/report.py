"""What was recorded, told in the vocabulary: names are given here, when the run has ended and all names are known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from app.vocabulary.explanation import Explanation
from app.vocabulary.graph import AutogradGraph, BackwardPass, GraphEdge, GraphNode, GraphRoot, NodeOutput
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Operand, Step, TensorRecord
from app.vocabulary.values import Mark, NodeId, Span, StepId, TensorId, Text, Why
from app.worker.graphs.autograd import RawNode
from app.worker.graphs.marks import Cuts, mark_node
from app.worker.graphs.passes import Passes, RawPass
from app.worker.raised.explain import explain_raised
from app.worker.recording.calls import Argument, Call, Result
from app.worker.recording.functions import silenced
from app.worker.recording.identity import IdentityTable, shared_storages
from app.worker.recording.namespace import Found
from app.worker.recording.places import CALL_CHARS, Places
from app.worker.recording.recorder import Recorder
from app.worker.recording.tensors import dtype_name, known_sizes, shape_of, summarise
from app.worker.telling.unsaid import find_unsaid
from app.worker.why.explain import Explainer, Named
from app.worker.why.facts import Facts


class Report:
    """Turns a run's raw records into the trace's tuples."""

    def __init__(
        self, places: Places, recorder: Recorder, identities: IdentityTable, passes: Passes, limits: Limits
    ) -> None:
        self._places = places
        self._recorder = recorder
        self._identities = identities
        self._passes = passes
        self._limits = limits
        self._names: dict[TensorId, str] = {}
        self._inner = {id(call) for call, after in pairwise(recorder.calls) if is_inner(call, after)}
        self._step_ids: dict[int, StepId] = {}
        self._whys: dict[int, dict[tuple[NodeId, str], Why]] = {}
        """By graph, the reasons that point at one of its nodes."""
        self._hooked = recorder.hooked_modules()
        self.tensors_dropped = 0
        self.unexplained = 0

    # ------------------------------------------------------------------------------------------ tensors

    def tensors(self, found: list[Found], explain: bool = True) -> tuple[TensorRecord, ...]:
        """One record per tensor, its first name leading. Arrays and tensors over the same bytes share a storage.

        Without `explain` no reasons are looked for.
        """
        by_number: dict[TensorId, list[Found]] = {}
        for item in found:
            by_number.setdefault(self._identities.number(item.thing), []).append(item)
        for number, items in by_number.items():
            self._names[number] = items[0].name
        chosen = list(by_number.items())[: self._limits.tensors]
        self.tensors_dropped = len(by_number) - len(chosen)
        storages = shared_storages(byte_range(items[0].thing) for _, items in chosen)
        records = tuple(
            replace(self._record(number, items), storage=storage)
            for (number, items), storage in zip(chosen, storages, strict=True)
        )
        return self._explain_all(records, [items[0] for _, items in chosen]) if explain else records

    def _explain_all(self, records: tuple[TensorRecord, ...], found: list[Found]) -> tuple[TensorRecord, ...]:
        explainer = Explainer(self._facts())
        explained = tuple(
            self._explained(explainer, record, item) for record, item in zip(records, found, strict=True)
        )
        self.unexplained = explainer.unexplained
        for why in (why for record in explained for why in record.why):
            if why.node is not None and why.occurrence is not None:
                told = self._whys.setdefault(why.occurrence, {})
                told.setdefault((why.node, why.code), why)
        return explained

    def _facts(self) -> Facts:
        places = self._places
        named = lambda number, call: self._name_of(number, {}, call)  # noqa: E731
        return Facts(self._recorder, self._passes, places.span, places.source.text, named, self._identities)

    def explain_raised(self, error: BaseException, message: str, span: Span | None) -> Explanation | None:
        """What an exception of the program means, while its frames are there to be read."""
        with silenced(self._recorder):
            return explain_raised(error, message, self._facts(), span)

    def unsaid(self) -> tuple[Text, ...]:
        """Faults torch says nothing of."""
        return tuple(find_unsaid(self._facts()))

    def _explained(self, explainer: Explainer, record: TensorRecord, found: Found) -> TensorRecord:
        if not isinstance(found.thing, Tensor):
            return record
        named = Named(found.thing, record.id, record.name, record.kind, record.value, record.grad)
        return replace(record, why=explainer.explain(named))

    def _record(self, number: TensorId, items: list[Found]) -> TensorRecord:
        first, aliases = items[0], tuple(item.name for item in items[1:])
        thing = torch.from_numpy(first.thing) if isinstance(first.thing, np.ndarray) else first.thing
        strided = thing.layout is torch.strided and not thing.is_nested
        view = isinstance(first.thing, Tensor) and thing._is_view() and thing._base is not None
        made = self._recorder.made.get(number)
        grad = thing.grad if thing.is_leaf or thing.retains_grad else None
        return TensorRecord(
            id=number,
            name=first.name,
            aliases=aliases,
            kind=first.kind,
            shape=shape_of(thing),
            dtype=dtype_name(thing.dtype),
            device=str(thing.device),
            layout=str(thing.layout).removeprefix("torch."),
            requires_grad=thing.requires_grad,
            is_leaf=thing.is_leaf,
            grad_fn=thing.grad_fn.name().rsplit("::", 1)[-1] if thing.grad_fn is not None else None,
            stride=tuple(thing.stride()) if strided else None,
            storage_offset=int(thing.storage_offset()) if strided else None,
            storage=None,
            base=self._identities.number(thing._base) if view else None,
            version=None if thing.is_inference() or first.kind == "array" else thing._version,
            bytes=thing.numel() * thing.itemsize,
            value=summarise(thing, self._limits.tensor_values),
            grad=None if grad is None else summarise(grad, self._limits.tensor_values),
            why=(),
            span=None if made is None else self._places.span(made.call.code, made.call.instruction),
        )

    def _name_of(
        self, number: TensorId, names: dict[TensorId, str], call: Call | None, position: int = 0
    ) -> str | None:
        """The program's name for a tensor: of that moment, else of the end, else the one it was assigned to."""
        name = names.get(number) or self._names.get(number)
        return name or (None if call is None else self._assigned(call, position))

    def _assigned(self, call: Call, position: int = 0) -> str | None:
        """The name the program assigned a call's result to; what a module made on the way there has none."""
        return None if id(call) in self._inner else self._places.name(call, position)

    # ------------------------------------------------------------------------------------------ steps

    def steps(self) -> tuple[Step, ...]:
        return tuple(self._step(StepId(index), call) for index, call in enumerate(self._recorder.calls))

    def _step(self, step_id: StepId, call: Call) -> Step:
        self._step_ids[id(call)] = step_id
        return Step(
            step_id,
            call.op,
            self._assigned(call),
            self._places.span(call.code, call.instruction),
            call.module,
            tuple(_operand(argument) for argument in call.arguments),
            tuple(_operand(result) for result in call.results),
            call.seconds,
        )

    # ------------------------------------------------------------------------------------------ graphs

    def graphs(self) -> tuple[AutogradGraph, ...]:
        return tuple(self.graph(taken) for taken in self._passes.kept())

    def graph(self, taken: RawPass) -> AutogradGraph:
        raw = taken.graph
        found = list(Cuts(raw, lambda tensor: self._known_as(tensor, taken.names)).find())
        for number, text, _ in found:
            raw.nodes[number].marks.append(Mark("cut", text))
        for mark in self._whys.get(taken.occurrence, {}).values():
            raw.nodes[mark.node or 0].marks.append(Mark("why", mark.sentence))
        return AutogradGraph(
            roots=tuple(GraphRoot(NodeId(node), output_nr) for node, output_nr in raw.roots),
            nodes=tuple(
                self._node(NodeId(number), node, taken.names) for number, node in enumerate(raw.nodes)
            ),
            cuts=tuple(cut for _, _, cuts in found for cut in cuts),
            edges=tuple(
                GraphEdge(NodeId(e.consumer), e.input_nr, NodeId(e.producer), e.output_nr, e.grad)
                for e in raw.edges
            ),
            backward=self._backward(taken),
            occurrence=taken.occurrence,
            nodes_left_out=raw.left_out,
            ran=tuple(map(NodeId, raw.ran)),
        )

    def _node(self, number: NodeId, raw: RawNode, names: dict[TensorId, str]) -> GraphNode:
        call = raw.call
        span = None if call is None else self._places.span(call.code, call.instruction)
        outputs = tuple(
            NodeOutput(
                output_nr,
                None if output.tensor is None else self._name_of(output.tensor, names, call, output.position),
                output.tensor,
                output.shape,
                output.dtype,
                output.device,
                output.value,
                output.grad,
                output.before,
                output.after,
            )
            for output_nr, output in enumerate(raw.outputs)
        )
        return GraphNode(
            id=number,
            kind=raw.kind,
            op=raw.op,
            call=None if span is None else self._places.source.text(span)[:CALL_CHARS],
            step=None if call is None else self._step_ids.get(id(call)),
            span=span,
            module=None if call is None else call.module,
            sequence=raw.sequence,
            saved=tuple(raw.saved),
            seconds=raw.seconds,
            call_seconds=call.seconds if call is not None and raw.kind == "function" else None,
            outputs=outputs,
            marks=(*mark_node(raw, lambda tensor: self._known_as(tensor, names), self._hooked), *raw.marks),
            inner=self._is_inner(raw),
        )

    def _is_inner(self, raw: RawNode) -> bool:
        """Whether it is a step of a library's module on the way to what the program's call gives."""
        call = raw.call
        passing = all(output.tensor is None for output in raw.outputs)
        return call is not None and call.turn is not None and (passing or id(call) in self._inner)

    def _known_as(self, number: TensorId, names: dict[TensorId, str]) -> str:
        """A tensor's name in a few words: the program's, else the text of the call that made it."""
        made = self._recorder.made.get(number)
        name = self._name_of(number, names, made.call if made else None, made.position if made else 0)
        if name is None and made is not None:
            span = self._places.span(made.call.code, made.call.instruction)
            name = None if span is None else self._places.source.text(span)
        return name or "?"

    def _backward(self, taken: RawPass) -> BackwardPass | None:
        if taken.call == "none":
            return None
        roots = tuple(self._root_name(number, taken.names) for number in taken.roots)
        span = self._places.span(taken.code, taken.instruction)
        return BackwardPass(taken.call, roots, taken.seed, span, taken.retain_graph, taken.create_graph)

    def _root_name(self, number: TensorId, names: dict[TensorId, str]) -> str:
        return self._known_as(number, names)[:CALL_CHARS]


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of a run's records, and what it was told by."""

    report: Report
    tensors: tuple[TensorRecord, ...]
    steps: tuple[Step, ...]
    graphs: tuple[AutogradGraph, ...]


def is_inner(call: Call, after: Call) -> bool:
    """Whether a library's module made this call on the way to another, for one and the same call of the program."""
    same = call.code is after.code and call.instruction == after.instruction
    return same and call.turn is not None and call.turn == after.turn


def _operand(tensor: Argument | Result) -> Operand:
    return Operand(tensor.tensor, known_sizes(tensor.shape), dtype_name(tensor.dtype))


def byte_range(thing: Tensor | np.ndarray[Any, Any]) -> tuple[int, int]:
    """The memory an object's whole storage takes, as a half-open range of addresses; empty where it has none."""
    if isinstance(thing, np.ndarray):
        root = thing
        while isinstance(root.base, np.ndarray):
            root = root.base
        low, high = np.lib.array_utils.byte_bounds(root)
        return int(low), int(high)
    plain = thing.layout is torch.strided and type(thing) in (Tensor, torch.nn.Parameter)
    if not plain or thing.is_meta or thing.is_nested:
        return 0, 0
    storage = thing.untyped_storage()
    start = storage.data_ptr()
    return start, start + storage.nbytes()
