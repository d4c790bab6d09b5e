"""Pictures that stand on a page: another look at the same graph brings only what is new in it, and where the rest goes.

A page names the picture it shows. What is no longer known under that name is sent whole.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.drawing.pieces import Box, Face, GraphDrawing
from app.drawing.study import Study

MOST_STANDING = 8
"""Pictures of one graph that are remembered."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A picture as it stands on a page, and the nodes that page was told of, now or before."""

    name: str = ""
    faces: Mapping[str, Face] = field(default_factory=dict)
    """By the id of the box."""
    told: frozenset[str] = frozenset()

    def which(self, boxes: Sequence[Box]) -> list[bool]:
        """For each box whether it stands there, and says the same."""
        if not self.faces:
            return [False] * len(boxes)
        return [self.faces.get(box.id) is box.face for box in boxes]


NOTHING_STANDS = Standing()


def remember(study: Study, language: str, drawing: GraphDrawing, before: Standing) -> Standing:
    """The picture that will stand there next, as this reader is told it."""
    told = before.told.union([box.node for box in drawing.boxes if box.group is None])
    faces = {box.id: box.face for box in drawing.boxes}
    standing = Standing(secrets.token_urlsafe(6), faces, told)
    known = _known(study, language)
    known[standing.name] = standing
    for oldest in list(known)[:-MOST_STANDING]:
        known.pop(oldest, None)
    return standing


def recall(study: Study, language: str, name: str) -> Standing:
    return _known(study, language).get(name, NOTHING_STANDS)


def _known(study: Study, language: str) -> dict[str, Standing]:
    return study.once(("standing", language), dict[str, Standing])
