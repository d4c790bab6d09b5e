"""The number in a value that is one, and what its name says it tells."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from torch import Tensor

from app.vocabulary.training import SeriesKind
from app.vocabulary.values import as_float

OWN = "__main__"
"""The module of the classes a program defines."""


def kind_of(name: str) -> SeriesKind:
    lowered = name.lower()
    return "loss" if any(word in lowered for word in ("loss", "损失", "cost", "代价")) else "metric"


def single_number(value: Any) -> Any:
    """The number in a value that is one: Python's, NumPy's, or a tensor of one element; else None.

    A lesson that builds autograd by hand holds its numbers in objects of its own, each in what it calls `data`.
    """
    if isinstance(value, Tensor):
        return reading(value) if value.numel() == 1 else None
    if type(value).__module__ == OWN:
        held = getattr(value, "__dict__", None)
        value = held.get("data") if type(held) is dict else None
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    return as_float(value)  # type: ignore[arg-type] # what is a number by its class can be made a float


def reading(tensor: Tensor) -> Any:
    """The number of a tensor of one element; on a GPU a copy, read later so that nothing waits for it."""
    if not tensor.is_cpu:
        return None if tensor.is_complex() else tensor.detach().clone()
    number: Any = tensor.item()
    return None if type(number) is complex else number
