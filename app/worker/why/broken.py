"""Where NaN and infinity began: the first call that gave something not finite although all it got was finite, and why
that call does so; in the backward pass, the first node that made such a gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from app.vocabulary.values import TensorId, TensorValue, Text
from app.worker.graphs.autograd import RawEdge
from app.worker.graphs.cuts import last_word
from app.worker.recording.calls import Argument, Call, Result
from app.worker.why.amounts import bounds, has_nan, is_bad, zeros
from app.worker.why.facts import Facts, Flow, Reason, Words, result_value
from app.worker.why.singular import FORWARD, Told, kind_of, no_rule, overflow

MOST_CALLS = 4_000
MOST_NODES = 50_000
CALM = 1e12
"""Below this, no power in use overflows: what is not finite comes of the zeros."""
FILLING = frozenset(
    {"masked_fill", "full", "full_like", "fill", "tensor", "where", "tril", "triu", "new_full"}
)
"""Calls that hold an infinity because the program wrote one there."""
UPDATING = frozenset({"mul", "rmul", "imul", "add", "radd", "iadd", "sub", "rsub", "isub"})
"""Calls of a hand-written update. A gradient's own numbers come from the backward pass, not from a call before."""
UNINITIALISED = frozenset({"empty", "empty_like", "new_empty", "empty_strided"})


class Origins:
    """Looks for the first call on the way to a tensor whose result is not finite; remembers what it has looked at."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._bad: dict[int, str | None] = {}

    def kind(self, result: Result) -> str | None:
        """ "NaN" or "∞" where a result held one, "" where all of it was finite, None where nobody knows."""
        if id(result) not in self._bad:
            self._bad[id(result)] = kind_of(result_value(result))
        return self._bad[id(result)]

    def of_argument(self, argument: Argument) -> str | None:
        return self.kind(argument.made_by) if argument.made_by else kind_of(self._facts.given(argument))

    def first(self, start: Result, wanted: str) -> tuple[Result, bool] | None:
        """The earliest call on the way to `start` that gave NaN (or ∞) without having got one; whether that is sure."""
        current = start
        for _ in range(MOST_CALLS):
            before = self._worse(current.call, wanted)
            if before is None:
                sure = all(self.of_argument(argument) is not None for argument in current.call.arguments)
                return current, sure
            current = before
        return None

    def _worse(self, call: Call, wanted: str) -> Result | None:
        for argument in call.arguments:
            made = argument.made_by
            if made is not None and made.call is not call and self.kind(made) == wanted:
                return made
        return None


def why_value_broken(
    facts: Facts, origins: Origins, tensor: Tensor, number: TensorId, words: Words
) -> list[Reason]:
    """Why a tensor holds NaN or infinity, the first cause first."""
    kind = kind_of(tensor.detach()) if tensor.layout is torch.strided else ""
    made = facts.made.get(number)
    if not kind or made is None or origins.kind(made) != kind:
        return []
    return chain(facts, origins, made, words)


def chain(facts: Facts, origins: Origins, made: Result, words: Words) -> list[Reason]:
    """The call NaN began at and, where it came of an infinity, the one that began at."""
    kind = origins.kind(made)
    found = origins.first(made, kind) if kind else None
    if found is None or kind is None:
        return []
    result, sure = found
    word = last_word(result.call)
    if word in UPDATING and ".grad" in str(facts.words(result.call)["call"]):
        return through_gradient(facts, origins, result.call, words)
    outer = [each for each in result.call.arguments if each.made_by is None and origins.of_argument(each)]
    if outer:
        return came_in(facts, result.call, outer[0], words)
    if kind == "∞" and word in FILLING:
        return []  # the program put it there
    told = [tell_forward(facts, origins, result, kind, sure, words)]
    if kind == "NaN":
        for argument in result.call.arguments:
            before = argument.made_by
            if before is not None and origins.kind(before) == "∞":
                return [*chain(facts, origins, before, words), *told]
    return told


def through_gradient(facts: Facts, origins: Origins, call: Call, words: Words) -> list[Reason]:
    """An update took a gradient that was not finite: what made that, in the first such pass before it.

    Where that pass was not kept, the first value of the run that was not finite.
    """
    for flow in facts.flows:
        if flow.taken.at > facts.turns[id(call)]:
            break
        for number, node in flow.leaves.items():
            grad = flow.graph.nodes[node].outputs[0].grad
            if grad is not None and is_bad(grad):
                return why_grad_broken(facts, origins, flow, node, 0, {**words, "name": facts.name(number)})
    for earlier in facts.calls[: facts.turns[id(call)]]:
        for result in earlier.results if last_word(earlier) not in FILLING else ():
            told = chain(facts, origins, result, words) if origins.kind(result) else []
            if told:
                return told
    text = Text(
        "`{call}` (line {line}) takes a gradient that is not finite; the backward pass that made it was not kept.",
        facts.words(call, **words),
    )
    return [Reason("broken_gradient", text, call)]


def came_in(facts: Facts, call: Call, argument: Argument, words: Words) -> list[Reason]:
    """It came with a tensor no recorded call made: an input, or a parameter that a step may have changed since."""
    stepped = (each.arguments for each in facts.calls if each.op.endswith(".step"))
    if any(moved.tensor == argument.tensor for arguments in stepped for moved in arguments):
        return []
    gaps = facts.words(call, **words, source=facts.name(argument.tensor))
    text = Text(
        "`{call}` (line {line}) gets what is not finite with `{source}`, which holds it from the start.", gaps
    )
    return [Reason("came_in", text, call)]


def tell_forward(
    facts: Facts, origins: Origins, result: Result, kind: str, sure: bool, words: Words
) -> Reason:
    call = result.call
    gaps = facts.words(call, **words, kind=kind)
    values = [facts.given(argument) for argument in call.arguments]
    told = None
    if all(value is not None for value in values):
        given = [value for value in values if value is not None]
        told = FORWARD.get(last_word(call), no_rule)(given, result, gaps)
        if told is None and all(not kind_of(value) for value in given):
            told = overflow(given, result, gaps) if kind == "∞" and given else None
    if told is None and last_word(call) in UNINITIALISED:
        told = (
            "uninitialised",
            Text("`{call}` (line {line}) holds whatever was in memory: fill it first.", gaps),
        )
    if told is None and last_word(call) in FILLING:
        told = "written", Text("`{call}` (line {line}) puts the first {kind} there.", gaps)
    if told is None and sure:
        told = (
            "first_here",
            Text("`{call}` (line {line}) gave the first {kind}; what went into it holds none.", gaps),
        )
    if told is None:
        told = (
            "first_seen",
            Text("The first {kind} that was seen is the result of `{call}` (line {line}).", gaps),
        )
    return Reason(*told, call)


# ---------------------------------------------------------------------------------------------- the backward pass


def why_grad_broken(
    facts: Facts, origins: Origins, flow: Flow, node: int, output_nr: int, words: Words
) -> list[Reason]:
    """Why a gradient is NaN or infinite: a value on the way that was so already, else the node that made it so."""
    queue, seen = [(node, output_nr)], {(node, output_nr)}
    for place in queue:  # grows while it is read
        for edge in flow.into[place[0]]:
            if edge.output_nr != place[1] or edge.grad is None or not is_bad(edge.grad):
                continue
            outputs = flow.graph.nodes[edge.consumer].outputs
            known = [output.grad for output in outputs if output.grad is not None]
            if not known:
                return []
            if not any(map(is_bad, known)):
                return _made_here(facts, origins, flow, edge, words)
            for number in range(len(outputs)):
                if (edge.consumer, number) not in seen and len(seen) < MOST_NODES:
                    seen.add((edge.consumer, number))
                    queue.append((edge.consumer, number))
    starts = [flow.graph.nodes[root].outputs[number].grad for root, number in flow.graph.roots]
    if flow.taken.seed == "given" and any(start is not None and is_bad(start) for start in starts):
        text = Text(
            "`{call}` (line {line}) started with a gradient that is not finite.",
            facts.words(flow.taken, **words),
        )
        return [Reason("bad_seed", text, flow.taken)]
    return []


def _made_here(facts: Facts, origins: Origins, flow: Flow, edge: RawEdge, words: Words) -> list[Reason]:
    node = flow.graph.nodes[edge.consumer]
    if node.call is not None:
        for each in (*node.call.results, *(argument.made_by for argument in node.call.arguments)):
            if each is not None and origins.kind(each):
                found = chain(facts, origins, each, words)
                if found:
                    return found
    gaps = facts.node_words(node, **words, kind="NaN" if edge.grad and has_nan(edge.grad) else "∞")
    given = flow.operand(edge.consumer, edge.input_nr)
    told = _singular(flow, edge, given, gaps)
    if told is None:
        told = (
            "bad_here",
            Text(
                "Only finite gradients arrive at `{call}` (line {line}), and {kind} leaves it towards `{name}`.",
                gaps,
            ),
        )
    return [Reason(*told, node.call, (flow.taken, edge.consumer))]


def _singular(flow: Flow, edge: RawEdge, given: TensorValue | None, gaps: Words) -> Told | None:
    """A derivative that is infinite where the function itself is not."""
    op = flow.graph.nodes[edge.consumer].op
    if given is None or is_bad(given):
        return None
    span = bounds(given)
    at_zero = zeros(given) > 0
    calm = span is not None and max(map(abs, span)) < CALM
    if op in ("SqrtBackward0", "PowBackward0", "PowBackward1") and at_zero and calm and not edge.input_nr:
        if gaps["kind"] == "NaN":
            return "root_at_zero", Text(
                "The derivative of `{call}` (line {line}) is infinite where its input is 0, and there a gradient of "
                "0 arrives: 0 × ∞ = NaN. Masking the result does not help; make the input safe before.",
                gaps,
            )
        return "root_at_zero", Text(
            "The derivative of `{call}` (line {line}) is infinite where its input is 0.", gaps
        )
    if op in ("AcosBackward0", "AsinBackward0") and span is not None and max(map(abs, span)) == 1:
        return "at_the_edge", Text(
            "The derivative of `{call}` (line {line}) is infinite where its input is −1 or 1.", gaps
        )
    return None
