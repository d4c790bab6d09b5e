"""Pictures that stand on a page: another look at the same graph brings only what is new in it, and where the rest goes.

A page names the picture it shows. What is no longer known under that name is sent whole.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.drawing.pieces import Box, Face, GraphDrawing
from app.drawing.study import Study

Manner = tuple[str, str]
"""The language a picture is told in, and its kind."""

MOST_STANDING = 8
"""Pictures of one graph that are remembered."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A picture as it stands on a page."""

    name: str = ""
    opened: frozenset[str] = frozenset()
    """The groups it was drawn with."""
    faces: Mapping[str, Face] = field(default_factory=dict)
    """By the id of the box."""
    nodes: tuple[str, ...] = ()
    """Those that have a box of their own."""
    told: frozenset[str] = frozenset()
    """The nodes a page knows that was told the story of this picture."""

    def which(self, boxes: Sequence[Box]) -> list[bool]:
        """For each box whether it stands there, and says the same."""
        if not self.faces:
            return [False] * len(boxes)
        return [self.faces.get(box.id) is box.face for box in boxes]


NOTHING_STANDS = Standing()


def remember(study: Study, manner: Manner, drawing: GraphDrawing, opened: frozenset[str]) -> Standing:
    """The picture that will stand there next; none of its story is told yet."""
    faces = {box.id: box.face for box in drawing.boxes}
    standing = Standing(secrets.token_urlsafe(6), opened, faces, own_nodes(drawing))
    known = _known(study, manner)
    known[standing.name] = standing
    for oldest in list(known)[:-MOST_STANDING]:
        known.pop(oldest, None)
    return standing


def own_nodes(drawing: GraphDrawing) -> tuple[str, ...]:
    return tuple(dict.fromkeys([box.node for box in drawing.boxes if box.group is None]))


def tell(study: Study, manner: Manner, standing: Standing, before: Standing) -> None:
    """A page that was told the story of one picture is told that of the next."""
    pictures = _known(study, manner)
    if standing.name in pictures:
        pictures[standing.name] = replace(standing, told=before.told.union(standing.nodes))


def recall(study: Study, manner: Manner, name: str) -> Standing:
    return _known(study, manner).get(name, NOTHING_STANDS)


def _known(study: Study, manner: Manner) -> dict[str, Standing]:
    return study.once(("standing", manner), dict[str, Standing])
