"""A trace whose graphs are too large for one frame leaves out graphs, and says how many; it is never refused."""

from __future__ import annotations

from app.vocabulary.limits import MIB, Limits
from app.vocabulary.trace import Completed
from app.wire import encode_frame
from tests.worker.running import run

CHAINS = """
x = torch.ones(1, requires_grad=True)
for _ in range(4):
    y = x
    for _ in range(600):
        y = y.sin() * x
    y.backward()
"""


def test_graphs_are_left_out_until_the_trace_fits() -> None:
    whole = run(CHAINS)
    assert len(whole.graphs) > 2
    allowed = Limits(frame_bytes=len(encode_frame(whole)) * 2 // 3)
    assert allowed.frame_bytes < 8 * MIB
    trace = run(CHAINS, allowed)
    assert isinstance(trace.outcome, Completed)
    assert len(encode_frame(trace)) <= allowed.frame_bytes
    assert [graph.occurrence for graph in (trace.graphs[0], trace.graphs[-1])] == [
        whole.graphs[0].occurrence,
        whole.graphs[-1].occurrence,
    ]
    (cut,) = (each for each in trace.cuts if each.limit == "backward_passes")
    assert cut.dropped == len(whole.graphs) - len(trace.graphs)
