"""The names our code uses, made before anything is imported, side by side: a child then copies far fewer pages.

To use a name is to count a reference to it, which writes to the page it lies on, and Python has each name once. Made
as modules are imported, those of a run lie scattered among all the names of torch and of what came with it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

WORKER = Path(__file__).parents[1]
ROOMS = (WORKER, WORKER.parent / "vocabulary", WORKER.parent / "wire.py", WORKER.parent / "thinning.py")
WORD = re.compile(r"[^\W\d]\w*")


def make_names() -> list[str]:
    """Each word of our sources, once; to be kept for good, or they are made anew elsewhere.

    Copied while all that were found are still there, for else the copies would lie where some of those were.
    """
    found = [WORD.findall(source) for source in sources()]
    names = dict.fromkeys(word for words in found for word in words)
    return [sys.intern(f"{word[0]}{word[1:]}") for word in names]


def sources() -> list[str]:
    files = [file for room in ROOMS for file in (sorted(room.rglob("*.py")) if room.is_dir() else [room])]
    return [file.read_text(encoding="utf-8") for file in files]
