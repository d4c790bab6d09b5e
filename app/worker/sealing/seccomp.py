"""The system-call filter: what is not named here is answered EPERM, so Python raises an error with a line number.

Calls that only an attack makes end the process. Conditions read a whole argument register's low half, which is
all the kernel reads of the arguments tested here; pointers are only ever compared with null, because what they
point to can change after the check. The filter is built and packed before the fork; only the child's own
process id is written in afterwards.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import platform
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from app.worker.sealing import kernel


@dataclass(frozen=True, slots=True)
class Instruction:
    """One classic BPF instruction, as in `struct sock_filter`."""

    code: int
    if_true: int
    if_false: int
    operand: int


Block = tuple[Instruction, ...]

LOAD, AND, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
KILL, REFUSE, ALLOW = 0x8000_0000, 0x0005_0000 | errno.EPERM, 0x7FFF_0000
# glibc falls back from clone3 (whose flags sit behind a pointer) to clone only on this answer.
NO_SUCH_CALL = 0x0005_0000 | errno.ENOSYS

AUDIT_ARCH: Mapping[str, int] = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
# From this number on, x86-64 takes a call for one of the x32 ABI.
X32_BIT = 0x4000_0000
# Stands for the child's process id until the child exists; above every possible process id.
OWN_PID = 0x7FFF_FFF1

# name x86_64 aarch64; a dash where the machine has no such call.
_HARMLESS = """
futex 202 98, read 0 63, write 1 64, readv 19 65, writev 20 66, pread64 17 67, close 3 57, lseek 8 62, fstat 5 80,
brk 12 214, munmap 11 215, mremap 25 216, sched_yield 24 124, getcpu 309 168, getrandom 318 278, gettimeofday 96 169,
time 201 -, clock_getres 229 114, nanosleep 35 101, restart_syscall 219 128, poll 7 -, ppoll 271 73, select 23 -,
pselect6 270 72, epoll_create1 291 20, epoll_ctl 233 21, epoll_wait 232 -, epoll_pwait 281 22,
dup 32 23, dup2 33 -, dup3 292 24, rt_sigaction 13 134, rt_sigprocmask 14 135, rt_sigreturn 15 139,
rt_sigpending 127 136, rt_sigtimedwait 128 137, rt_sigsuspend 130 133, sigaltstack 131 132, pause 34 -, alarm 37 -,
getitimer 36 102, setitimer 38 103, getrusage 98 165, times 100 153, getrlimit 97 163, getpid 39 172, gettid 186 178,
getppid 110 173, getuid 102 174, geteuid 107 175, getgid 104 176, getegid 108 177, getresuid 118 148,
getresgid 120 150, getgroups 115 158, getpgrp 111 -, getcwd 79 17, set_robust_list 273 99, set_tid_address 218 96,
rseq 334 293, exit 60 93, exit_group 231 94
"""
_CONDITIONAL = """
mmap 9 222, mprotect 10 226, madvise 28 233, clone 56 220, openat 257 56, newfstatat 262 79, ioctl 16 29, fcntl 72 25,
prctl 157 167, prlimit64 302 261, kill 62 129, tgkill 234 131, clock_gettime 228 113, clock_nanosleep 230 115,
sched_getaffinity 204 123, getpgid 121 155, getsid 124 156, clone3 435 435, socketpair 53 199, sendto 44 206,
recvfrom 45 207, process_madvise 440 440
"""
_HOSTILE = """
ptrace 101 117, process_vm_readv 310 270, process_vm_writev 311 271, pidfd_getfd 438 438,
bpf 321 280, io_uring_setup 425 425, io_uring_enter 426 426, io_uring_register 427 427, userfaultfd 323 282,
perf_event_open 298 241, add_key 248 217, request_key 249 218, keyctl 250 219, unshare 272 97, setns 308 268,
mount 165 40, umount2 166 39, pivot_root 155 41, open_tree 428 428, move_mount 429 429, fsopen 430 430,
fsconfig 431 431, fsmount 432 432, fspick 433 433, mount_setattr 442 442, open_tree_attr 467 467, kexec_load 246 104,
kexec_file_load 320 294, init_module 175 105, finit_module 313 273, delete_module 176 106
"""
_INSTALL = "seccomp 317 277"
_SET_MODE_FILTER, _ALL_THREADS = 1, 1

_READ, _WRITE = 1, 2  # PROT_*; never PROT_EXEC, never the GROWS* pair
# private fixed anonymous 32bit denywrite noreserve populate nonblock stack fixed_noreplace. Not GROWSDOWN, which
# RLIMIT_DATA does not count; not SHARED, which it does not count either; not HUGETLB, not LOCKED.
_MAP_PRIVATE = 0x2 | 0x10 | 0x20 | 0x40 | 0x800 | 0x4000 | 0x8000 | 0x10000 | 0x20000 | 0x100000
_MAP_SHARED = 0x1
# normal random sequential willneed dontneed free hugepage nohugepage cold; not the two that poison pages
_ADVICE = (0, 1, 2, 3, 4, 8, 14, 15, 20)
_ADVICE_GPU = (*_ADVICE, 10, 11)  # pinned memory is kept out of forks
# vm fs files sighand thread sysvsem settls parent_settid child_cleartid detached child_settid: a thread, no namespace
_THREAD = 0x100 | 0x800 | 0x10000
_THREAD_FLAGS = _THREAD | 0x200 | 0x400 | 0x40000 | 0x80000 | 0x100000 | 0x200000 | 0x400000 | 0x1000000
_OPEN_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_DIRECTORY
_UNIX = 1
_STREAMS = (0x1, 0x801, 0x8_0001, 0x8_0801)  # SOCK_STREAM, with NONBLOCK or CLOEXEC
_IOCTLS = (
    0x5401,
    0x5413,
    0x541B,
    0x5421,
    0x5450,
    0x5451,
)  # TCGETS TIOCGWINSZ FIONREAD FIONBIO FIONCLEX FIOCLEX
_FCNTLS = (0, 1, 2, 3, 1030)  # dupfd getfd setfd getfl dupfd_cloexec; not setown, not setpipe_sz
_PARENT_S = (9, 19)  # SIGKILL SIGSTOP: an end by SIGKILL then always came from outside
_PIDFD_SELF, _POPULATE_WRITE = -10_000 & 0xFFFF_FFFF, 23  # a child copies its own pages ahead of use
_PRCTLS = (3, 15, 16, 21, 39)  # get_dumpable set_name get_name get_seccomp get_no_new_privs


def build_filter(machine: str, files: bool, gpu: bool) -> Block:
    """The whole program for one machine. `files`: opening for reading and `stat` exist at all."""
    start = (
        Instruction(LOAD, 0, 0, 4),
        Instruction(EQUAL, 1, 0, AUDIT_ARCH[machine]),
        Instruction(RETURN, 0, 0, KILL),
        Instruction(LOAD, 0, 0, 0),
        Instruction(AT_LEAST, 0, 1, X32_BIT),
        Instruction(RETURN, 0, 0, KILL),
    )
    harmless = _numbers(_HARMLESS, machine).values()
    hostile = _numbers(_HOSTILE, machine).values()
    conditional = _numbers(_CONDITIONAL, machine)
    rules = [_on_call(number, _answer(ALLOW)) for number in harmless]
    rules += [_on_call(conditional[name], block) for name, block in _conditions(files, gpu).items()]
    rules += [_on_call(number, _answer(KILL)) for number in hostile]
    return start + tuple(step for rule in rules for step in rule) + _answer(REFUSE)


@dataclass(frozen=True, slots=True)
class LoadedFilter:
    """The program in memory as the kernel reads it. Each forked child has a copy to write its process id into."""

    number: int
    """of the call `seccomp`"""
    program: ctypes.Array[ctypes.c_char]
    header: bytes
    """`struct sock_fprog`: length and address of the program"""
    own_pid_at: tuple[int, ...]


@functools.cache
def load_filter(machine: str, files: bool, gpu: bool) -> LoadedFilter:
    steps = build_filter(machine, files, gpu)
    packed = b"".join(struct.pack("=HBBI", s.code, s.if_true, s.if_false, s.operand) for s in steps)
    program = ctypes.create_string_buffer(packed, len(packed))
    header = struct.pack("@HP", len(steps), ctypes.addressof(program))
    own_pid_at = tuple(8 * at + 4 for at, step in enumerate(steps) if step.operand == OWN_PID)
    return LoadedFilter(_numbers(_INSTALL, machine)["seccomp"], program, header, own_pid_at)


def install(files: bool, gpu: bool) -> str:
    """Put the filter on every thread of this process, for good; returns what was done. Raises OSError."""
    machine = platform.machine()
    if machine not in AUDIT_ARCH:
        raise OSError(errno.ENOSYS, f"no system-call table for {machine}")
    loaded = load_filter(machine, files, gpu)
    for place in loaded.own_pid_at:
        struct.pack_into("=I", loaded.program, place, os.getpid())
    stuck = kernel.syscall("seccomp", loaded.number, _SET_MODE_FILTER, _ALL_THREADS, loaded.header)
    if stuck:
        raise OSError(errno.EBUSY, f"seccomp: thread {stuck} could not be brought under the filter")
    return f"{machine}, {len(loaded.program) // 8} instructions"


def _conditions(files: bool, gpu: bool) -> dict[str, Block]:
    """Call name -> what its arguments must be. Every block returns on every path."""
    own = _one_of(0, (OWN_PID,))
    own_or_zero = _allow(_one_of(0, (0, OWN_PID)))
    clock = _allow(_only_bits(0, 0xF))  # a clock id above these names another process or an open device
    refuse = _answer(REFUSE)
    return {
        "mmap": _allow(
            _only_bits(2, _READ | _WRITE), _only_bits(3, _MAP_PRIVATE | (_MAP_SHARED if gpu else 0))
        ),
        "mprotect": _allow(_only_bits(2, _READ | _WRITE)),
        "madvise": _allow(_one_of(2, _ADVICE_GPU if gpu else _ADVICE)),
        "clone": _allow(_only_bits(0, _THREAD_FLAGS), _all_bits(0, _THREAD)),
        "openat": _allow(_only_bits(2, _OPEN_FLAGS)) if files else refuse,
        "newfstatat": _allow() if files else refuse,
        "ioctl": _allow() if gpu else _allow(_one_of(1, _IOCTLS)),
        "fcntl": _allow(_one_of(1, _FCNTLS)),
        "prctl": _allow(_one_of(0, _PRCTLS)),
        "prlimit64": _allow(_one_of(0, (0,)), _is_null(2)),
        "kill": _allow(own, _none_of(1, _PARENT_S)),
        "tgkill": _allow(own, _none_of(2, _PARENT_S)),
        "clock_gettime": clock,
        "clock_nanosleep": clock,
        "sched_getaffinity": own_or_zero,
        # asyncio wakes itself up through a pair of connected streams, which lead nowhere else
        "socketpair": _allow(_one_of(0, (_UNIX,)), _one_of(1, _STREAMS)),
        "sendto": _allow(_is_null(4)),
        "recvfrom": _allow(_is_null(4)),
        "process_madvise": _allow(_one_of(0, (_PIDFD_SELF,)), _one_of(3, (_POPULATE_WRITE,))),
        "getpgid": own_or_zero,
        "getsid": own_or_zero,
        "clone3": _answer(NO_SUCH_CALL),
    }


def _numbers(table: str, machine: str) -> dict[str, int]:
    """One of the tables above, for one machine, without the calls it does not have."""
    column = 1 + list(AUDIT_ARCH).index(machine)
    rows = [row.split() for row in table.split(",")]
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


def _answer(action: int) -> Block:
    return (Instruction(RETURN, 0, 0, action),)


def _on_call(number: int, block: Block) -> Block:
    return (Instruction(EQUAL, 0, len(block), number), *block)


def _allow(*checks: Block) -> Block:
    """Each check falls through to the next when it holds and refuses when it does not."""
    return tuple(step for check in checks for step in check) + _answer(ALLOW)


def _low(argument: int) -> Instruction:
    return Instruction(LOAD, 0, 0, 16 + 8 * argument)


def _high(argument: int) -> Instruction:
    return Instruction(LOAD, 0, 0, 20 + 8 * argument)


def _only_bits(argument: int, allowed: int) -> Block:
    return (_low(argument), Instruction(ANY_BIT, 0, 1, ~allowed & 0xFFFF_FFFF), *_answer(REFUSE))


def _all_bits(argument: int, wanted: int) -> Block:
    return (
        _low(argument),
        Instruction(AND, 0, 0, wanted),
        Instruction(EQUAL, 1, 0, wanted),
        *_answer(REFUSE),
    )


def _one_of(argument: int, values: tuple[int, ...]) -> Block:
    """A hit jumps over the tests that are left and over the refusal."""
    tests = tuple(Instruction(EQUAL, len(values) - at, 0, value) for at, value in enumerate(values))
    return (_low(argument), *tests, *_answer(REFUSE))


def _none_of(argument: int, values: tuple[int, ...]) -> Block:
    tests = tuple(step for value in values for step in (Instruction(EQUAL, 0, 1, value), *_answer(REFUSE)))
    return (_low(argument), *tests)


def _is_null(argument: int) -> Block:
    zero = Instruction(EQUAL, 1, 0, 0)
    return (_low(argument), zero, *_answer(REFUSE), _high(argument), zero, *_answer(REFUSE))
