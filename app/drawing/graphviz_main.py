"""The resident Graphviz process: DOT in, SVG out, over its standard input and output.

    python -m app.drawing.graphviz_main MEMORY_BYTES CPU_SECONDS

A frame is a four-byte length (big-endian) and that many bytes; an answer has one byte before it: `=` for SVG, `!` for
the reason there is none. It takes one request at a time, dies with whoever started it, and trusts its parent to kill
it when a layout takes too long.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys
import warnings
from typing import BinaryIO

from pygraphviz import AGraph

LENGTH = struct.Struct(">I")
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
OPEN_FILES = 32
WRITTEN = 16 * 1024 * 1024


def confine(memory: int) -> None:
    """Die with the parent, gain nothing, leave no core; at most this much memory and `WRITTEN` in a file."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for limit, allowed in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, WRITTEN),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
    ):
        resource.setrlimit(limit, (allowed, allowed))


def grant_seconds(seconds: int) -> None:
    """Let the process use this much more CPU time before the kernel ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds, resource.RLIM_INFINITY))


def render(dot: bytes) -> bytes:
    """ValueError when Graphviz does not accept the text, which it reads from a file in memory."""
    graph = AGraph()
    try:
        with os.fdopen(os.memfd_create("dot"), "w+b") as file:
            file.write(dot)
            file.seek(0)
            graph.read(file)
        svg: bytes = graph.draw(format="svg", prog="dot")
    finally:
        graph.close()
    return svg


def answer(dot: bytes) -> tuple[bytes, bytes]:
    try:
        return b"=", render(dot)
    except (ValueError, OSError, MemoryError) as problem:
        return b"!", str(problem).encode()[:1000]


def serve(source: BinaryIO, sink: BinaryIO, seconds: int) -> None:
    """Answer until the parent closes the pipe. The first thing said is an empty answer: ready."""
    kind, body = b"=", b""
    while True:
        sink.write(kind + LENGTH.pack(len(body)) + body)
        sink.flush()
        header = source.read(LENGTH.size)
        if len(header) < LENGTH.size:
            return
        dot = source.read(LENGTH.unpack(header)[0])
        grant_seconds(seconds)
        kind, body = answer(dot)


def main() -> None:
    memory, seconds = int(sys.argv[1]), int(sys.argv[2])
    warnings.simplefilter("ignore")
    confine(memory)
    render(b"digraph { ready }")  # loads the library and its fonts before the first request
    serve(sys.stdin.buffer, sys.stdout.buffer, seconds)


if __name__ == "__main__":
    main()
