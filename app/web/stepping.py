"""The stages of a drawing as its script reads them: after how many of them each value, gradient and edge is there."""

from __future__ import annotations

import json

from app.drawing.pieces import Stages, Sum


def write_times(stages: Stages) -> str:
    """Lists in the order of the drawing's boxes and edges; sentences are not in it, the page says them as a list."""
    times = {
        "values": stages.values,
        "grads": stages.grads,
        "uses": stages.uses,
        "edges": stages.edges,
        "sums": [_sum(each) for each in stages.sums],
    }
    return json.dumps(times, separators=(",", ":"))


def _sum(found: Sum) -> list[object]:
    return [found.boxes, found.stage, found.text, found.heatmap.inks if found.heatmap else None]
