"""What a freshly forked child gives up, in order and for good, before a stranger's program reaches it.

Each layer either holds or is reported as missing; a missing layer that is required ends the child (fail closed).
Plain ctypes and the standard library: no torch, no thread, nothing to open afterwards. Only a process with one
thread can be sealed, because most of what follows binds the calling thread alone.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import resource
import signal
import struct
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass

from app.worker.sealing import kernel, landlock, seccomp

_PDEATHSIG, _GET_DUMPABLE, _SET_DUMPABLE, _GET_SECCOMP = 1, 3, 4, 21
_CAPBSET_DROP, _SET_NO_NEW_PRIVS, _GET_NO_NEW_PRIVS = 24, 38, 39
_CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION = 0x2008_0522
_NEWUSER, _NEWNET = 0x1000_0000, 0x4000_0000
_CLOSE_RANGE, _LAST_DESCRIPTOR = 436, 0xFFFF_FFFF
_M_ARENA_MAX, _M_MMAP_THRESHOLD = -8, -3
# Larger blocks are given back whole. Otherwise each leaves a hole that the next one does not fit into, where anything
# small was allocated behind it meanwhile and is kept: torch's alignment asks for a little more than the hole has.
_OWN_BLOCK = 16 << 20

# One running program, one thread that flushes its output, one that hears commands, one that torch keeps for inter-op
# work, and a dozen for a lesson on threads or for `torch.set_num_threads`: libgomp ends the process when it may not
# start one.
MORE_THREADS = 16
# Address space that is reserved but never becomes memory of its own: stacks' guard pages, alignment, files read.
_ADDRESS_SLACK = 64 * 1024 * 1024
# The usual size. A container may come without any limit, and RLIMIT_DATA does not count the stack.
_MAIN_STACK = 8 << 20
# `nobody`: the child that only reports on the seal takes it, and runs no program.
PROBE_UID = 65534
_PARENT_GONE = 70


class SealError(Exception):
    """A required layer could not be put on. The child must not go on to run a program."""


@dataclass(frozen=True, slots=True)
class SealPlan:
    """How to seal one child.

    `memory_bytes` comes on top of what the child inherited. `uid` is its own, user and group, shared with no other
    process, where the server is root, and None elsewhere. `readable` paths may be opened for reading; with any of
    them the child can also `stat` every path of the host, which Landlock does not cover: with none it can do
    neither. `gpu` keeps device calls and shared mappings, and expects the context to exist already.
    """

    memory_bytes: int
    cpu_seconds: int
    uid: int | None
    parent_pid: int
    readable: tuple[str, ...] = ()
    gpu: bool = False


@dataclass(frozen=True, slots=True)
class Layer:
    """One thing given up: whether it holds, and why or how."""

    name: str
    active: bool
    detail: str
    required: bool


class _NotHere(Exception):
    """The layer has no meaning or no permission in this place and is not required."""


@dataclass(frozen=True, slots=True)
class _Child:
    plan: SealPlan
    keep: frozenset[int]
    sizes: dict[str, int]
    """VmSize and VmData in bytes, Threads: as inherited."""
    user_namespace: int


def prepare(files: bool = True, gpu: bool = False) -> None:
    """Compute before the fork what every child would otherwise compute again. Optional; saves about a millisecond."""
    kernel.libc()
    if platform.machine() in seccomp.AUDIT_ARCH:
        seccomp.load_filter(platform.machine(), files, gpu)


def seal(plan: SealPlan, keep_fds: Collection[int]) -> tuple[Layer, ...]:
    """Seal this process. Raises SealError naming the required layer that does not hold."""
    layers = []
    for layer in _put_on(plan, keep_fds):
        layers.append(layer)
        if layer.required and not layer.active:
            raise SealError(f"{layer.name}: {layer.detail}")
    return tuple(layers)


def probe_layers(memory_bytes: int, cpu_seconds: int) -> tuple[Layer, ...]:
    """Seal a throw-away child and report every layer, held or not. Needs no torch and leaves the caller as it was."""
    prepare(files=False)
    uid = PROBE_UID if os.geteuid() == 0 else None
    plan = SealPlan(memory_bytes, cpu_seconds, uid, parent_pid=os.getpid())
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _report_layers(plan, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        lines = stream.read().splitlines()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    layers = tuple(Layer(**json.loads(line)) for line in lines)
    if status == 0:
        return layers
    return (*layers, Layer("child", False, f"ended with status {status} while being sealed", True))


@functools.cache
def leave_network() -> str:
    """Move this process, root's, into an empty network; raises OSError where not permitted.

    A fork server may call it once: its children inherit the empty network together with this answer, which saves
    each of them making, and the kernel tearing down, one of its own.
    """
    _unshare(_NEWNET)
    return f"empty, left by process {os.getpid()}"


def _report_layers(plan: SealPlan, writer: int) -> None:
    """The throw-away child: never returns."""
    signal.alarm(10)
    status = 1
    try:
        for layer in _put_on(plan, (writer,)):
            os.write(writer, json.dumps(asdict(layer)).encode() + b"\n")
        status = 0
    finally:
        os._exit(status)


def _put_on(plan: SealPlan, keep_fds: Collection[int]) -> Iterator[Layer]:
    try:
        child = _Child(plan, frozenset(keep_fds), _read_sizes(), _user_namespace())
    except OSError as failure:
        yield Layer("session", False, f"{failure}: no memory budget without /proc", True)
        return
    for name, give_up, required in _layers():
        try:
            yield Layer(name, True, give_up(child), required)
        except _NotHere as reason:
            yield Layer(name, False, str(reason), False)
        except OSError as failure:
            yield Layer(name, False, str(failure), required)


def _layers() -> tuple[tuple[str, Callable[[_Child], str], bool], ...]:
    """Name, act, required; in the order in which they have to happen.

    A namespace needs the capabilities that the next layers drop and, made with a user namespace, counts threads
    anew, so it comes before the limits. A change of identity clears the parent-death signal and the dumpable
    flag, so those come after it. seccomp forbids everything above, so it comes last.
    """
    return (
        ("session", _leave_session, True),
        ("descriptors", _close_descriptors, True),
        ("network_namespace", _leave_network, False),
        ("rlimits", _lower_limits, True),
        ("uid", _take_own_uid, True),
        ("capabilities", _drop_capabilities, True),
        ("undumpable", _become_undumpable, True),
        ("no_new_privs", _refuse_privileges, True),
        ("parent_death", _die_with_parent, True),
        ("landlock", _leave_files, True),
        ("seccomp", _filter_calls, True),
    )


def _read_sizes() -> dict[str, int]:
    status = _read_start("/proc/self/status")
    wanted = {"VmSize": 1024, "VmData": 1024, "Threads": 1}
    found = {name: status.partition(f"{name}:".encode())[2].split(None, 1)[0] for name in wanted}
    return {name: int(found[name]) * unit for name, unit in wanted.items()}


def _read_start(path: str) -> bytes:
    """Plain descriptors: in a forked child every page that Python's file objects touch has to be copied first."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(handle, 8192)
    finally:
        os.close(handle)


def _user_namespace() -> int:
    return os.stat("/proc/self/ns/user").st_ino  # noqa: PTH116


def _leave_session(child: _Child) -> str:
    """Its own session and group, so that one signal from the parent ends all of it."""
    if child.sizes["Threads"] != 1 and not child.plan.gpu:
        raise OSError(
            f"the child already has {child.sizes['Threads']} threads; the others would stay outside"
        )
    os.setsid()
    os.chdir("/")
    os.umask(0o077)
    return "own session and process group"


def _close_descriptors(child: _Child) -> str:
    """The three standard descriptors always stay taken, so that no file ever becomes one of them."""
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for standard in {0, 1, 2} - child.keep:
        os.dup2(null, standard, inheritable=False)
    first = 0
    for kept in sorted(child.keep | {0, 1, 2}):
        if first < kept:
            _close_range(first, kept - 1)
        first = kept + 1
    _close_range(first, _LAST_DESCRIPTOR)
    return f"kept {sorted(child.keep)}"


def _close_range(first: int, last: int) -> None:
    kernel.syscall("close_range", _CLOSE_RANGE, first, last, 0)


def _leave_network(_: _Child) -> str:
    if os.geteuid() != 0:
        # Alone, a network namespace needs a privilege; inside a new user namespace it needs none.
        _unshare(_NEWUSER | _NEWNET)
        return "empty, in a user namespace"
    return leave_network()


def _unshare(flags: int) -> None:
    kernel.checked(kernel.libc().unshare(flags), "unshare")


def _lower_limits(child: _Child) -> str:
    """RLIMIT_DATA is the budget. It forgets memory that is written and then made read-only, so the address space
    has a limit too; not with a GPU, whose driver reserves hundreds of gigabytes of addresses."""
    plan, sizes = child.plan, child.sizes
    threads = _thread_limit(child)
    limits = [
        (resource.RLIMIT_CPU, plan.cpu_seconds, plan.cpu_seconds + 1),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_NOFILE, 64, 64),
        (resource.RLIMIT_NPROC, threads, threads),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_STACK, _MAIN_STACK, _MAIN_STACK),
        (resource.RLIMIT_MEMLOCK, 0, 0),
        (resource.RLIMIT_MSGQUEUE, 0, 0),
        (resource.RLIMIT_SIGPENDING, 64, 64),
        (resource.RLIMIT_DATA, sizes["VmData"] + plan.memory_bytes, sizes["VmData"] + plan.memory_bytes),
    ]
    if not plan.gpu:
        # One malloc arena: every further one reserves 64 MiB of addresses.
        kernel.libc().mallopt(_M_ARENA_MAX, 1)
        kernel.libc().mallopt(_M_MMAP_THRESHOLD, _OWN_BLOCK)
        addresses = sizes["VmSize"] + plan.memory_bytes + _ADDRESS_SLACK
        limits.append((resource.RLIMIT_AS, addresses, addresses))
    for which, soft, hard in limits:
        _lower_limit(which, soft, hard)
    return f"{plan.memory_bytes >> 20} MiB, {plan.cpu_seconds} s, {threads} threads"


def _lower_limit(which: int, soft: int, hard: int) -> None:
    ceiling = resource.getrlimit(which)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    try:
        resource.setrlimit(which, (soft, hard))
    except ValueError as failure:
        raise OSError(f"limit {which}: {failure}") from failure


def _thread_limit(child: _Child) -> int:
    """RLIMIT_NPROC counts every thread of a uid. Alone in its uid or user namespace the child gets a small number;
    sharing the uid of a whole desktop it gets what the machine runs now and as many more."""
    alone = child.plan.uid is not None or _user_namespace() != child.user_namespace
    running = child.sizes["Threads"] if alone else _tasks_running()
    return running + MORE_THREADS


def _tasks_running() -> int:
    """The fourth field of loadavg: running/existing."""
    return int(_read_start("/proc/loadavg").split()[3].partition(b"/")[2])


def _take_own_uid(child: _Child) -> str:
    uid = child.plan.uid
    if uid is None:
        if os.geteuid() == 0:
            raise OSError("root needs a uid of its own for each child")
        raise _NotHere("not started as root: shares the uid of the server")
    if uid == 0:
        raise OSError("uid 0 is no uid for a child")
    _empty_bounding_set()
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    return f"uid and gid {uid}"


def _empty_bounding_set() -> None:
    """As far as permitted: no_new_privs keeps the rest out of reach."""
    drop = kernel.libc().prctl
    capability = 0
    while drop(_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1


def _drop_capabilities(_: _Child) -> str:
    """Also those that came with a user namespace."""
    _empty_bounding_set()
    kernel.prctl("ambient", _CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL)
    kernel.checked(kernel.libc().capset(struct.pack("=Ii", _CAPABILITY_VERSION, 0), bytes(24)), "capset")
    return "none left"


def _become_undumpable(_: _Child) -> str:
    """No core, and no other process of the same uid may look inside."""
    kernel.prctl("dumpable", _SET_DUMPABLE, 0)
    return f"dumpable {kernel.prctl('dumpable', _GET_DUMPABLE)}"


def _refuse_privileges(_: _Child) -> str:
    kernel.prctl("no_new_privs", _SET_NO_NEW_PRIVS, 1)
    return f"no_new_privs {kernel.prctl('no_new_privs', _GET_NO_NEW_PRIVS)}"


def _die_with_parent(child: _Child) -> str:
    """The parent may have died before the kernel was asked: then nobody is left to hear an error."""
    kernel.prctl("parent death", _PDEATHSIG, signal.SIGKILL)
    if os.getppid() != child.plan.parent_pid:
        os._exit(_PARENT_GONE)
    return f"SIGKILL when {child.plan.parent_pid} ends"


def _leave_files(child: _Child) -> str:
    return landlock.restrict(child.plan.readable)


def _filter_calls(child: _Child) -> str:
    detail = seccomp.install(files=bool(child.plan.readable), gpu=child.plan.gpu)
    if kernel.prctl("seccomp", _GET_SECCOMP) != 2:
        raise OSError("the filter was taken but is not in force")
    return detail
