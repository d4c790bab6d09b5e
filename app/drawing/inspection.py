"""Everything there is to say of one node: a pure function of the graph, for the nodes a picture shows.

What was not kept is said to be so; a node without a written rule says that too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.drawing.accumulation import Summand, sum_up
from app.drawing.bindings import Fed, bind, number_of, plain_texts
from app.drawing.call_order import Wiring
from app.drawing.derivation import Formula, derive
from app.drawing.faces import title_of
from app.drawing.lettering import clean
from app.drawing.numerals import as_float, scalar_of, show_exact, show_number, show_shape
from app.drawing.rules import find_rule, is_custom
from app.drawing.study import Study
from app.vocabulary.graph import BackwardPass, GraphNode, NodeOutput, SavedItem
from app.vocabulary.values import Complex, NodeId, Real, TensorValue, Text

MOST_SAVED = 24
MOST_OUTPUTS = 4
CPP_NODES = ("CopySlices", "AccumulateGrad")


@dataclass(frozen=True, slots=True)
class Held:
    """A value or a gradient in one line; `finite` is false where it holds NaN or an infinity."""

    text: str
    finite: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """One output of a node: what it is called, and what it and its gradient held."""

    name: str | None
    facts: str
    value: Held | None
    grad: Held | None


@dataclass(frozen=True, slots=True)
class Inspection:
    node: GraphNode
    title: str
    seen: tuple[Seen, ...]
    formulas: tuple[Formula, ...]
    words: tuple[Text, ...]
    saved: tuple[tuple[str, str], ...]
    saved_left_out: int
    summands: tuple[Summand, ...]


def inspect(study: Study, wanted: frozenset[str]) -> tuple[Inspection, ...]:
    """Of the nodes that are wanted, by the keys the picture gives its boxes."""
    graph, wiring = study.graph, study.wiring
    places = study.once("keys", lambda: {f"n{node.id}": place for place, node in enumerate(wiring.nodes)})
    shown = frozenset([places[key] for key in wanted if key in places])
    summands = sum_up(graph, wiring, shown)
    inner = study.once("inner", lambda: _inner_nodes(wiring))
    found = []
    for place in sorted(shown):
        node, fed = wiring.nodes[place], _feeding(wiring, place, inner)
        formulas, words = _rule(node, fed, graph.backward, node.id in inner)
        found.append(
            Inspection(
                node,
                title_of(node),
                tuple([_see(output) for output in node.outputs[:MOST_OUTPUTS]]),
                formulas,
                words,
                tuple([(item.name, _show_saved(item)) for item in node.saved[:MOST_SAVED]]),
                max(0, len(node.saved) - MOST_SAVED),
                summands.get(place, ()),
            )
        )
    return tuple(found)


def _inner_nodes(wiring: Wiring) -> frozenset[NodeId]:
    """Nodes whose call made more nodes after them: what the call gave is theirs no more."""
    last: dict[object, GraphNode] = {}
    inner: set[NodeId] = set()
    for place in reversed(wiring.calls):
        node = wiring.nodes[place]
        later = [last[key] for key in (("step", node.step), ("span", node.span)) if key in last]
        if node.kind == "function" and any(_is_step_towards(node, other) for other in later):
            inner.add(node.id)
        last.setdefault(("step", node.step), node)
        last.setdefault(("span", node.span), node)
    return frozenset(inner)


def _is_step_towards(node: GraphNode, later: GraphNode) -> bool:
    """Whether both come from one call of the library, or from modules that one call of the program ran."""
    if node.step is not None and node.step == later.step:
        return True
    return node.span is not None and node.module is not None and node.module != later.module


def _feeding(wiring: Wiring, place: int, inner: frozenset[NodeId]) -> list[Fed]:
    fed = []
    for fed_by, edge in wiring.operands[place]:
        producer = wiring.nodes[fed_by]
        if edge.output_nr < len(producer.outputs):
            output = producer.outputs[edge.output_nr]
            fed.append(Fed(edge, producer, output, _turned(wiring, fed_by), producer.id in inner))
    return fed


def _turned(wiring: Wiring, place: int) -> str | None:
    """The name of what a node inside a library call only transposed, as `nn.Linear` does with its weight."""
    node, operands = wiring.nodes[place], wiring.operands[place]
    if node.op != "TBackward0" or node.outputs[0].name or len(operands) != 1:
        return None
    outputs = wiring.nodes[operands[0][0]].outputs
    return clean(outputs[0].name) if outputs and outputs[0].name else None


# ------------------------------------------------------------------------------------------------ one line


def _see(output: NodeOutput) -> Seen:
    shape = "" if output.shape is None else show_shape(output.shape)
    device = clean(output.device or "")
    facts = " · ".join(part for part in (shape, clean(output.dtype or ""), device) if part)
    return Seen(
        clean(output.name) if output.name else None,
        facts,
        hold(output, output.value),
        hold(output, output.grad),
    )


def hold(output: NodeOutput, value: TensorValue | None) -> Held | None:
    """A number, or all that one line can say of many: how many, from where to where, mean, spread, norm."""
    if value is None:
        return None
    single = scalar_of(value)
    if single is not None:
        finite = all(math.isfinite(as_float(part)) for part in _parts(single))
        return Held(show_exact(single), finite)
    found = value.statistics
    if found is None:
        return Held("—")
    marks = (("μ", found.mean), ("σ", found.std), ("‖·‖", found.norm))
    broken = (("NaN", found.nan), ("+∞", found.positive_infinity), ("−∞", found.negative_infinity))
    size = math.prod(output.shape) if output.shape is not None else 0
    parts = [f"n={size}"] if size > 0 else []
    parts += _span(found.minimum, found.maximum)
    parts += [f"{mark}={show_number(number)}" for mark, number in marks if number is not None]
    parts += [f"=0:\u00a0{found.zeros / size:.0%}"] if size > 0 and found.zeros else []
    parts += [f"{name}!\u00a0×{count}" for name, count in broken if count]
    return Held(" ".join(parts).replace("-", "−"), not any(count for _, count in broken))


def _parts(number: object) -> tuple[Real, ...]:
    return (number.real, number.imag) if isinstance(number, Complex) else (number,)  # type: ignore[return-value]


def _span(low: Real | None, high: Real | None) -> list[str]:
    if low is None or high is None:
        return []
    return (
        [f"= {show_number(low)}"]
        if low == high
        else [f"∈\u00a0[{show_number(low)},\u00a0{show_number(high)}]"]
    )


def _show_saved(item: SavedItem) -> str:
    if item.shape is None:
        return clean(item.text or "None")
    number = number_of(item.value)
    value = "" if number is None else f" = {show_number(number, 6)}"
    size = "" if item.bytes is None else f" · {show_bytes(item.bytes)}"
    return f"{show_shape(item.shape)} {clean(item.dtype or '')}{value}{size}"


def show_bytes(count: int) -> str:
    size, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:.4g} {unit}"


# ------------------------------------------------------------------------------------------------ the rule


def _rule(
    node: GraphNode, fed: Sequence[Fed], backward: BackwardPass | None, inner: bool
) -> tuple[tuple[Formula, ...], tuple[Text, ...]]:
    """The formulas of a node, and what is to be said beside or instead of them."""
    if node.kind != "function":
        return (), _say_leaf(node, backward)
    rule = find_rule(node.op, plain_texts(node)) if node.outputs else None
    if rule is None:
        return (), (_say_no_rule(node),)
    bindings = bind(node, rule, fed, inner)
    words = []
    if not rule.for_complex and any(bound.complex for bound in bindings.tensors.values()):
        words.append(Text("This rule is written for real numbers; for complex ones torch goes further."))
    if backward is None:
        words.append(Text("Backward never ran through this graph: there are no gradients yet."))
    elif all(output.grad is None for output in node.outputs):
        words.append(Text("No gradient arrived here in this pass."))
    else:
        words.append(_say_root(backward))
    return derive(node, rule, bindings, fed), tuple(words)


def _say_root(backward: BackwardPass) -> Text:
    roots = ", ".join([clean(name) for name in backward.roots[:4]])
    match backward.seed:
        case "one":
            return Text("L is `{roots}`, where backward began.", {"roots": roots})
        case "ones":
            return Text(
                "L is the sum of the elements of `{roots}`: backward began there with ones.", {"roots": roots}
            )
    return Text("L is `{roots}`, weighted with the gradient the program gave.", {"roots": roots})


def _say_no_rule(node: GraphNode) -> Text:
    if is_custom(node.op) and node.op not in CPP_NODES:
        return Text(
            "`{op}` is a Function written in Python: its rule is its own `backward`.", {"op": clean(node.op)}
        )
    if node.op == "CopySlices":
        return Text(
            "A part of a tensor was written in place: where it was written the gradient goes to what was written, "
            "elsewhere to the old tensor."
        )
    return Text(
        "No rule is written down for `{op}`. torch computed what left from the gradient that arrived and from what "
        "the node saved.",
        {"op": clean(node.op)},
    )


def _say_leaf(node: GraphNode, backward: BackwardPass | None) -> tuple[Text, ...]:
    if node.kind == "constant":
        return (Text("It takes part but does not require grad: no gradient flows into it."),)
    if backward is None:
        return (Text("A leaf. Backward never ran through this graph: there are no gradients yet."),)
    if backward.call == "grad":
        return (Text("A leaf. `autograd.grad` returns its gradient; `.grad` stays as it was."),)
    return (Text("A leaf: what arrives is added to its `.grad`."),)
