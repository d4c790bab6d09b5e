"""The system-call filter, read by an interpreter of its own: call and arguments in, the kernel's answer out."""

from __future__ import annotations

import os
import struct

import pytest

from app.worker.sealing import seccomp

REFUSE, ALLOW = seccomp.REFUSE, seccomp.ALLOW
KILL, NO_SUCH_CALL = seccomp.KILL, seccomp.NO_SUCH_CALL
PID = 4321
STRICT, FILES, GPU = (False, False), (True, False), (True, True)
X86 = seccomp.AUDIT_ARCH["x86_64"]


def interpret(program: seccomp.Block, number: int, arguments: tuple[int, ...] = (), arch: int = X86) -> int:
    """What the kernel would answer: classic BPF over `struct seccomp_data`, own process id filled in."""
    words = [*arguments, *(0,) * (6 - len(arguments))]
    data = struct.pack("=IIQ6Q", number & 0xFFFF_FFFF, arch, 0, *(word & (1 << 64) - 1 for word in words))
    accumulator = at = 0
    for _ in range(len(program)):
        step = program[at]
        operand = PID if step.operand == seccomp.OWN_PID else step.operand
        at += 1
        match step.code:
            case seccomp.LOAD:
                accumulator = struct.unpack_from("=I", data, operand)[0]
            case seccomp.AND:
                accumulator &= operand
            case seccomp.EQUAL:
                at += step.if_true if accumulator == operand else step.if_false
            case seccomp.AT_LEAST:
                at += step.if_true if accumulator >= operand else step.if_false
            case seccomp.ANY_BIT:
                at += step.if_true if accumulator & operand else step.if_false
            case seccomp.RETURN:
                return operand
            case code:
                raise AssertionError(f"instruction {code:#x} is not ours")
    raise AssertionError("the program did not end")


THREAD = 0x3D0F00  # what glibc passes for pthread_create
CASES: tuple[tuple[str, int, tuple[int, ...], int], ...] = (
    ("read", 0, (), ALLOW),
    ("futex", 202, (), ALLOW),
    ("exit_group", 231, (), ALLOW),
    ("open, the old one", 2, (), REFUSE),
    ("fork", 57, (), REFUSE),
    ("vfork", 58, (), REFUSE),
    ("execve", 59, (), REFUSE),
    ("execveat", 322, (), REFUSE),
    ("clone as fork", 56, (17,), REFUSE),
    ("clone as thread", 56, (THREAD,), ALLOW),
    ("clone as thread in a namespace", 56, (THREAD | 0x20000,), REFUSE),
    ("clone sharing memory only", 56, (0x100,), REFUSE),
    ("clone3", 435, (), NO_SUCH_CALL),
    ("mmap private", 9, (0, 4096, 3, 0x22), ALLOW),
    ("mmap shared", 9, (0, 4096, 3, 0x21), REFUSE),
    ("mmap shared, validated", 9, (0, 4096, 3, 0x23), REFUSE),
    ("mmap executable", 9, (0, 4096, 5, 0x22), REFUSE),
    ("mmap growing down", 9, (0, 4096, 3, 0x122), REFUSE),
    ("mmap huge pages", 9, (0, 4096, 3, 0x40022), REFUSE),
    ("mprotect", 10, (0, 4096, 3), ALLOW),
    ("mprotect executable", 10, (0, 4096, 5), REFUSE),
    ("pkey_mprotect", 329, (0, 4096, 3, 0), REFUSE),
    ("madvise dontneed", 28, (0, 4096, 4), ALLOW),
    ("madvise hwpoison", 28, (0, 4096, 100), REFUSE),
    ("copy own pages ahead", 440, (-10_000, 4096, 1, 23, 0), ALLOW),
    ("other advice about own pages", 440, (-10_000, 4096, 1, 4, 0), REFUSE),
    ("advise the process of a descriptor", 440, (3, 4096, 1, 23, 0), REFUSE),
    ("kill self", 62, (PID, 15), ALLOW),
    ("a pair of sockets", 53, (1, 1, 0), ALLOW),
    ("a pair of datagram sockets", 53, (1, 2, 0), REFUSE),
    ("a pair of sockets of a network", 53, (2, 1, 0), REFUSE),
    ("send to whom one is connected to", 44, (5, 0, 1, 0, 0, 0), ALLOW),
    ("send to an address", 44, (5, 0, 1, 0, 4096, 16), REFUSE),
    ("kill self as only the parent may", 62, (PID, 9), REFUSE),
    ("stop self", 62, (PID, 19), REFUSE),
    ("tgkill self as only the parent may", 234, (PID, PID, 9), REFUSE),
    ("kill the group", 62, (0, 15), REFUSE),
    ("kill everybody", 62, (-1, 9), REFUSE),
    ("kill another", 62, (PID + 1, 0), REFUSE),
    ("tgkill self", 234, (PID, PID, 6), ALLOW),
    ("tgkill another", 234, (PID + 1, PID, 6), REFUSE),
    ("prlimit get", 302, (0, 7, 0, 0xDEAD), ALLOW),
    ("prlimit set", 302, (0, 7, 0xDEAD, 0), REFUSE),
    ("prlimit set, low half null", 302, (0, 7, 1 << 32, 0), REFUSE),
    ("prlimit of another", 302, (PID + 1, 7, 0, 0), REFUSE),
    ("setrlimit", 160, (), REFUSE),
    ("prctl set_name", 157, (15,), ALLOW),
    ("prctl set_pdeathsig", 157, (1,), REFUSE),
    ("prctl set_dumpable", 157, (4,), REFUSE),
    ("ioctl tcgets", 16, (1, 0x5401), ALLOW),
    ("ioctl tiocsti", 16, (0, 0x5412), REFUSE),
    ("ioctl tiocsti in the low half", 16, (0, 1 << 32 | 0x5412), REFUSE),
    ("fcntl getfl", 72, (1, 3), ALLOW),
    ("fcntl setown", 72, (1, 8), REFUSE),
    ("clock_gettime", 228, (1,), ALLOW),
    ("clock_gettime of another process", 228, (~PID << 3 | 2,), REFUSE),
    ("socket", 41, (), REFUSE),
    ("socketpair", 53, (), REFUSE),
    ("connect", 42, (), REFUSE),
    ("memfd_create", 319, (), REFUSE),
    ("shmget", 29, (), REFUSE),
    ("seccomp", 317, (), REFUSE),
    ("ptrace", 101, (), KILL),
    ("bpf", 321, (), KILL),
    ("io_uring_setup", 425, (), KILL),
    ("unshare", 272, (), KILL),
    ("mount", 165, (), KILL),
    ("process_vm_readv", 310, (), KILL),
    ("x32 getpid", 0x4000_0000 | 39, (), KILL),
    ("no such number", 0xFFFF_FFFF, (), KILL),
)


@pytest.mark.parametrize("variant", [STRICT, FILES], ids=["strict", "files"])
@pytest.mark.parametrize(("name", "number", "arguments", "answer"), CASES, ids=[case[0] for case in CASES])
def test_filter_answers(
    variant: tuple[bool, bool], name: str, number: int, arguments: tuple[int, ...], answer: int
) -> None:
    assert interpret(seccomp.build_filter("x86_64", *variant), number, arguments) == answer, name


@pytest.mark.parametrize(
    ("variant", "number", "arguments", "answer"),
    [
        (STRICT, 257, (-100, 0, os.O_RDONLY), REFUSE),
        (FILES, 257, (-100, 0, os.O_RDONLY | os.O_CLOEXEC), ALLOW),
        (FILES, 257, (-100, 0, os.O_WRONLY), REFUSE),
        (FILES, 257, (-100, 0, os.O_RDWR), REFUSE),
        (FILES, 257, (-100, 0, os.O_RDONLY | os.O_TRUNC), REFUSE),
        (FILES, 257, (-100, 0, os.O_RDONLY | os.O_CREAT), REFUSE),
        (FILES, 257, (-100, 0, os.O_PATH), REFUSE),
        (STRICT, 262, (), REFUSE),
        (FILES, 262, (), ALLOW),
        (FILES, 16, (5, 0xC0DE), REFUSE),
        (GPU, 16, (5, 0xC0DE), ALLOW),
        (GPU, 9, (0, 4096, 3, 0x01), ALLOW),
        (GPU, 9, (0, 4096, 7, 0x01), REFUSE),
    ],
)
def test_filter_depends_on_the_plan(
    variant: tuple[bool, bool], number: int, arguments: tuple[int, ...], answer: int
) -> None:
    assert interpret(seccomp.build_filter("x86_64", *variant), number, arguments) == answer


@pytest.mark.parametrize("variant", [STRICT, FILES, GPU], ids=["strict", "files", "gpu"])
@pytest.mark.parametrize("arch", [0x4000_0003, 0xC000_00B7, 0], ids=hex)
def test_other_architecture_is_the_end(variant: tuple[bool, bool], arch: int) -> None:
    program = seccomp.build_filter("x86_64", *variant)
    assert {interpret(program, number, arch=arch) for number in range(500)} == {KILL}


@pytest.mark.parametrize("machine", sorted(seccomp.AUDIT_ARCH))
@pytest.mark.parametrize("variant", [STRICT, FILES, GPU], ids=["strict", "files", "gpu"])
def test_every_number_gets_one_of_four_answers_and_unknown_ones_are_refused(
    machine: str, variant: tuple[bool, bool]
) -> None:
    program = seccomp.build_filter(machine, *variant)
    arch = seccomp.AUDIT_ARCH[machine]
    answers = [interpret(program, number, arch=arch) for number in range(1024)]
    assert set(answers) == {ALLOW, REFUSE, KILL, NO_SUCH_CALL}
    assert set(answers[468:]) == {REFUSE}
    assert all(0 <= step.if_true < 256 and 0 <= step.if_false < 256 for step in program)
    assert len(program) < 4096


def test_own_process_id_is_written_wherever_it_is_compared() -> None:
    program = seccomp.build_filter("x86_64", True, False)
    loaded = seccomp.load_filter("x86_64", True, False)
    places = [8 * at + 4 for at, step in enumerate(program) if step.operand == seccomp.OWN_PID]
    assert loaded.own_pid_at == tuple(places)
    assert len(places) == 5
    assert len(loaded.program) == 8 * len(program)
