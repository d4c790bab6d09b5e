"""The programs that are compared: the seeds, the examples in the installed torch's docstrings, any folder of files.

Nothing of torch's text lies in this repository: it is read from the torch that is installed, with doctest's parser.
The examples of one docstring are one program; a bare expression is printed there, as doctest would show it.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import json
import pkgutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

REPOSITORY = Path(__file__).resolve().parents[2]
SEEDS = REPOSITORY / "tests" / "seeds" / "programs.json"
PACKAGES = """
torch.nn torch.optim torch.autograd torch.distributions torch.func torch.linalg torch.fft torch.special torch.sparse
torch.utils.data torch.utils.checkpoint torch.nested torch.masked torch.signal torch.fx torch.export torch.jit
torch.amp torch.testing torch.overrides torch.library torch.hub torch.profiler torch.quantization torch.package
torch.futures torch.random torch.serialization torch.cuda torch.distributed torch.multiprocessing torch.monitor
torch.ao.quantization torch.backends torch.onnx torch.utils.benchmark torch.utils.tensorboard torch.utils.dlpack
"""
"""Documented packages beside `torch` itself, looked through with the modules in them."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A program to be run on both sides."""

    name: str
    origin: str
    source: str


def read_seeds() -> Iterator[Sample]:
    for program in json.loads(SEEDS.read_text(encoding="utf-8")):
        yield Sample(program["id"], "seed", program["code"])


def read_folder(folder: Path) -> Iterator[Sample]:
    for path in sorted(folder.rglob("*.py")):
        yield Sample(str(path.relative_to(folder)), "folder", path.read_text(encoding="utf-8"))


def read_docstrings() -> Iterator[Sample]:
    """One program for each documented thing whose docstring has examples, each text once."""
    seen: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is old says so when it is looked at
        found = sorted(documented_things(), key=lambda pair: pair[0])
    for name, thing in found:
        text = docstring_of(thing)
        if ">>>" in text and text not in seen:
            seen.add(text)
            yield Sample(name, "docstring", program_of(text))


def docstring_of(thing: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = getattr(thing, "__doc__", None)
    return inspect.cleandoc(text) if isinstance(text, str) else ""


def program_of(docstring: str) -> str:
    """The examples of a docstring as one program; as they stand where doctest cannot tell prompts from results."""
    try:
        examples = doctest.DocTestParser().get_examples(docstring)
    except ValueError:
        return bare_lines(docstring)
    return "".join(printed(example.source) for example in examples)


def bare_lines(docstring: str) -> str:
    """Prompts that lack their space or are indented unevenly: read line by line, as a reader would copy them."""
    lines = (line.strip() for line in docstring.splitlines())
    return "".join(line[3:].removeprefix(" ") + "\n" for line in lines if line[:3] in (">>>", "..."))


def printed(source: str) -> str:
    """A bare expression's value is shown, as it would be at a prompt; None is not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the example says, it says when it runs
            ast.parse(source.strip(), mode="eval")
    except SyntaxError:
        return source
    return (
        f"__import__('sys').stdout.write('' if (_ := (\n{source.rstrip()}\n)) is None else repr(_) + '\\n')\n"
    )


# ---------------------------------------------------------------------------------------------------- what is there


def documented_things() -> Iterator[tuple[str, Any]]:
    """Everything torch's public modules hold, and the members of their classes, under the first name found."""
    for module in public_modules():
        yield module.__name__, module
        for name, thing in sorted(vars(module).items()):
            if name.startswith("_") or not belongs_to_torch(thing):
                continue
            yield f"{module.__name__}.{name}", thing
            if inspect.isclass(thing):
                yield from members_of(f"{module.__name__}.{name}", thing)


def members_of(path: str, kind: type) -> Iterator[tuple[str, Any]]:
    for name in sorted(dir(kind)):
        member = inspect.getattr_static(kind, name)
        if not name.startswith("_") and not inspect.isclass(member):
            yield f"{path}.{name}", member


def belongs_to_torch(thing: Any) -> bool:
    if inspect.ismodule(thing) or type(thing) is type(torch.FloatTensor):
        return False  # the old tensor types repeat what `torch.Tensor` says
    module = getattr(thing, "__module__", None) or getattr(type(thing), "__module__", "")
    return inspect.isbuiltin(thing) or str(module).split(".")[0] in ("torch", "builtins")


def public_modules() -> Iterator[ModuleType]:
    yield torch
    for package in PACKAGES.split():
        found = import_if_there(package)
        if found is None:
            continue
        yield found
        for inner in pkgutil.iter_modules(getattr(found, "__path__", ()), f"{package}."):
            module = None if inner.name.rpartition(".")[2].startswith("_") else import_if_there(inner.name)
            if module is not None:
                yield module


def import_if_there(name: str) -> ModuleType | None:
    """A module that needs what is not installed has no examples that could run here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except (ImportError, AttributeError, RuntimeError, AssertionError):
            return None
