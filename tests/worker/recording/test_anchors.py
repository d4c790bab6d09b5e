"""The private names of torch we lean on still mean what we think: these fail loudly when torch changes."""

from __future__ import annotations

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils.checkpoint import checkpoint

from app.worker.recording import anchors


def test_sequence_number_is_that_of_the_next_node() -> None:
    leaf = torch.ones(1, requires_grad=True)
    before = anchors.sequence_number()
    result = leaf * 2
    assert anchors.sequence_number() == before + 1
    assert anchors.node_sequence(result.grad_fn) == before


def test_accumulate_grad_has_no_number_and_knows_its_leaf() -> None:
    leaf = torch.ones(1, requires_grad=True)
    node = (leaf * 2).grad_fn
    assert node is not None
    accumulate = node.next_functions[0][0]
    assert anchors.node_sequence(accumulate) is None
    assert anchors.node_variable(accumulate) is leaf
    assert anchors.node_variable(node) is None


def test_node_knows_shape_dtype_and_device_of_its_outputs() -> None:
    values, indices = torch.ones(3, 2, requires_grad=True).max(dim=0)
    outputs = anchors.node_outputs(values.grad_fn)
    assert [(tuple(o.shape), o.dtype, str(o.device)) for o in outputs][:1] == [((2,), torch.float32, "cpu")]
    assert not indices.requires_grad


def test_saved_tensors_are_shown_under_names() -> None:
    leaf = torch.ones(1, requires_grad=True)
    assert anchors.saved_names((leaf * leaf).grad_fn) == ("_saved_other", "_saved_self")
    assert "_saved_mat1_sym_sizes" not in anchors.saved_names((torch.ones(1, 1) @ leaf[None]).grad_fn)


def test_top_mode_is_known() -> None:
    class Mode(TorchFunctionMode):
        pass

    modes = anchors.count_modes()
    with Mode() as mode:
        assert anchors.is_top_mode(mode)
        assert anchors.count_modes() == modes + 1
        with Mode():
            assert not anchors.is_top_mode(mode)
    assert not anchors.is_top_mode(mode)


def test_transforms_and_their_wrappers_are_known() -> None:
    seen = []

    def look(value: torch.Tensor) -> torch.Tensor:
        seen.append((anchors.transforms_active(), anchors.is_wrapper(value)))
        return value * 2

    torch.func.vmap(look)(torch.ones(2))
    assert seen == [(True, True)]
    assert not anchors.transforms_active()
    assert not anchors.is_wrapper(torch.ones(1))


@pytest.mark.filterwarnings("ignore:.torch.jit.trace. is deprecated")
def test_tracing_is_known() -> None:
    seen = []

    def look(value: torch.Tensor) -> torch.Tensor:
        seen.append(anchors.is_tracing())
        return value * 2

    torch.jit.trace(look, torch.ones(1), check_trace=False)  # type: ignore[no-untyped-call]
    assert seen == [True]
    assert not anchors.is_tracing()


def test_saved_tensors_behind_hooks_are_known_without_calling_them() -> None:
    called: list[int] = []

    def unpack(tensor: torch.Tensor) -> torch.Tensor:
        called.append(1)
        return tensor

    leaf = torch.ones(2, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor, unpack):
        hooked = leaf.exp()
    checked = checkpoint(torch.exp, leaf, use_reentrant=False)
    guards = [anchors.what_guards(each.grad_fn) for each in (leaf.exp(), hooked, checked)]
    assert (guards, called) == (["", "hook", "checkpoint"], [])


def test_hooks_on_tensors_are_seen_and_gone_when_removed() -> None:
    leaf = torch.ones(2, requires_grad=True)
    assert not anchors.has_hooks(leaf)
    handle = leaf.register_post_accumulate_grad_hook(lambda each: None)  # type: ignore[no-untyped-call]
    assert anchors.has_hooks(leaf)
    handle.remove()
    assert not anchors.has_hooks(leaf)


def test_wrappers_of_transforms_give_the_tensor_within() -> None:
    seen: list[torch.Tensor] = []

    def square(each: torch.Tensor) -> torch.Tensor:
        seen.append(anchors.unwrap(each))
        return (each**2).sum()

    batch = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    torch.func.vmap(torch.func.grad(square))(batch)
    assert torch.equal(seen[0], batch)
    assert anchors.unwrap(batch) is batch
