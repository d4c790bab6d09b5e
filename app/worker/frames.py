"""Frames of the program on the stack: which is innermost, and what its names hold."""

from __future__ import annotations

import sys
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
