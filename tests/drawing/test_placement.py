"""Laws of the placement, for any graph: nothing overlaps, edges go down and join the right borders, always the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import combinations, pairwise
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import isotonic_regression

from app.drawing.isotonic import isotonic
from app.drawing.placement import Placement, PlacementCache, place
from app.drawing.ranks import Link
from benchmarks.placement import SIZE, from_torch, long_short

Sizes = list[tuple[int, int]]
Graph = tuple[Sizes, list[Link]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any acyclic graph, with several edges between two boxes, several outputs and separate parts; in any order."""
    count = draw(st.integers(1, 24))
    even = st.integers(10, 120).map(lambda half: 2 * half)
    sizes = draw(st.lists(st.tuples(even, even), min_size=count, max_size=count))
    names = draw(st.permutations(range(count)))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(
        lambda pair: pair[0] < pair[1]
    )
    chosen = draw(st.lists(pairs, max_size=40)) if count > 1 else []
    ports = [0] * count
    links: list[Link] = []
    for consumer, producer in chosen:
        links.append((names[consumer], ports[consumer], names[producer]))
        ports[consumer] += 1
    return sizes, draw(st.permutations(links))


def residual_chain(length: int) -> Graph:
    links: list[Link] = [(box - 1, 0, box) for box in range(1, length)]
    links += [(box - 3, 1, box) for box in range(3, length, 3)]
    return [(120, 60)] * length, links


def border(placement: Placement, sizes: Sizes, box: int) -> tuple[float, float, float, float]:
    """Left, top, right, bottom."""
    (x, y), (width, height) = placement.centres[box], sizes[box]
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


@given(graphs())
def test_no_two_boxes_overlap(graph: Graph) -> None:
    sizes, links = graph
    placement = place(sizes, links)
    borders = [border(placement, sizes, box) for box in range(len(sizes))]
    for one, other in combinations(borders, 2):
        beside = one[2] <= other[0] or other[2] <= one[0]
        assert beside or one[3] <= other[1] or other[3] <= one[1]


@given(graphs())
def test_everything_lies_on_the_page(graph: Graph) -> None:
    sizes, links = graph
    placement = place(sizes, links)
    points = [point for route in placement.routes for point in route.points]
    for box in range(len(sizes)):
        left, top, right, bottom = border(placement, sizes, box)
        points += [(round(left), round(top)), (round(right), round(bottom))]
    assert all(0 <= x <= placement.width and 0 <= y <= placement.height for x, y in points)


@given(graphs())
def test_edges_only_go_down(graph: Graph) -> None:
    for route in place(*graph).routes:
        assert all(above[1] < below[1] for above, below in pairwise(route.points))


@given(graphs())
def test_edge_runs_from_its_producers_border_to_its_consumers(graph: Graph) -> None:
    sizes, links = graph
    placement = place(sizes, links)
    for (consumer, _, producer), route in zip(links, placement.routes, strict=True):
        left, _, right, bottom = border(placement, sizes, producer)
        start_x, start_y = route.points[0]
        assert start_y == bottom
        assert left <= start_x <= right
        left, top, right, _ = border(placement, sizes, consumer)
        end_x, end_y = route.points[-1]
        assert end_y == top
        assert left <= end_x <= right


@given(graphs())
def test_edges_never_run_through_a_box(graph: Graph) -> None:
    sizes, links = graph
    placement = place(sizes, links)
    borders = [border(placement, sizes, box) for box in range(len(sizes))]
    for route in placement.routes:
        for (x, y), (next_x, next_y) in pairwise(route.points):
            for left, top, right, bottom in borders:
                beside = max(x, next_x) <= left or min(x, next_x) >= right
                assert beside or next_y <= top or y >= bottom


@given(graphs())
def test_same_graph_is_placed_the_same(graph: Graph) -> None:
    assert place(*graph) == place(*graph)


@given(graphs())
def test_order_of_the_links_does_not_matter(graph: Graph) -> None:
    sizes, links = graph
    placement = place(sizes, links)
    turned = place(sizes, links[::-1])
    assert turned.centres == placement.centres
    assert turned.routes == placement.routes[::-1]


@given(st.integers(2, 12), st.data())
def test_operands_of_one_call_stand_in_port_order(count: int, data: st.DataObject) -> None:
    """Leaves above one consumer, and edges from one box, arrive from left to right in the order of their ports."""
    sources = data.draw(st.sampled_from([list(range(1, count + 1)), [1] * count]))
    links: list[Link] = [(0, port, source) for port, source in enumerate(sources)]
    placement = place([(120, 60)] * (count + 1), data.draw(st.permutations(links)))
    assert [x for x, _ in placement.centres[1:]] == sorted(x for x, _ in placement.centres[1:])
    in_order = place([(120, 60)] * (count + 1), links)
    arrivals = [route.points[-1][0] for route in in_order.routes]
    assert arrivals == sorted(arrivals)


def test_output_stands_at_the_bottom_and_operands_just_above_their_consumer() -> None:
    placement = place([(120, 60)] * 5, [(0, 0, 1), (0, 1, 2), (1, 0, 3), (1, 1, 4)])
    heights = [y for _, y in placement.centres]
    assert heights[0] > heights[1] == heights[2] > heights[3] == heights[4]


def test_leaves_of_one_call_stand_on_both_sides_of_what_it_computes_with() -> None:
    """As a batch norm's do: its input straight above it, its parameters and buffers beside that, all in a row."""
    links: list[Link] = [(0, port, 1 + port) for port in range(5)] + [(1, 0, 6)]
    centres = place([(120, 60)] * 7, links).centres
    assert centres[0][0] == centres[1][0] == centres[6][0]
    assert sorted(range(1, 6), key=lambda box: centres[box][0]) == [2, 3, 1, 4, 5]
    assert len({y for _, y in centres[1:6]}) == 1


def test_longest_chain_is_straight() -> None:
    sizes, links = residual_chain(31)
    assert len({x for x, _ in place(sizes, links).centres}) == 1


def test_chains_that_are_joined_do_not_drift_apart() -> None:
    """An LSTM's states and cells, over thirty steps: without anything against it, an edge goes 135 pixels aside."""
    lstm = from_torch("LSTMCell-30", long_short(30))
    routes = place([SIZE] * lstm.boxes, lstm.links).routes
    aside = sum(abs(one[0] - two[0]) for route in routes for one, two in pairwise(route.points))
    assert aside / len(lstm.links) < 75


def test_separate_graphs_stand_side_by_side_on_one_line() -> None:
    placement = place([(100, 50)] * 4, [(0, 0, 1), (2, 0, 3)])
    assert placement.centres[0][1] == placement.centres[2][1]
    assert placement.centres[0][0] < placement.centres[2][0]


def test_nothing_to_place_is_an_empty_page() -> None:
    placement = place([], [])
    assert (placement.centres, placement.routes) == ((), ())


@pytest.mark.parametrize("links", [[(0, 0, 0)], [(0, 0, 1), (1, 0, 0)], [(0, 0, 1), (1, 0, 2), (2, 0, 1)]])
def test_cycle_is_refused(links: list[Link]) -> None:
    with pytest.raises(ValueError, match="cycle"):
        place([(100, 50)] * 3, links)


def test_deep_chain_needs_no_deep_stack() -> None:
    placement = place([(100, 40)] * 10_000, [(box, 0, box + 1) for box in range(9_999)])
    assert len({x for x, _ in placement.centres}) == 1


def test_many_long_edges_stay_cheap() -> None:
    """A stack of everything a loop made: as many long edges as steps."""
    steps = 3_000
    links: list[Link] = [(0, step, 1 + step) for step in range(steps)]
    links += [(1 + step, 0, 2 + step) for step in range(steps - 1)]
    start = process_time()
    place([(100, 40)] * (steps + 1), links)
    assert process_time() - start < 10


def test_time_grows_in_line_with_the_graph() -> None:
    """The target is 0.3 s for 10,000 boxes; ten times that is a broken law on any machine."""
    start = process_time()
    place(*residual_chain(10_000))
    assert process_time() - start < 3


# ------------------------------------------------------------------------------------------------ isotonic regression

Wish = tuple[float, float, float]
"""What one element wants, how heavy it is, and its distance from the one before."""


@given(
    st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0.1, 100), st.floats(0, 100)), min_size=1, max_size=30)
)
def test_isotonic_keeps_distances_and_agrees_with_scikit_learn(wishes: list[Wish]) -> None:
    wanted, weights = [wish[0] for wish in wishes], [wish[1] for wish in wishes]
    offsets = [sum(gap for _, _, gap in wishes[1 : place_in + 1]) for place_in in range(len(wishes))]
    found = isotonic(wanted, weights, offsets)
    assert all(
        right - left >= far - near - 1e-6
        for (left, right), (near, far) in zip(pairwise(found), pairwise(offsets), strict=True)
    )
    levels = isotonic_regression(
        [want - offset for want, offset in zip(wanted, offsets, strict=True)], sample_weight=weights
    )
    assert found == pytest.approx(
        [float(level) + offset for level, offset in zip(levels, offsets, strict=True)]
    )


# ------------------------------------------------------------------------------------------------ the cache


def test_cache_gives_what_place_gives_and_stays_small() -> None:
    cache = PlacementCache(entries=3)
    for length in range(1, 10):
        sizes, links = residual_chain(length)
        assert cache.place(tuple(sizes), tuple(links)) == place(sizes, links)
    assert len(cache) == 3


def test_cache_gives_the_same_object_for_the_same_structure() -> None:
    cache = PlacementCache()
    sizes, links = residual_chain(9)
    assert cache.place(tuple(sizes), tuple(links)) is cache.place(tuple(sizes), tuple(links))


def test_cache_does_not_keep_what_is_large() -> None:
    cache = PlacementCache(most=5)
    sizes, links = residual_chain(9)
    cache.place(tuple(sizes), tuple(links))
    assert len(cache) == 0


def test_cache_serves_several_threads() -> None:
    cache = PlacementCache(entries=2)
    inputs = [residual_chain(length) for length in range(1, 8)] * 20
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda graph: cache.place(tuple(graph[0]), tuple(graph[1])), inputs))
    assert found == [place(*graph) for graph in inputs]


@settings(max_examples=30)
@given(graphs())
def test_crossing_reduction_never_makes_it_worse(graph: Graph) -> None:
    from app.drawing.order import _distances as distances_of
    from app.drawing.order import _walk, count_crossings, order_layers  # the start order is not public
    from app.drawing.ranks import build_layers

    layered = build_layers(len(graph[0]), sorted(graph[1]))

    def crossings(layers: list[list[int]]) -> int:
        places = [0] * len(layered.ranks)
        for layer in layers:
            for place_in, element in enumerate(layer):
                places[element] = place_in
        return count_crossings(layered, layers, places)

    assert crossings(order_layers(layered)) <= crossings(_walk(layered, distances_of(layered)))
