"""Tensors to plain values, summarised and cut where the tensor lives. Reads only; never keeps a tensor.

Values are exact up to a stated number of elements; beyond it a window is cut out and its Python slice text says
which. Statistics are over all elements.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple, TypeVar, cast

import numpy as np
import torch
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from app.vocabulary.values import Complex, Nested, Scalar, Statistics, TensorValue, spell
from app.worker.recording.anchors import is_wrapper, unwrap

T = TypeVar("T")
PLAIN = frozenset({torch.Tensor, torch.nn.Parameter})
LARGEST_DENSE = 2**22
"""Elements a sparse tensor may have to be looked at as a dense one."""
FEW = 64
"""Up to this many elements, Python counts faster than torch dispatches."""
MANY = 2**13
"""From this many elements on, numpy looks through them piece by piece faster than torch through the whole."""
PIECE = 2**16
"""Elements that stay in the processor's cache while they are looked at several times."""
SMALLEST_SQUARE = 1e-30
"""On average; below it single ones lose digits in a float32."""


def plain_scalar(number: bool | float | complex) -> Scalar:
    if isinstance(number, complex):
        return Complex(spell(number.real), spell(number.imag))
    return spell(number) if isinstance(number, float) else number


def plain_nested(data: Any) -> Nested:
    """`tolist()`'s answer as nested tuples of scalars the wire can write."""
    if not isinstance(data, list):
        return plain_scalar(data)
    numbers = flatten(data)
    if numbers and type(numbers[0]) is float and all(map(math.isfinite, numbers)):
        return frozen(data)  # nearly always so, and many times as fast
    return tuple(map(plain_nested, data))


def frozen(rows: list[Any]) -> Nested:
    """Nested lists as nested tuples."""
    if type(rows[0]) is not list:
        return tuple(rows)
    return tuple(map(frozen if type(rows[0][0]) is list else tuple, rows))


def is_uninitialised(kind: type) -> bool:
    """Whether it is the class of a lazy layer's parameter or buffer, which has no shape before the first call."""
    return kind is not torch.Tensor and issubclass(kind, UninitializedParameter | UninitializedBuffer)


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
    magnitudes: list[float] = list(map(abs if numbers and type(numbers[0]) is complex else float, numbers))
    finite = magnitudes if all(map(math.isfinite, magnitudes)) else list(filter(math.isfinite, magnitudes))
    size, odd = len(finite), len(finite) < len(magnitudes)
    mean = mean_of(finite)
    spread = None
    if mean is not None and size > 1:
        spread = spell(math.dist(finite, [mean] * size) / math.sqrt(size - 1))
    return Statistics(
        minimum=min(finite, default=None),
        maximum=max(finite, default=None),
        mean=mean,
        std=spread,
        norm=spell(math.hypot(*finite)) if size else None,
        zeros=finite.count(0.0),
        nan=sum(map(math.isnan, magnitudes)) if odd else 0,
        positive_infinity=magnitudes.count(math.inf) if odd else 0,
        negative_infinity=magnitudes.count(-math.inf) if odd else 0,
    )


def mean_of(numbers: list[float]) -> float | None:
    try:
        return math.fsum(numbers) / len(numbers) if numbers else None
    except OverflowError:  # their sum is no float, their mean is one
        return math.fsum([number / len(numbers) for number in numbers])


class Look(NamedTuple):
    """What one look through all elements finds. Least and greatest are not finite where any element is not."""

    low: float
    high: float
    zeros: int
    squares: float = math.nan
    """The sum of their squares, where that came with it."""


def measure(dense: torch.Tensor) -> Statistics:
    """Statistics of a large tensor. Infinities and NaN are counted only where a first look finds any."""
    numbers = dense.abs() if dense.is_complex() else dense
    nan = above = below = 0
    if not numbers.is_floating_point():
        numbers = numbers.to(torch.float64)
    elif numbers.dtype in (torch.float16, torch.bfloat16):
        numbers = numbers.float()
    look = look_through(numbers)
    zeros = look.zeros
    if not (math.isfinite(look.low) and math.isfinite(look.high)):
        nan, above, below = (
            int(kind(numbers).sum()) for kind in (torch.isnan, torch.isposinf, torch.isneginf)
        )
        numbers = numbers[torch.isfinite(numbers)]
        look = look_through(numbers)
    if not numbers.numel():
        return Statistics(None, None, None, None, None, zeros, nan, above, below)
    mean = float(torch.mean(numbers))
    spread = spread_of(numbers, mean, look.squares) if numbers.numel() > 1 else None
    return Statistics(
        minimum=look.low,
        maximum=look.high,
        mean=spell(mean),
        std=None if spread is None else spell(spread),
        norm=spell(float(torch.linalg.vector_norm(numbers))),
        zeros=zeros,
        nan=nan,
        positive_infinity=above,
        negative_infinity=below,
    )


def look_through(numbers: torch.Tensor) -> Look:
    size = numbers.numel()
    if not size:
        return Look(0.0, 0.0, 0)
    if size >= MANY and numbers.is_cpu:
        return look_at_pieces(numbers.numpy())
    zeros = size - int(torch.count_nonzero(numbers))
    return Look(float(torch.amin(numbers)), float(torch.amax(numbers)), zeros)


def look_at_pieces(numbers: np.ndarray[Any, Any]) -> Look:
    """In the order they lie in memory, which is read once for all that is asked of it."""
    lows, highs, zeros, squares = [], [], 0, 0.0
    is_zero = np.empty(PIECE, bool)
    pieces = np.nditer(numbers, ["external_loop", "buffered"], order="K", buffersize=PIECE)
    with np.errstate(all="ignore"):  # squares may be beyond all floats; `spread_of` sees it
        for piece in cast("Iterable[np.ndarray[Any, Any]]", pieces):
            lows.append(np.minimum.reduce(piece))
            highs.append(np.maximum.reduce(piece))
            zeros += int(np.count_nonzero(np.equal(piece, 0, out=is_zero[: piece.size])))
            squares += float(np.dot(piece, piece))
    return Look(float(np.min(lows)), float(np.max(highs)), zeros, squares)


def spread_of(numbers: torch.Tensor, mean: float, squares: float) -> float:
    """`torch.std`, which takes longer than all else: from the squares, unless what they and the mean make up cancels
    out, or single squares are beyond the numbers there are."""
    size = numbers.numel()
    around = squares - size * mean * mean
    if around > squares / 2 and SMALLEST_SQUARE < squares / size < math.inf:
        return float(torch.tensor(math.sqrt(around / (size - 1)), dtype=numbers.dtype))
    return float(torch.std(numbers))
