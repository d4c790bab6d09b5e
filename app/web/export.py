"""The program as a file that runs elsewhere unchanged: what it starts with written out, then its own text."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterator, Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.notebook import START
from app.program import Program
from app.vocabulary.cells import Cell
from app.vocabulary.errors import ProgramRefused
from app.vocabulary.trace import InputSpec, RunRequest
from app.vocabulary.values import Complex, Nested
from app.web.evaluate import count_run
from app.web.forms import fields_for, read_form
from app.web.pages import parse_form, submit_form
from app.web.playground import playground_of
from app.web.routes import Straight

IMPORTS: Mapping[str, str] = {
    "math": "import math",
    "plt": "import matplotlib.pyplot as plt",
    "np": "import numpy as np",
    "torch": "import torch",
    "F": "import torch.nn.functional as F",
    "nn": "from torch import nn",
    "optim": "from torch import optim",
}
"""What gives a program the names it has without importing them."""

router = APIRouter(route_class=Straight, include_in_schema=False)


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
    parts = (write_imports(program, request), write_start(request), program.source)
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def write_notebook(program: Program, request: RunRequest) -> str:
    """The program's own cells, behind one with the names it is given, which opening it leaves out again."""
    cells = []
    if given := write_imports(program, request):
        cells.append(write_cell("start", "code", given, {"tensor_playground": START}))
    if inputs := write_start(request):
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


def write_imports(program: Program, request: RunRequest) -> str:
    """Of the names every program is given those it needs: what it never mentions need not be there elsewhere."""
    start, own = write_start(request), imported_in_time(program.source)
    needed = [
        name
        for name in IMPORTS
        if mentions(start, name) or (name not in own and mentions(program.source, name))
    ]
    lines = "\n".join(IMPORTS[name] for name in needed)
    return lines.replace("import math\n", "import math\n\n").replace(
        "nn\nfrom torch import optim", "nn, optim"
    )


def mentions(text: str, name: str) -> bool:
    """Whether a name stands somewhere by itself, in code or in a text that may be evaluated."""
    return re.search(rf"(?<![\w.]){name}\b", text) is not None


def imported_in_time(source: str) -> frozenset[str]:
    """Names the program itself imports before it uses them."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a broken cell, which is run when its turn comes
        return frozenset()
    used: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            used[node.id] = min(node.lineno, used.get(node.id, node.lineno))
    imports = (node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))
    bound = [
        (alias.asname or alias.name.partition(".")[0], node.lineno)
        for node in imports
        for alias in node.names
    ]
    return frozenset(name for name, line in bound if line < used.get(name, line + 1))


def write_start(request: RunRequest) -> str:
    """What a program starts with: its seed and its inputs."""
    seed = f"torch.manual_seed({request.seed})\n\n" if request.seed is not None else ""
    return (seed + "".join(f"{line}\n" for line in write_inputs(request))).rstrip("\n")


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
