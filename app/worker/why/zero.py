"""Why a gradient is zero: the walk from the tensor towards the root, to the call where something arrives and only
zero leaves, and what that call's rule says of the numbers it had."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch

from app.vocabulary.values import TensorValue, Text
from app.worker.graphs.autograd import RawEdge
from app.worker.recording.tensors import dtype_name
from app.worker.why.amounts import bounds, elements_of, is_bad, is_zero, largest, zeros
from app.worker.why.facts import Facts, Flow, Reason, Words

MOST_NODES = 50_000
FLAT_OPS: Mapping[str, str] = MappingProxyType(
    {
        "RoundBackward0": "round", "RoundBackward1": "round", "FloorBackward0": "floor",
        "CeilBackward0": "ceil", "TruncBackward0": "trunc", "SignBackward0": "sign", "SgnBackward0": "sgn",
    }
)  # fmt: skip
"""Functions made of steps: their derivative is 0 wherever they have one."""
FACTORS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("MulBackward0", "MmBackward0", "BmmBackward0", "MvBackward0", "DotBackward0"), (0, 1)
        ),
        **dict.fromkeys(("AddmmBackward0", "BaddbmmBackward0", "AddmvBackward0"), (1, 2)),
    }
)
"""Products, and which of their operands are the two factors."""
ENDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"SigmoidBackward0": (0.0, 1.0), "TanhBackward0": (-1.0, 1.0)}
)
"""Outputs at which these functions are saturated."""
Explain = Callable[[Facts, Flow, RawEdge, Words], tuple[str, Text] | None]


def why_zero(facts: Facts, flow: Flow, node: int, output_nr: int, words: Words) -> Reason | None:
    """The reason why all of a tensor's gradient in this pass is 0; None where what was kept does not say."""
    seen = {(node, output_nr)}
    queue = [(node, output_nr)]
    for place in queue:  # grows while it is read
        arrived = flow.arrived(*place)
        if not all(map(is_zero, arrived)) and not any(map(is_bad, arrived)):
            return _became_zero_between(facts, flow, place, len(arrived), words)
        for edge in flow.into[place[0]]:
            if edge.output_nr != place[1] or edge.grad is None or not is_zero(edge.grad):
                continue
            outputs = flow.graph.nodes[edge.consumer].outputs
            known = [output.grad for output in outputs if output.grad is not None]
            if not known:
                return None
            if not all(map(is_zero, known)):
                return _explain(facts, flow, edge, words)
            for number in range(len(outputs)):
                if (edge.consumer, number) not in seen and len(seen) < MOST_NODES:
                    seen.add((edge.consumer, number))
                    queue.append((edge.consumer, number))
    return _started_with_zero(facts, flow, words)


def _started_with_zero(facts: Facts, flow: Flow, words: Words) -> Reason | None:
    starts = [flow.graph.nodes[node].outputs[number].grad for node, number in flow.graph.roots]
    if not all(start is not None and is_zero(start) for start in starts):
        return None
    if flow.taken.seed != "given":
        return None
    text = Text(
        "`{call}` (line {line}) started with a gradient of 0, so `{name}` gets 0.",
        facts.words(flow.taken, **words),
    )
    return Reason("zero_seed", text, flow.taken)


def _became_zero_between(
    facts: Facts, flow: Flow, place: tuple[int, int], count: int, words: Words
) -> Reason | None:
    """What arrives at a tensor is not zero, what goes on from it is: a hook, or a sum that cancels."""
    node = flow.graph.nodes[place[0]]
    output = node.outputs[place[1]]
    target = str(words["name"]) if output.tensor is None else facts.name(output.tensor)
    hooks = [] if output.tensor is None else facts.events(output.tensor, "hook")
    if hooks:
        text = Text(
            "A hook on `{target}` (`{call}`, line {line}) makes its gradient 0.",
            facts.words(hooks[-1], **words, target=target),
        )
        return Reason("hook", text, hooks[-1], (flow.taken, place[0]))
    if count < 2:
        return None
    consumers = [flow.graph.nodes[edge.consumer] for edge in flow.into[place[0]]]
    using = next((each.call for each in consumers if each.call is not None), node.call)
    text = Text(
        "The gradients from {count} uses of `{target}` cancel each other: their sum is 0.",
        {**words, "count": count, "target": target},
    )
    return Reason("cancelled", text, using, (flow.taken, place[0]))


def _explain(facts: Facts, flow: Flow, edge: RawEdge, words: Words) -> Reason:
    """A gradient arrives at the edge's consumer, and only 0 leaves it along the edge."""
    node = flow.graph.nodes[edge.consumer]
    gaps = facts.node_words(node, **words)
    told = EXPLANATIONS.get(node.op, _no_explanation)(facts, flow, edge, gaps)
    if told is None and node.op in FACTORS:
        told = _multiplied(facts, flow, edge, gaps)
    told = told or _underflow(flow, edge, gaps) or _custom(facts, flow, edge, gaps)
    if told is None:
        told = (
            "zero_here",
            Text(
                "A gradient that is not 0 arrives at `{call}` (line {line}), and only 0 leaves it towards `{name}`.",
                gaps,
            ),
        )
    return Reason(*told, node.call, (flow.taken, edge.consumer))


def _no_explanation(facts: Facts, flow: Flow, edge: RawEdge, gaps: Words) -> None:
    return None


def _dead_relu(facts: Facts, flow: Flow, edge: RawEdge, gaps: Words) -> tuple[str, Text]:
    given = flow.operand(edge.consumer, edge.input_nr)
    span = None if given is None or is_bad(given) else bounds(given)
    if span is not None and span[1] <= 0:
        return "dead_relu", Text(
            "100 % of the inputs of `{call}` (line {line}) are at most 0 ({low} to {high}): relu passes no "
            "gradient on there.",
            {**gaps, "low": span[0], "high": span[1]},
        )
    made = flow.value(edge.consumer, 0)
    if made is not None and is_zero(made):
        return "dead_relu", Text(
            "100 % of the outputs of `{call}` (line {line}) are 0: relu passes no gradient on there.", gaps
        )
    return "dead_relu", Text(
        "Wherever a gradient arrives at `{call}` (line {line}), its input is at most 0: relu passes none on there.",
        gaps,
    )


def _clamped(facts: Facts, flow: Flow, edge: RawEdge, gaps: Words) -> tuple[str, Text] | None:
    if edge.input_nr:
        return None  # the bounds themselves
    return "clamped", Text(
        "Wherever a gradient arrives at `{call}` (line {line}), its input lies outside the bounds and was "
        "clamped: the gradient there is 0.",
        gaps,
    )


def _saturated(facts: Facts, flow: Flow, edge: RawEdge, gaps: Words) -> tuple[str, Text] | None:
    """Sigmoid at exactly 0 or 1, tanh at exactly -1 or 1."""
    made = flow.value(edge.consumer, 0)
    if made is None or is_bad(made) or not _all_at_ends(made, ENDS[flow.graph.nodes[edge.consumer].op]):
        return None
    given = flow.operand(edge.consumer, edge.input_nr)
    span = None if given is None else bounds(given)
    if span is None:
        return "saturated", Text(
            "`{call}` (line {line}) is saturated: every output is at the very end of its range, where the "
            "derivative is 0.",
            gaps,
        )
    return "saturated", Text(
        "`{call}` (line {line}) is saturated: its inputs ({low} to {high}) are so large that every output is at "
        "the very end of its range, where the derivative is 0.",
        {**gaps, "low": span[0], "high": span[1]},
    )


def _all_at_ends(made: TensorValue, ends: tuple[float, float]) -> bool:
    elements = elements_of(made)
    if elements is not None:
        return bool(elements) and all(number in ends for number in elements)
    span = bounds(made)
    return span is not None and span[0] == span[1] and span[0] in ends


def _flat(facts: Facts, flow: Flow, edge: RawEdge, gaps: Words) -> tuple[str, Text]:
    op = FLAT_OPS[flow.graph.nodes[edge.consumer].op]
    return "flat", Text("`{call}` (line {line}): the derivative of {op} is 0 everywhere.", {**gaps, "op": op})


def _multiplied(facts: Facts, flow: Flow, edge: RawEdge, gaps: Words) -> tuple[str, Text] | None:
    factors = FACTORS[flow.graph.nodes[edge.consumer].op]
    for other in flow.out_of[edge.consumer]:
        value = flow.value(other.producer, other.output_nr)
        if {edge.input_nr, other.input_nr} != set(factors) or value is None or not is_zero(value):
            continue
        factor = _name_of(facts, flow, other)
        return "multiplied_by_zero", Text(
            "`{call}` (line {line}) multiplies by `{factor}`, which is 0 throughout, and so the gradient is 0 too.",
            {**gaps, "factor": factor},
        )
    if factors == (0, 1) and len(flow.out_of[edge.consumer]) == 1:
        given, made = flow.operand(edge.consumer, edge.input_nr), flow.value(edge.consumer, 0)
        if (
            given is not None
            and made is not None
            and is_zero(made)
            and not zeros(given)
            and not is_bad(given)
        ):
            return "multiplied_by_zero", Text(
                "`{call}` (line {line}) multiplies by 0, and so the gradient is 0 too.", gaps
            )
    return None


def _name_of(facts: Facts, flow: Flow, edge: RawEdge) -> str:
    output = flow.graph.nodes[edge.producer].outputs[edge.output_nr]
    if output.tensor is not None:
        return facts.name(output.tensor)
    call = flow.graph.nodes[edge.producer].call
    return str(facts.words(call)["call"]) if call is not None else "?"


def _power(facts: Facts, flow: Flow, edge: RawEdge, gaps: Words) -> tuple[str, Text] | None:
    given = flow.operand(edge.consumer, edge.input_nr)
    if given is None or not is_zero(given):
        return None
    return "at_zero", Text(
        "`{base}` is 0 at `{call}` (line {line}), and there the derivative of this power is 0.",
        {**gaps, "base": _name_of(facts, flow, edge)},
    )


def _at_kink(facts: Facts, flow: Flow, edge: RawEdge, gaps: Words) -> tuple[str, Text] | None:
    given = flow.operand(edge.consumer, edge.input_nr)
    if given is None or not is_zero(given):
        return None
    return "at_zero", Text(
        "`{base}` is 0 at `{call}` (line {line}); at that point torch takes 0 for the derivative.",
        {**gaps, "base": _name_of(facts, flow, edge)},
    )


def _same_as_target(facts: Facts, flow: Flow, edge: RawEdge, gaps: Words) -> tuple[str, Text] | None:
    made = flow.value(edge.consumer, 0)
    if made is None or not is_zero(made):
        return None
    return "at_minimum", Text(
        "`{call}` (line {line}) is 0: output and target are equal, and the loss is at its minimum.", gaps
    )


def _not_chosen(facts: Facts, flow: Flow, edge: RawEdge, gaps: Words) -> tuple[str, Text]:
    return "not_chosen", Text(
        "Wherever a gradient arrives at `{call}` (line {line}), the other side was chosen: this one gets 0.",
        gaps,
    )


def _masked(facts: Facts, flow: Flow, edge: RawEdge, gaps: Words) -> tuple[str, Text] | None:
    if edge.input_nr:
        return None  # the value put there
    return "masked", Text(
        "Wherever a gradient arrives at `{call}` (line {line}), the mask has put another value "
        "there: none is left for `{name}`.",
        gaps,
    )


def _underflow(flow: Flow, edge: RawEdge, gaps: Words) -> tuple[str, Text] | None:
    """What arrives is among the smallest numbers there are, and what leaves would be smaller still."""
    outputs = flow.graph.nodes[edge.consumer].outputs
    dtype = getattr(torch, outputs[0].dtype or "", None)
    size = max((largest(output.grad) for output in outputs if output.grad is not None), default=0.0)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point or size >= torch.finfo(dtype).tiny:
        return None
    return "underflow", Text(
        "What arrives at `{call}` (line {line}) is at most {largest}; what leaves it towards `{name}` is too small "
        "for {dtype} and becomes 0.",
        {**gaps, "largest": size, "dtype": dtype_name(dtype)},
    )


def _custom(facts: Facts, flow: Flow, edge: RawEdge, gaps: Words) -> tuple[str, Text] | None:
    call = flow.graph.nodes[edge.consumer].call
    if call is None or not call.op.endswith(".apply"):
        return None
    return "custom_zero", Text(
        "The `backward` of the custom Function in `{call}` (line {line}) got a gradient and returned 0.", gaps
    )


EXPLANATIONS: Mapping[str, Explain] = MappingProxyType(
    {
        **dict.fromkeys(("ReluBackward0",), _dead_relu),
        **dict.fromkeys(
            ("ClampBackward0", "ClampBackward1", "ClampMinBackward0", "ClampMaxBackward0"), _clamped
        ),
        **dict.fromkeys(("HardtanhBackward0",), _clamped),
        **dict.fromkeys(("SigmoidBackward0", "TanhBackward0"), _saturated),
        **dict.fromkeys(FLAT_OPS, _flat),
        **dict.fromkeys(("PowBackward0",), _power),
        **dict.fromkeys(
            ("AbsBackward0", "LinalgVectorNormBackward0", "NormBackward0", "NormBackward1"), _at_kink
        ),
        **dict.fromkeys(("MseLossBackward0", "L1LossBackward0", "SmoothL1LossBackward0"), _same_as_target),
        **dict.fromkeys(("WhereBackward0", "MaximumBackward0", "MinimumBackward0"), _not_chosen),
        **dict.fromkeys(("MaskedFillBackward0", "MaskedFillBackward1", "MaskedFillBackward2"), _masked),
    }
)
