"""The code every run executes, laid side by side: a child then copies far fewer pages.

To call a function is to count a reference to its code, which writes to the page it lies on. Code is made as modules are
imported, so most of what a run needs lies alone among what it does not. Copies that are made one after the other share
pages; functions are given those.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Mapping
from types import CodeType, FrameType, FunctionType
from typing import Any


def gather_code(run: Callable[[], object]) -> int:
    """Give every function that `run` calls a copy of its code; how many have one now.

    Codes that read the same are equal, even of different files, so they are told apart by where they lie; `executed`
    and the copies themselves keep them all there.
    """
    executed = code_of(run)
    copies: dict[int, CodeType] = {}
    for code in sorted(executed.values(), key=sys.getsizeof):
        code.replace()  # what it computes for a copy the original keeps: not to lie between the copies
    for code in sorted(executed.values(), key=sys.getsizeof):
        copy_code(code, executed, copies)
    found = [each for each in gc.get_objects() if type(each) is FunctionType and id(each.__code__) in copies]
    for each in found:
        each.__code__ = copies[id(each.__code__)]
    return len(found)


def code_of(run: Callable[[], object]) -> dict[int, CodeType]:
    executed: dict[int, CodeType] = {}

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            executed[id(frame.f_code)] = frame.f_code

    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(None)
    return executed


def copy_code(code: CodeType, executed: Mapping[int, CodeType], copies: dict[int, CodeType]) -> CodeType:
    """The one copy of a code; of the functions defined in it, too, where they are executed."""
    if id(code) not in copies:
        consts = tuple(
            copy_code(each, executed, copies) if id(each) in executed and isinstance(each, CodeType) else each
            for each in code.co_consts
        )
        copies[id(code)] = code.replace(co_consts=consts)
    return copies[id(code)]
