"""What the sandbox and the fork server say to each other: a verb and two numbers a message, on a packet socket.

The sandbox: `spawn NUMBER UID` with one descriptor, or `kill NUMBER 0`. The server: one hello, in JSON, then
`refused NUMBER ERRNO` or `exited NUMBER STATUS` of each. No more than that, because what memory the server writes to
between two forks its children have to themselves from then on.
"""

from __future__ import annotations

import json
import socket
import sys
from dataclasses import asdict, dataclass

from app.vocabulary.limits import Limits

HELLO_BYTES = 65_536
MESSAGE_BYTES = 128
OWN_UID = -1
"""In place of a uid: the child keeps its server's."""
ROOM_FOR_ONE = socket.CMSG_SPACE(4)
"""A descriptor beside a message."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What holds for all children of one fork server."""

    sealed: bool
    gpu: int | None
    """Which GPU its children use; None for children of the CPU."""
    memory_bytes: int
    cpu_seconds: int
    limits: Limits
    """Of a run that is only waited for, as most are: what its child may get ready for. A task brings its own."""
    lasting: bool = True
    """Whether there will be many: what it takes seconds to learn then makes each of them cheaper."""

    @classmethod
    def read(cls, text: str) -> Orders:
        fields = json.loads(text)
        return cls(**{**fields, "limits": Limits(**fields["limits"])})

    def write(self) -> str:
        return json.dumps(asdict(self))


Message = tuple[str, int, int]
"""Verb; the child's number; and what is told of it."""


def write_message(verb: str, child: int, what: int = 0) -> bytes:
    return f"{verb} {child} {what}".encode()


def receive_message(control: socket.socket) -> tuple[Message | None, int | None]:
    """The next message and the descriptor that came with it; no message when the other side is gone."""
    data, beside, _, _ = control.recvmsg(MESSAGE_BYTES, ROOM_FOR_ONE)
    descriptor = int.from_bytes(beside[0][2][:4], sys.byteorder) if beside else None
    if not data:
        return None, descriptor
    verb, child, what = data.decode().split()
    return (verb, int(child), int(what)), descriptor
