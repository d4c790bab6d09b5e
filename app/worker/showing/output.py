"""What the program prints: kept in order, sent on while it runs, stopped at the limit."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from app.vocabulary.trace import Output
from app.words import CLEAR
from app.worker.limit import LimitReached

SECONDS_BETWEEN_FRAMES = 0.02
Place = tuple[int | None, int, int]
PROMPT_FRAMES = 200
"""So many lines are sent at once, whatever the clock says."""


class Transcript:
    """All output of a run. A line is sent at once when none was for a moment: little is lost if the run is killed."""

    def __init__(self, allowed: int, send: Callable[[Output], None]) -> None:
        self.chunks: list[Output] = []
        self.cell: int | None = None
        self._allowed = allowed
        self._send = send
        self._size = 0
        self._waiting: list[str] = []
        self._stream: Literal["stdout", "stderr"] = "stdout"
        self._sent_at = 0.0
        self._others = 0
        self._forget: Callable[[], None] | None = None
        """What is forgotten with the text, where the program asked to clear its output when more comes."""

    def place(self) -> Place:
        """For what is not text: which cell runs, how many pieces of text came before, and how many other things."""
        self._clear_now()
        self.flush()
        self._others += 1
        return self.cell, len(self.chunks), self._others - 1

    def clear(self, wait: bool, forget: Callable[[], None]) -> None:
        """Forget what the cell showed so far; with `wait` when it shows something new."""
        self._forget = forget
        if not wait:
            self._clear_now()

    def _clear_now(self) -> None:
        if self._forget is not None:
            forget, self._forget = self._forget, None
            forget()
            self.write("stdout", CLEAR)
            self.flush()

    def write(self, stream: Literal["stdout", "stderr"], text: str) -> None:
        self._clear_now()
        text = text.encode("utf-8", "replace").decode()
        room = self._allowed - self._size
        self._size += len(text.encode())
        over = self._size > self._allowed
        if stream != self._stream:
            self.flush()
            self._stream = stream
        self._waiting.append(text.encode()[:room].decode("utf-8", "ignore") if over else text)
        if over or ((text.endswith("\n") or "\r" in text) and self._is_time()):
            self.flush()
        if over:
            self._size = self._allowed
            raise LimitReached("output", self._allowed)

    def _is_time(self) -> bool:
        return len(self.chunks) < PROMPT_FRAMES or time.monotonic() - self._sent_at > SECONDS_BETWEEN_FRAMES

    def flush(self) -> None:
        text = "".join(self._waiting)
        self._waiting.clear()
        if text:
            chunk = Output(self._stream, text, self.cell)
            self.chunks.append(chunk)
            self._send(chunk)
            self._sent_at = time.monotonic()

    @contextmanager
    def captured(self) -> Iterator[None]:
        """Meanwhile the process's text streams are the program's; there is nothing to read."""
        kept = sys.stdout, sys.stderr, sys.stdin
        sys.stdout, sys.stderr = ProgramStream(self, "stdout"), ProgramStream(self, "stderr")
        sys.stdin = io.StringIO()
        try:
            yield
        finally:
            sys.stdout, sys.stderr, sys.stdin = kept
            self.flush()


class ProgramStream(io.TextIOBase):
    """`sys.stdout` or `sys.stderr` of the program."""

    def __init__(self, transcript: Transcript, stream: Literal["stdout", "stderr"]) -> None:
        self._transcript = transcript
        self._stream: Literal["stdout", "stderr"] = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            self._transcript.write(self._stream, text)
        return len(text)

    def flush(self) -> None:
        self._transcript.flush()
