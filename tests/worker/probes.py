"""The attacks: each one tries a single thing and says `LEAK` when it reached the host outside its own memory.

Every loop is bounded and every target was made by the tests: a directory, two files, three listeners that accept
nothing, one idle process. `A` holds where they are. The numbers are x86-64 system calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tests.worker import probes_depths as depths
from tests.worker import probes_surface as surface


class Kind(StrEnum):
    HOST = "leaks without the seal, not with it"
    KERNEL = "as HOST, but some kernels refuse it to everyone"
    BOUNDED = "no seal needed: the parent's deadline or byte cap ends it"
    INSIDE = "reaches only the child's own memory, sealed or not"


@dataclass(frozen=True, slots=True)
class Probe:
    name: str
    kind: Kind
    source: str


PRELUDE = """
import ctypes, io, mmap, os, signal, socket, sys, threading, time
import numpy as np, torch
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def leak(what=''): print('LEAK:', what, flush=True)
def inside(what=''): print('INSIDE:', what, flush=True)
def call(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *[a if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments])
    if result < 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
held = []
def address(content):
    held.append(ctypes.create_string_buffer(content, len(content)))
    return ctypes.addressof(held[-1])
def mapping(size, protection, flags):
    libc.mmap.restype = ctypes.c_void_p
    at = libc.mmap(None, ctypes.c_size_t(size), protection, flags, -1, ctypes.c_long(0))
    if at == ctypes.c_void_p(-1).value: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return at
secret, drop, bait, victim, budget = A['secret'], A['drop'], A['drop'] + '/bait', A['victim'], A['budget']
"""


def _table(kind: Kind, text: str) -> tuple[Probe, ...]:
    parts = (part.partition("\n") for part in text.split("\n== ")[1:])
    return tuple(Probe(name, kind, source) for name, _, source in parts)


PROBES = (
    *_table(Kind.HOST, surface.FILES),
    *_table(Kind.HOST, surface.LANGUAGE),
    *_table(Kind.HOST, surface.NETWORK),
    *_table(Kind.HOST, surface.PROCESSES),
    *_table(Kind.HOST, depths.NEIGHBOURS),
    *_table(Kind.HOST, depths.MEMORY),
    *_table(Kind.KERNEL, depths.KERNEL),
    *_table(Kind.BOUNDED, depths.BOUNDED),
    *_table(Kind.INSIDE, depths.INSIDE),
)
