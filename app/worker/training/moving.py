"""What moves while a program trains: its tensors and one graph's numbers, shown a few times a second.

A look is asked for by a clock and taken by the program's own thread between two steps of the training; what it saw is
sent from the clock's. The next one waits for as long as the last one cost in time and bytes. The graph stays the one
that was sent first: a pass of another structure has no numbers for it, until two in a row agree on another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice
from time import thread_time
from types import CodeType

from app.vocabulary.frames import Tensors
from app.vocabulary.limits import Limits
from app.worker.graphs.autograd import RawGraph
from app.worker.graphs.passes import RawPass
from app.worker.recording.moments import Moments
from app.worker.recording.namespace import Found
from app.worker.telling.report import Report
from app.worker.training.patience import Patience

PATIENCE = 600
"""The next look comes after this many times as long as the last one took."""
CREDIT = 0.01
"""Seconds of looks that come before that, in the beginning."""
MOST_TENSORS = 64
MOST_NODES = 1_000
"""Of a graph that moves; a larger one is shown at the end."""
MOST_NUMBERS = 8_000
FEWER = 256
"""Numbers of one tensor where all together would be more than that."""
NUMBER_BYTES, NODE_BYTES = 20, 600
"""What one takes in a frame, about."""
CHANNEL_SHARE = 4
"""All looks together take one part in so many of what a run may send."""


class Moving:
    def __init__(
        self,
        moments: Moments,
        limits: Limits,
        make_report: Callable[[Limits], Report],
        send: Callable[[Tensors], None],
    ) -> None:
        self._moments = moments
        self._limits = limits
        self._make_report = make_report
        self._send = send
        shortest = 1 / limits.looks_per_second if limits.looks_per_second else 0.0
        self._patience = Patience(PATIENCE, shortest, CREDIT)
        if not limits.looks_per_second:
            self.give_up()
        self._bytes_per_second = limits.reply_bytes / CHANNEL_SHARE / limits.seconds
        self._sent = 0
        """Bytes of all looks so far, about."""
        self._unsent: Tensors | None = None
        self._newest: RawPass | None = None
        self._shown: RawPass | None = None
        self._refused: RawPass | None = None
        """The newest pass that did not fit."""

    def keep(self, taken: RawPass) -> None:
        """A pass was kept. Once one is shown, only those of the same call matter."""
        if self._shown is None or place_of(taken) == place_of(self._shown):
            self._newest = taken

    def give_up(self) -> None:
        """Show nothing any more."""
        self._patience.lose()

    def hurry(self) -> None:
        """It will be held at the next moment: that shall be shown however lately something was, unless too often."""
        if self._sent < self._limits.reply_bytes / CHANNEL_SHARE:
            self._patience.hurry()

    @property
    def spent(self) -> float:
        """Seconds all looks so far took."""
        return self._patience.spent

    def tick(self) -> None:
        """Called by a clock, in its own thread: send what was seen, ask for the next look when it is time."""
        seen, self._unsent = self._unsent, None
        if seen is not None:
            self._send(seen)
        if self._patience.over:
            self._moments.want()

    def look(self, find: Callable[[], Iterable[Found]], passes: int) -> None:
        """Show what there is now, where it is time for it; called between two steps of the training."""
        if not self._patience.over:
            return
        began = thread_time()
        found = list(islice(find(), MOST_TENSORS))
        few = sum(min(each.size, self._limits.tensor_values) for each in found) <= MOST_NUMBERS
        values = self._limits.tensor_values if few else min(FEWER, self._limits.tensor_values)
        report = self._make_report(replace(self._limits, tensors=MOST_TENSORS, tensor_values=values))
        tensors = report.tensors(found, explain=False)
        graph = self._choose_graph()
        told = None if graph is None else report.graph(graph)
        stale = graph is not None and graph is not self._newest
        self._unsent = Tensors(passes, tensors, told, stale, self._nodes_waiting() if graph is None else 0)
        numbers = 2 * sum(min(each.size, values) for each in found)
        nodes = 0 if graph is None else len(graph.graph.nodes) + len(graph.graph.edges)
        size = NUMBER_BYTES * numbers + NODE_BYTES * (nodes + len(found))
        self._sent += size
        self._patience.begin(thread_time() - began, size / self._bytes_per_second)

    def _nodes_waiting(self) -> int:
        """Nodes of a graph that is left for the end."""
        count = 0 if self._newest is None else len(self._newest.graph.nodes)
        return count if count > MOST_NODES else 0

    def _choose_graph(self) -> RawPass | None:
        """The newest pass, where it fits what is shown."""
        newest, shown = self._newest, self._shown
        if newest is None or newest in (shown, self._refused) or len(newest.graph.nodes) > MOST_NODES:
            return shown
        known = [structure_of(each.graph) for each in (shown, self._refused) if each is not None]
        if shown is None or structure_of(newest.graph) in known:
            self._shown, self._refused = newest, None
        else:
            self._refused = newest
        return self._shown


def place_of(taken: RawPass) -> tuple[CodeType | None, int]:
    return taken.code, taken.instruction


def structure_of(graph: RawGraph) -> tuple[object, ...]:
    """What has to be the same for numbers to stand at the same nodes."""
    nodes = [(node.kind, node.op, tuple(output.shape for output in node.outputs)) for node in graph.nodes]
    edges = [(edge.consumer, edge.input_nr, edge.producer, edge.output_nr) for edge in graph.edges]
    return (*nodes, *edges, *graph.roots)
