"""What a program without autograd compares, read from its names while it runs: see `differences` for which names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from app.worker.compiling.differences import Difference
from app.worker.predicting.comparisons import Comparison, Origin, is_rows, single_column

FEWEST = 3
"""Fewer numbers are no data."""


def read_difference(difference: Difference, names: Mapping[str, Any]) -> tuple[Comparison, Origin] | None:
    """What the names hold now; None unless these are a prediction and a target of some data."""
    prediction, target = as_tensor(names.get(difference.prediction)), as_tensor(names.get(difference.target))
    if prediction is None or target is None or prediction.shape != target.shape:
        return None
    rows = prediction.numel()
    if rows < FEWEST or prediction.requires_grad or max(prediction.shape) != rows:
        return None
    for name in difference.sources:
        data = as_tensor(names.get(name))
        if data is not None and data is not target and is_rows(tuple(data.shape), rows):
            column = single_column(data)
            inputs = data if column is None else column
            return Comparison("regression", "", prediction, target), Origin(None, inputs, name=name)
    return None


def as_tensor(value: Any) -> Tensor | None:
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return torch.from_numpy(np.array(value, dtype=np.float64))
    return value if isinstance(value, Tensor) and not value.is_complex() else None
