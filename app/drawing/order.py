"""Order: who stands left of whom on each rank, so that few edges cross.

It starts from a depth-first walk (which is already right for a tree, and for blocks with a way around them), then
sweeps up and down sorting each rank by the mean place of its neighbours, keeps the best order seen, and last swaps
neighbours where that helps. Ties keep port order, so the first operand stays left where nothing speaks against it.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass

from app.drawing.ranks import Layered

Layers = list[list[int]]

FAR = 10**9
SECOND_TRY = 2_000
"""Elements of the largest graph that is also tried from the other side when crossings are left."""
SWEEP_BUDGET = 60_000
"""Elements visited by all sweeps together; a graph gets between FEWEST and MOST sweeps."""
FEWEST, MOST = 2, 24
PATIENCE = 6
"""Sweeps without a gain before giving up."""
SWAP_BUDGET = 4_000
"""Elements of the largest graph whose neighbours are swapped one by one."""
SWAP_PAIRS = 1_000
"""Pairs of edges compared for one swap."""


def order_layers(layered: Layered) -> Layers:
    """Elements of each rank from left to right; index 0 is the bottom rank."""
    distances = _distances(layered)
    best = _improve(layered, _walk(layered, distances))
    if best.crossings and len(layered.ranks) <= SECOND_TRY:
        other = _improve(layered, _walk(layered, [-distance for distance in distances]))
        best = min(best, other, key=lambda order: order.crossings)
    return best.layers


@dataclass(frozen=True, slots=True)
class _Order:
    layers: Layers
    crossings: int


def _improve(layered: Layered, layers: Layers) -> _Order:
    places = [0] * len(layered.ranks)
    for layer in layers:
        _note_places(layer, places)
    crossings = count_crossings(layered, layers, places)
    if not crossings:
        return _Order(layers, 0)
    best = _sweep(layered, _Order(layers, crossings), places)
    if best.crossings and len(places) <= SWAP_BUDGET:
        _swap(layered, best.layers, places)
        return _Order(best.layers, count_crossings(layered, best.layers, places))
    return best


# ------------------------------------------------------------------------------------------------ the first order


def _distances(layered: Layered) -> list[int]:
    """From each element up to the nearest one that feeds several: 0 for that, FAR where there is none.

    What soon leads back to something shared (a residual connection) goes first, to the left; leaves go last. So the
    way around stays on one side, and what belongs to one consumer alone on the other.
    """
    distances = [FAR] * len(layered.ranks)
    by_rank: Layers = [[] for _ in range(max(layered.ranks, default=-1) + 1)]
    for element, rank in enumerate(layered.ranks):
        by_rank[rank].append(element)
    for layer in reversed(by_rank):
        for element in layer:
            if element >= layered.boxes or len(layered.below[element]) > 1:
                distances[element] = 0
            elif layered.above[element]:
                nearest = min([distances[other] for other in layered.above[element]])
                distances[element] = min(FAR, nearest + 1)
    return distances


def _walk(layered: Layered, distances: list[int]) -> Layers:
    """Depth first from the outputs; operands by their distance, then in port order."""
    layers: Layers = [[] for _ in range(max(layered.ranks, default=-1) + 1)]
    seen = bytearray(len(layered.ranks))
    for box in range(layered.boxes):
        if layered.below[box] or seen[box]:
            continue
        stack = [box]
        while stack:
            element = stack.pop()
            if seen[element]:
                continue
            seen[element] = 1
            layers[layered.ranks[element]].append(element)
            found = layered.above[element]
            stack += reversed(_arrange(found, distances) if len(found) > 1 else found)
    return layers


def _arrange(operands: list[int], distances: list[int]) -> list[int]:
    """By distance; of several that are the consumer's own, one half goes before the last that is not."""
    near = [operand for operand in operands if distances[operand] < FAR]
    if not near or len(operands) - len(near) < 2:
        return sorted(operands, key=distances.__getitem__)
    near.sort(key=distances.__getitem__)
    own = [operand for operand in operands if distances[operand] == FAR]
    half = len(own) // 2
    return [*near[:-1], *own[:half], near[-1], *own[half:]]


def _note_places(layer: list[int], places: list[int]) -> None:
    for place, element in enumerate(layer):
        places[element] = place


# ------------------------------------------------------------------------------------------------ sweeps


def _sweep(layered: Layered, first: _Order, places: list[int]) -> _Order:
    """The best order found by sorting up and down; `places` are left to fit it."""
    layers = [list(layer) for layer in first.layers]
    best, idle = first, 0
    for sweep in range(max(FEWEST, min(MOST, SWEEP_BUDGET // len(places)))):
        (_sweep_down if sweep % 2 else _sweep_up)(layered, layers, places)
        crossings = count_crossings(layered, layers, places)
        idle += 1
        if crossings < best.crossings:
            best, idle = _Order([list(layer) for layer in layers], crossings), 0
        if not best.crossings or idle == PATIENCE:
            break
    for layer in best.layers:
        _note_places(layer, places)
    return best


def _sweep_up(layered: Layered, layers: Layers, places: list[int]) -> None:
    """From the bottom to the top: each element over the ports it feeds."""
    below, ports = layered.below, layered.ports
    keys: dict[int, float] = {}
    for layer in layers[1:]:
        if len(layer) < 2:
            continue
        for element in layer:
            found = below[element]
            if len(found) == 1:
                keys[element] = places[found[0]] + ports[element][0]
            elif found:
                total = sum([places[other] for other in found]) + sum(ports[element])
                keys[element] = total / len(found)
        _sort_layer(layer, keys, places)


def _sweep_down(layered: Layered, layers: Layers, places: list[int]) -> None:
    """From the top to the bottom: each element under its operands; leaves stay where they are."""
    above = layered.above
    keys: dict[int, float] = {}
    for layer in reversed(layers[:-1]):
        if len(layer) < 2:
            continue
        for element in layer:
            found = above[element]
            if found:
                keys[element] = sum([places[other] for other in found]) / len(found)
        _sort_layer(layer, keys, places)


def _sort_layer(layer: list[int], keys: dict[int, float], places: list[int]) -> None:
    """Sort by key; elements without one keep their place."""
    moving = [element for element in layer if element in keys]
    if len(moving) < 2:
        return
    moving.sort(key=keys.__getitem__)
    if len(moving) == len(layer):
        layer[:] = moving
    else:
        following = iter(moving)
        layer[:] = [next(following) if element in keys else element for element in layer]
    _note_places(layer, places)


# ------------------------------------------------------------------------------------------------ crossings


def count_crossings(layered: Layered, layers: Layers, places: list[int]) -> int:
    total = 0
    for layer in layers:
        if len(layer) > 1:
            total += _crossings_below(layered, layer, places)
    return total


def _crossings_below(layered: Layered, layer: list[int], places: list[int]) -> int:
    """Pairs of edges leaving this rank downward that cross; edges of one element never cross each other."""
    ends: list[int] = []
    last = -1
    crossings = 0
    for element in layer:
        arrivals = [places[other] for other in layered.below[element]]
        for end in arrivals:
            if end < last:
                crossings += len(ends) - bisect_right(ends, end)
        for end in arrivals:
            if end >= last:
                ends.append(end)
                last = end
            else:
                insort(ends, end)
    return crossings


# ------------------------------------------------------------------------------------------------ swaps


def _swap(layered: Layered, layers: Layers, places: list[int]) -> None:
    """Exchange neighbours while that removes crossings; the order only ever gets better."""
    degrees = [len(up) + len(down) for up, down in zip(layered.above, layered.below, strict=True)]
    for _ in range(4):
        gained = False
        for layer in layers:
            for place in range(len(layer) - 1):
                left, right = layer[place], layer[place + 1]
                if degrees[left] * degrees[right] < SWAP_PAIRS and _gain(layered, left, right, places) > 0:
                    layer[place], layer[place + 1] = right, left
                    places[left], places[right] = place + 1, place
                    gained = True
        if not gained:
            return


def _gain(layered: Layered, left: int, right: int, places: list[int]) -> int:
    """Crossings that disappear when two neighbours change places."""
    return sum(
        _balance([places[e] for e in sides[left]], [places[e] for e in sides[right]])
        for sides in (layered.below, layered.above)
    )


def _balance(left: list[int], right: list[int]) -> int:
    """Crossings of the edges to `left` and `right` as they stand, minus those after a swap."""
    now = sum([1 for one in left for other in right if one > other])
    then = sum([1 for one in left for other in right if one < other])
    return now - then
