"""The reasons of one tensor: its value is not finite; its grad is None, zero, not finite, huge or vanished."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

from torch import Tensor

from app.vocabulary.trace import TensorKind
from app.vocabulary.values import NodeId, TensorId, TensorValue, Text, Why
from app.worker.recording.ops import is_in_place
from app.worker.why.absent import why_absent
from app.worker.why.amounts import is_bad, is_zero
from app.worker.why.broken import Origins, why_grad_broken, why_value_broken
from app.worker.why.facts import Facts, Flow, Reason, Words, one_line
from app.worker.why.growth import is_far_off, why_far_off
from app.worker.why.zero import why_zero

SECONDS = 0.25
"""So long may looking for reasons take in one run."""


@dataclass(frozen=True, slots=True)
class Named:
    """A tensor of the program, with what the trace shows of it."""

    thing: Tensor
    number: TensorId
    name: str
    kind: TensorKind
    value: TensorValue | None
    grad: TensorValue | None


class Explainer:
    """Explains one tensor after the other, for so long as there is time."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._origins = Origins(facts)
        self._ends = perf_counter() + SECONDS
        self.unexplained = 0
        """Tensors there was no time for, or whose class fails when asked."""

    def explain(self, named: Named) -> tuple[Why, ...]:
        """The reasons as the trace tells them."""
        if perf_counter() < self._ends:
            try:
                return tuple(self._as_told(reason) for reason in self.reasons(named))
            except Exception:  # user code: the tensor's class may be the program's own, and fail when asked
                self.unexplained += 1
                return ()
        self.unexplained += 1
        return ()

    def _as_told(self, reason: Reason) -> Why:
        span = self._facts.place(reason.at)
        if reason.node is None:
            return Why(reason.code, reason.sentence, span)
        taken, node = reason.node
        return Why(reason.code, reason.sentence, span, taken.occurrence, NodeId(node))

    def reasons(self, named: Named) -> list[Reason]:
        words: Words = {"name": one_line(named.name)}
        found: list[Reason] = []
        if named.value is not None and is_bad(named.value):
            found += self._spoilt_by_gradient(named, words)
            found = found or why_value_broken(self._facts, self._origins, named.thing, named.number, words)
        if named.grad is not None:
            found += self._grad(named, named.grad, words)
        elif absent := why_absent(self._facts, named.thing, named.number, named.name, named.kind):
            found.append(absent)
        return list(
            {reason.code + str(reason.sentence.values.get("line")): reason for reason in found}.values()
        )

    def _grad(self, named: Named, grad: TensorValue, words: Words) -> list[Reason]:
        if is_bad(grad):
            return self._first_broken(named, words)
        zero, last = is_zero(grad), self._facts.last_flow
        flow = last or (self._facts.flows[-1] if zero and self._facts.flows else None)
        place = None if flow is None else find_node(flow, named.number)
        if flow is None or place is None:
            return []
        passed = flow.graph.nodes[place[0]].outputs[place[1]].grad
        if passed is None or (last is None and not is_zero(passed)):
            return []
        if zero:
            return self._zero(named, flow, place, passed, words)
        far = why_far_off(self._facts, flow, *place, words) if is_far_off(grad) else None  # or clipped since
        return [far] if far is not None else []

    def _zero(
        self, named: Named, flow: Flow, place: tuple[int, int], passed: TensorValue, words: Words
    ) -> list[Reason]:
        if is_zero(passed):
            reason = why_zero(self._facts, flow, *place, words)
        else:
            reason = why_cleared(self._facts, named.thing, words)
        far = None
        if reason is not None and reason.code == "underflow" and reason.node is not None:
            far = why_far_off(self._facts, flow, reason.node[1], 0, words)  # how it became so small
        return [each for each in (far, reason) if each is not None]

    def _first_broken(self, named: Named, words: Words) -> list[Reason]:
        """In the first pass that made the gradient NaN or infinite."""
        for flow in self._facts.flows:
            place = find_node(flow, named.number)
            grad = None if place is None else flow.graph.nodes[place[0]].outputs[place[1]].grad
            if place is not None and grad is not None and is_bad(grad):
                return why_grad_broken(self._facts, self._origins, flow, *place, words)
        return []

    def _spoilt_by_gradient(self, named: Named, words: Words) -> list[Reason]:
        """A parameter that an update has written to is not finite: it added a gradient that was not."""
        made = self._facts.made.get(named.number)
        leaf = named.thing.is_leaf and named.thing.requires_grad
        leaf = leaf and (made is None or is_in_place(made.call.op))
        return self._first_broken(named, words) if leaf else []


def find_node(flow: Flow, number: TensorId) -> tuple[int, int] | None:
    """Where a tensor stands in a graph: its leaf's node, or the output of the node that made it last."""
    leaf = flow.leaves.get(number)
    if leaf is not None:
        return leaf, 0
    places = [
        (raw.sequence or 0, node, output_nr)
        for node, raw in enumerate(flow.graph.nodes)
        for output_nr, output in enumerate(raw.outputs)
        if output.tensor == number
    ]
    return max(places)[1:] if places else None


def why_cleared(facts: Facts, tensor: Tensor, words: Words) -> Reason | None:
    """The last pass gave it something else than 0, so the program has set it to 0 since, or gradients cancelled."""
    grad = tensor.grad
    made = None if grad is None else facts.made.get(facts.number(grad))
    if made is None or not made.call.op.endswith((".zero_", ".fill_")):
        return None
    text = Text(
        "A backward pass gave `{name}` a gradient that was not 0; `{call}` (line {line}) set it to 0 afterwards.",
        facts.words(made.call, **words),
    )
    return Reason("cleared", text, made.call)
