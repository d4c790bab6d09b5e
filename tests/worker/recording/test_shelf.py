"""What the recorder keeps of tensors: within its budget, whatever memory they are views of, and true to the moment."""

from __future__ import annotations

import torch

from app.vocabulary.limits import KIB, MIB
from app.worker.recording.shelf import Shelf


def test_no_more_memory_is_held_than_allowed() -> None:
    shelf = Shelf(4 * MIB)
    kept = [shelf.keep(torch.full((512, 512), float(index))) for index in range(20)]
    there = [each.read() for each in kept if each is not None and each.read() is not None]
    assert len(there) == 4
    assert [int(each[0, 0]) for each in there] == [16, 17, 18, 19]


def test_a_view_counts_as_all_the_memory_it_is_a_view_of() -> None:
    shelf = Shelf(4 * MIB)
    kept = [shelf.keep(torch.ones(512, 512)[:1]) for _ in range(20)]
    assert sum(each is not None and each.read() is not None for each in kept) == 4


def test_views_of_the_same_memory_count_once() -> None:
    shelf = Shelf(4 * MIB)
    base = torch.ones(1024, 512)
    kept = [shelf.keep(base[index : index + 4]) for index in range(20)]
    assert all(each is not None and each.read() is not None for each in kept)


def test_a_piece_of_something_large_is_copied_so_that_the_rest_can_go() -> None:
    shelf = Shelf(64 * MIB)
    base = torch.ones(5 * MIB)
    kept = shelf.keep(base[:100])
    assert kept is not None
    assert kept.read().untyped_storage().nbytes() == 400
    assert shelf.keep(base) is None
    base.fill_(2)
    assert kept.read().tolist() == [1.0] * 100


def test_what_is_kept_is_saved_before_it_is_overwritten_wherever_it_lies_in_its_memory() -> None:
    shelf = Shelf(MIB)
    base = torch.zeros(100)
    kept = shelf.keep(base[50:])
    assert kept is not None
    shelf.save_from(base[:60])
    base[:60] = 1
    assert kept.read().tolist() == [0.0] * 50


def test_a_view_that_repeats_itself_is_not_written_out_when_its_memory_changes() -> None:
    shelf = Shelf(64 * MIB)
    base = torch.zeros(1)
    assert shelf.keep(base.expand(KIB * MIB)) is None


def test_copies_count_too() -> None:
    shelf = Shelf(4 * MIB)
    tensors = [torch.zeros(512, 512) for _ in range(3)]
    kept = [shelf.keep(each) for each in tensors]
    for each in tensors:
        shelf.save_from(each)
        each.fill_(1)
    more = [shelf.keep(torch.full((512, 512), 2.0)) for _ in range(3)]
    there = [each.read() for each in (*kept, *more) if each is not None and each.read() is not None]
    assert [int(each[0, 0]) for each in there] == [0, 2, 2, 2]
