"""A trace as lines of text for a terminal: how it ended, what it printed, every tensor in one line.

Nothing a program prints or names reaches the terminal as an order to it.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.drawing.numerals import scalar_of, show_bytes, show_count, show_number, show_shape
from app.sandbox.face import Device, SealLayer
from app.screen import show_rows
from app.vocabulary.explanation import Alignment, Explanation
from app.vocabulary.modules import ModuleTree
from app.vocabulary.static_graph import StaticGraph
from app.vocabulary.trace import Completed, Crashed, Outcome, Raised, Stopped, TensorRecord, Trace, Warned
from app.vocabulary.values import Nested, Problem, TensorValue
from app.words import for_terminal, in_english

FEW = 8
"""Elements written out in one line."""


def describe_trace(trace: Trace, source: str) -> Iterator[str]:
    """The run, readable: output first, then the result, tensors, graph, and how it ended."""
    yield from map(for_terminal, _tell_trace(trace, source))


def _tell_trace(trace: Trace, source: str) -> Iterator[str]:
    yield from (row.text for row in show_rows(enumerate(trace.output)).rows)
    yield from (shown.text for shown in trace.displays or (trace.result,) if shown is not None)
    yield from map(describe_warning, trace.warnings)
    for tensor in trace.tensors:
        yield describe_tensor(tensor)
        yield from (f"    {in_english(why.sentence)}" for why in tensor.why)
    yield from (describe_tree(tree) for tree in trace.modules if tree.parameters)
    for graph in trace.graphs:
        started = ", ".join(graph.backward.roots) if graph.backward else "nowhere"
        yield f"graph: {len(graph.nodes)} nodes, {len(graph.edges)} edges, backward from {started}"
    yield from (in_english(each.sentence) for each in trace.stand_ins)
    for static in trace.static_graphs:
        yield from describe_static(static)
    yield from (in_english(note) for note in trace.notes)
    yield from describe_outcome(trace.outcome, source)


def describe_tree(tree: ModuleTree) -> str:
    """`net  2 modules  32 parameters, 24 trainable  128 B  never called: net.unused`."""
    root = tree.modules[0]
    words = [tree.name, f"{len(tree.modules) + tree.modules_left_out} modules"]
    words.append(f"{show_count(root.parameters)} parameters, {show_count(root.trainable)} trainable")
    words.append(show_bytes(root.bytes))
    idle = [each.path for each in tree.modules if each.has_forward and not each.calls]
    if tree.counted and idle:
        words.append(f"never called: {', '.join(idle[:FEW])}{' …' if len(idle) > FEW else ''}")
    return "  ".join(words)


def describe_warning(warned: Warned) -> str:
    place = f"line {warned.span.line}: " if warned.span else ""
    times = f" ({warned.count} times)" if warned.count > 1 else ""
    return f"warning: {place}{warned.category}: {warned.message}{times}"


def describe_static(graph: StaticGraph) -> Iterator[str]:
    """How large it is and what it has lost, or why there is none."""
    if graph.error is not None:
        yield f"static graph: {graph.tracer} cannot trace {graph.name}: {graph.error.message}"
    else:
        yield f"static graph: {graph.name}, {len(graph.nodes) + graph.nodes_left_out} nodes by {graph.tracer}"
    yield from (f"    {in_english(each.sentence)}" for each in graph.lost)


def describe_tensor(tensor: TensorRecord) -> str:
    """`w  float32 (2, 3)  [-1, 2]  mean 0.3  std 1.1  requires_grad  grad [0.1, 0.2]`."""
    words = [tensor.name, tensor.dtype, show_shape(tensor.shape)]
    if tensor.device != "cpu":
        words.append(tensor.device)
    words.append(describe_value(tensor.value))
    if tensor.requires_grad:
        words.append(f"grad_fn={tensor.grad_fn}" if tensor.grad_fn else "requires_grad")
        words.append(f"grad {describe_value(tensor.grad) if tensor.grad else 'None'}")
    return "  ".join(word for word in words if word)


def describe_value(value: TensorValue | None) -> str:
    if value is None:
        return "no values"
    scalar = scalar_of(value)
    if scalar is not None:
        return show_number(scalar)
    numbers = list(flat(value.data))
    if value.index is None and len(numbers) <= FEW:
        return nested_text(value.data)
    facts = value.statistics
    if facts is None or facts.minimum is None or facts.maximum is None:
        return "no finite values"
    text = f"[{show_number(facts.minimum)}, {show_number(facts.maximum)}]"
    if facts.mean is not None and facts.std is not None:
        text += f"  mean {show_number(facts.mean)}  std {show_number(facts.std)}"
    flags = (("NaN", facts.nan), ("inf", facts.positive_infinity), ("-inf", facts.negative_infinity))
    return text + "".join(f"  {count} {name}!" for name, count in flags if count)


def nested_text(data: Nested) -> str:
    if isinstance(data, tuple):
        return f"[{', '.join(nested_text(item) for item in data)}]"
    return show_number(data)


def flat(data: Nested) -> Iterator[Nested]:
    if isinstance(data, tuple):
        for item in data:
            yield from flat(item)
    else:
        yield data


def describe_outcome(outcome: Outcome, source: str) -> Iterator[str]:
    match outcome:
        case Completed():
            return
        case Raised():
            yield from describe_place(outcome.span.line if outcome.span else None, source)
            yield f"{outcome.exception}: {outcome.message}"
            remedy = outcome.hint
            if outcome.explanation is not None:
                yield from describe_explanation(outcome.explanation)
                remedy = outcome.explanation.remedy or remedy
            if remedy is not None:
                yield f"hint: {in_english(remedy)}"
        case Stopped():
            yield from describe_place(outcome.span.line if outcome.span else None, source)
            yield f"stopped: the limit {outcome.limit} of {outcome.allowed:g} was reached"
        case Crashed():
            yield f"crashed: the program ended its own process ({outcome.signal or 'without a signal'})"


def describe_explanation(told: Explanation) -> Iterator[str]:
    """The cause, the sizes side by side with `!` where they clash, where it began, who was involved."""
    if told.sentence is not None:
        yield f"cause: {in_english(told.sentence)}"
    if told.table is not None:
        yield from describe_table(told.table)
    yield from (f"write: {fix.label}" for fix in told.fixes)
    yield from (f"began: {in_english(each.sentence)}" for each in told.beginnings)
    for each in told.operands:
        yield f"  {each.name}  {each.dtype} {show_shape(each.shape)}  {each.device}"


def describe_table(table: Alignment) -> Iterator[str]:
    heads = ["", *(in_english(column.label) for column in table.columns)]
    rows = [[in_english(row.label), *("" if n is None else str(n) for n in row.sizes)] for row in table.rows]
    marks = ["", *("!" if column.clash else "" for column in table.columns)]
    widths = [max(map(len, column)) for column in zip(heads, *rows, marks, strict=False)]
    for line in (heads, *rows, marks):
        cells = [text.rjust(width) for text, width in zip(line[1:], widths[1:], strict=False)]
        yield f"  {line[0].ljust(widths[0])}  {'  '.join(cells)}".rstrip()


def describe_place(line: int | None, source: str) -> Iterator[str]:
    lines = source.split("\n")
    if line is not None and line <= len(lines):
        yield f"line {line}: {lines[line - 1].strip()}"


def describe_problems(problems: tuple[Problem, ...]) -> Iterator[str]:
    for problem in problems:
        place = f"{problem.span.line}:{problem.span.column + 1}: " if problem.span else ""
        yield for_terminal(place + in_english(problem.sentence))


def describe_layers(layers: tuple[SealLayer, ...]) -> Iterator[str]:
    for layer in layers:
        answer = "yes" if layer.active else "no" if layer.required else "no (not required)"
        yield f"  {layer.name:<18} {answer:<17} {layer.detail}"


def describe_devices(devices: tuple[Device, ...]) -> Iterator[str]:
    for device in devices:
        memory = f"{device.memory_bytes / 2**30:.1f} GiB" if device.memory_bytes else "memory unknown"
        yield f"  {device.name:<8} {device.title}, {memory}"
