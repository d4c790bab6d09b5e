"""Laws of grouping: parts cover the call order once, fit the page, follow the program, and can all be opened."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.drawing.call_order import wire
from app.drawing.group_names import group_hint, group_title
from app.drawing.grouping import Calls, Part, count_boxes, group, read_calls, split, split_path
from app.vocabulary.graph import AutogradGraph
from app.words import in_english
from tests.drawing.graphs import loop_graph, module_chain

NONE_OPENED: frozenset[str] = frozenset()


def calls_of(lines: Sequence[int | None], modules: Sequence[str] | None = None, leaves: int = 1) -> Calls:
    paths = tuple(split_path(module) for module in modules or [""] * len(lines))
    tokens = tuple(None if line is None else (line, 0, "Op") for line in lines)
    return Calls(paths, tokens, tuple([leaves] * len(lines)))


@st.composite
def any_calls(draw: st.DrawFn) -> Calls:
    count = draw(st.integers(1, 60))
    line = st.one_of(st.none(), st.integers(1, 3))
    lines = draw(st.lists(line, min_size=count, max_size=count))
    module = st.sampled_from(["", "a", "a.b", "a.b[0]", "a.c", "d"])
    modules = draw(st.lists(module, min_size=count, max_size=count))
    leaves = tuple(draw(st.lists(st.integers(0, 5), min_size=count, max_size=count)))
    return Calls(tuple(map(split_path, modules)), calls_of(lines).tokens, leaves)


def covers(parts: Sequence[Part], start: int, end: int) -> bool:
    """Whether these parts follow each other without a gap."""
    joined = all(left.end == right.start for left, right in pairwise(parts))
    return joined and parts[0].start == start and parts[-1].end == end


@given(any_calls(), st.integers(1, 80))
def test_parts_cover_the_calls_once_and_fit(calls: Calls, most: int) -> None:
    parts = group(calls, most, NONE_OPENED)
    assert covers(parts, 0, len(calls.tokens))
    assert count_boxes(calls, parts) <= most


@given(any_calls())
def test_any_part_can_be_opened_down_to_its_nodes(calls: Calls) -> None:
    waiting = list(group(calls, 1, NONE_OPENED))
    for _ in range(1_000):
        grouped = [part for part in waiting if part.kind != "node"]
        if not grouped:
            break
        for part in grouped:
            assert covers(split(calls, part), part.start, part.end)
        waiting = [inner for part in waiting for inner in split(calls, part)]
    assert [(part.start, part.end) for part in waiting] == [(n, n + 1) for n in range(len(calls.tokens))]


@given(any_calls(), st.integers(2, 80))
def test_opening_everything_still_fits(calls: Calls, most: int) -> None:
    opened = NONE_OPENED
    for _ in range(6):
        parts = group(calls, most, opened)
        assert covers(parts, 0, len(calls.tokens))
        assert count_boxes(calls, parts) <= most
        opened |= {part.key for part in parts}


def test_loop_over_one_line_is_one_part() -> None:
    parts = group(calls_of([1, *[2] * 50, 3]), 20, NONE_OPENED)
    assert [(part.kind, part.start, part.end, part.times) for part in parts] == [
        ("node", 0, 1, 1),
        ("lines", 1, 51, 50),
        ("node", 51, 52, 1),
    ]


def test_loop_over_several_lines_is_one_part() -> None:
    parts = group(calls_of([1, *[2, 3, 4] * 40, 5]), 20, NONE_OPENED)
    assert [(part.kind, part.times) for part in parts] == [("node", 1), ("lines", 40), ("node", 1)]


def test_loop_in_a_loop_is_one_part() -> None:
    parts = group(calls_of([2, 2, 2, 3] * 20), 20, NONE_OPENED)
    assert [(part.kind, part.start, part.end, part.times) for part in parts] == [("lines", 0, 80, 20)]


def test_loop_over_modules_is_one_part() -> None:
    calls = calls_of([2, 2, 3] * 40, ["cell", "cell", "head"] * 40)
    assert [(part.kind, part.times) for part in group(calls, 20, NONE_OPENED)] == [("lines", 40)]


def test_module_used_twice_is_two_parts() -> None:
    """Grouped by name alone they would be on a cycle."""
    calls = calls_of([None] * 9, ["relu"] * 3 + ["fc"] * 3 + ["relu"] * 3)
    parts = group(calls, 8, NONE_OPENED)
    assert [(part.kind, part.start, part.end) for part in parts] == [
        ("module", 0, 3),
        ("module", 3, 6),
        ("module", 6, 9),
    ]


def test_levels_of_modules_open_while_they_fill_a_quarter() -> None:
    modules = [
        f"net.layers[{layer}].{name}" for layer in range(4) for name in ("fc", "norm") for _ in range(5)
    ]
    calls = calls_of([None] * 40, modules, leaves=0)
    assert [len(group(calls, most, NONE_OPENED)) for most in (39, 32, 31, 16, 4, 3)] == [8, 8, 4, 4, 4, 2]


def test_calls_that_have_nothing_in_common_become_runs_of_equal_size() -> None:
    calls = calls_of(list(range(100)), leaves=0)
    parts = group(calls, 10, NONE_OPENED)
    assert [(part.kind, part.end - part.start) for part in parts] == [("run", 10)] * 10


def test_one_call_with_too_many_leaves_is_a_group() -> None:
    assert [part.kind for part in group(calls_of([1], leaves=500), 300, NONE_OPENED)] == ["run"]


def test_opened_loop_shows_stretches_then_iterations_then_calls() -> None:
    calls = calls_of([2, 3] * 1_000)
    opened = frozenset({"lines-0-2000"})
    stretches = group(calls, 300, opened)
    assert [(part.times, part.first) for part in stretches[:2]] == [(42, 0), (42, 42)]
    iterations = group(calls, 300, opened | {stretches[1].key})
    assert [part.times for part in iterations[:3]] == [42, 2, 2]


@pytest.mark.parametrize("line_count", [60_000])
def test_looking_for_loops_is_fast_whatever_the_program(line_count: int) -> None:
    """The worst case: stretches that repeat but for their last call."""
    lines = [step % 255 if step % 255 != 254 else 1_000 + step for step in range(line_count)]
    start = process_time()
    group(calls_of(lines), 300, NONE_OPENED)
    assert process_time() - start < 10


def titles(graph: AutogradGraph, most: int) -> list[tuple[str, str | None]]:
    wiring = wire(graph)
    nodes = [wiring.nodes[place] for place in wiring.calls]
    parts = group(read_calls(nodes, [1] * len(nodes)), most, NONE_OPENED)
    said = []
    for part in parts:
        hint = group_hint(part)
        title = in_english(group_title(part, nodes[part.start : part.end]))
        said.append((title, None if hint is None else in_english(hint)))
    return said


def test_groups_are_named_after_what_the_program_says() -> None:
    assert titles(loop_graph(1_000, lines=(12,)), 10) == [("line 12 × 1,000", "iterations 1–1,000")]
    assert titles(loop_graph(40, lines=(12, 14)), 10) == [("lines 12–14 × 40", "iterations 1–40")]
    assert titles(module_chain(["net.fc1", "net.act", "net.layers[0]"]), 6) == [
        ("net.fc1", None),
        ("net.act", None),
        ("net.layers", None),
    ]
