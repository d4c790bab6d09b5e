"""Attacks on neighbours, memory, the kernel and patience. Read by `probes`: `== name`, then a program."""

NEIGHBOURS = """
== signal the server
os.kill(A['server'], 0); leak()
== signal the parent
os.kill(os.getppid(), 0); leak()
== signal a sibling
os.kill(victim, signal.SIGUSR1); leak()
== signal a sibling's group
os.killpg(victim, signal.SIGUSR1); leak()
== tgkill a sibling
call(234, victim, victim, signal.SIGUSR1); leak()
== tkill a sibling
call(200, victim, signal.SIGUSR1); leak()
== sigqueue a sibling
libc.sigqueue(victim, signal.SIGUSR1, ctypes.c_void_p(0)) == 0 and leak()
== pidfd of a sibling
leak(os.pidfd_open(victim))
== own a descriptor's signals
import fcntl
fcntl.fcntl(1, fcntl.F_SETOWN, victim); leak()
== outlive the parent
libc.prctl(1, 0, 0, 0, 0) == 0 and leak()
== become dumpable again
libc.prctl(4, 1, 0, 0, 0) == 0 and leak()
== read /proc/ppid/mem
leak(open('/proc/%d/mem' % os.getppid(), 'rb', 0))
== read a sibling's /proc/pid/mem
f = open('/proc/%d/mem' % victim, 'rb', 0); f.seek(A['address']); leak(f.read(20))
== read every /proc/pid/environ
import glob
for path in glob.glob('/proc/[0-9]*/environ'):
    try: open(path, 'rb').read(); leak(path); break
    except OSError: pass
== process_vm_readv
class Vec(ctypes.Structure): _fields_ = [('at', ctypes.c_void_p), ('n', ctypes.c_size_t)]
mine = ctypes.create_string_buffer(20)
here, there = Vec(ctypes.addressof(mine), 20), Vec(A['address'], 20)
call(310, victim, ctypes.addressof(here), 1, ctypes.addressof(there), 1, 0); leak(mine.raw)
== process_vm_writev
class Vec(ctypes.Structure): _fields_ = [('at', ctypes.c_void_p), ('n', ctypes.c_size_t)]
mine = ctypes.create_string_buffer(b'the ho', 6)
here, there = Vec(ctypes.addressof(mine), 6), Vec(A['address'], 6)
leak(call(311, victim, ctypes.addressof(here), 1, ctypes.addressof(there), 1, 0))
== ptrace
call(101, 16, victim, 0, 0); leak()
== limits of a sibling
import resource
leak(resource.prlimit(victim, resource.RLIMIT_NOFILE))
== scheduling of a sibling
leak(os.sched_getaffinity(victim))
== processor time of a sibling
leak(time.clock_gettime((~victim << 3) | 2))
== session of the server
leak(os.getsid(A['server']))
== raise the limits
import resource
soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
resource.setrlimit(resource.RLIMIT_CPU, (1000, hard)); leak()
== System V shared memory
at = call(29, 0, 4096, 0o1600); leak(at); call(31, at, 0, 0)
== POSIX shared memory
import _posixshmem
leak(_posixshmem.shm_open('/seal-probe', os.O_CREAT | os.O_RDWR, mode=0o600)); _posixshmem.shm_unlink('/seal-probe')
== System V semaphores
at = call(64, 0, 1, 0o1600); leak(at); call(66, at, 0, 0)
== host name
leak(os.uname())
== memory and load of the host
info = ctypes.create_string_buffer(128); libc.sysinfo(info) == 0 and leak(info.raw[:16])
== change priority
os.setpriority(os.PRIO_PROCESS, 0, 19); leak()
== choose processors
os.sched_setaffinity(0, os.sched_getaffinity(0)); leak()
"""

MEMORY = """
== memory: one huge tensor
leak(torch.empty(2 * budget, dtype=torch.uint8).nbytes)
== memory: incremental tensors
kept = [torch.ones(1 << 21) for _ in range(budget >> 22)]; leak(len(kept))
== memory: pure Python
kept = [bytearray(1 << 20) for _ in range(budget >> 19)]; leak(len(kept))
== memory: small objects
kept = [[i] * 200 for i in range(budget >> 9)]; leak(len(kept))
== memory: numpy
leak(np.ones(budget >> 2).nbytes)
== memory: shared mmap
leak(len(mmap.mmap(-1, 2 * budget)))
== memory: memfd
fd = os.memfd_create('x'); os.ftruncate(fd, 2 * budget); leak(fd)
== memory: share_memory_
torch.ones(4).share_memory_(); leak()
== memory: stack mappings
for _ in range(budget >> 24): at = mapping(32 << 20, 3, 0x122); ctypes.memset(at, 1, 4096)
leak('not counted by RLIMIT_DATA')
== memory: written, then read-only
for _ in range(budget >> 23):
    at = mapping(16 << 20, 3, 0x22); ctypes.memset(at, 1, 4096)
    libc.mprotect(ctypes.c_void_p(at), ctypes.c_size_t(16 << 20), 1)
leak('not counted by RLIMIT_DATA')
== memory: large pipes
import fcntl
r, w = os.pipe(); leak(fcntl.fcntl(w, 1031, 1 << 18))
== code: writable and executable
leak(hex(mapping(4096, 7, 0x22)))
== code: made executable
at = mapping(4096, 3, 0x22)
libc.mprotect(ctypes.c_void_p(at), ctypes.c_size_t(4096), 5) == 0 and leak()
== code: run the 32-bit interface
at = mapping(4096, 7, 0x22 | 0x40); code = bytes.fromhex('53b814000000cd805bc3'); ctypes.memmove(at, code, len(code))
leak(ctypes.CFUNCTYPE(ctypes.c_int)(at)())
"""

KERNEL = """
== x32 interface
leak(call(0x40000000 | 39))
== io_uring
leak(call(425, 2, address(bytes(256))))
== new user namespace
call(272, 0x10000000); leak()
== mount in a new namespace
call(272, 0x10020000); call(165, b'none', drop.encode(), b'tmpfs', 0, 0); leak()
== userfaultfd
leak(call(323, 1))
== bpf
leak(call(321, 0, address(bytes([2, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1]) + bytes(59)), 72))
== perf events
leak(call(298, address(bytes([1, 0, 0, 0, 112, 0, 0, 0]) + bytes(32) + bytes([0x61]) + bytes(71)), 0, -1, -1, 0))
== kernel keys
leak(call(250, 0, -3, 1))
== add a kernel key
leak(call(248, b'user', b'seal-probe', address(b'x'), 1, -2))
== personality
leak(call(135, 0x0040000))
== compare processes
leak(call(312, os.getpid(), victim, 1, 0, 0))
== POSIX message queue
leak(call(240, b'seal-probe', 0o102, 0o600, 0)); call(241, b'seal-probe')
== handle of a file
call(303, -100, secret.encode(), address(bytes([128]) + bytes(159)), address(bytes(4)), 0); leak()
== landlock itself
leak(call(444, 0, 0, 1))
== another seccomp filter
call(317, 2, 0, address(bytes(4))); leak()
"""

BOUNDED = """
== spin
while True: pass
== ignored signals
for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}: signal.signal(number, signal.SIG_IGN)
while True: pass
== sleep
time.sleep(60)
== blocked signals and sleep
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()); time.sleep(60)
== deadlock
lock = threading.Lock(); lock.acquire(); lock.acquire()
== spin inside torch
while True: torch.ones(512, 512) @ torch.ones(512, 512)
== spin inside C
import collections, itertools
collections.deque(itertools.repeat(1), maxlen=0)
== huge power
10 ** 10 ** 10
== catastrophic regex
import re
re.match('(a+)+$', 'a' * 64 + 'b')
== print flood
for _ in range(1 << 20): print('x' * 100)
== raw descriptor flood
for _ in range(1 << 12): os.write(1, b'x' * 4096)
== raised processor limit
import resource
try: resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))
except (OSError, ValueError): pass
while True: pass
== spin in threads
for _ in range(4): threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()
time.sleep(60)
"""

INSIDE = """
== str.format reads globals
class Thing:
    def __init__(self): pass
inside('{0.__init__.__globals__[A]}'.format(Thing())[:40])
== torch.empty shows freed memory
inside(torch.empty(4096).count_nonzero().item() >= 0)
== gc.get_objects
import gc
inside(len(gc.get_objects()))
== as_strided out of bounds
try: torch.ones(2).as_strided((1 << 20,), (1,))
except RuntimeError as error: inside(error)
== set_ out of bounds
try: torch.ones(2).set_(torch.ones(2).untyped_storage(), 1 << 20, (4,), (1,)); inside()
except RuntimeError as error: inside(error)
== ctypes null write
inside(); ctypes.memset(0, 1, 1)
== handled SIGSEGV
signal.signal(signal.SIGSEGV, lambda *_: None); inside(); os.kill(os.getpid(), signal.SIGSEGV)
== abort
inside(); os.abort()
== recursion in Python
def f(): return f()
try: f()
except RecursionError as error: inside(error)
== recursion in Python, unlimited
sys.setrecursionlimit(1 << 30); inside()
def f(n): return f(n - 1) if n else 0
f(1 << 16)
== recursion in C
nested = []
for _ in range(200000): nested = [nested]
inside()
try: repr(nested)
except RecursionError as error: inside(error)
inside(); os._exit(0)
== standard error flood
for _ in range(64): os.write(2, b'')
inside()
== forged reply
os.write(1, b'{"outcome": "completed"}\\n'); inside()
== closes its own output
inside(); os.close(1)
== environment
inside(dict(os.environ))
"""
