"""Every private name of torch this project leans on, in one place, each with a test that fails when torch changes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cache
from typing import Any, Literal, cast

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.overrides import TorchFunctionMode, _get_current_function_mode

# Called for every recorded call, and therefore torch's own functions without a wrapper of ours.
sequence_number: Callable[[], int] = torch._C._autograd._get_sequence_nr
"""The number the next autograd node made on this thread will get."""
is_tracing: Callable[[], bool] = torch._C._is_tracing
"""Whether `torch.jit.trace` is watching: every size is a tensor then, and what we ask would be traced too."""
transforms_active: Callable[[], bool] = torch._C._are_functorch_transforms_active
"""Whether a torch.func transform is running, so that tensors are wrappers without readable values."""


def node_sequence(node: Any) -> int | None:
    """The number an autograd node got when it was made; None for AccumulateGrad, which has none of its own."""
    number = int(node._sequence_nr())
    return None if number >= 2**63 else number


def node_outputs(node: Any) -> tuple[Any, ...]:
    """Shape, dtype and device of each output of the node's forward operation."""
    return tuple(getattr(node, "_input_metadata", ()))


def output_shape(metadata: Any) -> tuple[int, ...]:
    """The shape of one of `node_outputs`; () for a nested tensor of tensors, whose shape is no row of numbers; -1 where
    a size is only a symbol.
    """
    try:
        return tuple(size if isinstance(size, int) else -1 for size in metadata.shape)
    except RuntimeError:
        return ()


def node_variable(node: Any) -> Tensor | None:
    """The leaf an AccumulateGrad adds into; None for every other node."""
    return getattr(node, "variable", None) if node.name().endswith("AccumulateGrad") else None


def saved_names(node: Any) -> tuple[str, ...]:
    """Attributes under which a node shows the tensors it saved for backward."""
    return _saved_names(cast(Hashable, type(node)))


@cache
def _saved_names(kind: object) -> tuple[str, ...]:
    sizes = ("_sym_sizes", "_sym_strides")
    return tuple(name for name in dir(kind) if name.startswith("_saved_") and not name.endswith(sizes))


def unpack_hook(node: Any, name: str) -> Any:
    """What `saved_tensors_hooks` has put before a saved tensor: looking at the tensor would call it."""
    return getattr(getattr(node, name.replace("_saved_", "_raw_saved_", 1), None), "unpack_hook", None)


def what_guards(node: Any) -> Literal["", "hook", "checkpoint"]:
    """Whether what the node saved is behind hooks, and whether a checkpoint put them there."""
    names = saved_names(node)
    hook = unpack_hook(node, names[0]) if names else None
    if hook is None:
        return ""
    return "checkpoint" if getattr(hook, "__qualname__", "").startswith("_checkpoint_hook.") else "hook"


def has_hooks(tensor: Tensor) -> bool:
    """Whether the program registered hooks on the tensor that are still there."""
    return bool(tensor._backward_hooks or getattr(tensor, "_post_accumulate_grad_hooks", None))


def is_top_mode(mode: TorchFunctionMode) -> bool:
    return _get_current_function_mode() is mode  # type: ignore[no-untyped-call]


def count_modes() -> int:
    """How many modes lie on this thread's stack."""
    return int(torch._C._len_torch_function_stack())


def is_wrapper(tensor: Tensor) -> bool:
    """Whether a torch.func transform wraps this tensor, or it is fake: its numbers cannot be read."""
    wrapped = bool(torch._C._functorch.is_functorch_wrapped_tensor(tensor))
    return wrapped or (type(tensor) is not Tensor and isinstance(tensor, FakeTensor))


def unwrap(tensor: Tensor) -> Tensor:
    """The tensor under what torch.func's transforms put around it; of `vmap` the whole batch, its dimension first."""
    functorch = torch._C._functorch
    while functorch.is_functorch_wrapped_tensor(tensor):
        batch = functorch.maybe_get_bdim(tensor)
        tensor = functorch.get_unwrapped(tensor)
        tensor = tensor if batch < 0 else tensor.movedim(batch, 0)
    return tensor
