"""Faces of a few lines of text, for pictures whose boxes show no values: module trees and static graphs."""

from __future__ import annotations

from collections.abc import Sequence

from app.drawing.faces import ADVANCES, PADDING, RISES
from app.drawing.lettering import columns
from app.drawing.pieces import Face, Line, LineStyle
from app.values import Text
from app.words import in_english

Written = tuple[str | Text, LineStyle]


def plain_face(lines: Sequence[Written], sentence: Text, narrowest: int = 0) -> Face:
    """The lines under each other, in a box as wide as the widest."""
    y, width, written = 3, narrowest - 2 * PADDING, []
    for text, style in lines:
        y += RISES[style]
        written.append(Line(text, style, PADDING, y))
        letters = columns(text if isinstance(text, str) else in_english(text))
        width = max(width, round(letters * ADVANCES[style] + 0.5))
    size = (width + 2 * PADDING + 3) // 4 * 4, (y + 10) // 2 * 2
    return Face(*size, tuple(written), (), (), sentence)
