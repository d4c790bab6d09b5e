"""Identity: one number per object for as long as it lives, never reused; one storage per stretch of memory."""

from __future__ import annotations

import gc

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from app.worker.recording.identity import IdentityTable, shared_storages
from tests.worker.running import run

RANGES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda pair: (pair[0], pair[0] + pair[1]))
)


def test_number_is_never_given_twice() -> None:
    table = IdentityTable()
    numbers = [table.number(torch.empty(1)) for _ in range(1_000)]  # freed at once: its address is used again
    assert len(set(numbers)) == 1_000


def test_object_keeps_its_number_and_is_found_by_it() -> None:
    table = IdentityTable()
    kept, array = torch.ones(2), np.ones(2)
    number = table.number(kept)
    assert table.number(array) != number
    assert table.number(kept) == number
    assert table.thing(number) is kept
    del kept
    gc.collect()
    assert table.thing(number) is None


def test_tensor_that_only_the_graph_holds_keeps_its_number() -> None:
    table = IdentityTable()
    leaf = torch.ones(1, requires_grad=True)
    number, result = table.number(leaf), leaf * 2
    del leaf
    gc.collect()
    node = result.grad_fn
    assert node is not None
    accumulate = node.next_functions[0][0]
    assert table.number(accumulate.variable) == number  # type: ignore[union-attr]


@given(RANGES)
def test_ranges_share_a_storage_when_a_chain_of_overlaps_joins_them(ranges: list[tuple[int, int]]) -> None:
    found = shared_storages(ranges)
    for first, (start, end) in enumerate(ranges):
        for second, (other_start, other_end) in enumerate(ranges):
            if max(start, other_start) < min(end, other_end):
                assert found[first] == found[second]
    groups = {number: [r for r, of in zip(ranges, found, strict=True) if of == number] for number in found}
    covered = [set().union(*(range(*r) for r in group)) for group in groups.values()]
    for position, bytes_of in enumerate(covered):
        assert all(not (bytes_of & other) for other in covered[position + 1 :])


def test_views_arrays_and_their_tensors_share_a_storage_and_copies_do_not() -> None:
    source = """
a = np.ones(6)
t = torch.from_numpy(a)
v = t.view(2, 3)
s = t[2:]
back = s.numpy()
c = t.clone()
d = torch.tensor(a)
e1, e2 = torch.empty(0), torch.empty(0)
"""
    storage = {record.name: record.storage for record in run(source).tensors}
    assert len({storage[name] for name in ("a", "t", "v", "s", "back")}) == 1
    assert len({storage[name] for name in ("a", "c", "d", "e1", "e2")}) == 5
