"""An exception explained: the first rule that the facts bear out, the operands, and where it began."""

from __future__ import annotations

import re

from torch import Tensor

from app.vocabulary.explanation import Beginning, Explanation, Fact, Involved
from app.vocabulary.values import Span
from app.worker.raised import (
    feeding,
    history,
    layers,
    misspelt,
    modules,
    places,
    shapes,
    surroundings,
)
from app.worker.raised.scene import Scene
from app.worker.raised.told import Told
from app.worker.recording.tensors import dtype_name, shape_of
from app.worker.why.facts import Facts, one_line

RULES = (
    *modules.RULES,
    *feeding.RULES,
    *places.RULES,
    *history.RULES,
    *shapes.RULES,
    *layers.RULES,
    *surroundings.RULES,
    *misspelt.RULES,
)
MOST_MESSAGE = 4_000


def explain_raised(error: BaseException, message: str, facts: Facts, span: Span | None) -> Explanation | None:
    """None where nothing is known beyond what the exception says."""
    try:
        scene = Scene(error, message[:MOST_MESSAGE], facts, span)
        told = find_told(scene)
        operands = tell_operands(scene, told)
    except (
        Exception
    ):  # user code: a tensor's or a module's class may be the program's own, and fail when asked
        return None
    if told is None:
        return Explanation("call", operands=operands) if operands else None
    began = tuple(Beginning(reason.sentence, facts.place(reason.at)) for reason in told.began)
    return Explanation(told.code, told.sentence, told.remedy, operands, told.table, began, told.fixes)


def find_told(scene: Scene) -> Told | None:
    for rule in RULES:
        match = re.search(rule.pattern, scene.message, re.DOTALL)
        told = rule.tell(scene, match) if match is not None else None
        if told is not None:
            return told
    return None


def tell_operands(scene: Scene, told: Told | None) -> tuple[Involved, ...]:
    clash = told.clash if told is not None else None
    return tuple(tell_operand(scene, each, clash) for each in scene.operands)


def tell_operand(scene: Scene, tensor: Tensor, clash: Fact | None) -> Involved:
    return Involved(
        one_line(scene.name(tensor)),
        shape_of(tensor),
        dtype_name(tensor.dtype),
        str(tensor.device),
        tensor.requires_grad,
        (clash,) if clash is not None else (),
    )
