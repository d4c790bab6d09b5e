"""Memory that was laid down is what it was, and what a child writes to stays the child's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from app.worker.forking.hot_pages import HUGE
from app.worker.forking.laying import AT_ONCE, pieces_of

ROOT = Path(__file__).parents[3]
LAID = """
import gc, json, os, torch
from app.worker.forking.laying import lay_down
from app.worker.forking.mappings import read_mappings

gc.disable()
torch.set_num_threads(1)  # a fork of two would hang
numbers = list(range(1000, 300_000))
text = [str(number) for number in numbers]
x = torch.arange(400_000.0).requires_grad_()
laid = [lay_down(), lay_down()]
made = [number * 2 for number in numbers]
gc.collect()
(x * x).sum().backward()
same = [numbers == [int(each) for each in text], made[-1], bool((x.grad == 2 * torch.arange(400_000.0)).all())]
reader, writer = os.pipe()
if os.fork() == 0:
    numbers[:] = [0] * len(numbers)
    with torch.no_grad():
        x.zero_()
    os.write(writer, b".")
    os._exit(0)
os.read(reader, 1)
own = sum(each.end - each.start for each in read_mappings() if each.rights == "rw-p" and "memfd" not in each.file)
print(json.dumps([laid, same, sum(numbers), x.sum().item() > 0, own, len(os.listdir("/proc/self/fd"))]))
"""


def test_memory_that_was_laid_down_is_what_it_was_and_a_child_writes_to_its_own() -> None:
    told = subprocess.run([sys.executable, "-c", LAID], cwd=ROOT, capture_output=True, text=True, check=True)
    laid, same, total, kept, own, descriptors = json.loads(told.stdout)
    assert laid[0] > 100 << 20
    assert 0 < laid[1] < laid[0]  # the second time, what was used since
    assert same == [True, 2 * 299_999, True]
    assert total == sum(range(1000, 300_000))
    assert kept
    assert own < laid[0]
    assert descriptors == 6  # three of every process, two of the pipe, one to look: none of the file


def test_what_fills_huge_pages_of_memory_fills_them_in_the_file() -> None:
    spans = [(4096, 12288), (3 * HUGE + 4096, 3 * HUGE + 4096 + AT_ONCE + HUGE), (7 << 40, (7 << 40) + 4096)]
    pieces = list(pieces_of(spans))
    assert (pieces[0].start, pieces[0].start + pieces[0].size) == spans[0]
    assert sum(each.size for each in pieces) == sum(end - start for start, end in spans)
    large = [each for each in pieces if spans[1][0] <= each.start < spans[1][1]]
    assert len(large) == 2
    assert all((each.start - each.offset) % HUGE == 0 for each in large)
    ends = [each.offset + each.size for each in pieces]
    assert all(end <= after.offset for end, after in zip(ends, pieces[1:], strict=False))
