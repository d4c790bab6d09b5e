"""A `torch.fx.Graph` told in the vocabulary: each node's call as Python, its place in the program, its shape.

torch.fx knows no shapes. Where this run's own calls came from the same place under the same name, theirs are told.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram

from app.program import FILENAME
from app.source import SourceText
from app.vocabulary.static_graph import StaticNode
from app.vocabulary.values import NodeId, Span
from app.worker.recording.calls import Call
from app.worker.recording.places import Place
from app.worker.recording.tensors import dtype_name, known_sizes
from app.worker.wording import plain_text

MOST_TEXT = 200
MOST_ARGUMENT = 40
MOST_ARGUMENTS = 8
MOST_INPUTS = 64
PLAIN = (int, float, complex, bool, str, type(None), type(...), torch.dtype, torch.device, slice, torch.Size)
INFIX: Mapping[str, str] = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "matmul": "@",
    "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=", "and": "&", "or": "|", "xor": "^",
}  # fmt: skip
LINE = re.compile(rf'File "{re.escape(FILENAME)}", line (\d+)')
Facts = tuple[tuple[int, ...], str]


class Calls:
    """This run's recorded calls by place and name."""

    def __init__(self, calls: Iterable[tuple[Place | None, Call]]) -> None:
        self.by_place: dict[Place, dict[str, list[Facts]]] = defaultdict(lambda: defaultdict(list))
        self.by_line: dict[tuple[int, str], list[Place]] = defaultdict(list)
        for place, call in calls:
            if place is None or not call.results:
                continue
            name, result = base_name(call.op), call.results[0]
            self.by_place[place][name].append((known_sizes(result.shape), dtype_name(result.dtype)))
            on_line = self.by_line[place[0], name]
            if place not in on_line:
                on_line.append(place)

    def facts(self, place: Place, name: str, number: int, whole: bool) -> Facts | None:
        """What the `number`-th call of that name at a place gave; of the only one there, whatever it is called.

        Where the place calls a `whole` graph, the only one there need not be this node's.
        """
        names = self.by_place.get(place)
        if not names:
            return None
        found = names.get(name) or (next(iter(names.values())) if len(names) == 1 and not whole else None)
        return None if found is None else found[min(number, len(found) - 1)]


def base_name(op: str) -> str:
    """`torch.Tensor.__add__` and `operator.add` are both `add`."""
    return op.rsplit(".", 1)[-1].strip("_")


def called_name(target: str) -> str:
    """The same of a node's target: `aten.add.Tensor`."""
    return target.split(".")[1].strip("_") if target.startswith("aten.") else base_name(target)


class NodeTeller:
    """Tells the nodes of one graph, of the name `root`."""

    def __init__(
        self,
        root: str,
        source: SourceText,
        calls: Calls,
        place_of: Callable[[fx.Node], Place | None],
        module_shape: Callable[[str], tuple[int, ...] | None],
        exported: ExportedProgram | None,
        called_at: Place | None = None,
    ) -> None:
        """`called_at` is where the program called the graph itself: its calls came from there."""
        self._root = root
        self._called_at = called_at
        self._source = source
        self._calls = calls
        self._place_of = place_of
        self._module_shape = module_shape
        self._lifted = lifted_names(exported)
        self._seen: Counter[tuple[Place, str]] = Counter()
        self._on_line: Counter[tuple[int, str]] = Counter()

    def tell(self, nodes: list[fx.Node]) -> tuple[StaticNode, ...]:
        numbers = {node: NodeId(number) for number, node in enumerate(nodes)}
        return tuple([self._node(node, numbers) for node in nodes])

    def _node(self, node: fx.Node, numbers: dict[fx.Node, NodeId]) -> StaticNode:
        target = target_text(node)
        name = called_name(target)
        place = self._place(node, name)
        shape, dtype = self._facts(node, place, name)
        return StaticNode(
            id=numbers[node],
            op=node.op,  # type: ignore[arg-type]  # one of torch.fx's own six
            name=node.name[:MOST_TEXT],
            target=self._lifted.get(node.name, target)[:MOST_TEXT],
            call=call_text(node, target)[:MOST_TEXT],
            inputs=tuple(self._inputs(node, numbers)[:MOST_INPUTS]),
            module=self._module(node),
            span=self._span(node, place),
            shape=shape,
            dtype=dtype,
        )

    def _inputs(self, node: fx.Node, numbers: dict[fx.Node, NodeId]) -> list[NodeId]:
        """Those before it; a graph made by hand may hold others."""
        taken = [numbers.get(each) for each in node.all_input_nodes]
        return [number for number in taken if number is not None and number < numbers[node]]

    # ------------------------------------------------------------------------------------------------ where

    def _place(self, node: fx.Node, name: str) -> Place | None:
        """Where it was made; of a node torch.export copied, the call of its name in the line it tells."""
        if node.op in ("placeholder", "output"):
            return None
        place = self._place_of(node)
        line = line_of(node)
        if place is not None or line is None:
            return place
        found = self._calls.by_line.get((line, name), [])
        number = self._on_line[line, name]
        self._on_line[line, name] += 1
        return found[number % len(found)] if found else None

    def _span(self, node: fx.Node, place: Place | None) -> Span | None:
        if place is not None:
            return self._source.span(place[0], place[2], place[1], place[3])
        line = line_of(node)
        if line is None or not line <= len(self._source.lines):
            return None
        text = self._source.lines[line - 1]
        return Span(line, len(text) - len(text.lstrip()), line, len(text))

    def _module(self, node: fx.Node) -> str | None:
        stack = node.meta.get("nn_module_stack")
        if not isinstance(stack, dict) or not stack:
            return None
        last = list(stack.values())[-1]
        path = last[0] if isinstance(last, tuple) else ""
        return f"{self._root}.{path}"[:MOST_TEXT] if path else self._root

    # ------------------------------------------------------------------------------------------------ what

    def _facts(
        self, node: fx.Node, place: Place | None, name: str
    ) -> tuple[tuple[int, ...] | None, str | None]:
        value = node.meta.get("val")
        if isinstance(value, Tensor):
            return known_sizes(value.shape), dtype_name(value.dtype)
        if node.op == "call_module":
            return self._module_shape(str(node.target)), None
        if not node.op.startswith("call_"):
            return None, None
        return self._next_facts(place, name) or self._next_facts(self._called_at, name) or (None, None)

    def _next_facts(self, place: Place | None, name: str) -> Facts | None:
        if place is None:
            return None
        number = self._seen[place, name]
        self._seen[place, name] += 1
        return self._calls.facts(place, name, number, place == self._called_at)


def lifted_names(exported: ExportedProgram | None) -> dict[str, str]:
    """Inputs of an exported graph that stand for parameters and buffers, and their paths."""
    specs = exported.graph_signature.input_specs if exported is not None else ()
    return {str(getattr(spec.arg, "name", "")): spec.target for spec in specs if spec.target}


def line_of(node: fx.Node) -> int | None:
    """The innermost line of the program that a node's own stack trace names."""
    found = LINE.findall(str(node.meta.get("stack_trace") or ""))
    return int(found[-1]) if found else None


# ------------------------------------------------------------------------------------------------ as Python


def target_text(node: fx.Node) -> str:
    target = node.target
    if isinstance(target, str):
        return plain_text(target)
    if isinstance(target, torch._ops.OpOverload):
        return str(target)
    name, module = (
        getattr(target, "__name__", type(target).__name__),
        getattr(target, "__module__", None) or "",
    )
    module = {"_operator": "operator", "torch._C._nn": "torch.nn.functional"}.get(module, module)
    if isinstance(getattr(torch, name, None), type(target)) and getattr(torch, name) is target:
        module = "torch"
    return plain_text(f"{module}.{name}" if module and module != "__main__" else name)


def call_text(node: fx.Node, target: str) -> str:
    arguments = [argument_text(each) for each in node.args[:MOST_ARGUMENTS]]
    arguments += [f"{key}={argument_text(each)}" for key, each in list(node.kwargs.items())[:MOST_ARGUMENTS]]
    match node.op:
        case "placeholder":
            return target
        case "get_attr":
            return f"self.{target}"
        case "output":
            return f"return {', '.join(arguments)}"
        case "call_method" if arguments:
            return f"{arguments[0]}.{target}({', '.join(arguments[1:])})"
        case "call_module":
            return f"self.{target}({', '.join(arguments)})"
    name = base_name(target)
    if target.startswith("operator.") and name in INFIX and len(arguments) == 2:
        return f"{arguments[0]} {INFIX[name]} {arguments[1]}"
    if target == "builtins.getattr" and len(arguments) == 2:
        return f"{arguments[0]}.{node.args[1]}"
    if target == "operator.getitem" and len(arguments) == 2:
        return f"{arguments[0]}[{arguments[1]}]"
    return f"{target}({', '.join(arguments)})"


def argument_text(value: Any) -> str:
    """A node's name, or a plain value; of anything else its class."""
    if isinstance(value, fx.Node):
        return value.name
    if isinstance(value, tuple | list):
        inner = ", ".join([argument_text(each) for each in value[:MOST_ARGUMENTS]])
        more = ", …" if len(value) > MOST_ARGUMENTS else ""
        return f"({inner}{more})" if isinstance(value, tuple) else f"[{inner}{more}]"
    if isinstance(value, slice):
        parts = [
            None if each is None else argument_text(each) for each in (value.start, value.stop, value.step)
        ]
        text = f"{parts[0] or ''}:{parts[1] or ''}"
        return f"{text}:{parts[2]}" if parts[2] else text
    return (
        plain_text(repr(value))[:MOST_ARGUMENT] if isinstance(value, PLAIN) else f"<{type(value).__name__}>"
    )
