"""Numerals: numbers as a learner expects to read them: 17, 0.5, 1.23e-05, NaN; never 17.0000.

Everything fits a known number of columns, so a box keeps its size whatever number it shows.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.vocabulary.values import Complex, Real, Scalar, Statistics, TensorValue

NOTHING = "—"
NUMBER_COLUMNS = 10
COMPLEX_COLUMNS = 21
RANGE_COLUMNS = 17
LARGEST_PLAIN = 10**7


ODD: Mapping[str, str] = {"-0": "0", "nan": "NaN"}


def show_number(number: Scalar, digits: int = 4) -> str:
    """About four significant digits, but never fewer than the integer part up to seven."""
    if isinstance(number, float):  # nearly all are
        return _show_float(number, digits)
    if isinstance(number, Complex):
        return _show_complex(number, digits)
    if isinstance(number, str):
        return "NaN" if number == "NaN" else number.replace("Infinity", "inf")
    if isinstance(number, bool):
        return str(number)
    if abs(number) < LARGEST_PLAIN:
        return str(number)
    return _show_float(as_float(number), digits)


def _show_float(number: float, digits: int) -> str:
    text = "%.*g" % (digits, number)  # noqa: UP031  # two thirds of the time of an f-string's nested digits
    if "e+" in text and abs(number) < LARGEST_PLAIN:
        return f"{number:.0f}"
    return ODD.get(text, text)


def _show_complex(number: Complex, digits: int) -> str:
    imaginary = show_number(number.imag, digits)
    sign = "" if imaginary.startswith("-") else "+"
    return f"{show_number(number.real, digits)}{sign}{imaginary}j"


def show_exact(number: Scalar) -> str:
    """Nine digits: enough to tell float32 values apart."""
    return show_number(number, 9)


def show_shape(shape: tuple[int, ...]) -> str:
    """As Python writes the tuple: (), (3,), (3, 4)."""
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"


def show_count(count: int) -> str:
    return f"{count:,}"


def scalar_of(value: TensorValue) -> Scalar | None:
    """The number of a 0-d value, null for anything with rows."""
    return None if isinstance(value.data, tuple) else value.data


def as_float(number: Real) -> float:
    """The nearest float, infinite for an integer beyond all floats."""
    try:
        return float(number)
    except OverflowError:
        return float("inf") if isinstance(number, int) and number > 0 else float("-inf")


def show_range(statistics: Statistics) -> str:
    """What one line can say of many numbers: how many are not finite, else least and greatest."""
    infinite = statistics.positive_infinity + statistics.negative_infinity
    if statistics.nan or infinite:
        found = [(statistics.nan, "NaN"), (infinite, "inf")]
        return ", ".join(f"{show_number(count)} {name}" for count, name in found if count)[:RANGE_COLUMNS]
    least, greatest = statistics.minimum, statistics.maximum
    if least is None or greatest is None:
        return NOTHING
    if type(least) is type(greatest) is float and least and greatest:  # nearly all are
        low, high = f"{least:.3g}", f"{greatest:.3g}"
        if "e+" not in low and "e+" not in high:
            return low if low == high else f"{low}…{high}"
    low, high = show_number(least, 3), show_number(greatest, 3)
    return low if low == high else f"{low}…{high}"


def show_norm(statistics: Statistics | None, form: str = "‖{}‖", digits: int = 4) -> str | None:
    """A tensor's norm; it is kept of the finite elements alone, so where others are, these are counted instead."""
    if statistics is None:
        return None
    infinite = statistics.positive_infinity + statistics.negative_infinity
    if statistics.nan or infinite:
        found = [("NaN", statistics.nan), ("inf", infinite)]
        return ", ".join([f"{name} ×{show_count(count)}" for name, count in found if count])
    return None if statistics.norm is None else form.format(show_number(statistics.norm, digits))


def show_bytes(count: int) -> str:
    """1,024 bytes are a KiB."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{count:,} B" if unit == "B" else f"{size:.1f} {unit}"
