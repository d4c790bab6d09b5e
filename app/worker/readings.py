"""The number in a value that is one, and what its name says it tells."""

from __future__ import annotations

import numbers
from typing import Any

from torch import Tensor

from app.vocabulary.training import SeriesKind
from app.vocabulary.values import as_float


def kind_of(name: str) -> SeriesKind:
    lowered = name.lower()
    return "loss" if any(word in lowered for word in ("loss", "损失", "cost", "代价")) else "metric"


def single_number(value: Any) -> Any:
    """The number in a value that is one: Python's, NumPy's, or a tensor of one element; else None."""
    if isinstance(value, Tensor):
        return reading(value) if value.numel() == 1 else None
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    return as_float(value)  # type: ignore[arg-type] # what is a number by its class can be made a float


def reading(tensor: Tensor) -> Any:
    """The number of a tensor of one element; on a GPU a copy, read later so that nothing waits for it."""
    if not tensor.is_cpu:
        return None if tensor.is_complex() else tensor.detach().clone()
    number: Any = tensor.item()
    return None if type(number) is complex else number
