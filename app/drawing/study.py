"""A study of one graph: what is found out once, however often the graph is looked at with other groups open.

Any thread may look into it: what two of them find at the same time is found twice, and is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar, cast

from app.drawing.call_order import Wiring, wire
from app.drawing.grouping import Calls, Part, open_chosen, open_modules, read_calls
from app.drawing.sketch import leaf_uses, whole_parts
from app.vocabulary.graph import AutogradGraph

T = TypeVar("T")


class Study:
    def __init__(self, graph: AutogradGraph) -> None:
        self.graph = graph
        self._found: dict[object, Any] = {}

    def once(self, about: object, find: Callable[[], T]) -> T:
        """What was found about something, or else is found now."""
        if about not in self._found:
            self._found[about] = find()
        return cast(T, self._found[about])

    @cached_property
    def wiring(self) -> Wiring:
        """DrawingFailed when the graph is none."""
        return wire(self.graph)

    @cached_property
    def around(self) -> list[int]:
        return leaf_uses(self.wiring)

    @cached_property
    def calls(self) -> Calls:
        return read_calls([self.wiring.nodes[place] for place in self.wiring.calls], self.around)

    @cached_property
    def roots(self) -> set[tuple[int, int]]:
        """The outputs everything leads to: a node by its place in the wiring, and which of its outputs."""
        places = self.wiring.places
        return {(places[root.node], root.output_nr) for root in self.graph.roots if root.node in places}

    @cached_property
    def boxes_needed(self) -> int:
        """How many boxes drawing every node would take."""
        return len(self.wiring.calls) + sum(self.around)

    def choose_parts(self, most: int, opened: frozenset[str], closed: frozenset[str]) -> tuple[Part, ...]:
        """What is drawn as one box each."""
        if self.boxes_needed <= most:
            return whole_parts(self.wiring)
        return self.group(most, opened, closed)

    def group(self, most: int, opened: frozenset[str], closed: frozenset[str]) -> tuple[Part, ...]:
        """The same where a picture holds fewer boxes than all."""
        most = max(1, most)
        parts = self.once(("parts", most, closed), lambda: open_modules(self.calls, most, closed))
        return open_chosen(self.calls, parts, most, opened)
