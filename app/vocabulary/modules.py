"""The vocabulary of module trees: what each `nn.Module` of the program holds, and what the run made of it.

A tree is told flat, parents before their parts. What is held twice is told once, and then named as the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NewType

from app.vocabulary.values import Many, Real, Span

ModuleId = NewType("ModuleId", int)


@dataclass(frozen=True, slots=True)
class ModuleRecord:
    """One module. Its counts hold for all that is in it, each tensor counted once; `own_parameters` for itself."""

    id: ModuleId
    parent: ModuleId | None
    path: str
    """Its outermost module's name in the program and torch's path from there: `net.layers.0`."""
    name: str
    """The name its parent holds it under; the outermost one's is the program's."""
    kind: str
    """Its class."""
    says: str
    """Its `extra_repr`: what `print(model)` shows in parentheses."""
    parameters: int
    own_parameters: int
    trainable: int
    buffers: int
    bytes: int
    """Of parameters and buffers."""
    dtypes: Many[str]
    devices: Many[str]
    has_forward: bool
    """Whether it can be called: a `ModuleList` cannot."""
    training: bool
    calls: int
    """How often its forward was called while calls were recorded."""
    outputs: Many[Many[int]]
    """Different shapes its forward returned, the first few."""
    same_as: ModuleId | None = None
    """Where this very module is told already; its parts are told there."""
    span: Span | None = None
    """The place of the program that called it first."""


@dataclass(frozen=True, slots=True)
class ParameterRecord:
    """A parameter or buffer. `shape` is null while a lazy layer has not made it."""

    name: str
    module: ModuleId
    kind: Literal["parameter", "buffer"]
    shape: Many[int] | None
    dtype: str
    device: str
    elements: int
    bytes: int
    requires_grad: bool
    grad_norm: Real | None = None
    """2-norm of its `.grad`; null where that is None."""
    same_as: str | None = None
    """Where this very tensor is told already: it is tied."""


@dataclass(frozen=True, slots=True)
class ModuleTree:
    """A module that is a named value of the program and lies in no other one; the sums are over all there is of it."""

    name: str
    aliases: Many[str]
    modules: Many[ModuleRecord]
    parameters: Many[ParameterRecord]
    counted: bool
    """Whether calls were recorded to the program's end: a module without calls was never called then."""
    modules_left_out: int = 0
    parameters_left_out: int = 0
