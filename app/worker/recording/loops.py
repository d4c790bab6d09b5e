"""The program's loops while they run: which are running, how far each is, and how far it will go.

Every pass of a loop that calls anything comes through here. It is told of only when somebody wants to know: while
calls are recorded, when it is time, when a moment is waited for. All others cost a few comparisons; no clock is asked,
for what there is time for is done in a loop that trains, and each backward pass says how late it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, Protocol

from app.worker.recording.beat import Beat


class Listener(Protocol):
    def over(self, line: int) -> None:
        """A `for` loop has ended."""


class LoopState:
    """One loop of the text. `total` is None where its length is not known before it ends; `outer` is the outermost
    loop it last ran in, which may be itself."""

    __slots__ = ("done", "line", "outer", "total")

    def __init__(self, line: int) -> None:
        self.line = line
        self.done = 0
        self.total: int | None = None
        self.outer = self


class Loops:
    """Loops by their first line; `running` holds the active ones, outermost first."""

    def __init__(self, listener: Listener, tick: Callable[[int], None], beat: Beat) -> None:
        self.running: list[LoopState] = []
        self._states: dict[int, LoopState] = {}
        self._listener = listener
        self._tick = tick
        self._beat = beat

    def state(self, line: int) -> LoopState:
        state = self._states.get(line)
        if state is None:
            state = self._states[line] = LoopState(line)
        return state

    def over(self, iterable: Iterable[Any], line: int) -> Iterator[Any]:
        """What a `for` loop iterates over, with each pass counted. Raises what `iter()` raises, at once."""
        state = self.state(line)
        state.total = len(iterable) if isinstance(iterable, Sized) else None
        return self._count(iter(iterable), state)

    def _count(self, iterator: Iterator[Any], state: LoopState) -> Iterator[Any]:
        beat, tick = self._beat, self._tick
        state.outer = self.running[0] if self.running else state
        self.running.append(state)
        beat.light = False
        state.done, last = 0, (state.total or 0) - 1
        try:
            for item in iterator:
                if beat.asked or beat.now >= beat.due or state.done == last:
                    tick(state.line)
                yield item
                state.done += 1
        finally:
            self.running.remove(state)
            beat.light = False
            self._listener.over(state.line)

    def again(self, line: int) -> None:
        """Called before each pass of a `while` loop."""
        self.state(line).done += 1
        if self._beat.asked or self._beat.now >= self._beat.due:
            self._tick(line)

    def empty(self) -> int | None:
        """First line of a `for` loop over nothing at all, where there is one."""
        return next((state.line for state in self._states.values() if state.total == 0), None)

    @property
    def most_passes(self) -> int:
        return max((state.done for state in self._states.values()), default=0)

    def innermost(self) -> int | None:
        """First line of the innermost `for` loop that is running."""
        return self.running[-1].line if self.running else None

    def is_outermost(self, line: int) -> bool:
        return bool(self.running) and self.running[0].line == line

    def epoch(self, line: int | None) -> int | None:
        """Pass of the outermost running loop around the loop at `line`; None where there is none around it."""
        if not self.running:
            return None
        outermost = self.running[0]
        return None if outermost.line == line else outermost.done
