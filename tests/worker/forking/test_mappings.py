"""Neighbours of one file become one mapping; nothing that can be written to can be run, and all code still runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from app.worker.forking.mappings import Mapping, is_before_data, mergeable

PAGE = 4096
FRESH = """
import json, torch
from app.worker.forking.mappings import merge_mappings, read_mappings
before = len(list(read_mappings()))
merge_mappings()
after = list(read_mappings())
assert not any("w" in each.rights and "x" in each.rights for each in after), after
x = torch.ones(3, requires_grad=True)
(x * x).sum().backward()
print(json.dumps([before, len(after), x.grad.tolist()]))
"""


def mapping(page: int, rights: str, offset: int, file: str = "/lib/one.so") -> Mapping:
    return Mapping(page * PAGE, (page + 1) * PAGE, rights, offset * PAGE, file)


def pages(*mappings: Mapping) -> list[tuple[int, int]]:
    return [(start // PAGE, end // PAGE) for start, end in mergeable(mappings)]


def test_neighbours_of_one_file_are_merged() -> None:
    library = mapping(1, "r--p", 0), mapping(2, "r-xp", 1), mapping(3, "r--p", 2)
    assert pages(*library, mapping(4, "rw-p", 3)) == [(1, 4)]
    following = mapping(4, "r--p", 0, "/lib/two.so"), mapping(5, "r-xp", 1, "/lib/two.so")
    assert pages(*library, *following) == [(1, 4), (4, 6)]


def test_what_does_not_follow_in_the_file_stays_apart() -> None:
    assert pages(mapping(1, "r-xp", 0), mapping(2, "r--p", 5)) == []
    assert pages(mapping(1, "r-xp", 0), mapping(3, "r--p", 1)) == []
    assert pages(mapping(1, "r-xp", 0), mapping(2, "r--p", 1, "/lib/two.so")) == []


def test_what_the_linker_filled_in_joins_the_data_behind_it() -> None:
    filled, data = mapping(2, "r--p", 1), mapping(3, "rw-p", 2)
    assert is_before_data(filled, data)
    assert not is_before_data(mapping(2, "r-xp", 1), data)
    assert not is_before_data(filled, mapping(3, "rw-p", 7))
    assert not is_before_data(filled, mapping(3, "rw-p", 2, "/lib/two.so"))
    assert not is_before_data(mapping(2, "r--p", 1, ""), mapping(3, "rw-p", 2, ""))


def test_what_can_be_written_to_or_is_no_code_stays_as_it_is() -> None:
    assert pages(mapping(1, "r-xp", 0), mapping(2, "rw-p", 1), mapping(3, "r--p", 2)) == []
    assert pages(mapping(1, "r--p", 0), mapping(2, "r--p", 1)) == []
    assert pages(mapping(1, "r-xp", 0, ""), mapping(2, "r--p", 1, "")) == []


def test_a_process_goes_on_with_fewer_mappings() -> None:
    root = Path(__file__).parents[3]
    told = subprocess.run([sys.executable, "-c", FRESH], cwd=root, capture_output=True, text=True, check=True)
    before, after, grad = json.loads(told.stdout)
    assert after < 0.7 * before
    assert grad == [2.0, 2.0, 2.0]
