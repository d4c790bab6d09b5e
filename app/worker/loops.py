"""The program's loops while they run: which are running, how far each is, and how far it will go.

Every pass of a loop that calls anything comes through here; it is also the recorder's chance to come and go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any


class LoopState:
    """One loop of the text. `total` is None where its length is not known before it ends."""

    __slots__ = ("done", "line", "total")

    def __init__(self, line: int) -> None:
        self.line = line
        self.done = 0
        self.total: int | None = None


class Loops:
    """Loops by their first line; `running` holds the active ones, outermost first."""

    def __init__(self, tick: Callable[[int], None]) -> None:
        self.running: list[LoopState] = []
        self._states: dict[int, LoopState] = {}
        self._tick = tick

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
        tick, line = self._tick, state.line
        self.running.append(state)
        state.done = 0
        try:
            for item in iterator:
                tick(line)
                yield item
                state.done += 1
        finally:
            self.running.remove(state)

    def again(self, line: int) -> None:
        """Called before each pass of a `while` loop."""
        self.state(line).done += 1
        self._tick(line)

    def innermost(self) -> int | None:
        """First line of the innermost `for` loop that is running."""
        return self.running[-1].line if self.running else None

    def epoch(self, line: int | None) -> int | None:
        """Pass of the outermost running loop around the loop at `line`; None where there is none around it."""
        if not self.running:
            return None
        outermost = self.running[0]
        return None if outermost.line == line else outermost.done
