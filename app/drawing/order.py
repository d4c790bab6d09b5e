"""Order: who stands left of whom on each rank, so that few edges cross.

It starts from a depth-first walk (which is already right for a tree, and for blocks with a way around them), then
sweeps up and down sorting each rank by the mean place of its neighbours, keeps the best order seen, and last swaps
neighbours where that helps. Ties keep port order, so the first operand stays left where nothing speaks against it.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass
from functools import cached_property

from app.drawing.ranks import Layered

Layers = list[list[int]]

FAR = 10**9
SECOND_TRY = 2_000
"""Elements of the largest graph that is also tried from the other side when crossings are left."""
HOPELESS = 4
"""An order that starts with this many times the crossings the other one ended with is not improved."""
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
    _make_way(layered, distances)
    first = _Rows(layered, _walk(layered, distances))
    if not first.crossings or len(layered.ranks) > SECOND_TRY:
        return _improve(first).layers
    other = _Rows(layered, _walk(layered, [-distance for distance in distances]))
    better, worse = (first, other) if first.crossings <= other.crossings else (other, first)
    best = _improve(better)
    if worse.crossings <= HOPELESS * best.crossings:
        best = min(best, _improve(worse), key=lambda order: order.crossings)
    return best.layers


@dataclass(frozen=True, slots=True)
class _Order:
    layers: Layers
    crossings: int


def _improve(rows: _Rows) -> _Order:
    if not rows.crossings:
        return _Order(rows.layers, 0)
    best, layered = _sweep(rows), rows.layered
    if best.crossings and len(rows.places) <= SWAP_BUDGET:
        _swap(layered, best.layers, rows.places)
        return _Order(best.layers, count_crossings(layered, best.layers, rows.places))
    return best


# ------------------------------------------------------------------------------------------------ the first order


def _distances(layered: Layered) -> list[int]:
    """From each element up to the nearest one that feeds several: 0 for that, FAR where there is none.

    What soon leads back to something shared (a residual connection) goes first, to the left; leaves go last. So the
    way around stays on one side, and what belongs to one consumer alone on the other.
    """
    above, below, boxes = layered.above, layered.below, layered.boxes
    distances = [FAR] * len(layered.ranks)
    by_rank: Layers = [[] for _ in range(max(layered.ranks, default=-1) + 1)]
    for element, rank in enumerate(layered.ranks):
        by_rank[rank].append(element)
    for layer in reversed(by_rank):
        for element in layer:
            found = above[element]
            if element >= boxes or len(below[element]) > 1:
                distances[element] = 0
            elif found:
                one = len(found) == 1
                nearest = distances[found[0]] if one else min([distances[other] for other in found])
                distances[element] = min(FAR, nearest + 1)
    return distances


def _make_way(layered: Layered, distances: list[int]) -> None:
    """One companion of a box that is all else its consumer takes stands to the right where the box is near anything."""
    above, below = layered.above, layered.below
    for box, (before, behind) in layered.companions.items():
        if before and not behind and distances[box] < FAR and above[below[box][0]] == [box]:
            layered.companions[box] = behind, before


def _walk(layered: Layered, distances: list[int]) -> Layers:
    """Depth first from the outputs; operands by their distance, then in port order."""
    ranks, above = layered.ranks, layered.above
    layers: Layers = [[] for _ in range(max(ranks, default=-1) + 1)]
    seen = bytearray(len(ranks))
    for box in range(layered.boxes):
        if layered.below[box] or seen[box]:
            continue
        stack = [box]
        while stack:
            element = stack.pop()
            if seen[element]:
                continue
            seen[element] = 1
            layers[ranks[element]].append(element)
            found = above[element]
            if len(found) == 1:
                stack.append(found[0])
            elif found:
                stack += reversed(_arrange(found, distances))
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


class _Rows:
    """Ranks being sorted again and again. What stands as it stood is neither sorted nor counted a second time."""

    def __init__(self, layered: Layered, layers: Layers) -> None:
        count = len(layers)
        self.layered = layered
        self.layers = [list(layer) for layer in layers]
        self.places = [0] * len(layered.ranks)
        for layer in layers:
            _note_places(layer, self.places)
        self._now = 1
        self._changed = [1] * count
        """When the order of each rank was last another one."""
        self._sorted_up, self._sorted_down, self._counted = [0] * count, [0] * count, [1] * count
        self._crossings_below = [_crossings_below(layered, layer, self.places) for layer in layers]
        self.crossings = sum(self._crossings_below)

    @cached_property
    def _reach(self) -> int:
        """Over how many ranks the longest edge goes: one, but where trunks were cut short."""
        ranks, below = self.layered.ranks, self.layered.below
        return max([1, *[ranks[e] - ranks[o] for layer in self.layers for e in layer for o in below[e]]])

    def sweep_up(self) -> None:
        """From the bottom to the top: each element over the ports it feeds."""
        for rank in range(1, len(self.layers)):
            if len(self.layers[rank]) > 1 and self._is_stale(self._sorted_up, rank, rank - self._reach, rank):
                self._sort(rank, _keys_above(self.layered, self.layers[rank], self.places))
                self._sorted_up[rank] = self._now

    def sweep_down(self) -> None:
        """From the top to the bottom: each element under its operands; leaves stay where they are."""
        for rank in range(len(self.layers) - 2, -1, -1):
            if len(self.layers[rank]) > 1 and self._is_stale(
                self._sorted_down, rank, rank, rank + self._reach
            ):
                self._sort(rank, _keys_below(self.layered, self.layers[rank], self.places))
                self._sorted_down[rank] = self._now

    def count_crossings(self) -> int:
        for rank, layer in enumerate(self.layers):
            if self._is_stale(self._counted, rank, rank - self._reach, rank):
                self._crossings_below[rank] = _crossings_below(self.layered, layer, self.places)
        return sum(self._crossings_below)

    def copy(self) -> Layers:
        return [list(layer) for layer in self.layers]

    def _is_stale(self, seen: list[int], rank: int, first: int, last: int) -> bool:
        """Whether any of these ranks changed since this one was last seen to; it is now."""
        before, seen[rank] = seen[rank], self._now
        return max(self._changed[max(0, first) : last + 1]) > before

    def _sort(self, rank: int, keys: dict[int, float]) -> None:
        layer = self.layers[rank]
        before = list(layer)
        _sort_layer(layer, keys)
        if layer != before:
            _note_places(layer, self.places)
            self._now += 1
            self._changed[rank] = self._now


def _sweep(rows: _Rows) -> _Order:
    """The best order found by sorting up and down; the places are left to fit it."""
    best, idle = _Order(rows.copy(), rows.crossings), 0
    seen: list[Layers] = []
    for sweep in range(max(FEWEST, min(MOST, SWEEP_BUDGET // len(rows.places)))):
        if sweep % 2:
            rows.sweep_down()
        else:
            rows.sweep_up()
        crossings, idle = rows.count_crossings(), idle + 1
        layers = rows.copy()
        if crossings < best.crossings:
            best, idle = _Order(layers, crossings), 0
        if not best.crossings or idle == PATIENCE or layers in seen[-2:-1]:  # as it was before these two
            break
        seen.append(layers)
    for layer in best.layers:
        _note_places(layer, rows.places)
    return best


def _keys_above(layered: Layered, layer: list[int], places: list[int]) -> dict[int, float]:
    below, ports = layered.below, layered.ports
    keys: dict[int, float] = {}
    for element in layer:
        found = below[element]
        if len(found) == 1:
            keys[element] = places[found[0]] + ports[element][0]
        elif found:
            total = sum([places[other] for other in found]) + sum(ports[element])
            keys[element] = total / len(found)
    return keys


def _keys_below(layered: Layered, layer: list[int], places: list[int]) -> dict[int, float]:
    above = layered.above
    keys: dict[int, float] = {}
    for element in layer:
        found = above[element]
        if len(found) == 1:
            keys[element] = places[found[0]]
        elif found:
            keys[element] = sum([places[other] for other in found]) / len(found)
    return keys


def _sort_layer(layer: list[int], keys: dict[int, float]) -> None:
    """Sort by key; elements without one keep their place."""
    if len(keys) == len(layer):
        layer.sort(key=keys.__getitem__)
    elif len(keys) > 1:
        following = iter(sorted([element for element in layer if element in keys], key=keys.__getitem__))
        layer[:] = [next(following) if element in keys else element for element in layer]


# ------------------------------------------------------------------------------------------------ crossings


def count_crossings(layered: Layered, layers: Layers, places: list[int]) -> int:
    return sum([_crossings_below(layered, layer, places) for layer in layers])


def _crossings_below(layered: Layered, layer: list[int], places: list[int]) -> int:
    """Pairs of edges leaving this rank downward that cross; edges of one element never cross each other."""
    below = layered.below
    if len(layer) == 1:
        return 0
    arrivals = [places[other] for element in layer for other in below[element]]
    if arrivals == sorted(arrivals):
        return 0
    ends: list[int] = []
    last = -1
    crossings = 0
    for element in layer:
        arrivals = [places[other] for other in below[element]]
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
    below, above = layered.below, layered.above
    return _balance([places[e] for e in below[left]], [places[e] for e in below[right]]) + _balance(
        [places[e] for e in above[left]], [places[e] for e in above[right]]
    )


def _balance(left: list[int], right: list[int]) -> int:
    """Crossings of the edges to `left` and `right` as they stand, minus those after a swap."""
    balance = 0
    for one in left:
        for other in right:
            balance += (one > other) - (one < other)
    return balance
