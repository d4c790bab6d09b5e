"""Frames of the program on the stack: which is innermost, and what its names hold."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType

from app.program import FILENAME


def program_frame(start: FrameType | None) -> FrameType | None:
    """The innermost frame of the program at or below `start`."""
    while start is not None and start.f_code.co_filename != FILENAME:
        start = start.f_back
    return start


def name_in_frames(thing: object) -> str | None:
    """The name under which the running program holds an object, looking outwards."""
    frame = program_frame(sys._getframe(1))
    while frame is not None:
        if frame.f_code.co_filename == FILENAME:
            for name, value in frame.f_locals.items():
                if value is thing and name != "self":
                    return name
        frame = frame.f_back
    return None


def loop_around(start: FrameType | None, loops: tuple[range, ...]) -> int | None:
    """First line of the innermost loop the program is in, looking outwards from its innermost frame."""
    while start is not None:
        if start.f_code.co_filename == FILENAME:
            around = [lines.start for lines in loops if start.f_lineno in lines]
            if around:
                return around[-1]
        start = start.f_back
    return None


def names_in_frames(start: FrameType | None, kind: type) -> Iterator[tuple[str, object]]:
    """Names under which the running program holds objects of a kind now, the innermost frame's first."""
    while start is not None:
        if start.f_code.co_filename == FILENAME:
            yield from ((name, value) for name, value in start.f_locals.items() if isinstance(value, kind))
        start = start.f_back
