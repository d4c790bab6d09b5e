"""Landlock: the child gives up every right that the running kernel lets it give up, files and network alike.

Only the paths named stay readable; nothing stays writable, executable or connectable. Needs no privilege, only
no_new_privs. Landlock does not cover `stat`: seccomp does.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable

from app.worker.sealing import kernel

# These three numbers are the same on every machine.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_RULE_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
# A stranger's refused accesses must not fill the host's audit log.
_LOG_NOTHING = 1


def abi_version() -> int:
    """The kernel's Landlock ABI; OSError where Landlock is missing or switched off."""
    return kernel.syscall("landlock", _CREATE_RULESET, 0, 0, _ASK_VERSION)


def handled_rights(abi: int) -> tuple[int, ...]:
    """The bit masks of the ruleset that this ABI knows: files, then network, then scopes."""
    files = (1 << 13) - 1  # execute, write, read, list, remove, make
    files |= (1 << 13) * (abi >= 2)  # refer: move between directories
    files |= (1 << 14) * (abi >= 3)  # truncate
    files |= (1 << 15) * (abi >= 5)  # ioctl on devices
    network = 0b11  # bind TCP, connect TCP
    scopes = 0b11  # abstract UNIX sockets, signals
    return (files, network, scopes)[: 1 + (abi >= 4) + (abi >= 6)]


def restrict(readable: Iterable[str]) -> str:
    """Restrict the calling thread for good; returns what was done. Raises OSError when it cannot be."""
    abi = abi_version()
    rights = handled_rights(abi)
    attributes = struct.pack(f"={len(rights)}Q", *rights)
    ruleset = kernel.syscall("landlock ruleset", _CREATE_RULESET, attributes, len(attributes), 0)
    try:
        allowed = [path for path in readable if _allow_reading(ruleset, path)]
        kernel.syscall("landlock restrict", _RESTRICT_SELF, ruleset, _LOG_NOTHING if abi >= 7 else 0)
    finally:
        os.close(ruleset)
    return f"ABI {abi}, {len(allowed)} readable paths"


def _allow_reading(ruleset: int, path: str) -> bool:
    """A path that cannot be opened is left out: that grants less, never more."""
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        directory = stat.S_ISDIR(os.fstat(handle).st_mode)
        rule = struct.pack("=Qi", _READ_FILE | (_READ_DIR if directory else 0), handle)
        kernel.syscall("landlock rule", _ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(handle)
    return True
