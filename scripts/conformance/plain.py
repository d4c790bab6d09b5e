"""Plain Python's side, a process of its own: torch is imported once, each program runs in a fork of it.

No seal, no recorder: the program's text, compiled and run as `__main__` with the names the playground gives, in an
empty folder. Requests and answers are lines of JSON. `python -m scripts.conformance.plain`
"""

from __future__ import annotations

import ast
import builtins
import json
import math
import os
import random
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

import matplotlib
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn, optim

Ask = dict[str, Any]


def main() -> None:
    matplotlib.use("Agg")
    torch.set_num_threads(1)
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        print(json.dumps(run_apart(json.loads(line))), file=answers, flush=True)


def run_apart(ask: Ask) -> Ask:
    """Run in a fork that leads a process group, so that nothing it started outlives it."""
    folder = tempfile.mkdtemp(prefix="conformance-")
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.close(read)
        run_here(ask, folder, os.fdopen(write, "w"))
        os._exit(0)
    os.close(write)
    try:
        text = read_until(read, time.monotonic() + ask["seconds"])
    finally:
        os.close(read)
        end_group(pid)
        os.waitpid(pid, 0)
    answer: Ask = json.loads(text) if text else {"outcome": "stopped" if text is None else "crashed"}
    out = Path(folder, ".stdout")
    answer["stdout"] = out.read_text(encoding="utf-8", errors="replace") if out.exists() else ""
    shutil.rmtree(folder, ignore_errors=True)
    return answer


def read_until(source: int, deadline: float) -> str | None:
    """Everything written before the other end closed; None when that took too long."""
    parts: list[bytes] = []
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([source], [], [], left)[0]:
            return None
        part = os.read(source, 65536)
        if not part:
            return b"".join(parts).decode()
        parts.append(part)
        if part.endswith(b"\n"):
            return b"".join(parts).decode()


def end_group(pid: int) -> None:
    for end in (os.killpg, os.kill):
        try:
            end(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def run_here(ask: Ask, folder: str, answers: TextIO) -> None:
    os.chdir(folder)
    allowed = memory_taken() + ask["memory"]
    resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))
    passes = count_passes()
    random.seed(ask["seed"])
    np.random.seed(ask["seed"])
    torch.manual_seed(ask["seed"])
    torch.backends.mkldnn.set_flags(ask["onednn"])  # type: ignore[no-untyped-call]
    out = os.open(".stdout", os.O_WRONLY | os.O_CREAT, 0o600)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor, target in ((nothing, 0), (out, 1), (nothing, 2)):
        os.dup2(descriptor, target)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w", encoding="utf-8"), open(2, "w")  # noqa: SIM115
    answer = play(ask)
    answer["passes"] = passes()
    sys.stdout.flush()
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def memory_taken() -> int:
    """What this process has before the program begins, counted as its limit counts."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmData:")[2].split(None, 1)[0]) << 10


def play(ask: Ask) -> Ask:
    """How it went, and what the expression `watch` says in its namespace at the end."""
    module = ModuleType("__main__")
    names = vars(module)
    plt = sys.modules.get("matplotlib.pyplot")
    names.update(torch=torch, nn=nn, F=F, optim=optim, np=np, plt=plt, math=math, __builtins__=builtins)
    sys.modules["__main__"] = module
    answer: Ask = {"outcome": "completed", "shown": None}
    began, worked = time.perf_counter(), time.process_time()
    try:
        tree = ast.parse(ask["source"], "<program>")
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "<program>", "exec", dont_inherit=True), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<program>", "eval", dont_inherit=True), names)
            answer["shown"] = None if value is None else repr(value)
    except BaseException as error:
        said = str(error) if isinstance(error, Exception) else ""
        line = next((f.lineno for f in reversed(traceback.extract_tb(error.__traceback__)) if f.name), 0)
        answer |= {"outcome": "raised", "exception": type(error).__name__, "message": said, "line": line}
    answer |= {"seconds": time.perf_counter() - began, "cpu": time.process_time() - worked}
    try:
        answer["watched"] = repr(eval(ask["watch"], names))
    except Exception as error:
        answer["watched"] = f"{type(error).__name__}: {error}"
    return answer


def count_passes() -> Callable[[], int]:
    """How many backward passes the program has run, counted where torch hands them to its engine."""
    autograd: Any = torch.autograd
    engine = autograd._engine_run_backward
    runs: list[None] = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        runs.append(None)
        return engine(*args, **kwargs)

    autograd._engine_run_backward = counted
    return lambda: len(runs)


if __name__ == "__main__":
    import matplotlib.pyplot

    main()
