"""One child, one program: nothing of one run, of the caller or of the machine's secrets is found in another."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.vocabulary.trace import Completed
from tests.sandbox.conftest import SECRET, SECRET_NAME, RealSandbox

MARK = """\
import builtins, os, sys
seen = [hasattr(builtins, "mark"), hasattr(torch, "mark"), "mark" in sys.modules, "mark" in os.environ]
builtins.mark = torch.mark = sys.modules["mark"] = os.environ["mark"] = "here"
torch.set_default_dtype(torch.float64)
print(seen, torch.ones(1).dtype)"""
WHO = "import os, time\nprint(os.getpid(), os.getuid())\ntime.sleep(0.2)"


async def test_nothing_one_program_sets_is_seen_by_the_next(real: RealSandbox) -> None:
    for _ in range(real.plan.spares + 2):
        assert await real.printed(MARK) == "[False, False, False, False] torch.float64\n"
    assert await real.printed("print(torch.ones(1).dtype)") == "torch.float32\n"


async def test_every_program_has_a_process_of_its_own(real: RealSandbox) -> None:
    pids = [(await real.printed(WHO)).split()[0] for _ in range(5)]
    assert len(set(pids)) == 5
    assert str(os.getpid()) not in pids


async def test_programs_at_the_same_time_have_a_user_each(real: RealSandbox) -> None:
    printed = await asyncio.gather(*(real.printed(WHO) for _ in range(real.plan.slots)))
    pids, uids = zip(*map(str.split, printed), strict=True)
    assert len(set(pids)) == real.plan.slots
    expected = real.plan.slots if os.geteuid() == 0 else 1
    assert len(set(uids)) == expected
    assert "0" not in uids


RANDOM = """\
import random, uuid
print(torch.rand(3).tolist(), torch.randperm(50).tolist(), random.random(), np.random.rand(), nn.Linear(2, 2).weight)"""


async def test_random_numbers_differ_between_runs_and_repeat_with_a_seed(real: RealSandbox) -> None:
    free = [await real.printed(RANDOM) for _ in range(3)]
    seeded = [await real.printed(RANDOM, seed=5) for _ in range(2)]
    other = await real.printed(RANDOM, seed=6)
    assert len({*free, *seeded, other}) == 5
    assert seeded[0] == seeded[1]


async def test_every_source_of_random_numbers_is_seeded_anew(real: RealSandbox) -> None:
    sources = (
        "torch.rand(1).item()",
        "random.random()",
        "np.random.rand()",
        "os.urandom(4)",
        "uuid.uuid4()",
        "hash('x')",
    )
    program = "import os, random, uuid\nprint(" + ", ".join(sources[:-1]) + ", sep='|')"
    first, second = [(await real.printed(program)).strip().split("|") for _ in range(2)]
    assert [name for name, a, b in zip(sources, first, second, strict=False) if a == b] == []


ENVIRONMENT = """\
import ctypes, json, os
def proc(path):
    try:
        with open(path, "rb") as file: return file.read().decode(errors="replace")
    except OSError as error:
        return type(error).__name__
environ = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
native, index = [], 0
while environ and environ[index]:
    native.append(environ[index].decode(errors="replace"))
    index += 1
paths = ["/proc/self/environ", f"/proc/{os.getppid()}/environ", "/proc/1/environ", "/proc/self/cmdline"]
print(json.dumps([dict(os.environ), native, [proc(path) for path in paths]]))"""


async def test_callers_environment_is_seen_nowhere(real: RealSandbox) -> None:
    assert os.environ[SECRET_NAME] == SECRET
    control = subprocess.run(
        [sys.executable, "-c", "import os; print(os.environ)"], capture_output=True, check=True
    )
    assert SECRET in control.stdout.decode(), "the probe must see what is there"
    printed = await real.printed(ENVIRONMENT)
    assert SECRET not in printed
    assert SECRET_NAME not in printed
    names, native, files = json.loads(printed)
    assert not set(names) & {"HOME", "USER", "LOGNAME", "HOSTNAME"}
    told = {*names, "LINES", "COLUMNS"}  # these by readline, which `pdb` asks for since Python 3.13
    assert [entry for entry in native if entry.partition("=")[0] not in told] == []
    assert files == ["PermissionError"] * 4
    server = real.server()
    assert server is not None
    assert SECRET.encode() not in Path(f"/proc/{server.pid}/environ").read_bytes()


READERS = (0, 65_534) if os.geteuid() == 0 else (os.geteuid(),)


@pytest.mark.parametrize("reader", READERS)
async def test_environment_of_a_child_tells_nobody_anything(real: RealSandbox, reader: int) -> None:
    """Root reads it and finds no secret; everybody else, its own user too, is refused: it is undumpable."""
    await real.rested()  # a child of an earlier test may still be ending
    children = real.children()
    assert children
    for child in children:
        done = looked_into(child.pid, reader)
        if reader == 0:
            assert done.returncode == 0
            assert SECRET.encode() not in done.stdout
        else:
            assert done.returncode != 0
            assert (done.stdout, b"Permission denied" in done.stderr) == (b"", True)


def looked_into(pid: int, reader: int) -> subprocess.CompletedProcess[bytes]:
    user = reader if os.geteuid() == 0 else None
    return subprocess.run(["cat", f"/proc/{pid}/environ"], capture_output=True, check=False, user=user)


PLANT = """\
pattern = b"a recognisable pattern, " * 1366
planted = [bytearray(pattern) for _ in range(64)]  # no tensors: of these the recorder would keep some
"""
SCAN = """\
held = [torch.empty(size, dtype=torch.uint8) for size in [32784] * 512 + [1 << 20] * 16 + [512] * 512]
found = sum(b"recognisable pat" in each.numpy().tobytes() for each in held)
print("found" if found else "nothing")
"""


async def test_memory_that_was_never_written_holds_nothing_of_an_earlier_program(real: RealSandbox) -> None:
    # All but the last: a hole the allocator cannot give back to the system, and comes to when smaller ones are full.
    assert await real.printed(f"{PLANT}del planted[:-1]\n{SCAN}") == "found\n", (
        "the probe must find what is there"
    )
    for _ in range(real.plan.spares + 1):
        assert (await real.run(PLANT)).outcome == Completed()
        assert await real.printed(SCAN) == "nothing\n"


NOT_OURS = """\
import gc
from app.program import Program
from app.wire import Task
print([type(thing).__name__ for thing in gc.get_objects() if isinstance(thing, (Task, Program))])
print(sorted(name for name in __import__("sys").modules if name.startswith("app.") and ".sandbox" in name))"""


async def test_fork_server_has_seen_no_program(real: RealSandbox) -> None:
    await real.run("secret_of_another_program = 1")
    task, sandbox = (await real.printed(NOT_OURS)).splitlines()
    assert task in ("[]", "['Task']")  # at most its own
    assert sandbox == "[]"
