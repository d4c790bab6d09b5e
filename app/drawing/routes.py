"""Routes: the way each edge takes from the bottom border of its producer to the top border of its consumer.

A route is a list of knots. Within a rank it runs straight down, between ranks it is a cubic whose tangents are
vertical at both ends, so it never goes up and enters every box from straight above. On a border edges stand in the
order of where they come from or go to, so none cross there; edges from one place stand in port order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

from app.drawing.isotonic import isotonic
from app.drawing.ranks import Layered, Link

PORT_MARGIN = 14
PORT_GAP = 14.0
TIP = 8
"""The drawn line stops this far above the consumer: there the arrow head begins."""

Point = tuple[int, int]
Size = tuple[int, int]


class Route(NamedTuple):
    points: tuple[Point, ...]
    """Knots from the producer's border to the consumer's, each lower than the one before."""
    path: str
    """The same as an SVG path, without the arrow head."""


@dataclass(frozen=True, slots=True)
class Bands:
    """For each rank the top and bottom of the band its boxes lie in; rank 0 is the lowest on the page."""

    tops: list[int]
    bottoms: list[int]


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything but the routes is in place. `links` are sorted by consumer and port."""

    layered: Layered
    links: Sequence[Link]
    sizes: Sequence[Size]
    x: list[int]
    bands: Bands

    def moved(self, right: int, down: int) -> Scene:
        tops, bottoms = [y + down for y in self.bands.tops], [y + down for y in self.bands.bottoms]
        return replace(self, x=[x + right for x in self.x], bands=Bands(tops, bottoms))

    @property
    def middles(self) -> list[int]:
        """How far down the middle of each rank is."""
        return [(top + bottom) // 2 for top, bottom in zip(self.bands.tops, self.bands.bottoms, strict=True)]

    @property
    def centres(self) -> list[Point]:
        """Of the boxes."""
        middles = self.middles
        return [
            (x, middles[rank]) for x, rank, _ in zip(self.x, self.layered.ranks, self.sizes, strict=False)
        ]

    @property
    def borders(self) -> list[tuple[int, int]]:
        """The upper and the lower one of each box."""
        middles = self.middles
        return [
            (middles[rank] - high // 2, middles[rank] + high // 2)
            for rank, (_, high) in zip(self.layered.ranks, self.sizes, strict=False)
        ]

    @property
    def halves(self) -> list[int]:
        """How far left and right of an element's x an edge may touch it: nothing for a trunk."""
        boxes = [width // 2 - PORT_MARGIN if width > 2 * PORT_MARGIN else 0 for width, _ in self.sizes]
        return boxes + [0] * (len(self.x) - len(boxes))


def draw_routes(scene: Scene) -> list[Route]:
    """One per link."""
    layered, x, bands, halves = scene.layered, scene.x, scene.bands, scene.halves
    arrivals = _arrivals(scene, halves)
    departures = _departures(scene, halves, arrivals)
    ranks, tops, bottoms, borders = layered.ranks, bands.tops, bands.bottoms, scene.borders
    trunks: dict[int, Trunk] = {}
    routes: list[Route] = []
    for (consumer, _, producer), arrival, departure in zip(scene.links, arrivals, departures, strict=True):
        rank, top = ranks[consumer], ranks[producer]
        first, last = (departure, borders[producer][1]), (arrival, borders[consumer][0])
        if rank + 1 < top:
            if producer not in trunks:
                start = [first, (departure, bottoms[top])]
                trunks[producer] = _follow(layered.trunks[producer], start, x, bands)
            points = _thin([*trunks[producer].down_to(rank + 1), (arrival, tops[rank]), last])
            routes.append(Route(points, svg_path(points)))
        elif departure == arrival:
            routes.append(Route((first, last), f"M{arrival} {first[1]}V{last[1] - TIP}"))
        else:
            routes.append(_cross_over(first, bottoms[top], tops[rank], last))
    return routes


def _cross_over(first: Point, bottom: int, top: int, last: Point) -> Route:
    """From one rank to the next and aside: `bottom` and `top` are where the bands end that these boxes lie in."""
    (left, start), (right, end) = first, last
    points, path, tip = [first], f"M{left} {start}", end - TIP
    if bottom != start:
        points.append((left, bottom))
        path += f"V{bottom}"
    if top == end:
        middle = (bottom + tip) // 2
        path += f"C{left} {middle} {right} {middle} {right} {tip}"
    else:
        points.append((right, top))
        middle = (bottom + top) // 2
        path += f"C{left} {middle} {right} {middle} {right} {top}V{tip}"
    points.append(last)
    return Route(tuple(points), path)


@dataclass(frozen=True, slots=True)
class Trunk:
    """A trunk's knots from its box down, and where on it each of its ranks ends."""

    points: list[Point]
    ends: dict[int, tuple[int, Point]]

    def down_to(self, rank: int) -> list[Point]:
        kept, last = self.ends[rank]
        return [*self.points[:kept], last]


def _follow(trunk: dict[int, int], start: list[Point], x: list[int], bands: Bands) -> Trunk:
    """The trunk enters and leaves each rank straight down; straight stretches have no inner knots."""
    points = list(_thin(start))
    ends: dict[int, tuple[int, Point]] = {}
    for rank, element in list(trunk.items())[1:]:
        _extend(points, ((x[element], bands.tops[rank]), (x[element], bands.bottoms[rank])))
        ends[rank] = (len(points) - 1, points[-1])
    return Trunk(points, ends)


# ------------------------------------------------------------------------------------------------ on the borders


def _arrivals(scene: Scene, halves: list[int]) -> list[int]:
    """For each link its x on the consumer's top border."""
    across, arrivals = scene.x, list[int]()
    meet = cache(_meet)  # blocks that repeat are joined in the same way
    for x, half, sources in zip(across, halves, scene.layered.operands, strict=False):
        if len(sources) == 1:
            (source,) = sources
            other = across[source]
            arrivals.append(x if other == x else _between(x, half, other, halves[source]))
        elif sources:
            arrivals += meet(x, half, tuple([(across[source], halves[source]) for source in sources]))
    return arrivals


def _meet(x: int, half: int, others: tuple[tuple[int, int], ...]) -> list[int]:
    """The same for the links of one consumer that has several; of each other end its x and how wide it is."""
    wanted = [_between(x, half, other, other_half) for other, other_half in others]
    return _spread(x, half, [other for other, _ in others], wanted)


def _between(x: int, half: int, other: int, other_half: int) -> int:
    """The middle of what two borders have in common, else the nearest end of the first."""
    low, high = max(x - half, other - other_half), min(x + half, other + other_half)
    if low <= high:
        return (low + high) // 2
    return x + half if other > x else x - half


def _departures(scene: Scene, halves: list[int], arrivals: list[int]) -> list[int]:
    """For each link its x on the producer's bottom border; links along the trunk leave as one."""
    ranks, trunks, x = scene.layered.ranks, scene.layered.trunks, scene.x
    targets: list[list[int]] = [[] for _ in range(scene.layered.boxes)]
    places: list[int] = []
    trunk_places = [-1] * scene.layered.boxes
    for (consumer, _, producer), arrival in zip(scene.links, arrivals, strict=True):
        leaving = targets[producer]
        direct = ranks[producer] == ranks[consumer] + 1
        if not direct and trunk_places[producer] >= 0:
            places.append(trunk_places[producer])
            continue
        places.append(len(leaving))
        if not direct:
            trunk_places[producer] = len(leaving)
        leaving.append(arrival if direct else x[_stem(trunks[producer])])
    spread = [
        _spread(across, half, leaving, leaving) if leaving else leaving
        for across, half, leaving in zip(x, halves, targets, strict=False)
    ]
    return [spread[producer][place] for (_, _, producer), place in zip(scene.links, places, strict=True)]


def _stem(trunk: dict[int, int]) -> int:
    """The first element of a trunk below its box."""
    elements = iter(trunk.values())
    next(elements)
    return next(elements)


def _spread(x: int, half: int, sources: list[int], wanted: list[int]) -> list[int]:
    """x on a border around `x`, in the order of the sources, each as near to what it wants as there is room for."""
    low, high, last = x - half, x + half, len(sources) - 1
    if not last:
        want = wanted[0]
        return [low if want < low else min(want, high)]
    gap = min(PORT_GAP, (high - low) / last)
    if _stand_apart(sources, wanted, gap):
        return [
            round(min(max(want, low + gap * n), high - gap * (last - n))) for n, want in enumerate(wanted)
        ]
    order = sorted(range(last + 1), key=sources.__getitem__)
    placed = isotonic(
        [wanted[port] for port in order], [1.0] * len(order), [gap * n for n in range(last + 1)]
    )
    spread = [0] * len(order)
    for number, (port, found) in enumerate(zip(order, placed, strict=True)):
        spread[port] = round(min(max(found, low + gap * number), high - gap * (last - number)))
    return spread


def _stand_apart(sources: list[int], wanted: list[int], gap: float) -> bool:
    """Whether all may have what they want: they are in order, and far enough from each other."""
    for place in range(1, len(sources)):
        if sources[place - 1] > sources[place] or wanted[place] - wanted[place - 1] < gap:
            return False
    return True


# ------------------------------------------------------------------------------------------------ lines


def _thin(points: Sequence[Point]) -> tuple[Point, ...]:
    """Without repeated knots and without the inner knots of straight stretches."""
    kept: list[Point] = []
    _extend(kept, points)
    return tuple(kept)


def _extend(points: list[Point], more: Iterable[Point]) -> None:
    for point in more:
        if points and points[-1] == point:
            continue
        if len(points) > 1 and points[-2][0] == points[-1][0] == point[0]:
            points[-1] = point
        else:
            points.append(point)


def svg_path(points: Sequence[Point]) -> str:
    (x, y), (end_x, end_y) = points[0], points[-1]
    if len(points) == 2 and x == end_x:
        return f"M{x} {y}V{end_y - TIP}"
    parts = [f"M{x} {y}"]
    for next_x, next_y in (*points[1:-1], (end_x, end_y - TIP)):
        if next_x == x:
            parts.append(f"V{next_y}")
        else:
            middle = (y + next_y) // 2
            parts.append(f"C{x} {middle} {next_x} {middle} {next_x} {next_y}")
        x, y = next_x, next_y
    return "".join(parts)
