"""Faces of a few lines of text, for pictures whose boxes show no values: module trees and static graphs."""

from __future__ import annotations

from collections.abc import Sequence

from app.drawing.lettering import columns
from app.drawing.pieces import Face, LineStyle
from app.drawing.sheets import lay_out
from app.vocabulary.values import Text
from app.words import in_english

Written = tuple[str | Text, LineStyle]


def plain_face(lines: Sequence[Written], sentence: Text, narrowest: int = 0) -> Face:
    """The lines under each other, in a box as wide as the widest."""
    rows = [(style, columns(text if isinstance(text, str) else in_english(text))) for text, style in lines]
    sheet = lay_out(tuple(rows), narrowest=narrowest)
    return Face(sheet, tuple([text for text, _ in lines]), (), sentence)
