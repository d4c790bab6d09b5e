"""One program on both sides: what differs, in one word for its cause and one line for the reader.

What plain Python does twice differently (addresses, clocks, memory nobody wrote) cannot be compared, and is counted.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scripts.conformance.programs import Sample

Answer = dict[str, Any]
NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:e[-+]?\d+)?")
MORE_MEMORY = "needs more memory than a run has"
"""How plain Python ended that runs a program only where it has more than the playground gives."""
TOLERANCE = 2e-4
"""Relative and absolute, for final values: kernels may sum in another order. What is printed must be the same text."""
WATCH = (
    "[(n, str(t.dtype), tuple(t.shape), t.requires_grad, t.detach().flatten()[:16].tolist())"
    " for n, v in list(globals().items()) if not n.startswith('_')"
    " for t in ([v] if type(v) in (__import__('torch').Tensor, __import__('torch').nn.Parameter)"
    " else list(v.parameters()) if isinstance(v, __import__('torch').nn.Module) else [])"
    " if type(t) in (__import__('torch').Tensor, __import__('torch').nn.Parameter)"
    " and t.layout is __import__('torch').strided and t.device.type == 'cpu'"
    " and not t.is_nested and not t.is_quantized and not"
    " __import__('torch')._C._functorch.is_functorch_wrapped_tensor(t)][:60]"
)
"""An expression that says the final tensors, evaluated on both sides: dtype, shape, requires_grad, first values."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`plain` is how plain Python ended; `runs` whether the playground ended so too; None where it says nothing."""

    sample: Sample
    plain: str
    runs: bool
    prints: bool | None = None
    tensors: bool | None = None
    graph: bool | None = None
    series: bool | None = None
    cause: str = ""
    detail: str = ""


def judge(
    sample: Sample, first: Answer, second: Answer, ours: Answer, other_kernels: Callable[[], Answer]
) -> Verdict:
    """`other_kernels` runs it in plain Python with the kernels that the playground has."""
    plain = ending_of(first)
    ended = ending_of_ours(ours)
    if plain == MORE_MEMORY:
        same = ended == "stopped" and ours["outcome"]["limit"] == "memory"
        return Verdict(sample, plain, same, cause="" if same else f"plain {plain}, here {ended}")
    if plain != "completed":
        same = plain == ended
        return Verdict(sample, plain, same, cause="" if same else f"plain {plain}, here {ended}")
    if ended != "completed":
        return Verdict(sample, plain, False, cause=ended, detail=message_of(ours))
    prints = printed(ours) == said(first) if said(first) == said(second) else None
    held = first["watched"] == second.get("watched")
    tensors = close(first["watched"], watched(ours)) if held else None
    passes = first["passes"] if calls_backward(sample.source) else 0
    graph = bool(ours["graphs"]) if passes else None
    trains = passes > 1 and has_training_loop(sample.source)
    series = any(curve["series"]["kind"] == "loss" for curve in ours["curves"]) if trains else None
    cause = detail = ""
    if prints is False:
        cause, detail = "prints otherwise", first_difference(first, ours)
        if printed(ours) == said(other_kernels()):
            # Nothing is wrong here, and no two kinds of processor would agree either: counted apart.
            prints, cause = None, "last digits: oneDNN, which writes code as it goes, is off under the seal"
    elif tensors is False:
        cause, detail = "other final tensors", near(first["watched"], watched(ours))
    elif graph is False or series is False:
        cause = "no graph" if graph is False else "no loss series"
    return Verdict(sample, plain, True, prints, tensors, graph, series, cause, detail)


def ending_of(answer: Answer) -> str:
    return str(answer["exception"] if answer["outcome"] == "raised" else answer["outcome"])


def ending_of_ours(answer: Answer) -> str:
    if "error" in answer:
        problem: Answer = next(iter(answer["error"].get("problems", ())), {})
        code = problem.get("code", answer["error"]["code"])
        return "NameError" if code == "input_missing" else str(code)
    outcome = answer["outcome"]
    return str(outcome["exception"] if outcome["kind"] == "raised" else outcome["kind"])


def message_of(answer: Answer) -> str:
    if "error" in answer:
        return " ".join(problem["message"] for problem in answer["error"]["problems"])[:300]
    outcome = answer["outcome"]
    line = (outcome.get("span") or {}).get("line", "?")
    said = outcome.get("message") or outcome.get("limit") or outcome.get("signal")
    return f"line {line}: {said}".replace("\n", " ")[:300]


def printed(answer: Answer) -> tuple[str, str | None]:
    text = "".join(part["text"] for part in answer["output"] if part["stream"] == "stdout")
    result: Answer | None = answer["result"]
    return text, None if result is None else result["text"]


def said(answer: Answer) -> tuple[str, str | None]:
    """Of plain Python, which does not come to its end each time where the machine is busy."""
    return answer.get("stdout", ""), answer.get("shown")


def watched(answer: Answer) -> str:
    (found,) = answer["watched"]
    return str(found["text"] if found["error"] is None else found["error"])


def close(one: str, other: str) -> bool:
    """Whether two texts are the same but for the last digits of their numbers."""
    if one == other:
        return True
    if NUMBER.split(one) != NUMBER.split(other):
        return False
    pairs = zip(map(float, NUMBER.findall(one)), map(float, NUMBER.findall(other)), strict=True)
    return all(math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE) for a, b in pairs)


def first_difference(plain: Answer, ours: Answer) -> str:
    text, shown = printed(ours)
    return near(plain["stdout"] + f"|{plain['shown']}", text + f"|{shown}")


def near(one: str, other: str) -> str:
    at = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    start = max(0, at - 30)
    return f"plain {one[start : at + 60]!r}, here {other[start : at + 60]!r}"


def calls_backward(source: str) -> bool:
    return any(is_backward(node) for node in ast.walk(ast.parse(source)))


def has_training_loop(source: str) -> bool:
    loops = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.For | ast.While))
    return any(is_backward(node) for loop in loops for node in ast.walk(loop))


def is_backward(node: ast.AST) -> bool:
    """`loss.backward()`, `torch.autograd.grad(...)`."""
    match node:
        case ast.Call(func=ast.Attribute(attr="backward")):
            return True
        case ast.Call(func=ast.Attribute(attr="grad", value=ast.Attribute(attr="autograd"))):
            return True
        case _:
            return False
