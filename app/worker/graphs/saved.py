"""What nodes saved for their backward pass: read while it is still there, told as facts. No tensor is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor
from torch.autograd.function import BackwardCFunction

from app.vocabulary.graph import SavedItem
from app.worker.recording.anchors import saved_names, unpack_hook
from app.worker.recording.tensors import dtype_name, shape_of, summarise

TEXT_CHARS = 60
SIGN = 2**63


def read_saved(node: Any) -> Iterator[tuple[str, Any]]:
    """Names and values; what an earlier backward pass freed, or the program overwrote, is not there any more."""
    for name in saved_names(node):
        if unpack_hook(node, name) is not None:
            continue  # the program's own code, or a checkpoint that would run again
        try:
            yield name.removeprefix("_saved_"), getattr(node, name)
        except RuntimeError:
            continue
    if isinstance(node, BackwardCFunction) and not is_packed(node):
        try:
            saved = node.saved_tensors
        except RuntimeError:
            return
        for index, value in enumerate(saved):
            yield f"saved_tensors[{index}]", value


def is_packed(node: Any) -> bool:
    """Whether a Function's tensors are behind hooks of the program's own."""
    raw = getattr(node, "_raw_saved_tensors", ())
    return any(getattr(each, "unpack_hook", None) is not None for each in raw)


def describe(name: str, value: Any) -> SavedItem:
    if not isinstance(value, Tensor):
        return SavedItem(name, text_of(value))
    return SavedItem(
        name,
        None,
        shape_of(value),
        dtype_name(value.dtype),
        value.numel() * value.itemsize,
        summarise(value, 1) if value.numel() == 1 else None,
    )


def text_of(value: Any) -> str:
    """A plain value as Python writes it; torch shows a negative whole number as if it had no sign."""
    if isinstance(value, Tensor):
        return f"tensor{shape_of(value)}"
    if isinstance(value, tuple | list):
        inner = ", ".join(map(text_of, value[:TEXT_CHARS]))
        return (f"({inner},)" if len(value) == 1 else f"({inner})")[:TEXT_CHARS]
    if type(value) is int and value >= SIGN:
        value -= 2 * SIGN
    return str(value)[:TEXT_CHARS]
