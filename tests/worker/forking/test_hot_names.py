"""The names of our code are Python's own ones of that spelling, and lie side by side."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from app.worker.forking import hot_names

FRESH = """
import sys
from app.worker.forking.hot_names import make_names
names = make_names()
print(len({id(name) // 4096 for name in names}))
"""


def test_names_are_those_that_code_uses() -> None:
    names = hot_names.make_names()
    assert len(set(names)) == len(names)
    assert {"make_names", "GraphWalk", "_looks_like_training"} < set(names)
    code = compile("GraphWalk", "<text>", "eval")
    assert any(name is code.co_names[0] for name in names)


def test_names_lie_side_by_side() -> None:
    """Most of them: what Python has named before us stays where it is."""
    root = Path(hot_names.__file__).parents[3]
    told = subprocess.run([sys.executable, "-c", FRESH], cwd=root, capture_output=True, text=True, check=True)
    assert int(told.stdout) < len(hot_names.make_names()) / 10
