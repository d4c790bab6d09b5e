"""Arrivals: when in a backward pass each node's gradient was there, and what the gradients that met there made.

The order is the one torch's engine ran the nodes in. Only sums in between are computed; what a node got in the end is
what was recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from app.drawing.addition import add_values
from app.drawing.call_order import Wiring
from app.drawing.sketch import Sketch
from app.vocabulary.graph import AutogradGraph
from app.vocabulary.values import TensorValue

MOST_TERMS = 64
"""Gradients that meet at one node and are still added one by one."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Boxes that run together, and the nodes in them that do, by place in the wiring."""

    boxes: tuple[int, ...]
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """Where each node of the graph stands in the picture: in one box, or as a leaf in a copy at each use."""

    wiring: Wiring
    sketch: Sketch
    homes: dict[int, int]
    copies: dict[int, list[int]]
    roots: tuple[int, ...]

    def boxes_of(self, place: int) -> tuple[int, ...]:
        home = self.homes.get(place)
        return tuple(self.copies.get(place, ())) if home is None else (home,)

    def is_group(self, box: int) -> bool:
        return self.sketch.outlines[box].part is not None


@dataclass(frozen=True, slots=True)
class Term:
    """A gradient that comes to a node: `total` is what it makes with what was there before, if anything was."""

    stage: int
    before: TensorValue | None
    added: TensorValue | None
    total: TensorValue | None


@dataclass(slots=True)
class Arrivals:
    complete: dict[int, int] = field(default_factory=dict)
    """By node, the stage that brought the last of its gradient."""
    first_turns: dict[int, int] = field(default_factory=dict)
    """By box, the stage in which it first ran."""
    met: dict[int, list[tuple[int, TensorValue | None]]] = field(default_factory=dict)
    """By node with one output, what came with which stage, where more than one gradient met."""
    _terms: dict[int, tuple[Term, ...]] = field(default_factory=dict)

    def terms_of(self, place: int) -> tuple[Term, ...]:
        """What came, added up when it is first asked for: of what meets in closed groups hardly anything is told."""
        if place in self.met and place not in self._terms:
            self._terms[place] = tuple(_add_up(self.met[place]))
        return self._terms.get(place, ())


def set_scene(graph: AutogradGraph, wiring: Wiring, sketch: Sketch) -> Scene:
    homes: dict[int, int] = {}
    copies: dict[int, list[int]] = {}
    for number, outline in enumerate(sketch.outlines):
        if outline.part is not None:
            homes.update(dict.fromkeys(wiring.calls[outline.part.start : outline.part.end], number))
        elif outline.consumer >= 0:
            copies.setdefault(outline.node, []).append(number)
        else:
            homes[outline.node] = number
    roots = [wiring.places[root.node] for root in graph.roots if root.node in wiring.places]
    return Scene(wiring, sketch, homes, copies, tuple(dict.fromkeys(roots)))


def backward_turns(scene: Scene, graph: AutogradGraph) -> Iterator[Turn]:
    """In the engine's order; nodes of one closed group that ran in a row are one turn."""
    known = dict.fromkeys(graph.ran)
    places = [scene.wiring.places[node] for node in known if node in scene.wiring.places]
    for boxes, inside in groupby(places, scene.boxes_of):
        if boxes:
            found = tuple(inside)
            if scene.is_group(boxes[0]):
                yield Turn(boxes, found)
            else:
                yield from (Turn(boxes, (place,)) for place in found)


def follow_gradients(scene: Scene, stages: Sequence[Sequence[Turn]], start: int) -> Arrivals:
    """The gradients of stages `start` + 1 on, after those of the roots came with stage `start`."""
    arrivals = Arrivals(dict.fromkeys(scene.roots, start))
    met: dict[int, list[tuple[int, TensorValue | None]]] = {}
    for stage, turns in enumerate(stages, start + 1):
        for turn in turns:
            for box in turn.boxes:
                arrivals.first_turns.setdefault(box, stage)
            for place in turn.places:
                _send(scene, place, stage, arrivals, met)
    for place, found in met.items():
        if place not in scene.roots and len(found) == scene.wiring.uses[place] > 1:
            arrivals.met[place] = found
    return arrivals


def _send(
    scene: Scene,
    place: int,
    stage: int,
    arrivals: Arrivals,
    met: dict[int, list[tuple[int, TensorValue | None]]],
) -> None:
    """What one node sends along its edges."""
    wiring, homes = scene.wiring, scene.homes
    home = homes.get(place, -1)
    group = home if home >= 0 and scene.is_group(home) else -1
    for producer, edge in wiring.operands[place]:
        node = wiring.nodes[producer]
        if node.kind == "constant" or homes.get(producer) == group:
            continue
        arrivals.complete[producer] = stage
        if 1 < wiring.uses[producer] <= MOST_TERMS and len(node.outputs) == 1:
            met.setdefault(producer, []).append((stage, edge.grad))


def _add_up(found: Sequence[tuple[int, TensorValue | None]]) -> Iterator[Term]:
    total: TensorValue | None = None
    for number, (stage, grad) in enumerate(found):
        before, total = total, add_values(total, grad) if number else grad
        yield Term(stage, before, grad, total)
