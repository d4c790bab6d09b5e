"""The thinnest bridge to the kernel: libc calls that raise OSError, and nothing that knows about the seal.

Plain ctypes, so that a child needs no package that could be missing. The library handle is opened once, before
the fork: a sealed child can open nothing.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable


@functools.cache
def libc() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    # Takes numbers, and bytes as a pointer to them; a buffer type made in the child would copy pages.
    library.syscall.argtypes = [ctypes.c_long] + [ctypes.c_void_p] * 6
    library.syscall.restype = ctypes.c_long
    library.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    for name in ("unshare", "capset", "mallopt"):
        getattr(
            library, name
        )  # looked up here once: a lookup in the child copies pages of every loaded library
    return library


def checked(result: int, what: str) -> int:
    """The result of a libc call, or the OSError that errno names."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(what: str, number: int, *arguments: int | bytes) -> int:
    """Bytes are for what the kernel only reads."""
    padded = (*arguments, *(0,) * (6 - len(arguments)))
    return checked(libc().syscall(number, *padded), what)


def call_ahead(number: int, *arguments: int | bytes) -> Callable[[], int]:
    """A system call with all that it takes made before the fork: what is made or looked up in a child copies pages.

    It answers as libc does, -1 where the kernel refuses.
    """
    call = ctypes.CDLL(None).syscall
    call.restype = ctypes.c_long
    held = [ctypes.c_char_p(each) if isinstance(each, bytes) else ctypes.c_long(each) for each in arguments]
    return functools.partial(call, ctypes.c_long(number), *held)


def prctl(what: str, option: int, *arguments: int) -> int:
    padded = (*arguments, *(0,) * (4 - len(arguments)))
    return checked(libc().prctl(option, *padded), what)


@functools.cache
def _python_library() -> ctypes.PyDLL:
    """Opened once: each opening makes classes that only the collector could free, and it is off here."""
    return ctypes.PyDLL(None, use_errno=True)


def fork_bare() -> int:
    """fork(2) without Python's after-fork handlers, which serve processes with threads and other users of `random`.

    This process has one thread and its children seed themselves; the handlers would copy a third of the pages
    (1 MB, 330 page faults) that a waiting child takes at all. C libraries' own handlers still run.
    """
    pid = int(_python_library().fork())
    if pid < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return pid
