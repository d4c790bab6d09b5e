"""Where autograd's history ends: results that require no grad although an argument of their call did."""

from __future__ import annotations

from collections.abc import Iterator

from app.worker.recording.calls import Call, Result
from app.worker.recording.ops import is_in_place

DETACHING = ("detach", "detach_", "data")
COPYING = ("tensor", "as_tensor", "asarray", "new_tensor", "Parameter", "make_subclass", "from_numpy")
SHAPED = frozenset({"new_empty", "new_full", "new_ones", "new_zeros", "new_empty_strided"})


def last_word(call: Call) -> str:
    """`torch.Tensor.__truediv__` → `truediv`."""
    return call.op.rsplit(".", 1)[-1].strip("_")


def is_cut(call: Call, result: Result) -> bool:
    """Whether autograd's history ends between a call's arguments and this result of it."""
    if is_in_place(call.op) and not call.op.endswith(".detach_"):
        return False
    word = last_word(call)
    if word.endswith("_like") or word in SHAPED:
        return False  # it takes a shape, and no numbers
    if any(argument.tensor == result.tensor for argument in call.arguments):
        return False  # `.to()` of what is there already gives the same tensor
    return result.sequence is None and any(argument.requires_grad for argument in call.arguments)


def cuts_of(call: Call) -> Iterator[Result]:
    yield from (result for result in call.results if is_cut(call, result))


def kind_of_cut(cut: Result) -> str:
    """What ended the history."""
    if not (cut.dtype.is_floating_point or cut.dtype.is_complex):
        return "whole_numbers"
    word = last_word(cut.call)
    if word in DETACHING:
        return "detached"
    if word in COPYING:
        return "copied"
    return "no_grad" if not cut.call.grad_mode else "not_differentiable"


def cuts_before(made: Result | None, most: int) -> Iterator[Result]:
    """Cuts on the way back from a result (itself among them), at most so many calls away; the nearest first."""
    queue = [] if made is None else [made]
    seen = {id(each) for each in queue}
    for result in queue:  # grows while it is read
        if is_cut(result.call, result):
            yield result
        if result.sequence is not None or len(queue) > most:
            continue
        for argument in result.call.arguments:
            before = argument.made_by
            if before is not None and not argument.requires_grad and id(before) not in seen:
                seen.add(id(before))
                queue.append(before)
