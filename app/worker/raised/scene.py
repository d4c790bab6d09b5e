"""The scene of an exception: the call that failed, its operands and what the program calls them.

Everything is read from the traceback's own frames, so that a run which does not fail pays nothing. Where the recorder
was away, the text at the failing place tells the operands: names are looked up, nothing is evaluated.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from types import FrameType, TracebackType
from typing import Any, TypeVar

from torch import Tensor, nn

from app.program import FILENAME
from app.source import SourceText
from app.vocabulary.values import Span
from app.worker.recording.ops import op_name
from app.worker.recording.recorder import Recorder, tensors_in
from app.worker.recording.tensors import is_uninitialised
from app.worker.why.facts import Facts, one_line

N = TypeVar("N", bound=ast.expr | ast.stmt)
EVERYTHING = Span(1, 0, 10**9, 0)
MOST_OPERANDS = 8
MOST_MODULES = 2_000


@dataclass(frozen=True, slots=True)
class FailedCall:
    """The call torch refused: its name without underscores, and what went in."""

    op: str = ""
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    def given(self, position: int, name: str) -> Any:
        """One of its arguments, however it was passed."""
        return self.args[position] if position < len(self.args) else self.kwargs.get(name)


class Scene:
    """What is known at the place of an exception."""

    def __init__(self, error: BaseException, message: str, facts: Facts, span: Span | None) -> None:
        self.error = error
        self.message = message
        self.facts = facts
        self.span = span
        self.frames = list(frames_of(error.__traceback__))

    @cached_property
    def program_frames(self) -> list[FrameType]:
        """The program's own frames, innermost first."""
        return [frame for frame in reversed(self.frames) if frame.f_code.co_filename == FILENAME]

    @cached_property
    def call(self) -> FailedCall:
        """As the recorder saw it, as the library's module got it, or as the text says."""
        for frame in reversed(self.frames):
            if frame.f_code is Recorder.__torch_function__.__code__:
                held = frame.f_locals
                op = op_name(held["func"]) or str(getattr(held["func"], "__name__", ""))
                return FailedCall(short_name(op), tuple(held["args"]), dict(held["kwargs"] or {}))
        return self._read_text()

    @cached_property
    def module(self) -> nn.Module | None:
        """The innermost module whose forward was running."""
        for frame in reversed(self.frames):
            owner = frame.f_locals.get("self")
            if isinstance(owner, nn.Module) and frame.f_code.co_name == "forward":
                return owner
        return None

    def local(self, name: str) -> Any:
        """What the innermost frame that has this name holds under it."""
        return next((f.f_locals[name] for f in reversed(self.frames) if name in f.f_locals), None)

    @cached_property
    def operands(self) -> list[Tensor]:
        """The tensors that went into the call, each once."""
        found = tensors_in(self.call.args) + tensors_in(tuple(self.call.kwargs.values()))
        if not found and isinstance(self.local("input"), Tensor):
            found = [self.local("input")]
        whole = {id(each): each for each in found if not is_uninitialised(type(each))}
        return list(whole.values())[:MOST_OPERANDS]

    # ------------------------------------------------------------------------------------------ names

    def name(self, tensor: Tensor) -> str:
        """The program's name for a tensor, else the text of the call that made it."""
        known = self._names.get(id(tensor))
        if known is not None:
            return one_line(known)
        number = self.facts.number(tensor)
        made = self.facts.made.get(number)
        if made is not None and self.span is not None and self.facts.place(made.call) == self.span:
            inner = made.call.module or short_name(
                made.call.op
            )  # made on the way within the failing call itself
            return one_line(f"{inner}(…)")
        return self.facts.name(number)

    @cached_property
    def _names(self) -> dict[int, str]:
        names: dict[int, str] = {}
        for frame in self.program_frames:
            for name, value in frame.f_locals.items():
                if name.startswith("__"):
                    continue
                for path, part in parts_of(value):
                    names.setdefault(id(part), name + path)
        return names

    def module_name(self) -> str:
        """The program's name for the module that was running; its class where it has none."""
        if self.module is None:
            return ""
        return one_line(self._names.get(id(self.module)) or type(self.module).__name__)

    # ------------------------------------------------------------------------------------------ the text

    @cached_property
    def tree(self) -> ast.expr | None:
        """The expression at the failing place."""
        if self.span is None:
            return None
        text = self.facts.text(self.span).strip()
        try:
            parsed = ast.parse(f"({text})", mode="eval").body
        except SyntaxError:
            return None
        return parsed

    @cached_property
    def source(self) -> SourceText:
        return SourceText.of(self.facts.text(EVERYTHING))

    @cached_property
    def program(self) -> ast.Module:
        """The whole program's tree."""
        try:
            with warnings.catch_warnings(action="ignore"):
                return ast.parse("\n".join(self.source.lines))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return ast.Module([], [])

    def nodes(self, kind: type[N], around: bool = False) -> Iterator[N]:
        """What the failing place consists of, with its own positions in the program, the widest first.

        `around` adds what the place lies in: the failing name of a chain over several lines, a statement's target.
        """
        if self.span is None:
            return
        first, last = (self.span.line, self.span.column), (self.span.end_line, self.span.end_column)
        for node in ast.walk(self.program):
            if isinstance(node, kind):
                span = self.source.span_of(node)
                start, end = (span.line, span.column), (span.end_line, span.end_column)
                if (first < end and start < last) if around else (first <= start and end <= last):
                    yield node

    def _read_text(self) -> FailedCall:
        match self.tree:
            case ast.BinOp(left=left, op=op, right=right):
                name = {"Mult": "mul", "MatMult": "matmul", "Pow": "pow", "Div": "div"}.get(type(op).__name__)
                parts = self.find(left), self.find(right)
                return FailedCall(name or type(op).__name__.lower(), parts)
            case ast.Call(func=func, args=args):
                owner = [self.find(func.value)] if isinstance(func, ast.Attribute) else []
                receiver = [each for each in owner if isinstance(each, Tensor)]
                return FailedCall(last_name(func), tuple(receiver + [self.find(each) for each in args]))
            case ast.Subscript(value=value, slice=index):
                return FailedCall("getitem", (self.find(value), self.find(index)))
        return FailedCall()

    def find(self, node: ast.expr) -> Any:
        """What a plain name, attribute or constant stands for; None for what would have to be evaluated."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                frames = self.program_frames[:1]
                return next((f.f_locals.get(name, f.f_globals.get(name)) for f in frames), None)
            case ast.Attribute(value=owner, attr=attribute):
                return stored(self.find(owner), attribute)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return tuple(self.find(each) for each in parts)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
                return -value
        return None


def frames_of(trace: TracebackType | None) -> Iterator[FrameType]:
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def short_name(op: str) -> str:
    """`torch.Tensor.__rsub__` -> `sub`, `torch.Tensor.add_` -> `add`."""
    last = op.rsplit(".", 1)[-1]
    if last.startswith("__") and last[2:3] in "ri" and last.strip("_")[1:] in ARITHMETIC:
        return last.strip("_")[1:]
    return last.strip("_")


ARITHMETIC = frozenset({"add", "sub", "mul", "div", "truediv", "floordiv", "mod", "pow", "matmul"})


def last_name(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def stored(owner: Any, attribute: str) -> Any:
    """An attribute that lies in an object's own tables: reading it runs no code of the program."""
    if not isinstance(owner, object) or isinstance(owner, Tensor):
        return None
    tables = [getattr(owner, "__dict__", {})]
    if isinstance(owner, nn.Module):
        tables += [owner._parameters, owner._buffers, owner._modules]
    return next((table[attribute] for table in tables if attribute in table), None)


def parts_of(value: Any) -> Iterator[tuple[str, object]]:
    """A tensor or module itself, and what a module holds, each with its path."""
    if isinstance(value, Tensor):
        yield "", value
    elif isinstance(value, nn.Module):
        for count, (path, module) in enumerate(value.named_modules()):
            if count >= MOST_MODULES:
                return
            dotted = f".{path}" if path else ""
            yield dotted, module
            for table in (module._parameters, module._buffers):
                yield from ((f"{dotted}.{name}", each) for name, each in table.items() if each is not None)
    elif type(value) in (list, tuple):
        for index, item in enumerate(value[:64]):
            if isinstance(item, Tensor | nn.Module):
                yield from ((f"[{index}]{path}", part) for path, part in parts_of(item))
