"""Tensors to plain values, summarised and cut where the tensor lives. Reads only; never keeps a tensor.

Values are exact up to a stated number of elements; beyond it a window is cut out and its Python slice text says
which. Statistics are over all elements.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeVar

import torch
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from app.vocabulary.values import Complex, Nested, Real, Scalar, Statistics, TensorValue, spell
from app.worker.anchors import is_wrapper, unwrap

T = TypeVar("T")
PLAIN = frozenset({torch.Tensor, torch.nn.Parameter})
LARGEST_DENSE = 2**22
"""Elements a sparse tensor may have to be looked at as a dense one."""
FEW = 64
"""Up to this many elements, Python counts faster than torch dispatches."""


def plain_scalar(number: bool | float | complex) -> Scalar:
    if isinstance(number, complex):
        return Complex(spell(number.real), spell(number.imag))
    return spell(number) if isinstance(number, float) else number


def plain_nested(data: Any) -> Nested:
    """`tolist()`'s answer as nested tuples of scalars the wire can write."""
    if isinstance(data, list):
        if data and type(data[0]) is float and all(map(math.isfinite, data)):
            return tuple(data)  # nearly always so, and ten times as fast
        return tuple(plain_nested(item) for item in data)
    return plain_scalar(data)


def is_uninitialised(kind: type) -> bool:
    """Whether it is the class of a lazy layer's parameter or buffer, which has no shape before the first call."""
    return issubclass(kind, UninitializedParameter | UninitializedBuffer)


def readable(tensor: torch.Tensor) -> torch.Tensor | None:
    """A detached, dense, plain tensor of the same numbers, or None where there are none to read."""
    if is_uninitialised(type(tensor)):
        return None
    tensor = unwrap(tensor)
    if tensor.device.type == "meta" or tensor.is_nested or is_wrapper(tensor):
        return None
    if tensor.layout is not torch.strided and tensor.numel() > LARGEST_DENSE:
        return None
    tensor = tensor.detach()
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    if tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    if tensor.dtype.itemsize == 1 and tensor.is_floating_point():
        tensor = tensor.float()
    return tensor.resolve_conj().resolve_neg()


def summarise(
    tensor: torch.Tensor, most: int, cut: Literal["corner", "stride"] = "corner"
) -> TensorValue | None:
    """Values (at most `most`) and statistics of a tensor. "corner" cuts a leading window, "stride" a sample."""
    dense = readable(tensor)
    if dense is None:
        return None
    entries = math.prod(
        filter(None, dense.shape)
    )  # of `tolist()`, which writes the rows of an empty tensor, too
    if entries <= min(FEW, most):
        return summarise_list(dense.tolist())
    index, window = None, dense
    if entries > most:
        slices = corner(dense.shape, most) if cut == "corner" else strided(dense.shape, most)
        index, window = slice_text(slices), dense[slices]
    return TensorValue(plain_nested(window.tolist()), index, measure(dense))


def summarise_list(data: Any) -> TensorValue:
    """The same of what `tolist()` gave. A single number is its own statistics."""
    statistics = count(flatten(data)) if isinstance(data, list) else None
    return TensorValue(plain_nested(data), None, statistics)


def corner(shape: Sequence[int], most: int) -> tuple[slice, ...]:
    """Leading window of at most `most` elements: as square as it fits in the last two dimensions, then outwards."""
    taken: list[int] = []
    room = most
    for axis, size in reversed(tuple(enumerate(shape))):
        columns = axis == len(shape) - 1 > 0
        share = max(math.isqrt(room), room // max(1, shape[-2])) if columns else room
        taken.append(max(1, min(size, share)))
        room //= taken[-1]
    return tuple(slice(0, take) for take in reversed(taken))


def strided(shape: Sequence[int], most: int) -> tuple[slice, ...]:
    """Evenly spread sample of at most `most` elements over the last two dimensions, the first of the outer ones."""
    side = math.isqrt(most) if len(shape) > 1 else most
    outer = [slice(0, 1)] * (len(shape) - 2)
    inner = [slice(None, None, max(1, -(-size // side))) for size in shape[-2:]]
    return (*outer, *inner)


def slice_text(slices: Iterable[slice]) -> str:
    def one(part: slice) -> str:
        stop = "" if part.stop is None else str(part.stop)
        return f":{stop}" + (f":{part.step}" if part.step not in (None, 1) else "")

    return f"[{', '.join(one(part) for part in slices)}]"


def shape_of(tensor: torch.Tensor) -> tuple[int, ...]:
    """The shape; -1 for the ragged dimensions of a nested tensor."""
    if tensor.is_nested:
        return (int(tensor.size(0)), *(-1,) * (tensor.dim() - 1))
    return known_sizes(tensor.shape)


def known_sizes(shape: Iterable[Any]) -> tuple[int, ...]:
    """A shape as plain numbers; -1 for a size that is only a symbol, while torch traces a program."""
    return tuple(size if isinstance(size, int) else -1 for size in shape)


def unheard(read: Callable[..., T], tensor: torch.Tensor, *more: Any) -> T:
    """What `read` says of a tensor; a class with a `__torch_function__` of its own does not hear us ask."""
    if type(tensor) in PLAIN:
        return read(tensor, *more)
    with torch._C.DisableTorchFunctionSubclass():
        return read(tensor, *more)


def dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def flatten(data: Any) -> list[Any]:
    if not isinstance(data, list):
        return [data]
    flat: list[Any] = data
    while flat and isinstance(flat[0], list):
        flat = [item for row in flat for item in row]
    return flat


def count(numbers: list[Any]) -> Statistics:
    """Statistics of few numbers, in Python."""
    magnitudes = [abs(n) if isinstance(n, complex) else float(n) for n in numbers]
    finite = [m for m in magnitudes if math.isfinite(m)]
    size = len(finite)
    mean = math.fsum(finite) / size if size else None
    spread = None
    if mean is not None and size > 1:
        spread = spell(math.sqrt(math.fsum((m - mean) ** 2 for m in finite) / (size - 1)))
    return Statistics(
        minimum=min(finite, default=None),
        maximum=max(finite, default=None),
        mean=mean,
        std=spread,
        norm=spell(math.hypot(*finite)) if size else None,
        zeros=sum(m == 0 for m in magnitudes),
        nan=sum(math.isnan(m) for m in magnitudes),
        positive_infinity=sum(m == math.inf for m in magnitudes),
        negative_infinity=sum(m == -math.inf for m in magnitudes),
    )


def measure(dense: torch.Tensor) -> Statistics:
    """Statistics of a large tensor, in torch. Infinities and NaN are counted only where a first look finds any."""
    numbers = dense.abs() if dense.is_complex() else dense
    nan = above = below = 0
    if not numbers.is_floating_point():
        numbers = numbers.to(torch.float64)
    elif numbers.dtype in (torch.float16, torch.bfloat16):
        numbers = numbers.float()
    size = numbers.numel()
    zeros = size - int(torch.count_nonzero(numbers))
    low, high = torch.aminmax(numbers) if size else (numbers, numbers)
    if size and not (math.isfinite(float(low)) and math.isfinite(float(high))):
        nan, above, below = (
            int(kind(numbers).sum()) for kind in (torch.isnan, torch.isposinf, torch.isneginf)
        )
        numbers = numbers[torch.isfinite(numbers)]
        size = numbers.numel()
    statistic = _on(numbers)
    return Statistics(
        minimum=statistic(torch.amin),
        maximum=statistic(torch.amax),
        mean=statistic(torch.mean),
        std=statistic(torch.std) if size > 1 else None,
        norm=statistic(torch.linalg.vector_norm),
        zeros=zeros,
        nan=nan,
        positive_infinity=above,
        negative_infinity=below,
    )


def _on(numbers: torch.Tensor) -> Callable[[Callable[[torch.Tensor], torch.Tensor]], Real | None]:
    def statistic(function: Callable[[torch.Tensor], torch.Tensor]) -> Real | None:
        return spell(float(function(numbers))) if numbers.numel() else None

    return statistic
