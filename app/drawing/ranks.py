"""Ranks: how far above the output each box stands, and the trunks that carry long edges from rank to rank.

Rank 0 is the bottom. An operand stands above all of its consumers and as low as that allows. An edge that spans
several ranks runs along its producer's trunk: one element per rank, shared by all consumers of that producer.
Leaves that only one box uses are companions of another operand it has for itself: where that goes they go.
Everything is iterative: a chain of 50,000 boxes is an ordinary input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Link = tuple[int, int, int]
"""(consumer, port, producer): the producer is the consumer's operand number `port`."""

Companions = tuple[list[int], list[int]]
"""Those to the left of a box and those to its right, from left to right."""

TRUNK_LENGTH = 64
"""A trunk longer than this may be cut short when there are too many elements ..."""
ELEMENTS_PER_BOX = 12
"""... which is when trunks would hold more than this many elements per box."""


@dataclass(frozen=True, slots=True)
class Layered:
    """Boxes and trunk elements on ranks. Elements 0 to `boxes` - 1 are the boxes, the others belong to trunks."""

    boxes: int
    ranks: list[int]
    operands: list[list[int]]
    """For each box its neighbours one rank up, in port order."""
    above: list[list[int]]
    """The same without companions, and for each trunk element its predecessor."""
    below: list[list[int]]
    """For each element its neighbours one rank down."""
    ports: list[list[float]]
    """Beside each entry of `below`, the place of the port it arrives at: -0.4 leftmost to 0.4 rightmost."""
    trunks: dict[int, dict[int, int]]
    """The trunks of boxes with a consumer more than one rank down: rank -> element, the box itself first."""
    companions: dict[int, Companions]
    """By the box they stand beside."""


def sort_links(links: Sequence[Link]) -> list[Link]:
    """By consumer, then by port; links with one port keep their order."""
    return sorted(links, key=lambda link: link[:2])


def neighbours(count: int, links: Sequence[Link]) -> tuple[list[list[int]], list[list[int]]]:
    """Each box's operands in port order and each box's consumers."""
    operands: list[list[int]] = [[] for _ in range(count)]
    consumers: list[list[int]] = [[] for _ in range(count)]
    for consumer, _, producer in links:
        operands[consumer].append(producer)
        consumers[producer].append(consumer)
    return operands, consumers


def topological(operands: list[list[int]], consumers: list[list[int]]) -> list[int]:
    """Every box after all of its consumers; ValueError when the links close a cycle."""
    waiting = [len(found) for found in consumers]
    order = [box for box, count in enumerate(waiting) if not count]
    for box in order:
        for operand in operands[box]:
            waiting[operand] -= 1
            if not waiting[operand]:
                order.append(operand)
    if len(order) != len(operands):
        raise ValueError("the links close a cycle")
    return order


def rank_boxes(operands: list[list[int]], consumers: list[list[int]]) -> list[int]:
    """The longest way down to an output, shortened where a box has more operands than consumers to be near to."""
    order = topological(operands, consumers)
    ranks = [0] * len(order)
    for box in order:
        above = ranks[box] + 1
        for operand in operands[box]:
            if ranks[operand] < above:
                ranks[operand] = above
    if _lift(order, ranks, operands, consumers):
        _settle_leaves(order, ranks, operands, consumers)
    return ranks


def _lift(order: list[int], ranks: list[int], operands: list[list[int]], consumers: list[list[int]]) -> bool:
    """Raise boxes whose operands outnumber their consumers up to just below those operands."""
    lifted = False
    for box in reversed(order):
        if not operands[box]:
            continue
        anchors = [found for found in operands[box] if operands[found] or len(consumers[found]) > 1]
        if len(anchors) > len(consumers[box]):
            rank = min(ranks[found] for found in anchors) - 1
            if rank > ranks[box]:
                ranks[box] = rank
                lifted = True
    return lifted


def _settle_leaves(
    order: list[int], ranks: list[int], operands: list[list[int]], consumers: list[list[int]]
) -> None:
    """Bring each leaf that only lifted consumers use back to just above them."""
    for box in order:
        if not operands[box] and consumers[box]:
            ranks[box] = max(ranks[consumer] for consumer in consumers[box]) + 1


def build_layers(count: int, links: Sequence[Link]) -> Layered:
    """Rank the boxes and lay a trunk under every producer. `links` are sorted by `sort_links`."""
    operands, consumers = neighbours(count, links)
    ranks = rank_boxes(operands, consumers)
    spans = _spans(ranks, consumers)
    longest = _trunk_limit(spans)
    companions = _find_companions(ranks, operands, consumers)
    layered = Layered(
        count, ranks, operands, list(operands), consumers, [[] for _ in range(count)], {}, companions
    )
    for box, span in enumerate(spans):
        if span > 1:
            _grow_trunk(layered, box, span, longest)
    _attach(layered)
    _set_aside(layered)
    return layered


def _find_companions(
    ranks: list[int], operands: list[list[int]], consumers: list[list[int]]
) -> dict[int, Companions]:
    """Of what a box has for itself: beside the first operand that is no leaf, all that are leaves."""
    companions: dict[int, Companions] = {}
    for box, found in enumerate(operands):
        if len(found) > 1:
            leaves, others = list[int](), list[int]()
            for operand in found:
                if len(consumers[operand]) == 1:
                    (others if operands[operand] else leaves).append(operand)
            if leaves and others and ranks[others[0]] == ranks[box] + 1:
                half = len(leaves) // 2 or int(found.index(leaves[0]) < found.index(others[0]))
                companions[others[0]] = leaves[:half], leaves[half:]
    return companions


def _set_aside(layered: Layered) -> None:
    """Companions take no part until everything else has its place."""
    above, below = layered.above, layered.below
    for box, (before, behind) in layered.companions.items():
        (consumer,), aside = below[box], {*before, *behind}
        above[consumer] = [other for other in above[consumer] if other not in aside]


def _spans(ranks: list[int], consumers: list[list[int]]) -> list[int]:
    """For each box how many ranks down its lowest consumer stands; 1 where there is none."""
    return [
        rank - (ranks[found[0]] if len(found) == 1 else min([ranks[consumer] for consumer in found]))
        if found
        else 1
        for rank, found in zip(ranks, consumers, strict=True)
    ]


def _trunk_limit(spans: list[int]) -> int:
    """How many ranks a trunk may fill: all it needs, unless that would be too many elements altogether."""
    need = sum(spans) - len(spans)
    return TRUNK_LENGTH if need > 20_000 + ELEMENTS_PER_BOX * len(spans) else len(spans)


def _grow_trunk(layered: Layered, box: int, span: int, longest: int) -> None:
    """What the box feeds is all joined to its trunk, later."""
    ranks, top, consumers = layered.ranks, layered.ranks[box], layered.below[box]
    layered.below[box] = []
    trunk = layered.trunks[box] = {top: box}
    kept = range(top - 1, top - span, -1)
    if len(kept) > longest:
        needed = {ranks[consumer] + 1 for consumer in consumers}
        kept_ranks = [rank for rank in kept if rank in needed or top - rank < 3]
    else:
        kept_ranks = list(kept)
    previous = box
    for rank in kept_ranks:
        previous = _add_element(layered, rank, previous)
        trunk[rank] = previous


def _add_element(layered: Layered, rank: int, above: int) -> int:
    element = len(layered.ranks)
    layered.ranks.append(rank)
    layered.above.append([above])
    layered.below.append([])
    layered.ports.append([])
    layered.below[above].append(element)
    layered.ports[above].append(0.0)
    return element


def _port_places(count: int) -> list[float]:
    if count < 2:
        return [0.0] * count
    return [0.8 * port / (count - 1) - 0.4 for port in range(count)]


def _attach(layered: Layered) -> None:
    """Join each consumer to the trunk of each operand that has one, one rank above it; note at which port."""
    ranks, below, ports, trunks = layered.ranks, layered.below, layered.ports, layered.trunks
    operands = layered.operands
    places = {count: _port_places(count) for count in set(map(len, operands))}
    for consumer, found in enumerate(operands):
        for number, (producer, place) in enumerate(zip(found, places[len(found)], strict=True)):
            if producer in trunks:
                found[number] = element = trunks[producer][ranks[consumer] + 1]
                below[element].append(consumer)
                ports[element].append(place)
            else:
                ports[producer].append(place)
