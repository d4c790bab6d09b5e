"""What a static graph has lost of the program it was traced from, read from what was executed meanwhile.

A branch was taken once and for all, a loop's body stands there as often as it ran, what Python did beside the tensors
is gone. Nothing is guessed: a statement that was not executed while it was traced is not spoken of.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from app.source import SourceText
from app.vocabulary.static_graph import Lost
from app.vocabulary.values import Span, Text
from app.worker.recording.places import Place

MOST_LOST = 40
MOST_TEXT = 80
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)
CHANGING = frozenset(
    {
        "append",
        "extend",
        "insert",
        "add",
        "update",
        "pop",
        "remove",
        "clear",
        "setdefault",
        "discard",
        "write",
    }
)
"""Methods that change what they are called on, and give back nothing of it."""
GRAD_MODES = frozenset({"no_grad", "enable_grad", "set_grad_enabled", "inference_mode"})
Words = dict[str, str | int | float]
CHECKED = Text("Line {line}: `{text}` was checked once, while it was traced. The graph does not check it.")
GRAD_MODE = Text(
    "Line {line}: `{text}` is not in the graph: what stands in it is computed with gradients there."
)
PRINTED = Text(
    "Line {line}: `{text}` printed while it was traced, and printed stand-ins. The graph prints nothing."
)
BOTH_WAYS = Text(
    "Line {line}: `if {text}` went both ways while it was traced, and each way stands in the graph where it "
    "was taken. No condition is left."
)
PASSED_BY = Text(
    "Line {line}: `if {text}` was decided while it was traced: its body is not in the graph, whatever the "
    "condition is in another run."
)
OTHERWISE = Text(
    "Line {line}: `if {text}` was decided while it was traced: only the `{way}` branch is in the graph. This "
    "run took the `{other}` branch as well."
)
ONE_WAY = Text(
    "Line {line}: `if {text}` was decided while it was traced: only the `{way}` branch is in the graph, "
    "whatever the condition is in another run."
)
LOOP = Text(
    "Line {line}: the loop over `{text}` was unrolled: its body stands in the graph {count} times, whatever "
    "the number is in another run."
)
WHILE = Text(
    "Line {line}: the loop `while {text}` was unrolled: its body stands in the graph {count} times, whatever "
    "the number is in another run."
)
EACH = Text(
    "Line {line}: `{text}` was unrolled: what it computes stands in the graph {count} times, whatever the "
    "number is in another run."
)
DONE = Text("Line {line}: `{text}` was done while it was traced, once. The graph does not do it.")
TOOK = Text("Line {line}: in this run `if {text}` took this way: {ways}.")


class Executed:
    """How often each place of the program was executed."""

    def __init__(self, counts: Iterable[tuple[Place | None, int]]) -> None:
        self._counts: Counter[Place] = Counter()
        for place, count in counts:
            if place is not None:
                self._counts[place] = max(self._counts[place], count)
        self._lines = {place[0] for place in self._counts}

    def times(self, node: ast.AST) -> int:
        """How often a statement or an expression was; of one that is made of others, its first part."""
        first = header(node)
        start, end = (first.lineno, first.col_offset), (first.end_lineno or 0, first.end_col_offset or 0)
        inside = [
            n
            for (line, last, low, high), n in self._counts.items()
            if start <= (line, low) and (last, high) <= end
        ]
        return min(inside, default=0)

    def reached(self, node: ast.AST) -> bool:
        return self.times(node) > 0


def header(node: ast.AST) -> ast.expr | ast.stmt:
    """The part of a statement that is executed whenever it is."""
    match node:
        case ast.For(iter=part) | ast.While(test=part) | ast.If(test=part):
            return part
        case ast.With(items=[item, *_]):
            return item.context_expr
        case ast.expr() | ast.stmt():
            return node
    raise TypeError(node)


class LostFinder:
    """Finds what a tracing has lost in the program's tree. `ran`: whether this run's own calls came from a place."""

    def __init__(
        self, source: SourceText, tree: ast.AST, ran: Callable[[list[ast.stmt] | list[ast.expr]], bool]
    ) -> None:
        self._source = source
        self._tree = tree
        self._ran = ran

    def find(self, executed: Executed, tracer: str) -> tuple[Lost, ...]:
        found: dict[tuple[str, int, int], Lost] = {}
        for node in ast.walk(self._tree):
            if not isinstance(node, ast.expr | ast.stmt):
                continue
            for lost in self._of(node, executed, tracer):
                place = (lost.kind, lost.span.line, lost.span.column) if lost.span else (lost.kind, 0, 0)
                found.setdefault(place, lost)
        told = sorted(
            found.values(), key=lambda lost: (lost.span.line, lost.span.column) if lost.span else (0, 0)
        )
        return tuple(told[:MOST_LOST])

    def taken_at(self, place: Span) -> Iterator[Lost]:
        """Which way this run itself went at a place where tracing failed."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.If | ast.IfExp) and lies_in(place, self._source.span_of(node.test)):
                body, other = as_list(node.body), as_list(node.orelse)
                ways = [way for way, part in (("if", body), ("else", other)) if part and self._ran(part)]
                if ways:
                    sentence = TOOK
                    yield self._lost("branch", node.test, sentence, {"ways": ", ".join(ways)})

    def _of(self, node: ast.expr | ast.stmt, executed: Executed, tracer: str) -> Iterator[Lost]:
        match node:
            case ast.If(test=test, body=body, orelse=orelse) if executed.reached(node):
                yield self._branch(test, executed, list(body), list(orelse))
            case ast.IfExp(test=test, body=one, orelse=other) if executed.reached(test):
                yield self._branch(test, executed, [one], [other])
            case ast.For(body=body) | ast.While(body=body) if executed.reached(node):
                yield self._loop(node, executed.times(body[0]))
            case ast.ListComp(elt=each) | ast.SetComp(elt=each) | ast.GeneratorExp(elt=each) if (
                executed.reached(each)
            ):
                yield self._loop(node, executed.times(each))
            case ast.Assert() if executed.reached(node.test):
                yield self._lost(
                    "check",
                    node,
                    CHECKED,
                )
            case ast.With(items=[item, *_]) if (
                tracer == "torch.fx" and executed.reached(node) and is_grad_mode(item)
            ):
                yield self._lost(
                    "no_grad",
                    item.context_expr,
                    GRAD_MODE,
                )
            case ast.Expr(value=ast.Call(func=ast.Name(id="print")) as call) if executed.reached(node):
                yield self._lost(
                    "print",
                    call,
                    PRINTED,
                )
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=holder, attr=method)) as call) if (
                method in CHANGING and outlives(holder) and executed.reached(node)
            ):
                yield self._side_effect(call)
            case ast.Assign(targets=targets) if any(map(outlives, targets)) and executed.reached(node):
                yield self._side_effect(node)
            case ast.AugAssign(target=target) if outlives(target) and executed.reached(node):
                yield self._side_effect(node)

    def _branch(
        self,
        test: ast.expr,
        executed: Executed,
        body: list[ast.stmt] | list[ast.expr],
        other: list[ast.stmt] | list[ast.expr],
    ) -> Lost:
        taken, left = executed.reached(body[0]), bool(other) and executed.reached(other[0])
        went_on = not taken and not other
        if taken and (left or (not other and executed.times(body[0]) < executed.times(test))):
            return self._lost(
                "branch",
                test,
                BOTH_WAYS,
            )
        ways = ("if", "else") if taken else ("else", "if")
        words: Words = {"way": ways[0], "other": ways[1]}
        if went_on:
            sentence = PASSED_BY
        elif (not taken and self._ran(body)) or (taken and other and self._ran(other)):
            sentence = OTHERWISE
        else:
            sentence = ONE_WAY
        return self._lost("branch", test, sentence, words)

    def _loop(self, node: ast.expr | ast.stmt, times: int) -> Lost:
        first = node if isinstance(node, ast.expr) else header(node)
        sentence = LOOP
        if isinstance(node, ast.While):
            sentence = WHILE
        elif isinstance(node, ast.expr):
            sentence = EACH
        return self._lost("loop", first, sentence, {"count": times})

    def _side_effect(self, node: ast.expr | ast.stmt) -> Lost:
        sentence = DONE
        return self._lost("side_effect", node, sentence)

    def _lost(self, kind: str, node: ast.expr | ast.stmt, sentence: Text, words: Words | None = None) -> Lost:
        span = self._source.span_of(node)
        text = " ".join(self._source.text(span).split())[:MOST_TEXT]
        return Lost(kind, Text(sentence.template, {**(words or {}), "line": span.line, "text": text}), span)  # type: ignore[arg-type]


def as_list(part: ast.expr | list[ast.stmt]) -> list[ast.stmt] | list[ast.expr]:
    return part if isinstance(part, list) else [part]


def lies_in(inner: Span, outer: Span) -> bool:
    starts = (outer.line, outer.column) <= (inner.line, inner.column)
    return starts and (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)


def outlives(node: ast.expr) -> bool:
    """Whether it belongs to something that outlives the call: `self.count`, `self.seen[0]`; a bare name does not."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return isinstance(node, ast.Attribute)


def is_grad_mode(item: ast.withitem) -> bool:
    called = item.context_expr
    name = called.func if isinstance(called, ast.Call) else called
    word = name.attr if isinstance(name, ast.Attribute) else name.id if isinstance(name, ast.Name) else ""
    return word in GRAD_MODES
