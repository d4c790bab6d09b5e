"""The table marks exactly the dimensions torch refuses: random shapes, with torch as the oracle."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from app.worker.raised.alignment import (
    align_elements,
    align_left,
    align_matmul,
    align_right,
    clashes,
    mark_missing,
    named,
    product,
)

SIZES = st.integers(1, 3)
SHAPES = st.lists(SIZES, min_size=1, max_size=4).map(tuple)


def refused(*shapes: tuple[int, ...]) -> bool:
    first, second = map(torch.zeros, shapes)
    try:
        first + second
    except RuntimeError:
        return True
    return False


@given(SHAPES, SHAPES)
def test_broadcast_marks_the_columns_torch_refuses(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    table = align_right([(named("a"), a), (named("b"), b)])
    width = len(table.columns)
    pairs = zip((1,) * (width - len(a)) + a, (1,) * (width - len(b)) + b, strict=True)
    assert clashes(table) == [at for at, (x, y) in enumerate(pairs) if refused((x,), (y,))]
    assert bool(clashes(table)) == refused(a, b)


@given(SHAPES, SHAPES)
def test_matmul_marks_a_column_exactly_when_torch_refuses(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    table = align_matmul((named("a"), a), (named("b"), b))
    try:
        torch.zeros(a) @ torch.zeros(b)
        fits = True
    except RuntimeError:
        fits = False
    assert (clashes(table) == []) == fits
    inner = len(table.columns) - 2
    assert (inner in clashes(table)) == (a[-1] != b[max(len(b) - 2, 0)])


@given(SHAPES, SHAPES, st.integers(0, 3))
def test_cat_marks_a_column_exactly_when_torch_refuses(
    a: tuple[int, ...], b: tuple[int, ...], dim: int
) -> None:
    dim %= len(a)
    table = mark_missing(align_left([(named("a"), a), (named("b"), b)], free=dim))
    try:
        torch.cat([torch.ones(a), torch.ones(b)], dim)
        fits = True
    except (RuntimeError, IndexError):
        fits = False
    assert (clashes(table) == []) == fits


@given(SHAPES, st.lists(st.integers(1, 6), min_size=1, max_size=3), st.booleans())
def test_reshape_marks_the_elements_exactly_when_torch_refuses(
    shape: tuple[int, ...], wanted: list[int], open_ended: bool
) -> None:
    target = (*wanted, -1) if open_ended else tuple(wanted)
    table = align_elements((named("x"), shape), (named("target"), target))
    try:
        torch.zeros(shape).reshape(target)
        fits = True
    except RuntimeError:
        fits = False
    assert (clashes(table) == []) == fits
    assert table.rows[0].sizes[-1] == product(shape)
