"""Trace, task and commands to bytes and back: length-prefixed JSON, strict and bounded. Trusts nothing it reads.

A frame is a 4-byte big-endian length and that many bytes of JSON. JSON cannot write NaN or Infinity, so the
vocabulary spells them; anything that is not exactly the vocabulary is a WireError.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from app.vocabulary.errors import WireError
from app.vocabulary.frames import Frame
from app.vocabulary.holding import Command
from app.vocabulary.limits import Limits
from app.vocabulary.trace import RunRequest

HEADER = struct.Struct(">I")
ON_ITS_WAY = HEADER.pack(0)
"""Sent to a child, at most once, before its task: it may get ready for it."""
COMMAND_BYTES = 8_192


@dataclass(frozen=True, slots=True)
class Task:
    """What the trusted side sends a sealed child; after it nothing but commands, where `request.pace` allows them."""

    source: str
    request: RunRequest
    limits: Limits


@dataclass(frozen=True, slots=True)
class Ready:
    """A child's first frame: it is sealed and waits for its task."""

    frame: Literal["ready"] = "ready"


@dataclass(frozen=True, slots=True)
class Failure:
    """The child failed by our own fault; a traceback for the log."""

    text: str
    frame: Literal["failure"] = "failure"


@dataclass(frozen=True, slots=True)
class Telling:
    """The program has ended with little of its time left; its trace follows as soon as it is put together."""

    frame: Literal["telling"] = "telling"


ChildFrame = Ready | Failure | Telling | Frame
TaggedFrame = Annotated[ChildFrame, Field(discriminator="frame")]
EXACTLY = ConfigDict(extra="ignore", allow_inf_nan=False, ser_json_inf_nan="strings")


@cache
def _frames() -> TypeAdapter[ChildFrame]:
    return TypeAdapter(TaggedFrame, config=EXACTLY)


@cache
def _tasks() -> TypeAdapter[Task]:
    return TypeAdapter(Task)


def encode_frame(frame: ChildFrame) -> bytes:
    """The frame without what is as by default, which is most of it; its tag, a default too, is put back."""
    try:
        fields = _frames().dump_json(frame, exclude_defaults=True)
    except PydanticSerializationError:  # somewhere a name or a text that UTF-8 cannot carry
        fields = to_json(_carried(_frames().dump_python(frame, exclude_defaults=True)))
    tag = b'{"frame":"%s"' % frame.frame.encode()
    body = tag + (b"}" if fields == b"{}" else b"," + fields[1:])
    return HEADER.pack(len(body)) + body


def _carried(data: Any) -> Any:
    """The same data with every text as UTF-8 can carry it."""
    if isinstance(data, str):
        return data.encode("utf-8", "replace").decode()
    if isinstance(data, dict):
        return {_carried(key): _carried(value) for key, value in data.items()}
    return [_carried(item) for item in data] if isinstance(data, list | tuple) else data


@cache
def _commands() -> TypeAdapter[Command]:
    return TypeAdapter(Command)


def encode_command(command: Command) -> bytes:
    body = _commands().dump_json(command)
    return HEADER.pack(len(body)) + body


def decode_command(body: bytes) -> Command:
    """Decode what the trusted side told a child; ValueError for anything else."""
    return _commands().validate_json(body, strict=True)


def encode_task(task: Task) -> bytes:
    body = _tasks().dump_json(task, exclude_defaults=True)
    return HEADER.pack(len(body)) + body


def decode_task(body: bytes) -> Task:
    return _tasks().validate_json(body)


def decode_frame(body: bytes) -> ChildFrame:
    """Decode what a child sent, or raise WireError."""
    try:
        return _frames().validate_json(body, strict=True)
    except ValidationError as error:
        raise WireError(f"not a frame: {error.error_count()} errors") from None


def frame_length(header: bytes, allowed: int) -> int:
    """Length of the frame a header announces, or WireError when it is more than `allowed` bytes."""
    length = int(HEADER.unpack(header)[0])
    if length > allowed:
        raise WireError(f"a frame of {length} bytes, {allowed} allowed")
    return length
