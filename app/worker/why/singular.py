"""What one call's own numbers say of the NaN or infinity it gave: a logarithm of 0, a division, an overflow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from app.vocabulary.values import Text
from app.worker.graphs.cuts import last_word
from app.worker.recording.calls import Result
from app.worker.recording.tensors import dtype_name
from app.worker.why.facts import Words, result_value

Told = tuple[str, Text]
Rule = Callable[[list[Tensor], Result, Words], Told | None]


def kind_of(tensor: Tensor | None) -> str | None:
    if tensor is None or not (tensor.is_floating_point() or tensor.is_complex()):
        return None if tensor is None else ""
    if bool(torch.isfinite(tensor).all()):
        return ""
    return "NaN" if bool(torch.isnan(tensor).any()) else "∞"


def no_rule(given: list[Tensor], result: Result, gaps: Words) -> None:
    return None


def _logarithm(given: list[Tensor], result: Result, gaps: Words) -> Told | None:
    shift = 1 if last_word(result.call) == "log1p" else 0
    x = given[0] + shift
    if x.is_complex():
        return None
    gaps = {**gaps, "count": int((x == 0).sum()), "negative": int((x < 0).sum()), "size": x.numel()}
    if gaps["negative"] and gaps["kind"] == "NaN":
        return "log_of_negative", Text(
            "`{call}` (line {line}) takes the logarithm of a number below 0 (elements: {negative} of {size}): NaN.",
            gaps,
        )
    if gaps["count"]:
        return "log_of_zero", Text(
            "`{call}` (line {line}) takes the logarithm of 0 (elements: {count} of {size}): −∞.", gaps
        )
    return None


def _root(given: list[Tensor], result: Result, gaps: Words) -> Told | None:
    x = given[0]
    if x.is_complex():
        return None
    gaps = {**gaps, "count": int((x < 0).sum()), "size": x.numel()}
    if gaps["count"] and gaps["kind"] == "NaN":
        return "root_of_negative", Text(
            "`{call}` (line {line}) takes the square root of a number below 0 (elements: {count} of {size}): NaN.",
            gaps,
        )
    zeros = int((x == 0).sum())
    if zeros and last_word(result.call) == "rsqrt":
        return "division_by_zero", Text(
            "`{call}` (line {line}) divides by 0 (elements: {count} of {size}).", {**gaps, "count": zeros}
        )
    return None


def _outside_one(given: list[Tensor], result: Result, gaps: Words) -> Told | None:
    if given[0].is_complex() or gaps["kind"] != "NaN":
        return None
    count = int((given[0].abs() > 1).sum())
    text = Text(
        "`{call}` (line {line}) is defined from −1 to 1 only (elements outside: {count} of {size}): NaN.",
        {**gaps, "count": count, "size": given[0].numel()},
    )
    return ("out_of_domain", text) if count else None


def _division(given: list[Tensor], result: Result, gaps: Words) -> Told | None:
    word, made = last_word(result.call), result_value(result)
    if made is None:
        return None
    if word in ("rtruediv", "rdiv", "reciprocal"):
        numerator, divisor = torch.ones(()), given[0]
    elif len(given) == 2:
        numerator, divisor = given
    else:
        everywhere = not bool(torch.isfinite(made).any()) and bool(torch.isfinite(given[0]).all())
        numerator, divisor = given[0], torch.zeros(()) if everywhere else torch.ones(())
    zero_by_zero = bool(((numerator == 0) & (divisor == 0)).any())
    infinite = bool((torch.isinf(numerator) & torch.isinf(divisor)).any())
    by_zero = int((divisor == 0).sum())
    gaps = {**gaps, "count": by_zero, "size": divisor.numel()}
    if gaps["kind"] == "NaN" and zero_by_zero:
        return "zero_by_zero", Text("`{call}` (line {line}) divides 0 by 0: NaN.", gaps)
    if gaps["kind"] == "NaN" and infinite:
        return "infinity_by_infinity", Text("`{call}` (line {line}) divides ∞ by ∞: NaN.", gaps)
    if by_zero:
        return "division_by_zero", Text(
            "`{call}` (line {line}) divides by 0 (elements: {count} of {size}).", gaps
        )
    return None


def _product(given: list[Tensor], result: Result, gaps: Words) -> Told | None:
    if len(given) != 2 or gaps["kind"] != "NaN":
        return None
    sums = last_word(result.call) in ("matmul", "rmatmul", "mm", "bmm")
    if sums and not any(map(kind_of, given)):
        return "overflow", Text(
            "`{call}` (line {line}) overflows: it adds up products beyond {most}, the largest number of {dtype}, of "
            "opposite signs: NaN.",
            {**gaps, **_largest_number(result)},
        )
    multiply = torch.matmul if sums else torch.mul
    zero, infinite = [(each == 0).double() for each in given], [torch.isinf(each).double() for each in given]
    if not bool((multiply(zero[0], infinite[1]) + multiply(infinite[0], zero[1])).any()):
        return None
    return "zero_times_infinity", Text("`{call}` (line {line}) multiplies 0 by ∞: NaN.", gaps)


def _difference(given: list[Tensor], result: Result, gaps: Words) -> Told | None:
    if gaps["kind"] != "NaN" or not any(bool(torch.isinf(each).any()) for each in given):
        return None
    return "infinity_minus_infinity", Text(
        "`{call}` (line {line}) adds infinities of opposite signs, or takes ∞ from ∞: NaN.", gaps
    )


def _power(given: list[Tensor], result: Result, gaps: Words) -> Told | None:
    base = given[-1] if last_word(result.call) == "rpow" else given[0]
    if base.is_complex() or last_word(result.call) == "rpow":
        return None
    if gaps["kind"] == "NaN" and bool((base < 0).any()):
        return "power_of_negative", Text(
            "`{call}` (line {line}) raises a number below 0 to a power that is not whole: NaN.", gaps
        )
    if gaps["kind"] == "∞" and bool((base == 0).any()):
        made = result_value(result)
        if made is not None and made.shape == base.shape and bool(torch.isinf(made[base == 0]).any()):
            return "division_by_zero", Text("`{call}` (line {line}) raises 0 to a negative power: ∞.", gaps)
    return None


def _softmax(given: list[Tensor], result: Result, gaps: Words) -> Told | None:
    if gaps["kind"] != "NaN" or not bool(torch.isinf(given[0]).any()):
        return None
    return "softmax_of_nothing", Text(
        "`{call}` (line {line}): a whole row is −∞ (or one element +∞), so softmax divides 0 by 0 or ∞ by ∞: NaN.",
        gaps,
    )


def _too_few(given: list[Tensor], result: Result, gaps: Words) -> Told | None:
    made = result_value(result)
    if made is None or gaps["kind"] != "NaN" or any(kind_of(each) for each in given):
        return None
    return "too_few", Text(
        "`{call}` (line {line}) has too few elements: it divides by a count of 0 and gives NaN.", gaps
    )


def _mean(given: list[Tensor], result: Result, gaps: Words) -> Told | None:
    return _difference(given, result, gaps) or _too_few(given, result, gaps)


def overflow(given: list[Tensor], result: Result, gaps: Words) -> Told:
    """All that went in is finite, and infinity came out of what is no division or logarithm."""
    return "overflow", Text(
        "`{call}` (line {line}) overflows: its result is beyond {most}, the largest number of {dtype}.",
        {**gaps, **_largest_number(result)},
    )


def _largest_number(result: Result) -> Words:
    return {"most": float(f"{torch.finfo(result.dtype).max:.6g}"), "dtype": dtype_name(result.dtype)}


FORWARD: Mapping[str, Rule] = MappingProxyType(
    {
        **dict.fromkeys(("log", "log2", "log10", "log1p", "log_"), _logarithm),
        **dict.fromkeys(("sqrt", "rsqrt"), _root),
        **dict.fromkeys(("acos", "asin", "arccos", "arcsin", "atanh", "arctanh"), _outside_one),
        **dict.fromkeys(
            ("div", "truediv", "rtruediv", "rdiv", "reciprocal", "itruediv", "true_divide", "divide"),
            _division,
        ),
        **dict.fromkeys(("mul", "rmul", "multiply", "imul", "matmul", "rmatmul", "mm", "bmm"), _product),
        **dict.fromkeys(("add", "sub", "radd", "rsub", "iadd", "isub", "sum", "cumsum"), _difference),
        "mean": _mean,
        **dict.fromkeys(("pow", "rpow", "ipow", "float_power"), _power),
        **dict.fromkeys(("softmax", "log_softmax", "logsumexp"), _softmax),
        **dict.fromkeys(
            ("std", "var", "std_mean", "var_mean", "nanmean", "cross_entropy", "nll_loss"), _too_few
        ),
    }
)
