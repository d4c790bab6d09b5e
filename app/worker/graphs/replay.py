"""Values inside library calls that nobody kept: where an operation only moves numbers, it is done once more.

The operand's value is the recorded one, so what comes out is what came out then. Operations that compute are not
repeated: their value is told as not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from app.worker.recording.shelf import COPY_BYTES

Shape = tuple[int, ...]


def reshape(value: Tensor, shape: Shape, saved: Mapping[str, Any]) -> Tensor:
    """A large one only where it need not be copied."""
    large = value.numel() * value.itemsize > COPY_BYTES
    return value.view(shape) if large else value.reshape(shape)


MOVES: Mapping[str, Callable[[Tensor, Shape, Mapping[str, Any]], Tensor]] = {
    "TBackward0": lambda value, shape, saved: value.t(),
    "TransposeBackward0": lambda value, shape, saved: value.transpose(
        signed(saved["dim0"]), signed(saved["dim1"])
    ),
    "PermuteBackward0": lambda value, shape, saved: value.permute([signed(dim) for dim in saved["dims"]]),
    "ExpandBackward0": lambda value, shape, saved: value.expand(shape),
    "CloneBackward0": reshape,
    "AliasBackward0": reshape,
    "ViewBackward0": reshape,
    "UnsafeViewBackward0": reshape,
    "ReshapeAliasBackward0": reshape,
    "UnsqueezeBackward0": reshape,
    "SqueezeBackward0": reshape,
    "SqueezeBackward1": reshape,
    "SqueezeBackward2": reshape,
}
"""By node: an operation that has one operand and changes none of its numbers."""


def move(op: str, value: Tensor, shape: Shape | None, saved: Mapping[str, Any]) -> Tensor | None:
    """The operation's result; None for one that computes, or whose operand is not the one it had."""
    again = MOVES.get(op)
    if again is None or shape is None:
        return None
    try:
        result = again(value, shape, saved)
    except (RuntimeError, IndexError, KeyError):
        return None
    return result if tuple(result.shape) == shape else None


def signed(number: int) -> int:
    """torch shows a negative whole number as if it had no sign."""
    return number - 2**64 if number >= 2**63 else number
