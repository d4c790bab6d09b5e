"""Faults torch says nothing of: a loss that broadcasts, softmax taken twice, gradients that pile up, an optimiser of
other parameters. Each is told with its line, where the recorded calls and graphs prove it; nothing on suspicion.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from app.vocabulary.values import Text
from app.worker.graphs.cuts import last_word
from app.worker.recording.calls import Argument, Call
from app.worker.why.facts import Facts, Flow

COMPARING = frozenset({"sub", "rsub", "isub", "eq"})
ASKED_FOR = frozenset({"unsqueeze", "getitem", "view", "reshape", "expand", "transpose", "permute", "t"})
"""Calls that give a tensor a dimension of 1 in order to compare all with all."""
SCORED = "LogSoftmaxBackward0"
SOFTMAX = "SoftmaxBackward0"
FEW = 3
"""Passes that have to show the same before it counts as a habit."""


def find_unsaid(facts: Facts) -> Iterator[Text]:
    for each in (find_broadcast, find_twice, find_piled, find_beside):
        told = each(facts)
        if told is not None:
            yield told


def find_broadcast(facts: Facts) -> Text | None:
    """`pred - y` of (N, 1) and (N,) is (N, N): every output is compared with every target."""
    for call in facts.calls:
        if last_word(call) not in COMPARING or len(call.arguments) != 2 or not call.results:
            continue
        for column, row in (call.arguments, call.arguments[::-1]):
            count = row.shape[0] if len(row.shape) == 1 else 0
            if count < 2 or tuple(column.shape) != (count, 1) or is_asked_for(column):
                continue
            if last_word(call) == "eq" or call.results[0].tensor in facts.behind_roots:
                return Text(
                    "`{call}` (line {line}): ({count}, 1) and ({count}) broadcast to ({count}, {count}), so every "
                    "output is compared with every target. Give both one shape: `.squeeze(1)`, or `.unsqueeze(1)`.",
                    facts.words(call, count=count),
                )
    return None


def is_asked_for(column: Argument) -> bool:
    return column.made_by is None or last_word(column.made_by.call) in ASKED_FOR


def find_twice(facts: Facts) -> Text | None:
    """`CrossEntropyLoss` after a softmax layer: the loss takes a softmax of its own."""
    for flow in facts.flows:
        for number, node in enumerate(flow.graph.nodes):
            before = [flow.graph.nodes[edge.producer] for edge in flow.out_of[number]]
            if node.op == SCORED and node.call is not None and any(each.op == SOFTMAX for each in before):
                return Text(
                    "`{call}` (line {line}) takes a softmax of its own, and what it is given has been through one: the "
                    "gradients become small. Give it the scores before softmax.",
                    facts.words(node.call),
                )
    return None


def find_piled(facts: Facts) -> Text | None:
    """Steps of an optimiser with nothing that clears the gradients between them."""
    pairs = [(one, two) for one, two in pairwise(facts.flows) if follows(one, two)]
    for (first, second), (_, third) in pairwise(pairs):
        steps = [step_between(facts, *pair) for pair in ((first, second), (second, third))]
        if not all(steps) or has_hooks(facts, first):
            continue
        if not is_cleared(facts, first.taken.at, third.taken.at) and steps[1] is not None:
            return Text(
                "Nothing clears the gradients between the steps: each backward pass adds to what the last one left, "
                "and `{call}` (line {line}) takes the sum. `optimizer.zero_grad()` before `backward()` clears them.",
                facts.words(steps[1]),
            )
    return None


def follows(one: Flow, two: Flow) -> bool:
    return two.taken.occurrence == one.taken.occurrence + 1 and two.taken.call == one.taken.call == "backward"


def step_between(facts: Facts, one: Flow, two: Flow) -> Call | None:
    """An optimiser's step that moved a leaf of both passes."""
    both = one.leaves.keys() & two.leaves.keys()
    for call in facts.calls[one.taken.at : two.taken.at]:
        if is_step(call) and any(argument.tensor in both for argument in call.arguments):
            return call
    return None


def is_step(call: Call) -> bool:
    return call.op.startswith("torch.optim.") and call.op.endswith(".step")


def has_hooks(facts: Facts, flow: Flow) -> bool:
    """Whether leaves of a pass have hooks that run once their grad is there: what those do, nobody hears."""
    leaves = [facts.content(leaf) for leaf in flow.leaves]
    return any(getattr(each, "_post_accumulate_grad_hooks", None) for each in leaves)


def is_cleared(facts: Facts, after: int, before: int) -> bool:
    """Whether any gradient was taken away or filled with zeros meanwhile."""
    taken = any(after <= event.at <= before and not event.value for event in facts.gradient_events)
    filled = any(last_word(call) in ("zero", "zero_", "foreach_zero") for call in facts.calls[after:before])
    return taken or filled


def find_beside(facts: Facts) -> Text | None:
    """An optimiser that was made with other parameters than those the loss depends on."""
    moved = [call for call in facts.calls if is_step(call)]
    reached = {leaf for flow in facts.flows if flow.taken.call == "backward" for leaf in flow.leaves}
    if len(moved) < FEW or not reached or len({call.op for call in moved}) > 1:
        return None
    if any(argument.tensor in reached for call in moved for argument in call.arguments):
        return None
    return Text(
        "`{call}` (line {line}) moves no parameter that the loss depends on: the optimiser was made with others. Make "
        "it after the model, with `model.parameters()`.",
        facts.words(moved[0]),
    )
