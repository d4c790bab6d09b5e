"""What the sandbox and the fork server say to each other: one JSON object a message, on a packet socket.

The sandbox: `{"spawn": number, "uid": uid or null}` with one descriptor, or `{"kill": pid}`. The server: one `hello`,
then `{"spawned": number, "pid": pid}`, `{"refused": number, "why": text}` and `{"exited": pid, "status": status}`.
"""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, dataclass
from typing import Any

from app.vocabulary.limits import Limits

MESSAGE_BYTES = 65_536


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

    @classmethod
    def read(cls, text: str) -> Orders:
        fields = json.loads(text)
        return cls(**{**fields, "limits": Limits(**fields["limits"])})

    def write(self) -> str:
        return json.dumps(asdict(self))


def send_message(control: socket.socket, message: dict[str, Any]) -> None:
    control.send(json.dumps(message).encode())


def receive_message(control: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next message and the descriptors that came with it; None when the other side is gone."""
    data, descriptors, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 4)
    return (json.loads(data) if data else None), descriptors
