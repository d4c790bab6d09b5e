"""Why a gradient is huge or has all but vanished: its norm on the way from the root, and which call changed it most."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from app.vocabulary.values import TensorValue, Text
from app.worker.recording.calls import Call
from app.worker.why.amounts import bounds, is_bad, largest, norm
from app.worker.why.facts import Facts, Flow, Reason, Step, Words

HUGE = 1e6
"""From this magnitude on an element of a gradient counts as huge."""
TINY = 1e-7
"""Below this magnitude of all elements a gradient counts as vanished, if it started with more than START."""
START = 1e-2
DERIVATIVES: Mapping[str, tuple[str, float]] = MappingProxyType(
    {"SigmoidBackward0": ("sigmoid", 0.25), "TanhBackward0": ("tanh", 1.0)}
)
"""Functions that flatten, and the most their derivative can be."""
SATURATING = frozenset(DERIVATIVES)
STEEP = 0.1
"""Where a factor is no less, its inputs lie in the steep part: many such calls make a gradient vanish, not one."""
MOST_NODES = 50_000


@dataclass(slots=True)
class Stretch:
    """One call of the program, perhaps made many times along the way, and by what it multiplied the norm."""

    call: Call | None
    op: str
    times: int = 0
    gain: float = 0.0
    """Logarithm of the factor, over all times."""
    node: int = -1
    input_nr: int = 0


def why_far_off(facts: Facts, flow: Flow, node: int, output_nr: int, words: Words) -> Reason | None:
    """The reason for a gradient that is huge, or has vanished in saturated functions; None for any other."""
    grad = flow.graph.nodes[node].outputs[output_nr].grad
    if grad is None or is_bad(grad):
        return None
    size = largest(grad)
    if not is_far_off(grad) or not size or (size < TINY and not flow.ops & SATURATING):
        return None
    steps = list(_way_to_root(flow, node, output_nr))
    stretches = _stretches(flow, steps)
    if not stretches:
        return None
    first = flow.graph.nodes[steps[-1].consumer].outputs[0].grad
    start = 0.0 if first is None or is_bad(first) else norm(first)
    numbers = {**words, "largest": size, "norm": norm(grad), "start": start, "calls": len(steps)}
    return (
        _huge(facts, flow, stretches, numbers) if size >= HUGE else _vanished(facts, flow, stretches, numbers)
    )


def is_far_off(grad: TensorValue) -> bool:
    """Whether a gradient is huge, or has vanished."""
    return not TINY <= largest(grad) < HUGE


def _way_to_root(flow: Flow, node: int, output_nr: int) -> Iterator[Step]:
    """From a tensor to the root along edges that brought most; tensors share most of their ways."""
    for _ in range(MOST_NODES):
        key = node, output_nr
        if key not in flow.climbed:
            flow.climbed[key] = _climb(flow, node, output_nr)
        step = flow.climbed[key]
        if step is None:
            return
        yield step
        node, output_nr = step.consumer, step.output_nr


def _climb(flow: Flow, node: int, output_nr: int) -> Step | None:
    known = [(edge, edge.grad) for edge in flow.into[node] if edge.output_nr == output_nr]
    edges = [(norm(grad), edge) for edge, grad in known if grad is not None and not is_bad(grad)]
    if not edges:
        return None
    most = max(norm for norm, _ in edges)
    left, edge = min(  # of about as much along many, the way through the earliest call: it tells the most
        (each for each in edges if each[0] >= most / 2), key=lambda each: _turn(flow, each[1].consumer)
    )
    sizes = [
        (norm(output.grad), number)
        for number, output in enumerate(flow.graph.nodes[edge.consumer].outputs)
        if output.grad is not None and not is_bad(output.grad)
    ]
    return Step(edge.consumer, edge.input_nr, max(sizes)[1], left, max(sizes)[0]) if sizes else None


def _turn(flow: Flow, node: int) -> int:
    return flow.graph.nodes[node].sequence or 0


def _stretches(flow: Flow, steps: list[Step]) -> list[Stretch]:
    """The way's calls, each place of the program once, those that enlarged most first."""
    found: dict[object, Stretch] = {}
    for step in steps:
        raw = flow.graph.nodes[step.consumer]
        key = (raw.call.code, raw.call.instruction, raw.op) if raw.call is not None else raw.op
        stretch = found.setdefault(key, Stretch(raw.call, raw.op, node=step.consumer, input_nr=step.input_nr))
        stretch.times += 1
        if step.left > 0 and step.arrived > 0:
            stretch.gain += math.log(step.left) - math.log(step.arrived)
    return sorted(found.values(), key=lambda stretch: -stretch.gain)


def _huge(facts: Facts, flow: Flow, stretches: list[Stretch], numbers: Words) -> Reason:
    most = stretches[0]
    if most.gain <= math.log(2):
        text = Text(
            "The largest element of the gradient is {largest}: the backward pass started with a norm of {start}.",
            numbers,
        )
        return Reason("huge", text, flow.taken)
    gaps: Words = {**numbers, "factor": factor_of(most), "times": most.times}
    gaps = (
        {**gaps, "call": most.op, "line": "?"}
        if most.call is None
        else words_of(facts, most.call, most.times, gaps)
    )
    if most.times == 1:
        text = Text(
            "The largest element of the gradient is {largest}. Its norm grew from {start} to {norm}, most at "
            "`{call}` (line {line}): by a factor of about {factor}.",
            gaps,
        )
    else:
        text = Text(
            "The largest element of the gradient is {largest}. Its norm grew from {start} to {norm} through {calls} "
            "calls, most at `{call}` (line {line}): {times} times by a factor of about {factor}.",
            gaps,
        )
    return Reason("huge", text, most.call, (flow.taken, most.node))


def words_of(facts: Facts, call: Call, times: int, gaps: Words) -> Words:
    """Of many calls what the program says of all, not the module that made one of them."""
    told = facts.words(call, **gaps)
    return told if times == 1 else {**told, "call": facts.written(call)}


def factor_of(stretch: Stretch) -> float:
    """By how much one of its calls changed the norm, on the geometric mean; infinity where no float holds it."""
    mean = stretch.gain / stretch.times
    return float(f"{math.exp(mean):.3g}") if mean < 700 else math.inf


def _vanished(facts: Facts, flow: Flow, stretches: list[Stretch], numbers: Words) -> Reason | None:
    flat = [stretch for stretch in stretches if stretch.op in SATURATING]
    start = numbers["start"]
    if not flat or not isinstance(start, float) or start < START:
        return None
    most = flat[-1]
    total = math.log(TINY) - math.log(start)
    if sum(stretch.gain for stretch in flat) > total / 2 or most.call is None:
        return None
    given = flow.operand(most.node, most.input_nr)
    span = None if given is None else bounds(given)
    gaps = words_of(facts, most.call, most.times, {**numbers, "factor": factor_of(most), "times": most.times})
    if factor_of(most) >= STEEP:
        op, steepest = DERIVATIVES[most.op]
        text = Text(
            "The gradient has all but vanished (largest element {largest}): the derivative of {op} is at most "
            "{steepest}, and `{call}` (line {line}) multiplied its norm {times} times by about {factor}.",
            {**gaps, "op": op, "steepest": steepest},
        )
        return Reason("vanished", text, most.call, (flow.taken, most.node))
    if span is None:
        text = Text(
            "The gradient has all but vanished (largest element {largest}): `{call}` (line {line}) is saturated "
            "and multiplied its norm {times} times by about {factor}.",
            gaps,
        )
    else:
        text = Text(
            "The gradient has all but vanished (largest element {largest}): `{call}` (line {line}) is saturated "
            "(inputs {low} to {high}) and multiplied its norm {times} times by about {factor}.",
            {**gaps, "low": span[0], "high": span[1]},
        )
    return Reason("saturated", text, most.call, (flow.taken, most.node))
