"""Calls of libc in a row with nothing of Python's between them.

Between two calls that Python makes, it counts references and allocates. Where the calls replace the very memory this
happens in, that must not be: so the row is a chain of contexts (makecontext(3)), each of which goes on in the next.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from app.worker.sealing import kernel

CONTEXT, STACK = 8 << 10, 8 << 10
"""Bytes. No machine's `ucontext_t` is larger than 5 KB, and a call that only asks the kernel needs little stack."""
Call = tuple[str, Sequence[int]]
"""A function of libc and what it is given."""


class Context(ctypes.Structure):
    """How `ucontext_t` begins, on every machine."""

    _fields_ = (
        ("flags", ctypes.c_ulong),
        ("next", ctypes.c_void_p),
        ("stack", ctypes.c_void_p),
        ("stack_flags", ctypes.c_int),
        ("stack_size", ctypes.c_size_t),
    )


def can_call() -> bool:
    """Whether this libc has contexts; musl has none."""
    return hasattr(kernel.libc(), "makecontext")


def call_in_a_row(room: int, *calls: Call) -> None:
    """What they answer is lost. `room` is the address of memory to do it with, `room_for(calls)` bytes."""
    back, *contexts = (room + at * (CONTEXT + STACK) for at in range(1 + len(calls)))
    for context, after, call in zip(contexts, [*contexts[1:], back], calls, strict=True):
        prepare(context, after, call)
    kernel.libc().swapcontext(ctypes.c_void_p(back), ctypes.c_void_p(contexts[0]))


def room_for(calls: int) -> int:
    return (1 + calls) * (CONTEXT + STACK)


def prepare(context: int, after: int, call: Call) -> None:
    libc, (name, arguments) = kernel.libc(), call
    libc.getcontext(ctypes.c_void_p(context))
    begun = Context.from_address(context)
    begun.next, begun.stack, begun.stack_size = after, context + CONTEXT, STACK
    function = ctypes.cast(getattr(libc, name), ctypes.c_void_p)
    libc.makecontext(ctypes.c_void_p(context), function, len(arguments), *map(ctypes.c_long, arguments))
