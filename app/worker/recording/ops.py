"""What a torch function is called, and what it does to its first argument: from the function's own names alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal

EventKind = Literal["hook", "requires_grad", "grad", "left"]
SHOWN_ATTRIBUTES = frozenset({"T", "mT", "H", "mH", "real", "imag", "data"})
EVENTS: Mapping[str, EventKind] = MappingProxyType(
    {
        "register_hook": "hook",
        "register_post_accumulate_grad_hook": "hook",
        "requires_grad_": "requires_grad",
        "item": "left",
        "tolist": "left",
        "numpy": "left",
        "__array__": "left",
        "__float__": "left",
        "__int__": "left",
    }
)
"""Calls that make no tensor, yet tell why a gradient is what it is."""
UNSHOWN = frozenset(
    {
        "backward",
        "grad",
        "__set__",
        "requires_grad_",
        "retain_grad",
        "register_hook",
        "__repr__",
        "__format__",
    }
)
PUBLIC_MODULES: Mapping[str, str] = MappingProxyType(
    {
        "torch._C._nn": "torch.nn.functional",
        "torch._C._linalg": "torch.linalg",
        "torch._C._fft": "torch.fft",
        "torch._C._special": "torch.special",
        "torch._C._sparse": "torch.sparse",
        "torch._tensor": "torch.Tensor",
        "torch.functional": "torch",
        "torch._C": "torch",
    }
)


def event_kind(func: Callable[..., Any]) -> EventKind | None:
    """What a call does to a tensor without making one, if we want to know it."""
    try:
        name = func.__qualname__
    except AttributeError:  # an operator that takes functions, as flex_attention is one
        return None
    if name.startswith("getset_descriptor.__") and not name.endswith("get__"):
        attribute = getattr(getattr(func, "__self__", None), "__name__", "")
        return "grad" if attribute == "grad" else "requires_grad" if attribute == "requires_grad" else None
    return EVENTS.get(name.rsplit(".", 1)[-1])


def op_name(func: Callable[..., Any]) -> str | None:
    """torch's public name of a function; None for those that are no step: plain attributes, backward itself.

    From the function's own names: torch's table of all of them costs a fresh child 50 page faults.
    """
    try:
        name = func.__qualname__
    except AttributeError:
        return f"torch.ops.higher_order.{getattr(func, '__name__', '')}"
    if name == "getset_descriptor.__get__":
        attribute = getattr(func, "__self__", None)
        name = getattr(attribute, "__name__", "")
        return f"torch.Tensor.{name}" if name in SHOWN_ATTRIBUTES else None
    if name.rsplit(".", 1)[-1] in UNSHOWN:
        return None
    owner, _, last = name.rpartition(".")
    if owner in ("TensorBase", "Tensor", "_TensorBase"):
        return f"torch.Tensor.{last}"
    module = getattr(func, "__module__", None) or "torch"
    return f"{PUBLIC_MODULES.get(module, module)}.{last}"


def is_in_place(op: str) -> bool:
    """Whether a call writes into its first argument: `add_`, `__iadd__`, `__setitem__`."""
    last = op.rsplit(".", 1)[-1]
    if last.startswith("__"):
        return last == "__setitem__" or (
            last.startswith("__i") and last not in ("__invert__", "__index__", "__int__")
        )
    return last.endswith("_") and op.startswith("torch.Tensor.")
