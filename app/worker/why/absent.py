"""Why a tensor's grad is None: what it is, where autograd's history was cut, or what became of the gradient."""

from __future__ import annotations

from torch import Tensor

from app.vocabulary.trace import TensorKind
from app.vocabulary.values import TensorId, Text
from app.worker.graphs.cuts import is_cut, kind_of_cut
from app.worker.graphs.passes import RawPass
from app.worker.recording.calls import Call, Result
from app.worker.recording.ops import is_in_place
from app.worker.recording.tensors import dtype_name
from app.worker.why.facts import Facts, Flow, Reason, Words, one_line

GRADIENT_CALLS = ("backward", "auto")


def why_absent(facts: Facts, tensor: Tensor, number: TensorId, name: str, kind: TensorKind) -> Reason | None:
    """The reason `tensor.grad` is None."""
    words: Words = {"name": one_line(name), "dtype": dtype_name(tensor.dtype)}
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return _whole_numbers(facts, number, words)
    if not tensor.requires_grad:
        return why_not_required(facts, number, words)
    if not tensor.is_leaf and not tensor.retains_grad:
        return _not_a_leaf(facts, number, words)
    return _leaf(facts, tensor, number, words)


# ---------------------------------------------------------------------------------------------- what it is


def _whole_numbers(facts: Facts, number: TensorId, words: Words) -> Reason:
    made = facts.made.get(number)
    if made is not None and is_cut(made.call, made):
        return Reason(
            "whole_numbers",
            Text(
                "`{name}` is {dtype}: `{call}` (line {line}) gives no floating point numbers, and no gradient "
                "passes through it.",
                facts.words(made.call, **words),
            ),
            made.call,
        )
    return Reason(
        "dtype", Text("`{name}` is {dtype}: only floating point and complex tensors have gradients.", words)
    )


def why_not_required(facts: Facts, number: TensorId, words: Words) -> Reason:
    """It does not require grad: switched off, cut off somewhere before it, or simply not asked for."""
    frozen = [event for event in facts.events(number, "requires_grad") if not event.value]
    if frozen:
        text = Text(
            "`{name}` does not require grad: `{call}` (line {line}) switched it off.",
            facts.words(frozen[-1], **words),
        )
        return Reason("frozen", text, frozen[-1])
    made = facts.made.get(number)
    cut = None if made is None else facts.cut_behind.get(id(made))
    if cut is not None:
        return _tell_cut(facts, cut, words, direct=cut.tensor == number)
    return Reason(
        "no_requires_grad", Text("`{name}` does not require grad, so autograd records nothing for it.", words)
    )


def _not_a_leaf(facts: Facts, number: TensorId, words: Words) -> Reason:
    made = facts.made.get(number)
    if made is None:
        text = Text(
            "`{name}` is not a leaf: its gradient flowed on and was not kept. `{name}.retain_grad()` keeps it.",
            words,
        )
        return Reason("non_leaf", text)
    text = Text(
        "`{name}` is the result of `{call}` (line {line}), not a leaf: its gradient flowed on and was not kept. "
        "`{name}.retain_grad()` keeps it.",
        facts.words(made.call, **words),
    )
    return Reason("non_leaf", text, made.call)


# ---------------------------------------------------------------------------------------------- where history ends


def _tell_cut(facts: Facts, cut: Result, words: Words, direct: bool) -> Reason:
    """A cut upstream of the tensor, in words that name what cut."""
    call = cut.call
    gaps = facts.words(call, **words)
    gaps["source"] = _source_of(facts, call)
    match kind_of_cut(cut), direct:
        case "no_grad", True:
            text = Text(
                "`{name}` was computed under `torch.no_grad()`: `{call}` (line {line}) left no history.", gaps
            )
        case "no_grad", False:
            text = Text(
                "`{name}` comes from `{call}` (line {line}), which was computed under `torch.no_grad()` and "
                "left no history.",
                gaps,
            )
        case "detached", True:
            text = Text(
                "`{name}` was cut off from `{source}` by `{call}` (line {line}): autograd does not look behind it.",
                gaps,
            )
        case "detached", False:
            text = Text("`{name}` comes from `{call}` (line {line}), which is cut off from `{source}`.", gaps)
        case "copied", _:
            text = Text(
                "`{call}` (line {line}) copies the numbers of `{source}` alone, without their history: so "
                "`{name}` does not require grad.",
                gaps,
            )
        case "whole_numbers", _:
            gaps["dtype"] = dtype_name(cut.dtype)
            text = Text(
                "`{name}` comes from `{call}` (line {line}), which gives {dtype}: no gradient passes through it.",
                gaps,
            )
        case _:
            text = Text(
                "`{name}` comes from `{call}` (line {line}), which autograd cannot differentiate.", gaps
            )
    return Reason(kind_of_cut(cut), text, call)


def _source_of(facts: Facts, call: Call) -> str:
    source = next((argument for argument in call.arguments if argument.requires_grad), None)
    return "?" if source is None else facts.name(source.tensor)


# ---------------------------------------------------------------------------------------------- a leaf without grad


def _leaf(facts: Facts, tensor: Tensor, number: TensorId, words: Words) -> Reason:
    reached = [flow for flow in facts.flows if _has_gradient(flow, number)]
    if any(flow.taken.call in GRADIENT_CALLS for flow in reached):
        return _taken_away(facts, number, words)
    if reached:
        text = Text(
            "`{call}` (line {line}) gave the gradient of `{name}` back; unlike `backward()` it does not write "
            "into `.grad`.",
            facts.words(reached[-1].taken, **words),
        )
        return Reason("autograd_grad", text, reached[-1].taken)
    if not facts.all_kept and _came_late(facts, number):
        return _seen_too_late(facts, number, words)
    for flow in reversed(facts.flows):
        if number in flow.leaves and flow.taken.call != "none":
            return _not_given(facts, flow, number, words)
    return why_outside(facts, number, words)


def _came_late(facts: Facts, number: TensorId) -> bool:
    """Whether it was first used after the last backward pass that was kept: of what it got later nobody knows."""
    used = facts.users.get(number, [])
    last = max((taken.at for taken in facts.kept), default=0)
    return bool(used) and facts.turns[id(used[0])] >= last


def _seen_too_late(facts: Facts, number: TensorId, words: Words) -> Reason:
    if any(not event.value for event in facts.events(number, "grad")):
        return _taken_away(facts, number, words)
    return Reason(
        "not_kept",
        Text(
            "The backward passes after `{name}` was made were not kept: why it has no gradient is not known.",
            words,
        ),
    )


def _has_gradient(flow: Flow, number: TensorId) -> bool:
    node = flow.leaves.get(number)
    if node is not None:
        return flow.graph.nodes[node].outputs[0].grad is not None
    return any(
        output.tensor == number and output.grad is not None
        for raw in flow.graph.nodes
        for output in raw.outputs
    )


def _taken_away(facts: Facts, number: TensorId, words: Words) -> Reason:
    removed = [event for event in facts.events(number, "grad") if not event.value]
    if not removed:
        text = Text("A backward pass gave `{name}` a gradient; it was taken away afterwards.", words)
        return Reason("cleared", text)
    text = Text(
        "A backward pass gave `{name}` a gradient; `{call}` (line {line}) set it to None afterwards.",
        facts.words(removed[-1], **words),
    )
    return Reason("cleared", text, removed[-1])


def _not_given(facts: Facts, flow: Flow, number: TensorId, words: Words) -> Reason:
    """It is in the graph of a pass, and yet got nothing."""
    taken = flow.taken
    if taken.failed:
        return Reason("failed", Text("The backward pass failed before it reached `{name}`.", words), taken)
    if taken.asked:
        text = Text(
            "`{call}` (line {line}) asked for the gradients of other tensors only, not of `{name}`.",
            facts.words(taken, **words),
        )
        return Reason("not_asked", text, taken)
    for edge in flow.into[flow.leaves[number]]:
        consumer = flow.graph.nodes[edge.consumer]
        if any(output.grad is not None for output in consumer.outputs):
            text = Text(
                "`{call}` (line {line}) got a gradient and gave None on for `{name}`.",
                facts.node_words(consumer, **words),
            )
            return Reason("none_given", text, consumer.call, (taken, edge.consumer))
    return Reason("not_reached", Text("No backward pass reached `{name}`.", words))


def why_outside(facts: Facts, number: TensorId, words: Words) -> Reason:
    """It is in no graph that ran backward."""
    early = [
        call
        for call in facts.users.get(number, ())
        for argument in call.arguments
        if argument.tensor == number and not argument.requires_grad
    ]
    if early and not is_in_place(early[-1].op):
        text = Text(
            "`{call}` (line {line}) used `{name}` before it required grad.", facts.words(early[-1], **words)
        )
        return Reason("too_late", text, early[-1])
    if not facts.count:
        return Reason("no_backward", Text("No backward pass has run.", words))
    reach = _reach(facts, number) if facts.cuts or facts.own else {}
    cut = _cut_towards_root(facts, reach)
    if cut is not None:
        return _tell_lost(facts, cut, words)
    if facts.own == 0:
        return Reason("no_backward", Text("No backward pass has run.", words))
    return _unconnected(facts, number, reach, words)


def _reach(facts: Facts, number: TensorId) -> dict[TensorId, int]:
    """Tensors computed from this one, with history or without; for each how many calls after it."""
    reach = {number: 0}
    for call in facts.calls:
        steps = [reach[argument.tensor] for argument in call.arguments if argument.tensor in reach]
        for result in call.results if steps else ():
            reach.setdefault(result.tensor, min(steps) + 1)
    return reach


def _cut_towards_root(facts: Facts, reach: dict[TensorId, int]) -> Result | None:
    """The first cut among what was computed from a tensor that lies on a way to a root, if there is one."""
    cuts = [
        cut
        for cut in facts.cuts
        if any(argument.requires_grad and argument.tensor in reach for argument in cut.call.arguments)
    ]
    if not cuts:
        return None
    roots = facts.behind_roots
    return next((cut for cut in cuts if not facts.own or cut.tensor in roots), None)


def _tell_lost(facts: Facts, cut: Result, words: Words) -> Reason:
    """A cut downstream of the tensor, on its way to the root."""
    call = cut.call
    gaps = facts.words(call, **words)
    kind = kind_of_cut(cut)
    match kind:
        case "no_grad":
            text = Text(
                "The way from `{name}` to the result is cut: `{call}` (line {line}) ran under `torch.no_grad()`.",
                gaps,
            )
        case "detached":
            text = Text("The way from `{name}` to the result is cut: `{call}` (line {line}) detaches.", gaps)
        case "copied":
            text = Text(
                "The way from `{name}` to the result is cut: `{call}` (line {line}) copies numbers without their "
                "history.",
                gaps,
            )
        case "whole_numbers":
            gaps["dtype"] = dtype_name(cut.dtype)
            text = Text(
                "The way from `{name}` to the result is cut: `{call}` (line {line}) gives {dtype}, and no "
                "gradient passes through it.",
                gaps,
            )
        case _:
            text = Text(
                "The way from `{name}` to the result is cut: autograd cannot differentiate `{call}` (line {line}).",
                gaps,
            )
    return Reason(kind, text, call)


def _unconnected(facts: Facts, number: TensorId, reach: dict[TensorId, int], words: Words) -> Reason:
    """It was not used, or what was made of it does not lead to the root."""
    unsure = Reason("not_reached", Text("No backward pass reached `{name}`.", words))
    if not facts.complete or not facts.kept:
        return unsure
    for tensor in reach:
        for event in facts.events(tensor, "left"):
            text = Text(
                "The way from `{name}` to the result is cut: `{call}` (line {line}) makes plain numbers of it, "
                "which autograd does not see.",
                facts.words(event, **words),
            )
            return Reason("left_torch", text, event)
    used = facts.users.get(number)
    root = _root_name(facts, facts.kept[-1])
    if not used:
        text = Text(
            "`{name}` was used nowhere: it is not part of the graph of `{root}`.", {**words, "root": root}
        )
        return Reason("unused", text)
    if facts.behind_roots & reach.keys():
        return unsure
    text = Text(
        "`{name}` is not connected to `{root}`: what `{call}` (line {line}) made of it does not lead there.",
        facts.words(used[-1], **words, root=root),
    )
    return Reason("not_connected", text, used[-1])


def _root_name(facts: Facts, taken: RawPass) -> str:
    return ", ".join(facts.name(root) for root in taken.roots) or "?"
