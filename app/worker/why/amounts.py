"""Questions to what a trace keeps of a tensor: is it all zero, is anything not finite, how large is it?

`None` is the answer where what was kept does not say: nothing is claimed then.
"""

from __future__ import annotations

import math

from app.vocabulary.values import Complex, Nested, Scalar, TensorValue, as_float


def elements_of(value: TensorValue) -> list[float] | None:
    """All elements (of complex ones the magnitude), if all were kept."""
    return [magnitude(each) for each in flat(value.data)] if value.index is None else None


def flat(data: Nested) -> list[Scalar]:
    waiting, found = [data], []
    while waiting:
        item = waiting.pop()
        if isinstance(item, tuple):
            waiting.extend(reversed(item))
        else:
            found.append(item)
    return found


def magnitude(number: Scalar) -> float:
    if isinstance(number, Complex):
        return math.hypot(as_float(number.real), as_float(number.imag))
    return as_float(number)


def is_zero(value: TensorValue) -> bool:
    """Whether there are elements, and all are 0."""
    found = value.statistics
    if found is None:
        return bool(flat(value.data)) and not any(elements_of(value) or [1])
    return found.zeros > 0 and not is_bad(value) and found.minimum == 0 == found.maximum


def is_bad(value: TensorValue) -> bool:
    """Whether any element is NaN or infinite."""
    found = value.statistics
    if found is None:
        return not all(map(math.isfinite, elements_of(value) or []))
    return bool(found.nan or found.positive_infinity or found.negative_infinity)


def has_nan(value: TensorValue) -> bool:
    found = value.statistics
    return any(map(math.isnan, elements_of(value) or [])) if found is None else found.nan > 0


def bounds(value: TensorValue) -> tuple[float, float] | None:
    """The least and the greatest element; None for one that holds nothing finite."""
    found = value.statistics
    if found is not None:
        if found.minimum is None or found.maximum is None:
            return None
        return as_float(found.minimum), as_float(found.maximum)
    kept = [number for number in elements_of(value) or [] if math.isfinite(number)]
    return (min(kept), max(kept)) if kept else None


def zeros(value: TensorValue) -> int:
    """How many elements are 0."""
    found = value.statistics
    return found.zeros if found is not None else sum(not number for number in elements_of(value) or [])


def largest(value: TensorValue) -> float:
    """The greatest magnitude of a finite element; 0 where there is none."""
    found = bounds(value)
    return 0.0 if found is None else max(abs(found[0]), abs(found[1]))


def norm(value: TensorValue) -> float:
    """The 2-norm of the finite elements."""
    found = value.statistics
    if found is not None:
        return 0.0 if found.norm is None else as_float(found.norm)
    return math.hypot(*(number for number in elements_of(value) or [] if math.isfinite(number)))
