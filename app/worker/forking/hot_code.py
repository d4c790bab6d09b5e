"""The code every run executes, laid side by side: a child then copies far fewer pages.

To call a function is to count a reference to its code, which writes to the page it lies on. Code is made as modules are
imported, so most of what a run needs lies alone among what it does not. Copies that are made one after the other share
pages; functions are given those.
"""

from __future__ import annotations

import gc
import os
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FrameType, FunctionType
from typing import Any

from app.worker.sealing.kernel import fork_bare

ADDRESS = struct.Struct("=Q")


def gather_code(run: Callable[[], object], once: Callable[[int], object] = lambda kept: None) -> int:
    """Give every function that `run` calls a copy of its code; how many have one now.

    And those that `once` calls, which cannot be undone and is left to a fork: it may close every descriptor but the one
    it is given.

    Codes that read the same are equal, even of different files, so they are told apart by where they lie; `executed`
    and the copies themselves keep them all there.
    """
    executed = code_of(run) | code_in_fork(once)
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


def code_in_fork(once: Callable[[int], object]) -> dict[int, CodeType]:
    """What a fork executes of the codes that are here too, at the same addresses."""
    reader, writer = os.pipe()
    pid = fork_bare()
    if pid == 0:
        try:
            executed = code_of(lambda: once(writer))
            os.write(writer, b"".join(map(ADDRESS.pack, executed)))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        addresses = {address for (address,) in ADDRESS.iter_unpack(told.read())}
    os.waitpid(pid, 0)
    return {id(code): code for code in all_code() if id(code) in addresses}


def all_code() -> Iterator[CodeType]:
    """Of every function, and of what is defined in it."""
    waiting = [each.__code__ for each in gc.get_objects() if type(each) is FunctionType]
    for code in waiting:  # more join meanwhile
        yield code
        waiting += [each for each in code.co_consts if type(each) is CodeType]


def copy_code(code: CodeType, executed: Mapping[int, CodeType], copies: dict[int, CodeType]) -> CodeType:
    """The one copy of a code; of the functions defined in it, too, where they are executed."""
    if id(code) not in copies:
        consts = tuple(
            copy_code(each, executed, copies) if id(each) in executed and isinstance(each, CodeType) else each
            for each in code.co_consts
        )
        copies[id(code)] = code.replace(co_consts=consts)
    return copies[id(code)]
