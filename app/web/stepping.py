"""The stages of a drawing as its script reads them: each with its sentence, and after how many what is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.drawing.pieces import Stages, Sum
from app.vocabulary.values import Text


def write_story(stages: Stages, say: Callable[[Text], str]) -> Mapping[str, object]:
    """Lists in the order of the drawing's boxes and edges. The page makes a list of the stages when it is opened."""
    return {
        "stages": [[each.phase, each.boxes, each.others, say(each.sentence)] for each in stages.stages],
        "values": stages.values,
        "grads": stages.grads,
        "uses": stages.uses,
        "edges": stages.edges,
        "sums": [_sum(each) for each in stages.sums],
    }


def _sum(found: Sum) -> list[object]:
    return [found.boxes, found.stage, found.text, found.heatmap.inks if found.heatmap else None]
