"""Room for the objects of all that is imported, asked for before anything is: so that it lies in one piece."""

from __future__ import annotations

ROOM = 208 << 20
"""What importing everything takes."""
ARENA, FILLER = 1 << 20, 470
"""How much Python asks for at a time; an object of nearly the largest size that it places itself."""


def make_room() -> list[bytes]:
    """Have Python ask for the memory of its objects in one go; to be kept for good.

    Asked for while modules are imported, it comes a megabyte here and there, between libraries, and fills no huge
    page. One object stays in each piece, or Python would give it back.
    """
    fillers = [bytes(FILLER) for _ in range(ROOM // FILLER)]
    return fillers[:: ARENA // 2 // FILLER]
