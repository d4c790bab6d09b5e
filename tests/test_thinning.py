"""A thinned curve is small, in order, exact at its ends, and has every spike; torn batches change nothing."""

from __future__ import annotations

import math
from itertools import pairwise
from time import process_time

from hypothesis import given, settings
from hypothesis import strategies as some

from app.thinning import RibbonThinner, Thinner, reach_of, thin_curve, thin_points, thin_ribbon
from app.vocabulary.training import Curve, Histogram, Points, Ribbon, Series
from app.vocabulary.values import as_float, spell

SERIES = Series(3, "loss", "loss", None)
VALUES = some.lists(
    some.one_of(some.floats(-1e6, 1e6), some.sampled_from([math.nan, math.inf, -math.inf])),
    min_size=1,
    max_size=600,
)
CAPACITIES = some.integers(16, 200)


def points_of(values: list[float], start: int = 0, stride: int = 1) -> Points:
    steps = tuple(range(start, start + stride * len(values), stride))
    return Points(3, steps, tuple(map(spell, values)), tuple(step // 10 for step in steps))


def thinned(values: list[float], capacity: int, stride: int = 1) -> Curve:
    thinner = Thinner(SERIES, capacity)
    thinner.add(points_of(values, 0, stride))
    curve = thinner.curve()
    assert curve is not None
    return curve


@given(VALUES, CAPACITIES, some.integers(1, 7))
@settings(max_examples=150, deadline=None)
def test_thinned_curve_is_small_ordered_and_exact(values: list[float], capacity: int, stride: int) -> None:
    curve = thinned(values, capacity, stride)
    finite = [each for each in values if math.isfinite(each)]
    bad = [step * stride for step, each in enumerate(values) if not math.isfinite(each)]
    steps = curve.points.steps
    assert len(steps) == len(curve.points.values) == len(curve.points.epochs) <= capacity
    assert list(steps) == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, stride * (len(values) - 1))
    assert (curve.count, curve.first, curve.last) == (len(values), spell(values[0]), spell(values[-1]))
    assert curve.minimum == min(finite, default=None)
    assert curve.maximum == max(finite, default=None)
    assert curve.first_bad == next(iter(bad), None)


@given(VALUES, CAPACITIES)
@settings(max_examples=100, deadline=None)
def test_every_point_kept_is_a_point_that_was_given(values: list[float], capacity: int) -> None:
    points = thinned(values, capacity).points
    assert points.values == tuple(spell(values[step]) for step in points.steps)
    assert points.epochs == tuple(step // 10 for step in points.steps)


@given(VALUES, CAPACITIES)
@settings(max_examples=100, deadline=None)
def test_least_and_greatest_stay_and_so_does_a_nan(values: list[float], capacity: int) -> None:
    kept = [as_float(each) for each in thinned(values, capacity).points.values]
    finite = [each for each in values if math.isfinite(each)]
    if finite:
        assert {min(finite), max(finite)} <= set(kept)
    assert any(map(math.isfinite, kept)) == bool(finite)
    assert all(map(math.isfinite, kept)) == all(map(math.isfinite, values))


@given(VALUES, CAPACITIES)
@settings(max_examples=60, deadline=None)
def test_newest_points_are_never_thinned(values: list[float], capacity: int) -> None:
    newest = max(1, capacity // 8)
    assert thinned(values, capacity).points.steps[-newest:] == tuple(range(len(values)))[-newest:]


@given(VALUES, CAPACITIES, some.lists(some.integers(1, 50), max_size=40))
@settings(max_examples=100, deadline=None)
def test_curve_does_not_depend_on_the_batches(values: list[float], capacity: int, cuts: list[int]) -> None:
    torn = Thinner(SERIES, capacity)
    start = 0
    for length in [*cuts, len(values)]:
        torn.add(points_of(values[start : start + length], start))
        start += length
    assert torn.curve() == thinned(values, capacity)


def test_spikes_of_a_long_run_survive_within_the_budget() -> None:
    spikes = {123_457: 50.0, 500_001: -40.0, 777_777: 60.0}
    thinner = Thinner(SERIES, 2_048)
    for start in range(0, 1_000_000, 50_000):
        steps = range(start, start + 50_000)
        thinner.add(Points(3, tuple(steps), tuple(spikes.get(step, math.exp(-step / 3e5)) for step in steps)))
    curve = thinner.curve()
    assert curve is not None
    kept = dict(zip(curve.points.steps, curve.points.values, strict=True))
    assert {step: kept[step] for step in spikes} == spikes
    assert len(kept) <= 2_048
    assert curve.count == 1_000_000


def test_spikes_stand_out_of_every_stretch() -> None:
    """Each of 40 spikes far apart is there, not only the highest."""
    values = [100.0 + step if step % 2_500 == 0 else 1.0 for step in range(100_000)]
    kept = set(thinned(values, 512).points.steps)
    assert set(range(0, 100_000, 2_500)) <= kept


def test_thinner_keeps_up_with_a_fast_loop() -> None:
    points = points_of([math.sin(step) for step in range(100_000)])
    thinner = Thinner(SERIES, 2_048)
    started = process_time()
    thinner.add(points)
    assert process_time() - started < 4.0


@given(VALUES, some.integers(16, 64))
@settings(max_examples=60, deadline=None)
def test_thinning_a_curve_again_keeps_what_it_says_of_the_whole(values: list[float], capacity: int) -> None:
    curve = thinned(values, 200)
    smaller = thin_curve(curve, capacity)
    assert len(smaller.points.steps) <= max(capacity, 16)
    assert (smaller.count, smaller.first, smaller.last) == (curve.count, curve.first, curve.last)
    assert (smaller.minimum, smaller.maximum) == (curve.minimum, curve.maximum)
    assert smaller.points.steps[0] == curve.points.steps[0]
    assert smaller.points.steps[-1] == curve.points.steps[-1]


def test_numbers_too_large_for_a_float_become_infinite() -> None:
    thinner = Thinner(SERIES, 16)
    thinner.add(Points(3, (0, 1), (10**400, -(10**400))))
    curve = thinner.curve()
    assert curve is not None
    assert curve.points.values == ("Infinity", "-Infinity")
    assert Thinner(SERIES, 16).curve() is None


# -------------------------------------------------------------------------------------------------------- ribbons

RIBBON = Ribbon(2, "w", "grad", 10, ())
REACHES = some.lists(some.floats(0, 1e6) | some.none(), min_size=1, max_size=300)


def histograms_of(reaches: list[float | None], stride: int = 1) -> list[Histogram]:
    """None is a tensor without a finite element."""
    return [
        Histogram(step * stride, None, None, (), 10, None)
        if reach is None
        else Histogram(step * stride, -reach, reach, (4, 6), 0, reach / 2)
        for step, reach in enumerate(reaches)
    ]


@given(REACHES, some.integers(4, 40), some.integers(1, 9))
@settings(max_examples=120, deadline=None)
def test_thinned_ribbon_is_small_ordered_and_of_what_was_given(
    reaches: list[float | None], capacity: int, stride: int
) -> None:
    given_ones = histograms_of(reaches, stride)
    ribbon = thin_ribbon(Ribbon(2, "w", "grad", 10, tuple(given_ones)), capacity)
    kept = ribbon.histograms
    assert len(kept) <= capacity
    assert set(kept) <= set(given_ones)
    assert [each.step for each in kept] == sorted({each.step for each in kept})
    assert (kept[0], kept[-1]) == (given_ones[0], given_ones[-1])
    assert max(map(reach_of, kept)) == max(map(reach_of, given_ones))


@given(REACHES, some.integers(4, 40), some.lists(some.integers(1, 30), max_size=20))
@settings(max_examples=80, deadline=None)
def test_ribbon_does_not_depend_on_the_batches(
    reaches: list[float | None], capacity: int, cuts: list[int]
) -> None:
    whole, torn = RibbonThinner(RIBBON, capacity), RibbonThinner(RIBBON, capacity)
    whole.add(histograms_of(reaches))
    start = 0
    for length in [*cuts, len(reaches)]:
        torn.add(histograms_of(reaches)[start : start + length])
        start += length
    assert torn.ribbon() == whole.ribbon()


def test_histograms_of_a_long_run_are_spread_evenly() -> None:
    thinner = RibbonThinner(RIBBON, 64)
    thinner.add(histograms_of([1.0] * 20_000))
    steps = [each.step for each in thinner.ribbon().histograms]
    assert 30 <= len(steps) <= 64
    assert max(later - earlier for earlier, later in pairwise(steps)) <= 20_000 / 30


def test_a_million_points_keep_their_spikes_and_exact_ends() -> None:
    count, spike, dip = 1_000_000, 654_321, 777_777
    thinner = Thinner(SERIES, 2_048)
    for start in range(0, count, 400):
        steps = range(start, start + 400)
        values = [1 / (1 + step) + (9.0 if step == spike else -9.0 if step == dip else 0.0) for step in steps]
        thinner.add(Points(3, tuple(steps), tuple(values)))
    curve = thinner.curve()
    assert curve is not None
    assert len(curve.points.steps) <= 2_048
    kept = dict(zip(curve.points.steps, curve.points.values, strict=True))
    assert (kept[spike], kept[dip]) == (9 + 1 / (1 + spike), -9 + 1 / (1 + dip))
    assert (curve.count, curve.first, curve.last) == (count, 1.0, 1 / count)
    assert (curve.minimum, curve.maximum) == (kept[dip], kept[spike])
    gaps = [later - sooner for sooner, later in pairwise(curve.points.steps)]
    assert max(gaps) <= 2 * count / 500  # everywhere as fine as the room allows


@given(VALUES, CAPACITIES)
@settings(max_examples=60, deadline=None)
def test_points_of_a_fast_loop_are_thinned_but_counted(values: list[float], most: int) -> None:
    sent = thin_points(points_of(values), most)
    assert len(sent.steps) <= most
    assert len(sent.steps) + sent.left_out == len(values)
    whole, told = Thinner(SERIES, 200), Thinner(SERIES, 200)
    whole.add(points_of(values))
    told.add(sent)
    one, other = whole.curve(), told.curve()
    assert one is not None
    assert other is not None
    for name in ("count", "first", "last", "minimum", "maximum", "first_bad"):
        assert getattr(one, name) == getattr(other, name), name
