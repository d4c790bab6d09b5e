"""The functions a rule may name, in torch: what tests/drawing/test_rules.py evaluates the rules with."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Dims = int | Sequence[int] | None


def dims_of(dim: Dims, like: Tensor) -> tuple[int, ...]:
    if dim is None or dim == ():
        return tuple(range(like.dim()))
    return (dim,) if isinstance(dim, int) else tuple(dim)


def expand(value: Tensor, like: Tensor, dim: Dims = None) -> Tensor:
    """What was reduced over `dim`, spread over the elements it came from."""
    if value.dim() < like.dim() and value.dim() > 0:
        for each in sorted(each % like.dim() for each in dims_of(dim, like)):
            value = value.unsqueeze(each)
    return value.expand_as(like)


def total(value: Tensor, dim: Dims = None) -> Tensor:
    """A sum, as wide as it was where it is needed beside its terms."""
    return value.sum() if dim is None else value.sum(dims_of(dim, value), keepdim=True)


def average(value: Tensor, dim: Dims = None) -> Tensor:
    return value.mean() if dim is None else value.mean(dims_of(dim, value), keepdim=True)


def size(value: Tensor, dim: Dims = None) -> int:
    return math.prod(value.shape[each] for each in dims_of(dim, value))


def between(low: Any, value: Tensor, high: Any) -> Tensor:
    inside = torch.ones_like(value, dtype=torch.bool)
    inside = inside if low is None else inside & (low <= value)
    return inside if high is None else inside & (value <= high)


def inside(low: float, value: Tensor, high: float) -> Tensor:
    return (low < value) & (value < high)


def where(condition: Tensor, then: Any, otherwise: Any) -> Tensor:
    return torch.where(condition, then, otherwise)


def scatter_add(into: Tensor, dim: int, index: Tensor, values: Tensor) -> Tensor:
    if index.dim() < into.dim():
        index, values = index.unsqueeze(dim), values.unsqueeze(dim)
    return into.scatter_add(dim, index, values)


def index_put(into: Tensor, indices: Any, values: Tensor) -> Tensor:
    places = indices if isinstance(indices, tuple | list) else (indices,)
    return into.index_put([each for each in places if each is not None], values, accumulate=True)


def one_hot(target: Tensor, like: Tensor) -> Tensor:
    return F.one_hot(target, like.shape[-1]).to(like.dtype)


def transposed(value: Tensor) -> Tensor:
    return value.mT if value.dim() > 1 else value


def outer(left: Tensor, right: Tensor) -> Tensor:
    return torch.outer(left, right) if left.dim() == 1 else left @ right.mT


def channel_dims(value: Tensor) -> tuple[int, ...]:
    return (0, *range(2, value.dim()))


def along(value: Any, like: Tensor) -> Any:
    """One number for each channel, beside a batch of them."""
    return value.reshape(1, -1, *[1] * (like.dim() - 2)) if isinstance(value, Tensor) else value


def mean_over(value: Tensor, shape: Sequence[int]) -> Tensor:
    return value.mean(tuple(range(-len(shape), 0)), keepdim=True)


def unpool(values: Tensor, index: Tensor, like: Tensor) -> Tensor:
    flat = torch.zeros_like(like).flatten(-2)
    return flat.scatter_add(-1, index.flatten(-2), values.flatten(-2)).reshape(like.shape)


def spread_evenly(values: Tensor, window: Sequence[int], like: Tensor) -> Tensor:
    blocks = values.repeat_interleave(window[0], -2).repeat_interleave(window[1], -1)
    return (blocks / math.prod(window)).reshape(like.shape)


def sum_blocks(values: Tensor, shape: Sequence[int]) -> Tensor:
    factors = [big // small for big, small in zip(values.shape[-2:], shape[-2:], strict=True)]
    return F.avg_pool2d(values, factors) * math.prod(factors)


def sum_repeats(values: Tensor, repeats: Sequence[int]) -> Tensor:
    for dim, times in enumerate(repeats):
        values = torch.stack(values.chunk(times, dim)).sum(0)
    return values


def crop(values: Tensor, padding: Sequence[int]) -> Tensor:
    return F.pad(values, [-each for each in padding])


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{
        name: getattr(torch, name)
        for name in (
            *("exp", "log", "log2", "log10", "sgn", "sign", "floor", "ceil", "round", "trunc", "abs", "sin"),
            *("cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf"),
            *("erfc", "erfinv", "lgamma", "digamma", "sinc", "sigmoid", "nan_to_num", "isfinite", "isnan"),
            *("clamp", "maximum", "minimum", "amax", "amin", "median", "atan2", "relu", "softmax", "prod"),
            *("cumsum", "transpose", "permute", "det", "cross", "trace", "tril", "triu", "diagonal"),
            *("diag_embed", "diagonal_scatter", "reshape", "unsqueeze", "narrow", "select", "cat", "stack"),
            *("select_scatter", "slice_scatter", "index_select", "index_add", "gather", "scatter"),
            *("masked_scatter", "roll", "conj", "view_as_real", "view_as_complex", "complex"),
        )
    },
    "sqrt": lambda value: value.sqrt() if isinstance(value, Tensor) else math.sqrt(value),
    "log": lambda value: value.log() if isinstance(value, Tensor) else math.log(value),
    "softplus": F.softplus,
    "Phi": lambda value: torch.special.ndtr(value),
    "phi": lambda value: torch.exp(-value * value / 2) / math.sqrt(2 * math.pi),
    "Re": torch.real,
    "Im": torch.imag,
    "flip": lambda value, dims: value.flip(dims),
    "max": torch.max,
    "min": torch.min,
    "expand": expand,
    "sum": total,
    "mean": average,
    "size": size,
    "numel": torch.numel,
    "shape": lambda value: value.shape,
    "zeros": torch.zeros_like,
    "eye": lambda value: torch.eye(*value.shape, dtype=value.dtype),
    "between": between,
    "inside": inside,
    "where": where,
    "count": lambda found, dim=None: found.sum() if dim is None else found.sum(dim, keepdim=True),
    "scatter_add": scatter_add,
    "index_put": index_put,
    "put": lambda into, index, values: into.put(index, values, accumulate=True),
    "one_hot": one_hot,
    "T": transposed,
    "inv": torch.linalg.inv,
    "solve": torch.linalg.solve,
    "outer": outer,
    "argsort": lambda dims: tuple(torch.tensor(dims).argsort().tolist()),
    "squeeze": torch.squeeze,
    "sum_to_size": lambda value, shape: value.sum_to_size(shape),
    "along": along,
    "mean_over": mean_over,
    "channel_mean": lambda value: value.mean(channel_dims(value), keepdim=True),
    "channel_sum": lambda value: value.sum(channel_dims(value)),
    "conv_transpose": lambda g, weight: F.conv_transpose2d(g, weight),
    "correlate": lambda image, g: F.conv2d(image.transpose(0, 1), g.transpose(0, 1)).transpose(0, 1),
    "unpool": unpool,
    "spread_evenly": spread_evenly,
    "sum_blocks": sum_blocks,
    "sum_repeats": sum_repeats,
    "roll_back": lambda g, shifts, dims: g.roll([-each for each in shifts], dims or None),
    "crop": crop,
}
