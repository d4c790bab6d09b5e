"""What is special about a node, in a few words: a view, a write in place, a hook, a checkpoint; and where the program
cut autograd's history, so that a constant can be drawn with what it was cut from."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from app.vocabulary.values import GraphCut, Mark, NodeId, TensorId, Text
from app.worker.graphs.autograd import RawGraph, RawNode
from app.worker.graphs.cuts import cuts_before, kind_of_cut
from app.worker.recording.calls import Call, Result
from app.worker.recording.tensors import dtype_name

MOST_STEPS = 200
"""Calls looked at on the way back from one constant."""
NAME_CHARS = 40
VIEWS = frozenset(
    {
        *("AliasBackward0", "AsStridedBackward0", "DiagonalBackward0", "ExpandBackward0", "PermuteBackward0"),
        *("SelectBackward0", "SliceBackward0", "SplitBackward0", "SqueezeBackward0", "SqueezeBackward1"),
        *("TBackward0", "TransposeBackward0", "UnbindBackward0", "UnsqueezeBackward0", "ViewBackward0"),
    }
)
"""Nodes whose forward operation always gives a view."""
Name = Callable[[TensorId], str]


def mark_node(raw: RawNode, name: Name, hooked_modules: frozenset[str]) -> Iterator[Mark]:
    """Marks of a node that depend on how the program was written, never on numbers."""
    if raw.op == "CheckpointFunctionBackward" or raw.packed == "checkpoint":
        yield Mark("checkpoint", Text("checkpoint: computed again for backward"))
    elif raw.packed:
        yield Mark("hook", Text("saved tensors pass a hook"))
    elif raw.op == "BackwardHookFunctionBackward":
        yield Mark("hook", Text("backward hook of a module"))
    elif raw.custom:
        yield Mark("custom", Text("custom Function"))
    yield from _write_or_view(raw, name)
    if any(output.hooked for output in raw.outputs):
        yield Mark("hook", Text("hook on the tensor"))
    module = raw.call.module if raw.call is not None else None
    if module in hooked_modules and module is not None:
        yield Mark("hook", Text("hook on module {module}", {"module": module[:NAME_CHARS]}))


def _write_or_view(raw: RawNode, name: Name) -> Iterator[Mark]:
    call = raw.call
    if call is not None and call.version is not None and call.results and raw.kind == "function":
        values: dict[str, str | int | float] = {
            "name": name(call.results[0].tensor)[:NAME_CHARS],
            "version": call.version,
        }
        yield Mark("in_place", Text("in place: {name} has version {version}", values))
        return
    bases = [output.view_of for output in raw.outputs if output.view_of is not None]
    if bases:
        yield Mark("view", Text("view of {base}", {"base": name(bases[0])[:NAME_CHARS]}))
    elif raw.op in VIEWS:
        yield Mark("view", Text("a view"))


# ---------------------------------------------------------------------------------------------- cuts


def tell_cut(cut: Result, name: Name) -> Text:
    """What was cut from what."""
    source = next((each.tensor for each in cut.call.arguments if each.requires_grad), None)
    values: dict[str, str | int | float] = {
        "source": "?" if source is None else name(source)[:NAME_CHARS],
        "dtype": dtype_name(cut.dtype),
    }
    match kind_of_cut(cut):
        case "no_grad":
            return Text("cut from {source}: under no_grad", values)
        case "detached":
            return Text("cut from {source}: detached", values)
        case "copied":
            return Text("cut from {source}: numbers copied", values)
        case "whole_numbers":
            return Text("cut from {source}: {dtype} has no gradient", values)
    return Text("cut from {source}: not differentiable", values)


class Cuts:
    """Finds, for the constants of one graph, the nodes they were cut from."""

    def __init__(self, graph: RawGraph, name: Name) -> None:
        self._graph = graph
        self._name = name
        self._nodes: dict[tuple[int, int], int] = {}
        self._leaves: dict[TensorId, int] = {}
        for number, node in enumerate(graph.nodes):
            if node.sequence is not None:
                self._nodes[node.sequence, 0] = number
            elif node.kind == "accumulate" and node.outputs[0].tensor is not None:
                self._leaves[node.outputs[0].tensor] = number

    def find(self) -> Iterator[tuple[int, Text, list[GraphCut]]]:
        """Each constant that has a cut behind it: its node, the cut in words, and where in this graph it came from."""
        for number, node in enumerate(self._graph.nodes):
            if node.kind != "constant" or node.made is None:
                continue
            cut = next(cuts_before(node.made, MOST_STEPS), None)
            if cut is not None:
                sources = dict.fromkeys(self._sources(cut.call))
                text = tell_cut(cut, self._name)
                yield (
                    number,
                    text,
                    [GraphCut(NodeId(number), NodeId(node), output_nr, text) for node, output_nr in sources],
                )

    def _sources(self, call: Call) -> Iterator[tuple[int, int]]:
        for argument in call.arguments:
            if not argument.requires_grad:
                continue
            made = argument.made_by
            leaf = self._leaves.get(argument.tensor)
            if leaf is not None:
                yield leaf, 0
            elif made is not None and made.sequence is not None and (made.sequence, 0) in self._nodes:
                yield self._nodes[made.sequence, 0], made.output_nr
