"""Where numbers stopped being finite: from a loss that is none, back through its step.

Nothing is run again. Where the recorder was there it kept what went in and out of each call. Where it was away the
loss's own graph still holds what autograd saved, and the last recorded pass of the same shape tells which call each
node belongs to. What neither shows is said not to be known.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import Node

from app.vocabulary.holding import Origin
from app.vocabulary.values import TensorValue
from app.worker.graphs.autograd import held_by, nodes_before
from app.worker.graphs.passes import Passes
from app.worker.recording.anchors import node_sequence, node_variable, saved_names
from app.worker.recording.calls import Argument, Call, Result
from app.worker.recording.identity import IdentityTable
from app.worker.recording.names import parameter_names
from app.worker.recording.places import CALL_CHARS, Places
from app.worker.recording.recorder import Recorder
from app.worker.recording.tensors import readable

ON_PURPOSE = frozenset({"masked_fill", "masked_fill_", "fill_", "full", "full_like"})
"""Calls that are given an infinity to put somewhere, as a mask is: it is what follows that goes wrong."""


def is_finite(data: Any) -> bool | None:
    """Whether all numbers of a tensor, or of a list like `tolist()`'s, are finite; None where they cannot be read."""
    if isinstance(data, list):
        known = [is_finite(each) for each in data]
        return False if False in known else all(known)
    if isinstance(data, Tensor):
        plain = readable(data)
        return None if plain is None else bool(torch.isfinite(plain).all())
    if isinstance(data, complex):
        return math.isfinite(data.real) and math.isfinite(data.imag)
    return None if data is None else math.isfinite(data)


@dataclass(frozen=True, slots=True)
class OriginFinder:
    recorder: Recorder
    identities: IdentityTable
    passes: Passes
    places: Places

    def find(self, loss: Any) -> Origin:
        """Called in the program's thread when `loss` is no number and nothing has been computed from it yet."""
        if not isinstance(loss, Tensor):
            return Origin("unseen")
        self.recorder.quiet += 1
        try:
            with torch.no_grad():
                made = self.recorder.made.get(self.identities.number(loss))
                return self._from_calls(made) if made is not None else self._from_graph(loss)
        except (RuntimeError, TypeError, ValueError):
            return Origin("unseen")  # tensors of kinds that cannot be asked: the program shall not hear of it
        finally:
            self.recorder.quiet -= 1

    # ------------------------------------------------------------------------------------------ recorded

    def _from_calls(self, result: Result) -> Origin:
        """Back along arguments that are not finite, to the call whose arguments all are."""
        path = [result.call]
        seen = {id(result.call)}
        while True:
            known = [(argument, is_finite(self._read(argument))) for argument in path[-1].arguments]
            bad = next((argument for argument, finite in known if finite is False), None)
            if bad is None:
                began = next((call for call in reversed(path) if not put_on_purpose(call)), path[-1])
                return self._tell("call", began, certain=all(finite for _, finite in known))
            thing = self.identities.thing(bad.tensor)
            if isinstance(thing, Tensor) and thing.is_leaf and thing.requires_grad:
                return self._from_before(thing)  # whoever made it: since then it was trained
            if bad.made_by is None or id(bad.made_by.call) in seen:
                return self._from_before(thing) if isinstance(thing, Tensor) else Origin("unseen")
            seen.add(id(bad.made_by.call))
            path.append(bad.made_by.call)

    def _read(self, argument: Argument) -> Any:
        """What went into a call: the tensor as it stands, unless a call has written into it since; then as kept."""
        thing = self.identities.thing(argument.tensor)
        if thing is not None and self.recorder.made.get(argument.tensor) is argument.made_by:
            return thing
        return held_by(argument.made_by)

    # ------------------------------------------------------------------------------------------ not recorded

    def _from_graph(self, loss: Tensor) -> Origin:
        if loss.grad_fn is None:
            return Origin("unseen")
        nodes = nodes_before(loss.grad_fn)
        leaves = (variable for node in nodes if (variable := node_variable(node)) is not None)
        spoilt = next((leaf for leaf in leaves if is_finite(leaf) is False), None)
        if spoilt is not None:
            return self._from_before(spoilt)
        finite = known_outputs(nodes)
        finite[loss.grad_fn] = False
        began = min((node for node in nodes if finite.get(node) is False), key=sequence_of)
        certain = True
        while before := [node for node in functions_before(began) if finite.get(node) is None]:
            began, certain = (
                min(before, key=sequence_of),
                False,
            )  # not known to be finite: maybe it began here
        call = self._same_call(began, loss.grad_fn)
        if call is None:
            return Origin("call", began.name().rsplit("::", 1)[-1], certain=certain)
        return self._tell("call", call, certain)

    def _same_call(self, node: Node, root: Node) -> Call | None:
        """The call that made a node's like in the last recorded pass, if that pass's graph has the same there."""
        kept = self.passes.kept()
        if not kept:
            return None
        graph = kept[-1].graph
        start = graph.nodes[graph.roots[0][0]]
        if start.sequence is None or start.op != root.name().rsplit("::", 1)[-1]:
            return None
        sequence = start.sequence - sequence_of(root) + sequence_of(node)
        like = (each for each in graph.nodes if each.sequence == sequence and each.kind == "function")
        found = next(like, None)
        return found.call if found is not None and found.op == node.name().rsplit("::", 1)[-1] else None

    # ------------------------------------------------------------------------------------------ the step before

    def _from_before(self, tensor: Tensor) -> Origin:
        """A tensor was not finite when the step began: a gradient of the pass before, if that one was recorded."""
        kept = self.passes.kept()
        if kept and kept[-1].occurrence == self.passes.count - 1:
            graph = kept[-1].graph
            for edge in graph.edges:
                node = graph.nodes[edge.consumer]
                arrived = [output.grad for output in node.outputs]
                if is_bad(edge.grad) and not any(map(is_bad, arrived)) and node.call is not None:
                    return self._tell("gradient", node.call, certain=None not in arrived, op=node.op)
        return Origin("tensor", name=parameter_names([tensor])[0])

    def _tell(self, kind: Any, call: Call, certain: bool, op: str | None = None) -> Origin:
        span = self.places.span(call.code, call.instruction)
        text = None if span is None else self.places.source.text(span)[:CALL_CHARS]
        return Origin(kind, op or call.op, text, self.places.name(call), span, certain)


def put_on_purpose(call: Call) -> bool:
    return call.op.rsplit(".", 1)[-1] in ON_PURPOSE


def is_bad(value: TensorValue | None) -> bool:
    if value is None:
        return False
    if value.statistics is None:
        return isinstance(value.data, str)  # a single number, spelled
    counts = value.statistics
    return counts.nan + counts.positive_infinity + counts.negative_infinity > 0


def sequence_of(node: Node) -> int:
    return node_sequence(node) or 0


def functions_before(node: Node) -> Iterator[Node]:
    """The nodes a node's operation took its inputs from, leaves aside."""
    for producer, _ in node.next_functions:
        if producer is not None and node_sequence(producer) is not None:
            yield producer


def known_outputs(nodes: list[Node]) -> dict[Node, bool]:
    """For each node whose output somebody saved, whether it is finite: a saved tensor knows its own node."""
    known: dict[Node, bool] = {}
    for saved in saved_by(nodes):
        if saved.grad_fn is not None:
            finite = is_finite(saved)
            if finite is not None:
                known[saved.grad_fn] = known.get(saved.grad_fn, True) and finite
    return known


def saved_by(nodes: list[Node]) -> Iterator[Tensor]:
    for node in nodes:
        for name in saved_names(node):
            try:
                saved = getattr(node, name)
            except RuntimeError:
                continue  # overwritten in place since, or freed
            if isinstance(saved, Tensor):
                yield saved
