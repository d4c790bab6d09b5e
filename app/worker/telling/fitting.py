"""A trace within what one frame may hold: of many large graphs the later ones are left out, but for the last."""

from __future__ import annotations

from dataclasses import replace

from app.vocabulary.limits import Limits
from app.vocabulary.trace import Cut, Trace
from app.wire import HEADER, encode_frame

LIGHT = 400
"""Nodes for each MiB a frame may hold that surely fit; of more it is measured what they take."""


def fit(trace: Trace, limits: Limits) -> Trace:
    """The same trace with as many of its graphs as there is room for."""
    nodes = sum(len(graph.nodes) for graph in trace.graphs)
    if nodes * 2**20 <= LIGHT * limits.frame_bytes:
        return trace
    left_out = 0
    while len(trace.graphs) > 1 and len(encode_frame(trace)) - HEADER.size > limits.frame_bytes:
        kept = trace.graphs[: (len(trace.graphs) - 1) // 2]
        left_out += len(trace.graphs) - 1 - len(kept)
        trace = replace(trace, graphs=(*kept, trace.graphs[-1]))
    return with_cut(trace, limits, left_out) if left_out else trace


def with_cut(trace: Trace, limits: Limits, left_out: int) -> Trace:
    """The graphs left out are counted with those that were never kept."""
    passes = "backward_passes"
    dropped = left_out + sum(each.dropped or 0 for each in trace.cuts if each.limit == passes)
    others = (each for each in trace.cuts if each.limit != passes)
    return replace(trace, cuts=(*others, Cut(passes, limits.backward_passes, dropped)))
