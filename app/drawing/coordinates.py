"""Coordinates: x of every element in a given order, so that nothing overlaps and long ways run straight.

Elements are threaded on spines: each takes its deepest operand as the one straight above it. A rank is placed by
isotonic regression (pool adjacent violators): everyone as near as possible to where its neighbours want it, long
spines weighing most, in linear time. Spines that still bend are straightened as far as their neighbours leave room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.drawing.isotonic import has_room, pool
from app.drawing.order import Layers
from app.drawing.ranks import Layered

BOX_GAP = 22.0
TRUNK_GAP = 12.0
TRUNK_WIDTH = 2.0
PINNED = 1e9
STRAIGHT = 0.5
"""Pixels a straight line may be off."""
ELASTIC = 10
"""The longest spine that may bend for the sake of shorter edges; the longest of all never does."""
LOOSE = 2.25
"""Ranks this many times as wide as they would be with everything side by side have drifted apart."""
GATHERED = 3
"""How many times spines are brought together."""
SETTLED_THRICE = 4_000
"""Elements of the largest graph for which that is done three times instead of once."""


@dataclass(frozen=True, slots=True)
class Spines:
    """Vertical threads: `paths` of elements from top to bottom; every element is on exactly one."""

    above: list[int]
    """The spine's next element up, or -1."""
    below: list[int]
    paths: list[list[int]]
    weights: list[float]


def thread_spines(layered: Layered, layers: Layers) -> Spines:
    """Each element asks for its deepest neighbour above; one that is asked by several gives itself to one."""
    count, boxes = len(layered.ranks), layered.boxes
    depths = [1] * boxes + [0] * (count - boxes)  # twice as deep as they are, one more for a box
    up, down = [-1] * count, [-1] * count
    for layer in reversed(layers):
        for element in layer:
            found = layered.above[element]
            if found:
                deepest = found[0] if len(found) == 1 else max(found, key=depths.__getitem__)
                depths[element] = (depths[deepest] // 2 + 1) * 2 + (element < boxes)
                _ask(element, deepest, up, down, boxes)
    paths = _collect(layers, up, down)
    weights = [1.0] * count
    for path in paths:
        if len(path) > 1:
            weight = float(len(path) ** 2)
            for element in path:
                weights[element] = weight
    return Spines(up, down, paths, weights)


def _ask(element: int, deepest: int, up: list[int], down: list[int], boxes: int) -> None:
    """Join two elements unless the upper one is taken; a box takes precedence over a trunk."""
    taken = down[deepest]
    if taken >= 0 and (taken < boxes or element >= boxes):
        return
    if taken >= 0:
        up[taken] = -1
    down[deepest] = element
    up[element] = deepest


def _collect(layers: Layers, up: list[int], down: list[int]) -> list[list[int]]:
    paths = []
    for layer in reversed(layers):
        for element in layer:
            if up[element] < 0:
                path = [element]
                while down[path[-1]] >= 0:
                    path.append(down[path[-1]])
                paths.append(path)
    return paths


# ------------------------------------------------------------------------------------------------ x


class _Ranks:
    """The ranks being placed: x per element, and within each rank the offsets that keep elements apart."""

    def __init__(self, layered: Layered, layers: Layers, widths: Sequence[int]) -> None:
        count = len(layered.ranks)
        self.layered = layered
        self.layers = layers
        self.widths = [*map(float, widths), *[TRUNK_WIDTH] * (count - layered.boxes)]
        self.halves = [max(0.0, 0.45 * width - 8) for width in self.widths]
        self.lefts, self.rights = _reach_aside(layered, self.widths)
        self.spines = thread_spines(layered, layers)
        self.x = [0.0] * count
        self.weights = self.of_each(self.spines.weights)
        self.offsets = [self._offsets(layer) for layer in layers]

    def _offsets(self, layer: list[int]) -> list[float]:
        """Each at least this far from the first of its rank."""
        if len(layer) == 1:
            return [0.0]
        boxes, lefts, rights, offset = self.layered.boxes, self.lefts, self.rights, 0.0
        offsets = [0.0]
        for left, right in pairwise(layer):
            space = BOX_GAP if left < boxes and right < boxes else TRUNK_GAP
            offset += rights[left] + lefts[right] + space
            offsets.append(offset)
        return offsets

    def of_each(self, told: Sequence[float]) -> list[list[float]]:
        """What is told of every element, rank by rank."""
        return [[told[element] for element in layer] for layer in self.layers]

    def place(self, rank: int, wanted: list[float], weights: list[list[float]]) -> None:
        x, layer, offsets = self.x, self.layers[rank], self.offsets[rank]
        if len(layer) > 1 and not has_room(wanted, offsets):
            wanted = pool(wanted, weights[rank], offsets)
        for element, across in zip(layer, wanted, strict=True):
            x[element] = across

    def place_by(self, rank: int, wants: list[float]) -> None:
        self.place(rank, wants, self.weights)

    # -------------------------------------------------------------------------------------------- wishes

    def over_ports(self, element: int) -> float:
        x, widths, found = self.x, self.widths, self.layered.below[element]
        if not found:
            return x[element]
        ports = self.layered.ports[element]
        if len(found) == 1:
            return x[found[0]] + ports[0] * widths[found[0]]
        wishes = [x[other] + port * widths[other] for other, port in zip(found, ports, strict=True)]
        return sum(wishes) / len(found)

    def under_operands(self, element: int) -> float:
        found = self.layered.above[element]
        return sum([self.x[other] for other in found]) / len(found) if found else self.x[element]


def place_across(layered: Layered, layers: Layers, widths: Sequence[int]) -> list[float]:
    """x of the centre of every element."""
    ranks = _Ranks(layered, layers, widths)
    _sweep_up(ranks)
    _sweep_down(ranks)
    if _straighten(ranks) and _are_adrift(ranks):
        _gather(ranks)
        _straighten(ranks)
    _settle(ranks)
    _stand_beside(ranks)
    return ranks.x


def _reach_aside(layered: Layered, widths: list[float]) -> tuple[list[float], list[float]]:
    """How far each element reaches to the left and to the right of its x, with the companions it has there."""
    lefts = [width / 2 for width in widths]
    rights = list(lefts)
    for box, (before, behind) in layered.companions.items():
        lefts[box] += sum([widths[leaf] + BOX_GAP for leaf in before])
        rights[box] += sum([widths[leaf] + BOX_GAP for leaf in behind])
    return lefts, rights


def _stand_beside(ranks: _Ranks) -> None:
    """From left to right the companions before each box, the box and those behind it."""
    x, widths = ranks.x, ranks.widths
    for box, (before, behind) in ranks.layered.companions.items():
        left = x[box] - ranks.lefts[box]
        for element in (*before, box, *behind):
            x[element] = left + widths[element] / 2
            left += widths[element] + BOX_GAP


def _sweep_up(ranks: _Ranks) -> None:
    """Straight over the spine's next element, else over the middle of the ports an element feeds."""
    x, below = ranks.x, ranks.spines.below
    for rank, layer in enumerate(ranks.layers):
        ranks.place_by(rank, [x[below[e]] if below[e] >= 0 else ranks.over_ports(e) for e in layer])


def _sweep_down(ranks: _Ranks) -> None:
    x, above = ranks.x, ranks.spines.above
    for rank in range(len(ranks.layers) - 1, -1, -1):
        layer = ranks.layers[rank]
        ranks.place_by(rank, [x[above[e]] if above[e] >= 0 else ranks.under_operands(e) for e in layer])


def _straighten(ranks: _Ranks) -> bool:
    """Ask for each spine's mean on every rank, then move whole stretches onto one x where there is room.

    Whether any spine was bent.
    """
    x = ranks.x
    means, bent = list(x), False
    for path in ranks.spines.paths:
        if len(path) > 1:
            across = [x[element] for element in path]
            bent = bent or max(across) - min(across) > STRAIGHT
            mean = sum(across) / len(path)
            for element in path:
                means[element] = mean
    if not bent:
        return False
    for rank, layer in enumerate(ranks.layers):
        if len(layer) > 1 or ranks.spines.weights[layer[0]] > 1:
            ranks.place_by(rank, [means[element] for element in layer])
    sides = _look_aside(ranks)
    for path in sorted([path for path in ranks.spines.paths if len(path) > 1], key=len, reverse=True):
        _straighten_path(x, path, sides)
    return True


def _are_adrift(ranks: _Ranks) -> bool:
    """Whether ranks stand much wider than they need: where one spine pushes the next aside they drift, rank by rank."""
    x = ranks.x
    wide = sum([x[layer[-1]] - x[layer[0]] for layer in ranks.layers])
    return wide > LOOSE * sum([offsets[-1] for offsets in ranks.offsets])


def _gather(ranks: _Ranks) -> None:
    """Bring whole spines close to what they are joined to."""
    x, paths = ranks.x, ranks.spines.paths
    joined = [_joined_to(ranks, path) for path in paths]
    lengths = [1.0] * len(x)
    for path in paths:
        for element in path if len(path) > 1 else ():
            lengths[element] = float(len(path))
    weights = ranks.of_each(lengths)
    for _ in range(GATHERED if len(x) < SETTLED_THRICE else 1):
        _gather_once(ranks, joined, weights)
    for rank, layer in enumerate(ranks.layers):
        ranks.place_by(rank, [x[element] for element in layer])


def _gather_once(ranks: _Ranks, joined: list[list[int]], weights: list[list[float]]) -> None:
    x, wants = ranks.x, list(ranks.x)
    for path, others in zip(ranks.spines.paths, joined, strict=True):
        want = x[path[0]] if not others else x[others[0]] if len(others) == 1 else _middle(x, others)
        for element in path:
            wants[element] = want
    for rank, layer in enumerate(ranks.layers):
        ranks.place(rank, [wants[element] for element in layer], weights)
    for path in ranks.spines.paths:
        if len(path) > 1:
            mean = sum([x[element] for element in path]) / len(path)
            for element in path:
                x[element] = mean


def _middle(x: list[float], elements: list[int]) -> float:
    """The median of where they stand."""
    across = sorted([x[element] for element in elements])
    half = len(across) // 2
    return across[half] if len(across) % 2 else (across[half - 1] + across[half]) / 2


def _joined_to(ranks: _Ranks, path: list[int]) -> list[int]:
    """What a spine is joined to on either side of its way."""
    above, below, spines = ranks.layered.above, ranks.layered.below, ranks.spines
    if len(path) == 1:
        return above[path[0]] + below[path[0]]
    joined = [o for element in path for o in above[element] if o != spines.above[element]]
    return joined + [o for element in path for o in below[element] if o != spines.below[element]]


@dataclass(frozen=True, slots=True)
class _Sides:
    """Each element's neighbours on its rank, -1 for none, and how far it is at least from the left one."""

    lefts: list[int]
    rights: list[int]
    gaps: list[float]


def _look_aside(ranks: _Ranks) -> _Sides:
    count = len(ranks.x)
    sides = _Sides([-1] * count, [-1] * count, [0.0] * count)
    for layer, offsets in zip(ranks.layers, ranks.offsets, strict=True):
        for place in range(1, len(layer)):
            left, right = layer[place - 1], layer[place]
            sides.lefts[right], sides.rights[left] = left, right
            sides.gaps[right] = offsets[place] - offsets[place - 1]
    return sides


def _straighten_path(x: list[float], path: list[int], sides: _Sides) -> None:
    lefts, rights, gaps = sides.lefts, sides.rights, sides.gaps
    start, low, high = 0, float("-inf"), float("inf")
    for place, element in enumerate(path):
        left, right = lefts[element], rights[element]
        least = x[left] + gaps[element] if left >= 0 else float("-inf")
        most = x[right] - gaps[right] if right >= 0 else float("inf")
        lower, upper = max(low, least), min(high, most)
        if lower > upper:
            _align(x, path[start:place], low, high)
            start, low, high = place, least, most
        else:
            low, high = lower, upper
    _align(x, path[start:], low, high)


def _align(x: list[float], stretch: list[int], low: float, high: float) -> None:
    if len(stretch) < 2:
        return
    mean = sum([x[element] for element in stretch]) / len(stretch)
    common = min(max(mean, low), high)
    for element in stretch:
        x[element] = common


def _settle(ranks: _Ranks) -> None:
    """Bring what is on no long spine as close to what it is joined to as its neighbours allow; spines stay."""
    weights = ranks.spines.weights
    stiff = min(float((ELASTIC + 1) ** 2), max(weights))
    rigid = [weight >= stiff or element >= ranks.layered.boxes for element, weight in enumerate(weights)]
    loose = [rank for rank, layer in enumerate(ranks.layers) if not all(rigid[e] for e in layer)]
    pins = ranks.of_each([PINNED if stays else 1.0 for stays in rigid])
    unsettled = set(loose)
    for order in (loose, loose[::-1], loose)[: 3 if len(weights) < SETTLED_THRICE else 1]:
        for rank in order:
            if rank in unsettled:
                unsettled.remove(rank)
                unsettled.update(_settle_rank(ranks, rank, rigid, pins))


def _settle_rank(ranks: _Ranks, rank: int, rigid: list[bool], pins: list[list[float]]) -> set[int]:
    """The ranks of what is joined to an element that moved; all others stay as they are."""
    x, layer, layered = ranks.x, ranks.layers[rank], ranks.layered
    before = [x[e] for e in layer]
    wants = [across if rigid[e] else _nearest(ranks, e) for e, across in zip(layer, before, strict=True)]
    if wants == before:
        return set()
    ranks.place(rank, wants, pins)
    moved = [e for e, across in zip(layer, before, strict=True) if abs(x[e] - across) > STRAIGHT]
    return {layered.ranks[other] for e in moved for other in (*layered.above[e], *layered.below[e])}


def _nearest(ranks: _Ranks, element: int) -> float:
    """Where the edges of an element are shortest, as straight over or under its spine's next element as that allows.

    An edge between borders that overlap is as short as can be, so each neighbour is content with a stretch, and the
    best place lies between the middle two of all stretches' ends.
    """
    x, halves = ranks.x, ranks.halves
    found = ranks.layered.above[element] + ranks.layered.below[element]
    if not found:
        return x[element]
    reach = halves[element]
    if len(found) == 1:
        (other,) = found
        low, high = x[other] - reach - halves[other], x[other] + reach + halves[other]
    else:
        ends = [x[other] - reach - halves[other] for other in found]
        ends += [x[other] + reach + halves[other] for other in found]
        ends.sort()
        low, high = ends[len(found) - 1], ends[len(found)]
    partner = ranks.spines.below[element]
    partner = ranks.spines.above[element] if partner < 0 else partner
    wish = x[partner] if partner >= 0 else (low + high) / 2
    return min(max(wish, low), high)
