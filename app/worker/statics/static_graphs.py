"""The static graphs of a run: those the program traced itself, and those the reader asks for when it has ended.

What is asked for runs the forward of a module once more, with stand-ins for its tensors; what it prints then is
dropped, and everything else the run left behind has been told before.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import torch.export
from torch import fx, nn
from torch.export import ExportedProgram

from app.program import FILENAME
from app.vocabulary.limits import Limits
from app.vocabulary.static_graph import CannotTrace, Lost, StaticGraph, StaticNode, Tracer
from app.vocabulary.values import Text
from app.worker.recording.modules import ModulePaths
from app.worker.recording.namespace import DEEPEST, named_by_program, parts_of
from app.worker.recording.places import Place, Places, program_frames
from app.worker.recording.recorder import Recorder
from app.worker.statics.lost import Executed, LostFinder
from app.worker.statics.module_trees import find_modules
from app.worker.statics.static_nodes import Calls, NodeTeller, called_name
from app.worker.statics.tracings import Tracing, Tracings
from app.worker.wording import message_of, plain_text

HOLDERS, GRAPHS = (fx.GraphModule, ExportedProgram), (fx.Graph,)
MOST_ASKED = 3
MOST_CODE = 8_000
MOST_MESSAGE = 600
DATA_SIZED = frozenset(
    {
        "nonzero",
        "masked_select",
        "unique",
        "unique_consecutive",
        "argwhere",
        "bincount",
        "unique_dim",
        "unique2",
    }
)
"""Calls whose result is as long as the values say."""
REMEDIES: tuple[tuple[tuple[str, ...], Text], ...] = (
    (
        ("cannot be iterated", "iterate"),
        Text(
            "A loop over a tensor asks how many rows there are, and a stand-in does not know. Loop over a number that "
            "is known, or trace with torch.export, which knows the sizes of its example inputs."
        ),
    ),
    (
        ("control flow", "guard on data-dependent", "data-dependent expression", "Boolean value"),
        Text(
            "Python decides here by what a stand-in has not got: a tensor's values, and for torch.fx its shape too. "
            "`torch.where(condition, a, b)` computes both and chooses; `torch.cond` keeps both branches in a graph of "
            "torch.export."
        ),
    ),
    (
        ("len()", "as an integer", "int()", "float()", "'Proxy'", "Proxy object"),
        Text(
            "Python wants a number here, and a stand-in has none. Keep it a tensor, or compute the number before it is "
            "traced."
        ),
    ),
)
NOTHING_TO_TRACE = Text(
    "There is no static graph: this run called no module that a name of the program leads to, and traced nothing "
    "itself."
)


class StaticGraphs:
    """Asks for static graphs and tells all there are."""

    def __init__(self, places: Places, recorder: Recorder, modules: ModulePaths, limits: Limits) -> None:
        self.notes: list[Text] = []
        self.tracings = Tracings(recorder, modules)
        self._places = places
        self._recorder = recorder
        self._modules = modules
        self._limits = limits

    # ------------------------------------------------------------------------------------------------ asking

    def ask(self, names: dict[str, Any], tracer: Tracer) -> None:
        """Trace the outermost modules that this run called, the first few."""
        wanted = list(self._worth_tracing(names))[:MOST_ASKED]
        self.tracings.asking = True
        for name, module in wanted:
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                self._trace(name, module, tracer)
        if not wanted and not self.tracings.told:
            self.notes.append(NOTHING_TO_TRACE)

    def _worth_tracing(self, names: dict[str, Any]) -> Iterator[tuple[str, nn.Module]]:
        for module, known_as in find_modules(names):
            followed = self._modules.followed(module)
            loss = type(module).__module__.startswith("torch.nn.") and not any(
                True for _ in module.parameters()
            )
            if (
                followed is not None
                and followed.calls
                and not loss
                and not isinstance(module, fx.GraphModule)
            ):
                yield known_as[0], module

    def _trace(self, name: str, module: nn.Module, tracer: Tracer) -> None:
        before = len(self.tracings.told)
        try:
            if tracer == "torch.fx":
                fx.Tracer().trace(module)
            else:
                args, kwargs = self._modules.example(module)
                torch.export.export(module, args, kwargs)
        except BaseException as error:  # user code: its forward, run with stand-ins
            del error  # it is told with the tracing
        for tracing in self.tracings.told[before:]:
            tracing.name = name

    # ------------------------------------------------------------------------------------------------ telling

    def tell(self, names: dict[str, Any]) -> tuple[StaticGraph, ...]:
        """Graphs that names of the program lead to, then the other tracings."""
        room = self._limits.static_nodes
        told: list[StaticGraph] = []
        held = {id(graph): (name, graph, whole) for name, graph, whole in find_graphs(names)}
        if not held and not self.tracings.told:
            return ()
        teller = _Teller(self.tracings, self._places, self._recorder, self._modules)
        for name, graph, whole in held.values():
            told.append(teller.graph(name, graph, whole, self.tracings.of(graph), room))
            room -= len(told[-1].nodes)
        for tracing in self.tracings.told:
            if tracing.graph is None or id(tracing.graph) not in held:
                told.append(teller.tracing(tracing, room))
                room -= len(told[-1].nodes)
        return tuple(told[: self._limits.static_graphs])


def find_graphs(names: dict[str, Any]) -> Iterator[tuple[str, fx.Graph, Any]]:
    """Static graphs the program's names lead to: name, graph, and the object that holds it."""

    def within(name: str, value: Any, depth: int) -> Iterator[tuple[str, fx.Graph, Any]]:
        if isinstance(value, HOLDERS):
            yield name, value.graph, value
        elif isinstance(value, GRAPHS):
            yield name, value, None
        elif depth:
            for inner, item in parts_of(value):
                yield from within(name + inner, item, depth - 1)

    for name, value in named_by_program(names):
        yield from within(name, value, DEEPEST)


class _Teller:
    def __init__(self, tracings: Tracings, places: Places, recorder: Recorder, modules: ModulePaths) -> None:
        self._tracings = tracings
        self._places = places
        self._modules = modules
        self._calls = Calls((places.place(call.code, call.instruction), call) for call in recorder.calls)
        self._finder = LostFinder(
            places.source, ast.parse("\n".join(places.source.lines), FILENAME), self._ran
        )

    def _ran(self, part: list[ast.stmt] | list[ast.expr]) -> bool:
        """Whether a recorded call of this run came from there."""
        start = part[0].lineno, part[0].col_offset
        end = part[-1].end_lineno or 0, part[-1].end_col_offset or 0
        places: Iterator[Place] = iter(self._calls.by_place)
        return any(start <= (line, low) and (last, high) <= end for line, last, low, high in places)

    def tracing(self, tracing: Tracing, room: int) -> StaticGraph:
        name = tracing.name or name_of(tracing.root)
        if tracing.graph is not None:
            return self.graph(name, tracing.graph, tracing.exported or tracing.root, tracing, room)
        error = tracing.error
        told = None if error is None else self._cannot(error)
        went = tuple(self._finder.taken_at(told.span)) if told is not None and told.span is not None else ()
        return StaticGraph(name[:80], tracing.tracer, tracing.asked, lost=went, error=told)

    def graph(
        self, name: str, graph: fx.Graph, whole: Any, tracing: Tracing | None, room: int
    ) -> StaticGraph:
        exported = whole if isinstance(whole, ExportedProgram) else None
        holder = exported.graph_module if exported else whole if isinstance(whole, nn.Module) else None
        root = tracing.root if tracing is not None and isinstance(tracing.root, nn.Module) else holder
        nodes = list(graph.nodes)
        ran = self._modules.followed(holder) if holder is not None else None
        called_at = self._places.place(ran.code, ran.instruction) if ran is not None else None
        shapes = self._shape_in(root)
        teller = NodeTeller(
            name, self._places.source, self._calls, self._place_of, shapes, exported, called_at
        )
        told = teller.tell(nodes[: max(room, 0)])
        return StaticGraph(
            name=name[:80],
            tracer="torch.export" if exported else "torch.fx",
            asked=bool(tracing and tracing.asked),
            nodes=told,
            lost=(*self._lost(tracing), *lost_by_nodes(told, nodes), *lost_by_export(exported, root)),
            code=code_of(graph),
            nodes_left_out=len(nodes) - len(told),
        )

    def _lost(self, tracing: Tracing | None) -> tuple[Lost, ...]:
        if tracing is None:
            return ()
        counts = ((self._places.place(code, at), count) for (code, at), count in tracing.executed.items())
        return self._finder.find(Executed(counts), tracing.tracer)

    def _place_of(self, node: fx.Node) -> Place | None:
        found = self._tracings.place(node)
        return None if found is None else self._places.place(*found)

    def _shape_in(self, root: Any) -> Callable[[str], tuple[int, ...] | None]:
        def shape(path: str) -> tuple[int, ...] | None:
            try:
                followed = self._modules.followed(root.get_submodule(path))
            except AttributeError:
                return None
            return followed.shapes[0] if followed is not None and followed.shapes else None

        return shape

    def _cannot(self, error: BaseException) -> CannotTrace:
        message = message_of(error).strip()
        frames = program_frames(error.__traceback__, self._places)
        remedy = next((text for words, text in REMEDIES if any(word in message for word in words)), None)
        first = message.split("\n\n")[0][:MOST_MESSAGE]
        return CannotTrace(
            plain_text(type(error).__name__), first, frames[-1].span if frames else None, remedy
        )


def name_of(root: Any) -> str:
    return plain_text(str(getattr(root, "__name__", None) or type(root).__name__))


def code_of(graph: fx.Graph) -> str | None:
    try:
        return plain_text(graph.python_code("self").src.strip())[:MOST_CODE]
    except Exception:  # user code: a graph the program made by hand may be no program
        return None


# ------------------------------------------------------------------------------------------------ lost in the nodes


def lost_by_nodes(told: tuple[StaticNode, ...], nodes: list[fx.Node]) -> Iterator[Lost]:
    """What single nodes tell: sizes that depend on values, and a mode that is fixed."""
    dtypes = {each.id: each.dtype for each in told}
    for each, node in zip(told, nodes, strict=False):
        line: dict[str, str | int | float] = {"line": each.span.line if each.span else "?", "text": each.call}
        name = called_name(each.target)
        masked = name in ("getitem", "index") and any(
            dtypes.get(number) == "bool" for number in each.inputs[1:]
        )
        if each.op.startswith("call_") and (name in DATA_SIZED or masked):
            yield Lost("shape", filled(SIZED, line), each.span)
        if isinstance(node.kwargs.get("training"), bool):
            yield Lost("training", filled(FIXED, {**line, "value": str(node.kwargs["training"])}), each.span)


SIZED = Text(
    "Line {line}: how long the result of `{text}` is depends on the values. The graph cannot know it."
)
FIXED = Text(
    "Line {line}: `training={value}` is fixed in the graph; `train()` and `eval()` do not change it."
)
MODE = Text("It was traced in training mode and stays in it: `eval()` does not change the graph.")
SIZES = Text(
    "The graph holds for inputs of these shapes only: {shapes}. `dynamic_shapes=` leaves sizes open when it is traced."
)


def filled(text: Text, values: dict[str, str | int | float]) -> Text:
    return Text(text.template, values)


def lost_by_export(exported: ExportedProgram | None, root: Any) -> Iterator[Lost]:
    if exported is None:
        return
    lifted = {getattr(spec.arg, "name", "") for spec in exported.graph_signature.input_specs if spec.target}
    inputs = [node for node in exported.graph.nodes if node.op == "placeholder" and node.name not in lifted]
    values = [(node.name, node.meta.get("val")) for node in inputs]
    shapes = [(name, tuple(value.shape)) for name, value in values if isinstance(value, torch.Tensor)]
    if shapes and all(isinstance(size, int) for _, shape in shapes for size in shape):
        listed = ", ".join([f"{name} {shape}" for name, shape in shapes])[:200]
        yield Lost("sizes", filled(SIZES, {"shapes": listed}))
    modes = (nn.Dropout, nn.modules.batchnorm._BatchNorm)
    if isinstance(root, nn.Module) and any(
        isinstance(each, modes) and each.training for each in root.modules()
    ):
        yield Lost("training", MODE)
