"""Laws of heatmaps: at most 8 x 8 cells, zero in the middle, and what is not finite has a mark of its own."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.drawing.heatmap import WIDTH, cell_size, draw_heatmap, rows_of
from app.vocabulary.values import Nested, Statistics, TensorValue


def value(data: Nested) -> TensorValue:
    return TensorValue(data, None, None)


def kinds(data: Nested) -> set[str]:
    return {kind for kind, _ in draw_heatmap(value(data)).inks}


def table(rows: int, columns: int) -> Nested:
    return tuple(tuple(float(row * columns + column) for column in range(columns)) for row in range(rows))


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        ((1.0, 2.0), (1, 2)),
        (tuple(range(16)), (1, 16)),
        (tuple(range(17)), (3, 8)),
        (tuple(range(500)), (8, 8)),
        (table(3, 4), (3, 4)),
        (table(30, 40), (8, 8)),
        ((table(2, 3), table(2, 3)), (4, 3)),
        (((), ()), (2, 0)),
        ((), (1, 0)),
    ],
)
def test_any_tensor_becomes_a_small_table(data: Nested, shape: tuple[int, int]) -> None:
    rows = rows_of(data)
    assert (len(rows), max(map(len, rows))) == shape


def test_rows_beyond_the_map_are_thinned_evenly() -> None:
    rows = rows_of(table(16, 2))
    assert [row[0] for row in rows] == [4.0 * step for step in range(8)]


def test_zero_has_the_middle_colour_for_itself() -> None:
    assert kinds((0.0, 1e-30, -1e-30, 1.0)) == {"h8", "h9", "h7", "h16"}


def test_signs_are_opposite_colours() -> None:
    assert kinds((-1.0, 1.0)) == {"h0", "h16"}


def test_what_is_not_finite_has_marks() -> None:
    assert kinds(("NaN", "Infinity", "-Infinity", 2.0)) == {"nan", "inf", "neginf", "h16"}


def test_all_zero_is_all_middle() -> None:
    assert kinds((0.0, 0.0)) == {"h8"}


@given(st.lists(st.lists(st.floats(-10, 10), min_size=3, max_size=3), min_size=1, max_size=10))
def test_cells_cover_the_map_once(rows: list[list[float]]) -> None:
    heatmap = draw_heatmap(value(tuple(tuple(row) for row in rows)))
    width, height = cell_size(heatmap.across, heatmap.down)
    runs = [run for _, path in heatmap.inks for run in re.findall(r"M(\d+) (\d+)h(\d+)", path)]
    cells = {(int(x) + step, int(y)) for x, y, length in runs for step in range(0, int(length), width)}
    assert cells == {
        (width * column, height * row + height // 2)
        for column in range(heatmap.across)
        for row in range(heatmap.down)
    }
    assert heatmap.across * width <= WIDTH


def test_cell_beyond_its_statistics_is_as_strong_as_can_be() -> None:
    """What a sealed child sends may be anything, even a scale so small that a share of it is no number."""
    told = TensorValue((1e308, -1.0, 0.0, "NaN"), None, Statistics(minimum=-5e-324, maximum=5e-324))
    assert {kind for kind, _ in draw_heatmap(told).inks} == {"h16", "h0", "h8", "nan"}
