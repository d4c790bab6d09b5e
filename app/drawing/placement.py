"""Placement: where boxes stand and how edges run, for a picture that flows from top to bottom.

Numbers in, numbers out: how many boxes, their sizes, who consumes whom. Leaves stand above, outputs at the bottom.
The same input always gives the same placement. No boxes overlap, edges only go down, each from its producer's border
to its consumer's, whose arrivals stand in port order. Nothing here knows what a box shows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from app.drawing.coordinates import place_across
from app.drawing.order import order_layers
from app.drawing.ranks import Layered, Link, build_layers
from app.drawing.routes import Bands, Point, Route, Scene, Size, draw_routes

RANK_GAP = 46
PART_GAP = 40
MARGIN = 16
GRAIN = 4
"""Width and height are a multiple of this: a browser shows them at any of static/graph.js's zooms without rounding."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Centres in the order of the sizes, routes in the order of the links."""

    width: int
    height: int
    centres: tuple[Point, ...]
    routes: tuple[Route, ...]


def place(sizes: Sequence[Size], links: Sequence[Link]) -> Placement:
    """Place boxes of these (width, height); ValueError when the links close a cycle."""
    keys = [link[:2] for link in links]  # by consumer and port; links with one port keep their order
    parts = []
    for boxes, chosen in _components(len(sizes), links):
        chosen.sort(key=keys.__getitem__)
        parts.append(_place_part(sizes, links, boxes, chosen))
    return _join(len(sizes), len(links), parts)


# ------------------------------------------------------------------------------------------------ one component


@dataclass(frozen=True, slots=True)
class _Part:
    """One connected component placed by itself: its boxes and links by their numbers in the whole."""

    boxes: list[int]
    links: list[int]
    width: int
    height: int
    scene: Scene


def _components(count: int, links: Sequence[Link]) -> list[tuple[list[int], list[int]]]:
    """Boxes and links of each connected component, in the order of their first boxes."""
    if (
        len({producer for _, _, producer in links}) == count - 1
    ):  # nearly always: all lead to the one that feeds none
        return [(list(range(count)), list(range(len(links))))]
    parents = list(range(count))

    def root(box: int) -> int:
        while parents[box] != box:
            parents[box] = parents[parents[box]]
            box = parents[box]
        return box

    for consumer, _, producer in links:
        one, other = root(consumer), root(producer)
        if one != other:
            parents[max(one, other)] = min(one, other)
    parts: dict[int, tuple[list[int], list[int]]] = {}
    for box in range(count):
        parts.setdefault(root(box), ([], []))[0].append(box)
    for number, link in enumerate(links):
        parts[root(link[0])][1].append(number)
    return list(parts.values())


def _place_part(sizes: Sequence[Size], links: Sequence[Link], boxes: list[int], numbers: list[int]) -> _Part:
    inner, inner_sizes = _renumbered(sizes, [links[number] for number in numbers], boxes)
    layered = build_layers(len(boxes), inner)
    layers = order_layers(layered)
    across = place_across(layered, layers, [width for width, _ in inner_sizes])
    x, width = _shift(across, inner_sizes)
    bands = _bands(layered, inner_sizes)
    return _Part(boxes, numbers, width, bands.bottoms[0], Scene(layered, inner, inner_sizes, x, bands))


def _renumbered(sizes: Sequence[Size], links: list[Link], boxes: list[int]) -> tuple[list[Link], list[Size]]:
    """A part as if it were alone: its boxes counted from 0."""
    if len(boxes) == len(sizes):
        return links, list(sizes)
    local = {box: place for place, box in enumerate(boxes)}
    inner = [(local[consumer], port, local[producer]) for consumer, port, producer in links]
    return inner, [sizes[box] for box in boxes]


def _shift(across: list[float], sizes: list[Size]) -> tuple[list[int], int]:
    """Whole numbers from 0 on, and the width of it all."""
    boxes = list(zip(across, sizes, strict=False))
    left = min(min(across), min([x - width / 2 for x, (width, _) in boxes]))
    right = max(max(across), max([x + width / 2 for x, (width, _) in boxes]))
    return [round(x - left) for x in across], round(right - left)


def _bands(layered: Layered, sizes: list[Size]) -> Bands:
    """As high as the highest box of each rank, from the top rank at y = 0 down."""
    heights = [0] * (max(layered.ranks) + 1)
    for rank, (_, height) in zip(layered.ranks, sizes, strict=False):
        if height > heights[rank]:
            heights[rank] = height
    tops, bottoms = [0] * len(heights), [0] * len(heights)
    y = 0
    for rank in range(len(heights) - 1, -1, -1):
        tops[rank], bottoms[rank] = y, y + heights[rank]
        y += heights[rank] + RANK_GAP
    return Bands(tops, bottoms)


# ------------------------------------------------------------------------------------------------ the whole


def _join(boxes: int, links: int, parts: list[_Part]) -> Placement:
    """Parts side by side, their outputs at the bottom."""
    height = max((part.height for part in parts), default=0)
    centres: list[Point] = [(0, 0)] * boxes
    routes: list[Route] = [Route((), "")] * links
    x = MARGIN
    for part in parts:
        y = MARGIN + height - part.height
        scene = part.scene.moved(x, y)
        for box, centre in zip(part.boxes, scene.centres, strict=True):
            centres[box] = centre
        for link, route in zip(part.links, draw_routes(scene), strict=True):
            routes[link] = route
        x += part.width + PART_GAP
    width, height = max(x - PART_GAP, MARGIN) + MARGIN, height + 2 * MARGIN
    return Placement(-(-width // GRAIN) * GRAIN, -(-height // GRAIN) * GRAIN, tuple(centres), tuple(routes))


class PlacementCache:
    """Placements of the structures seen last. A structure is its sizes and links; numbers are no part of it.

    Any thread may use it: what two of them place at the same time is placed twice, and is the same.
    """

    def __init__(self, entries: int = 64, most: int = 2_000) -> None:
        """Keeps `entries` structures, none with more than `most` boxes and links."""
        self._entries = entries
        self._most = most
        self._kept: OrderedDict[tuple[tuple[Size, ...], tuple[Link, ...]], Placement] = OrderedDict()
        self._turn = Lock()

    def place(self, sizes: tuple[Size, ...], links: tuple[Link, ...]) -> Placement:
        key = (sizes, links)
        with self._turn:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        placement = place(sizes, links)
        if len(sizes) + len(links) <= self._most:
            with self._turn:
                self._kept[key] = placement
                while len(self._kept) > self._entries:
                    self._kept.popitem(last=False)
        return placement

    def __len__(self) -> int:
        return len(self._kept)
