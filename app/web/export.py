"""The program as a file that runs elsewhere unchanged: what it starts with written out, then its own text."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.cells import Cell
from app.errors import ProgramRefused
from app.notebook import START
from app.program import Program
from app.trace import InputSpec, RunRequest
from app.values import Complex, Nested
from app.web.evaluate import count_run
from app.web.forms import fields_for, read_form
from app.web.pages import parse_form, submit_form
from app.web.playground import playground_of

IMPORTS = """\
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn, optim
"""

router = APIRouter(include_in_schema=False)


@router.post("/export/{name}")
async def export_program(request: Request, name: str) -> Response:
    """`program.py` or `program.ipynb` of the form's program; the page, where it cannot be read."""
    form = read_form(await request.body())
    count_run(playground_of(request), request)
    try:
        program = await parse_form(playground_of(request), form)
        fields = fields_for(program.free_names, form)[0]
        asked = type(form)(form.source, fields, device=form.device, seed=form.seed).run_request()
    except ProgramRefused:
        return await submit_form(request, form)
    if name.endswith(".ipynb"):
        return attach("program.ipynb", write_notebook(program, asked), "application/x-ipynb+json")
    return attach("program.py", write_script(program, asked), "text/x-python")


def attach(name: str, text: str, media_type: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text.encode("utf-8", "replace"), 200, headers, media_type)


def write_script(program: Program, request: RunRequest) -> str:
    start = write_start(request)
    return f"{start}\n{program.source.rstrip()}\n"


def write_notebook(program: Program, request: RunRequest) -> str:
    """The program's own cells, behind one with the names every program is given, which opening it leaves out again."""
    cells = [write_cell("start", "code", IMPORTS, {"tensor_playground": START})]
    inputs = write_start(request).removeprefix(IMPORTS)
    if inputs.strip():
        cells.append(write_cell("inputs", "code", inputs))
    if program.cells:
        cells.extend(write_own_cell(f"cell-{at}", cell) for at, cell in enumerate(program.cells))
    else:
        cells.append(write_cell("program", "code", program.source))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    book = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(book, indent=1, ensure_ascii=False) + "\n"


def write_own_cell(identity: str, cell: Cell) -> dict[str, object]:
    kind = "code" if cell.kind == "code" else "markdown"
    return write_cell(identity, kind, cell.source, {"title": cell.title} if cell.title else {})


def write_cell(
    identity: str, kind: str, text: str, metadata: Mapping[str, str] | None = None
) -> dict[str, object]:
    lines = text.strip("\n").splitlines(keepends=True)
    cell: dict[str, object] = {
        "cell_type": kind,
        "id": identity,
        "metadata": dict(metadata or {}),
        "source": lines,
    }
    return {**cell, "execution_count": None, "outputs": []} if kind == "code" else cell


def write_start(request: RunRequest) -> str:
    """The names every program is given, and its inputs."""
    seed = f"\ntorch.manual_seed({request.seed})\n" if request.seed is not None else ""
    inputs = "".join(f"{line}\n" for line in write_inputs(request))
    return f"{IMPORTS}{seed}" + (f"\n{inputs}" if inputs else "")


def write_inputs(request: RunRequest) -> Iterator[str]:
    for name, spec in request.inputs.items():
        made = f"{name} = {write_tensor(spec)}"
        moved = "" if request.device in ("cpu", "auto") else f".to({request.device!r})"
        yield f"{made}{moved}.requires_grad_()" if spec.requires_grad else made + moved


def write_tensor(spec: InputSpec) -> str:
    """The call that makes an input as the worker makes it."""
    dtype = f", dtype=torch.{spec.dtype}" if spec.dtype else ""
    if spec.shape is None:
        whole = not dtype and spec.requires_grad and is_whole(spec.value)
        return f"torch.tensor({write_value(spec.value)}{dtype})" + (".float()" if whole else "")
    sizes = ", ".join(map(str, spec.shape))
    match spec.init:
        case "randn" | "rand":
            seed = f", generator=torch.Generator().manual_seed({spec.seed})" if spec.seed is not None else ""
            return (
                f"torch.{spec.init}(({sizes},){seed}{dtype})"
                if sizes
                else f"torch.{spec.init}((){seed}{dtype})"
            )
        case "arange":
            kind = dtype or ", dtype=torch.float32"
            return f"torch.arange({math.prod(spec.shape)}{kind}).reshape({sizes or '()'})"
        case "eye":
            return f"torch.eye({sizes}{dtype})"
    return f"torch.{spec.init}({sizes or '()'}{dtype})"


def is_whole(value: Nested | None) -> bool:
    if isinstance(value, tuple):
        return all(map(is_whole, value))
    return isinstance(value, int)


def write_value(value: Nested | None) -> str:
    match value:
        case tuple():
            return f"[{', '.join(map(write_value, value))}]"
        case Complex():
            return f"complex({write_value(value.real)}, {write_value(value.imag)})"
        case str():
            return {"NaN": "math.nan", "Infinity": "math.inf"}.get(value, "-math.inf")
    return repr(value)
