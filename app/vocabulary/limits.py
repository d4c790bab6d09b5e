"""Limits: one value handed down from the settings to whoever must keep within it. Defaults fit a public site."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use and how much of it the trace may hold."""

    seconds: float = 10.0
    """Wall time of one run."""
    memory_bytes: int = 512 * MIB
    """Memory a program may take beyond what its process starts with."""
    run_seconds: float = 120.0
    """Wall time of a run that is watched live."""
    held_seconds: float = 600.0
    """How long a run that is watched live may be paused or slowed down, all together."""
    source_bytes: int = 64 * KIB
    body_bytes: int = 1 * MIB
    """Largest HTTP request body."""
    output_bytes: int = 1 * MIB
    """Text a program may print."""
    frame_bytes: int = 24 * MIB
    """Largest single frame accepted from a child."""
    reply_bytes: int = 64 * MIB
    """All frames of one run together, beside those that come steadily:"""
    stream_bytes: int = 4 * MIB
    """for each second of a run so many more."""
    frame_points: int = 1_000
    """New points of one series in one frame; of more, the least and greatest of each stretch are sent."""
    steps: int = 2_000
    """Recorded calls kept in the trace."""
    tensors: int = 256
    """Named tensors kept in the trace."""
    tensor_values: int = 1_024
    """Elements of one tensor kept as values."""
    node_values: int = 64
    """Elements of one tensor kept on a graph's node or edge."""
    graph_nodes: int = 50_000
    """Autograd nodes walked in one graph, and kept of all graphs of a run together."""
    graph_edges: int = 100_000
    """Edges kept of all graphs of a run together, and of torchviz's picture."""
    graph_values: int = 20_000
    """Values and gradients on the nodes and edges of all graphs of a run."""
    graph_numbers: int = 200_000
    """Numbers in all of these together; large graphs show fewer per value."""
    graph_saved: int = 10_000
    """Things that nodes saved for backward, told of all graphs of a run together."""
    backward_passes: int = 8
    """Backward passes kept from the start of a run; the latest one is kept as well."""
    kept_bytes: int = 64 * MIB
    """Memory the recorder may hold on to so that values can be shown, beside what the program may take."""
    reserve_bytes: int = 16 * MIB
    """Set aside from the start, so that a program that has used up all it may take can still be told of."""
    figures: int = 20
    """The last ones are kept."""
    displays: int = 200
    """Values given to `display()` that are kept."""
    warnings: int = 100
    curves: int = 64
    """Series of numbers found and kept while a program trains, beside those of watched expressions."""
    curve_points: int = 2_048
    """Points kept of one series; older ones are thinned, spikes survive."""
    models: int = 3
    """Models whose predictions are shown while they train."""
    prediction_numbers: int = 8_000
    """Numbers in one look at a model's predictions."""
    frames_per_second: float = 8.0
    """How often what is new while a program trains is sent: each time wakes the server and all of a browser, which on a
    small machine take their time from the training."""
    looks_per_second: float = 4.0
    """How often the tensors of a program that is watched live are shown while it trains, at most; 0 for never."""
    ribbons: int = 48
    """Parameters' weights, and their gradients, followed as histograms."""
    ribbon_columns: int = 64
    """Histograms kept of one ribbon; older ones are thinned."""
    bins: int = 32
    """Bins of one histogram."""
    modules: int = 1_000
    """Modules told of all module trees together, and as many parameters and buffers."""
    static_graphs: int = 6
    """Static graphs told of a run, with at most so many nodes in all of them together:"""
    static_nodes: int = 2_000
    watched: int = 32
    """Expressions that are watched at the same time."""
    text_chars: int = 20_000
    """Longest text shown for one value."""
    drawn_nodes: int = 300
    """Boxes in one picture before it is grouped further."""
    drawing_seconds: float = 2.0
    """Deadline of the Graphviz process."""
    run_event_bytes: int = 8 * MIB
    """Events kept of one run that is watched live; older points are thinned, the newest stay."""
    run_grace_seconds: float = 30.0
    """How long a run goes on that nobody watches."""
    runs_waiting: int = 64
    """Runs that may wait for their turn."""
    runs_kept: int = 64
    """Runs kept after their end, to be looked at again."""
    runs_kept_seconds: float = 600.0
    runs_kept_bytes: int = 256 * MIB
    """Everything kept of runs that are over."""

    @property
    def process_bytes(self) -> int:
        """What the process of a run may take: a program that keeps its limit unrecorded keeps it recorded. What is
        kept for longer than the program would leaves holes, which are about as large again."""
        return self.memory_bytes + 2 * self.kept_bytes + self.reserve_bytes

    @property
    def series(self) -> int:
        """All series together: an expression may give numbers at one time, and norms at another."""
        return self.curves + 2 * self.watched
