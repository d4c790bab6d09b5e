"""Stages: a run told one op at a time, forward in the order of the calls, backward in the order torch's engine ran.

For every box and edge it is told after how many stages its value and its gradient are there; 0 is from the start on.
Where there are very many turns some share a stage, so that a picture has few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.drawing.arrivals import Arrivals, Scene, Term, Turn, backward_turns, follow_gradients, set_scene
from app.drawing.call_order import Wiring
from app.drawing.heatmap import draw_heatmap
from app.drawing.narration import (
    say_backward,
    say_forward,
    say_group_backward,
    say_group_forward,
    say_leaf,
    say_many_backward,
    say_many_forward,
    say_start,
)
from app.drawing.numerals import scalar_of, show_number, show_range
from app.drawing.pieces import Phase, Stage, Stages, Sum
from app.drawing.sketch import Sketch
from app.vocabulary.graph import AutogradGraph, GraphNode
from app.vocabulary.values import TensorValue, Text

MOST_STAGES = 600
MOST_SUMS = 128
"""Sums in between that one picture shows."""


def tell_stages(graph: AutogradGraph, wiring: Wiring, sketch: Sketch, titles: Sequence[str | Text]) -> Stages:
    """`titles` are those of the boxes."""
    scene = set_scene(graph, wiring, sketch)
    forward, backward = _forward_turns(scene), list(backward_turns(scene, graph))
    share = max(1, -(-(len(forward) + len(backward)) // MOST_STAGES))
    calls, runs = _share(forward, share), _share(backward, share)
    arrivals = follow_gradients(scene, runs, len(calls) + 1) if runs else Arrivals()
    teller = _Teller(scene, arrivals, _operands_of(sketch), titles)
    stages = [teller.tell_forward(turns) for turns in calls]
    if runs:
        stages.append(teller.tell_start())
        stages += [teller.tell_backward(turns, at) for at, turns in enumerate(runs, len(stages) + 1)]
    turned = arrivals.first_turns
    return Stages(
        tuple(stages),
        values=_value_times(scene, calls),
        grads=_grad_times(scene, arrivals),
        uses=tuple([turned.get(scene.homes.get(each.consumer, -1), 0) for each in sketch.outlines]),
        edges=tuple([turned.get(each.consumer, 0) if any(each.grads) else 0 for each in sketch.strands]),
        sums=_draw_sums(scene, arrivals),
    )


def _forward_turns(scene: Scene) -> list[Turn]:
    """Boxes stand in call order; leaves have their values from the start on."""
    calls, turns = scene.wiring.calls, []
    for box, outline in enumerate(scene.sketch.outlines):
        if outline.part is not None:
            turns.append(Turn((box,), tuple(calls[outline.part.start : outline.part.end])))
        elif outline.consumer < 0 and scene.wiring.nodes[outline.node].kind == "function":
            turns.append(Turn((box,), (outline.node,)))
    return turns


def _share(turns: Sequence[Turn], share: int) -> list[Sequence[Turn]]:
    return [turns[start : start + share] for start in range(0, len(turns), share)]


def _operands_of(sketch: Sketch) -> dict[int, list[int]]:
    """By box, the boxes it takes its operands from."""
    found: dict[int, list[int]] = {}
    for strand in sketch.strands:
        found.setdefault(strand.consumer, []).append(strand.producer)
    return found


# ------------------------------------------------------------------------------------------------ one stage


@dataclass(frozen=True, slots=True)
class _Teller:
    scene: Scene
    arrivals: Arrivals
    operands: dict[int, list[int]]
    titles: Sequence[str | Text]

    def tell_forward(self, turns: Sequence[Turn]) -> Stage:
        (turn, *more), nodes = turns, self.scene.wiring.nodes
        if more:
            return self._stage("forward", turns, say_many_forward(len(turns)))
        if self.scene.is_group(turn.boxes[0]):
            title = self.titles[turn.boxes[0]]
            return self._stage("forward", turns, say_group_forward(title, len(turn.places)))
        (place,) = turn.places
        taken = [(nodes[producer], edge.output_nr) for producer, edge in self.scene.wiring.operands[place]]
        return self._stage("forward", turns, say_forward(nodes[place], taken))

    def tell_start(self) -> Stage:
        roots = self.scene.roots
        boxes = tuple([box for place in roots for box in self.scene.boxes_of(place)])
        return Stage("backward", boxes, (), say_start([self.scene.wiring.nodes[place] for place in roots]))

    def tell_backward(self, turns: Sequence[Turn], stage: int) -> Stage:
        turn, *more = turns
        if more:
            return self._stage("backward", turns, say_many_backward(len(turns)))
        if self.scene.is_group(turn.boxes[0]):
            title = self.titles[turn.boxes[0]]
            return self._stage("backward", turns, say_group_backward(title, len(turn.places)))
        (place,) = turn.places
        node = self.scene.wiring.nodes[place]
        if node.kind == "accumulate":
            terms = self.arrivals.terms_of(place)
            said = say_leaf(node, [term.added for term in terms], self.scene.wiring.uses[place])
            return self._stage("backward", turns, said)
        return self._stage("backward", turns, say_backward(node, self._sent(place, stage)))

    def _stage(self, phase: Phase, turns: Sequence[Turn], sentence: Text) -> Stage:
        boxes = turns[0].boxes
        if len(turns) > 1:
            boxes = tuple(dict.fromkeys([box for turn in turns for box in turn.boxes]))
        others = [other for box in boxes for other in self.operands.get(box, ())]
        return Stage(phase, boxes, tuple(dict.fromkeys(others)), sentence)

    def _sent(self, place: int, stage: int) -> list[tuple[GraphNode, int, Term]]:
        """What a node sends to whom, added to what is there already."""
        sent: list[tuple[GraphNode, int, Term]] = []
        told: set[int] = set()
        for producer, edge in self.scene.wiring.operands[place]:
            node = self.scene.wiring.nodes[producer]
            terms = [t for t in self.arrivals.terms_of(producer) if t.stage == stage]
            if terms and producer not in told:
                sent += [(node, 0, term) for term in terms]
            elif not terms and edge.grad is not None:
                sent.append((node, edge.output_nr, Term(stage, None, edge.grad, edge.grad)))
            told.add(producer)
        return sent


# ------------------------------------------------------------------------------------------------ when


def _value_times(scene: Scene, calls: Sequence[Sequence[Turn]]) -> tuple[int, ...]:
    times = [0] * len(scene.sketch.outlines)
    for stage, turns in enumerate(calls, 1):
        for turn in turns:
            times[turn.boxes[0]] = stage
    return tuple(times)


def _grad_times(scene: Scene, arrivals: Arrivals) -> tuple[int, ...]:
    times = [0] * len(scene.sketch.outlines)
    for place, stage in arrivals.complete.items():
        for box in scene.boxes_of(place):
            times[box] = max(times[box], stage)
    return tuple(times)


def _draw_sums(scene: Scene, arrivals: Arrivals) -> tuple[Sum, ...]:
    """What the gradients that have come make, while others are still to come."""
    sums: list[Sum] = []
    for place in arrivals.met:
        boxes = scene.boxes_of(place)
        if not boxes or scene.is_group(boxes[0]):
            continue
        for term, following in pairwise(arrivals.terms_of(place)):
            if term.total is not None and following.stage > term.stage and len(sums) < MOST_SUMS:
                sums.append(_draw_sum(boxes, term.stage, term.total))
    return tuple(sums)


def _draw_sum(boxes: tuple[int, ...], stage: int, total: TensorValue) -> Sum:
    number = scalar_of(total)
    if number is not None:
        return Sum(boxes, stage, show_number(number), None)
    text = show_range(total.statistics) if total.statistics else "…"
    return Sum(boxes, stage, text, draw_heatmap(total))
