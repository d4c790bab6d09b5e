"""A frame that holds more than our own child would send is refused, whichever kind it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.program import parse_program
from app.sandbox.measure import decode_and_check
from app.vocabulary.errors import WireError
from app.vocabulary.limits import Limits
from app.vocabulary.modules import ModuleId, ModuleRecord
from app.vocabulary.trace import RunRequest, Trace
from app.vocabulary.training import Histogram, Ribbon, Training
from app.vocabulary.values import TensorValue
from app.wire import HEADER, ChildFrame, encode_frame
from tests.drawing.test_static_graph import chain
from tests.drawing.trees import blocks, tree_of
from tests.fake_moving import tensors_at
from tests.fake_training import ribbons_at
from tests.fakes import VERSIONS, matrix_trace

LIMITS = Limits(
    tensors=5, tensor_values=1024, ribbons=3, ribbon_columns=4, bins=5, graph_nodes=5, graph_edges=4
)
PROGRAM = parse_program("y = x*w + b", Limits())
LOOK = tensors_at(1, PROGRAM)
WIDE = Ribbon(0, "w", "weight", 9, (Histogram(0, 0.0, 1.0, (1,) * 6, 3, 0.5),))
LARGE = TensorValue((0.0,) * 70_000)


TREE = tree_of("net", "Net", blocks(2))
STATIC = chain(3)


def forged_modules() -> list[tuple[ModuleRecord, ...]]:
    """No root, two roots, a parent that comes later, the same module twice."""
    root, first, *rest = TREE.modules
    later = replace(first, parent=ModuleId(5))
    return [(), (root, replace(first, parent=None), *rest), (root, later, *rest), (*TREE.modules, root)]


def check(frame: ChildFrame) -> ChildFrame:
    return decode_and_check(encode_frame(frame)[HEADER.size :], LIMITS)


STRUCTURED = replace(matrix_trace(PROGRAM, RunRequest()), modules=(TREE,), static_graphs=(STATIC,))


@pytest.mark.parametrize("frame", [LOOK, Training((), (), None, ribbons_at(3)), STRUCTURED])
def test_what_our_own_child_sends_is_taken(frame: ChildFrame) -> None:
    assert check(frame) == frame


def test_lists_around_single_numbers_are_no_numbers() -> None:
    """As in the weight of a convolution whose kernel is 1 x 1."""
    weight = TensorValue((((0.0,),),) * LIMITS.tensor_values)
    look = replace(LOOK, tensors=(replace(LOOK.tensors[0], value=weight),))
    assert check(look) == look


def too_many() -> list[ChildFrame]:
    graph = LOOK.graph
    assert graph is not None
    trace: Trace = matrix_trace(PROGRAM, RunRequest())
    return [
        replace(LOOK, tensors=LOOK.tensors * 3),
        replace(LOOK, tensors=(replace(LOOK.tensors[0], grad=LARGE),)),
        replace(LOOK, graph=replace(graph, nodes=graph.nodes * 4)),
        replace(LOOK, graph=replace(graph, edges=graph.edges * 4)),
        Training((), (), None, (WIDE,)),
        Training((), (), None, ribbons_at(3) * 2),
        Training((), (), None, (replace(WIDE, histograms=ribbons_at(3)[0].histograms * 17),)),
        replace(trace, tensors=trace.tensors * 3),
        Trace(trace.outcome, ribbons=(WIDE,), versions=VERSIONS),
        *[replace(trace, modules=(replace(TREE, modules=forged),)) for forged in forged_modules()],
        replace(trace, static_graphs=(chain(3),) * 20),
        replace(trace, static_graphs=(replace(STATIC, nodes=STATIC.nodes[::-1]),)),
        replace(trace, static_graphs=(replace(STATIC, code="x" * 100_000),)),
    ]


@pytest.mark.parametrize("frame", too_many())
def test_more_than_the_limits_allow_is_refused(frame: ChildFrame) -> None:
    with pytest.raises(WireError):
        check(frame)
