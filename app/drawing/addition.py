"""Addition: what two recorded gradients make together, number by number, as the engine adds them where they meet."""

from __future__ import annotations

from math import hypot, isfinite, isinf, isnan

from app.drawing.numerals import as_float
from app.vocabulary.values import Complex, Nested, Real, Scalar, Statistics, TensorValue, spell


def add_values(one: TensorValue | None, other: TensorValue | None) -> TensorValue | None:
    """The sum; None where one of them was not kept, or they do not show the same window."""
    if one is None or other is None or one.index != other.index:
        return None
    data = _add(one.data, other.data)
    if data is None:
        return None
    return TensorValue(data, one.index, _statistics(data) if one.index is None else None)


def _add(one: Nested, other: Nested) -> Nested | None:
    if isinstance(one, tuple) and isinstance(other, tuple):
        if len(one) != len(other):
            return None
        lefts, rights = _floats(one), _floats(other)
        if len(lefts) == len(rights) == len(one):  # a row of plain numbers, as nearly all are
            return tuple([spell(left + right) for left, right in zip(lefts, rights, strict=True)])
        items = [_add(left, right) for left, right in zip(one, other, strict=True)]
        return None if any(item is None for item in items) else tuple([i for i in items if i is not None])
    if isinstance(one, tuple) or isinstance(other, tuple):
        return None
    return _add_scalars(one, other)


def _floats(row: tuple[Nested, ...]) -> list[float]:
    return [number for number in row if type(number) is float]


def _add_scalars(one: Scalar, other: Scalar) -> Scalar:
    if isinstance(one, Complex) or isinstance(other, Complex):
        left, right = _parts(one), _parts(other)
        return Complex(_plus(left[0], right[0]), _plus(left[1], right[1]))
    return _plus(one, other)


def _parts(number: Scalar) -> tuple[Real, Real]:
    return (number.real, number.imag) if isinstance(number, Complex) else (number, 0.0)


def _plus(one: Real, other: Real) -> Real:
    return spell(as_float(one) + as_float(other))


def _statistics(data: Nested) -> Statistics | None:
    """Of a whole tensor of real numbers."""
    numbers: list[float] = []
    waiting = [data]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Complex):
            return None
        if isinstance(item, tuple):
            waiting.extend(item)
        else:
            numbers.append(as_float(item))
    finite = [number for number in numbers if isfinite(number)]
    return Statistics(
        minimum=min(finite, default=None),
        maximum=max(finite, default=None),
        norm=hypot(*finite) if finite else None,
        nan=sum(map(isnan, numbers)),
        positive_infinity=sum(isinf(number) and number > 0 for number in numbers),
        negative_infinity=sum(isinf(number) and number < 0 for number in numbers),
    )
