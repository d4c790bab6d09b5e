"""A forged frame that says more than our own child would is refused before anyone keeps it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.sandbox.measure import decode_and_check
from app.vocabulary.errors import WireError
from app.vocabulary.limits import Limits
from app.vocabulary.predictions import Predictions
from app.vocabulary.trace import Completed, Trace
from app.wire import ChildFrame, encode_frame
from tests.canned_predictions import classifier_look

LOOK = classifier_look(first=False)
assert LOOK.surface is not None
LARGER: tuple[Predictions, ...] = (
    replace(LOOK, index=3),
    replace(LOOK, index=-3),
    replace(LOOK, name="x" * 2_000),
    replace(LOOK, axes=("x",) * 2_000),
    replace(LOOK, surface=replace(LOOK.surface, cells=(0,) * 9_000)),
    replace(LOOK, surface=replace(LOOK.surface, classes=(0,) * 9_000)),
    replace(LOOK, data=replace(LOOK.data, targets=(0,) * 9_000)),
)


def check(frame: ChildFrame) -> ChildFrame:
    return decode_and_check(encode_frame(frame)[4:], Limits())


@pytest.mark.parametrize("look", LARGER)
def test_look_larger_than_a_real_one_is_refused(look: Predictions) -> None:
    assert check(LOOK) == LOOK
    with pytest.raises(WireError):
        check(look)
    with pytest.raises(WireError):
        check(Trace(Completed(), predictions=(look,)))


def test_trace_with_more_models_than_allowed_is_refused() -> None:
    looks = (LOOK,) * (2 * Limits().models)
    assert isinstance(check(Trace(Completed(), predictions=looks)), Trace)
    with pytest.raises(WireError):
        check(Trace(Completed(), predictions=(*looks, LOOK)))
