"""Attacks through files, the language, the network and other programs. Read by `probes`: `== name`, then a program."""

FILES = """
== open and read
leak(open(secret).read())
== open and write
open(drop + '/new', 'w').write('x'); leak()
== append to a file
open(bait, 'a').write('x'); leak()
== listdir
leak(os.listdir(drop))
== os.open with O_PATH
leak(os.open(secret, os.O_PATH))
== readlink
leak(os.readlink('/proc/self/exe'))
== symlink
os.symlink(secret, drop + '/link'); leak()
== hard link
os.link(bait, drop + '/hard'); leak()
== rename
os.rename(bait, drop + '/moved'); leak()
== unlink
os.unlink(bait); leak()
== mkdir
os.mkdir(drop + '/folder'); leak()
== mkfifo
os.mkfifo(drop + '/fifo'); leak()
== truncate
os.truncate(bait, 0); leak()
== utime
open(drop + '/mine', 'w').close(); os.utime(drop + '/mine', (0, 0)); leak()
== chdir
os.chdir(drop); leak(os.getcwd())
== access
os.access(secret, os.R_OK) and leak()
== statvfs
leak(os.statvfs('/').f_bfree)
== sparse file
with open(drop + '/sparse', 'wb') as f: f.truncate(1 << 40)
leak(os.stat(drop + '/sparse').st_size)
== temporary file
import tempfile
leak(tempfile.TemporaryFile(dir=drop).write(b'x'))
== watch a directory
fd = libc.inotify_init1(0)
fd >= 0 and libc.inotify_add_watch(fd, drop.encode(), 0xfff) >= 0 and leak()
== torch.from_file
leak(bytes(torch.from_file(secret, size=20, dtype=torch.uint8).tolist()))
== storage.from_file, shared
torch.UntypedStorage.from_file(bait, True, 4)[0] = 33; leak(open(bait).read())
== np.fromfile
leak(np.fromfile(secret, dtype='u1')[:5])
== np.memmap
np.memmap(bait, dtype='u1', mode='r+')[:] = 65; leak()
== np.load
import struct
try: np.load(secret)
except ValueError as error: leak(error)
== ndarray.tofile
np.ones(4).tofile(drop + '/array'); leak()
== torch.save
torch.save(torch.ones(2), drop + '/tensor.pt'); leak()
== savefig
import matplotlib.pyplot as plt
plt.figure().savefig(drop + '/figure.svg'); leak()
== pandas.read_csv
import pandas as pd
leak(pd.read_csv(secret).columns[0])
== hub download
torch.hub.download_url_to_file('file://' + secret, drop + '/hub', progress=False); leak()
== C++ extension
os.environ['TORCH_EXTENSIONS_DIR'] = drop + '/ext'
from torch.utils import cpp_extension
leak(cpp_extension._get_build_directory('probe', False))
== torch.compile
os.environ['TORCHINDUCTOR_CACHE_DIR'] = drop + '/ind'
from torch._inductor import codecache
leak(codecache.write('x', 'py')[1])
== torch.ops.load_library
torch.ops.load_library(A['library']); leak()
== torch.classes.load_library
torch.classes.load_library(A['library']); leak()
== np.ctypeslib loads a library
try: leak(np.ctypeslib.load_library('library.so', os.path.dirname(A['library'])))
except AttributeError as error: raise error.__context__  # since 3.12 it hides what the loader said
"""

LANGUAGE = """
== subclasses walk
for cls in ().__class__.__base__.__subclasses__():
    found = getattr(getattr(cls, '__init__', None), '__globals__', {}).get('__builtins__')
    if isinstance(found, dict): leak(found['open'](secret).read()); break
== torch attribute path to os
leak(torch.serialization.os.popen('echo reached').read())
== generator frame
frame = (x for x in [1]).gi_frame
leak(frame.f_builtins['open'](secret).read())
== ForwardRef evaluates text
import typing
def told(): pass
told.__annotations__['x'] = typing.ForwardRef('print("LEAK:", open(%r).read()) or int' % secret)
typing.get_type_hints(told)
== torch.load runs a pickle
class Bad:
    def __reduce__(self): return open, (secret,)
packed = io.BytesIO(); torch.save(Bad(), packed); packed.seek(0)
leak(torch.load(packed, weights_only=False).read())
== frames of the caller
frame = sys._getframe()
while frame.f_back: frame = frame.f_back
leak(frame.f_globals['os'].listdir(drop))
"""

NETWORK = """
== TCP connect
socket.create_connection(('127.0.0.1', A['port']), 1); leak()
== UNIX socket
socket.socket(socket.AF_UNIX).connect(A['unix']); leak()
== abstract UNIX socket
socket.socket(socket.AF_UNIX).connect(A['abstract']); leak()
== UDP
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', A['port'])); leak()
== listen on TCP
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); leak(s.getsockname())
== interfaces through netlink
leak(socket.if_nameindex())
== datagram pair with another address
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM); leak()
== urllib
import urllib.request
leak(urllib.request.urlopen('file://' + secret).read())
== torch.distributed store
from datetime import timedelta
leak(torch.distributed.TCPStore('127.0.0.1', 0, 1, True, timedelta(seconds=60), wait_for_workers=False))
"""

PROCESSES = """
== os.fork
pid = os.fork()
os._exit(0) if pid == 0 else leak(os.waitpid(pid, 0))
== fork by ctypes
pid = libc.fork()
os._exit(0) if pid == 0 else pid > 0 and leak(os.waitpid(pid, 0))
== raw clone
pid = call(56, 17, 0, 0, 0, 0)
os._exit(0) if pid == 0 else leak(os.waitpid(pid, 0))
== fork bomb
for _ in range(8):
    if os.fork() == 0: time.sleep(0.05); os._exit(0)
for _ in range(8): os.wait()
leak('8 processes')
== os.system
os.system('true') == 0 and leak()
== os.popen
leak(os.popen('echo reached').read())
== subprocess
import subprocess
leak(subprocess.check_output(['echo', 'reached']))
== posix_spawn
leak(os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0))
== exec
os.execv('/bin/echo', ['echo', 'LEAK: exec'])
== exec a descriptor
os.execve(os.open('/bin/echo', os.O_RDONLY), ['echo', 'LEAK: fexec'], {})
== multiprocessing
import multiprocessing
p = multiprocessing.get_context('fork').Process(target=print); p.start(); leak(p.pid)
== torch.multiprocessing spawn
import torch.multiprocessing as mp
p = mp.get_context('spawn').Process(target=print); p.start(); leak(p.pid)
== DataLoader workers
from torch.utils.data import DataLoader
leak(list(DataLoader([1, 2], num_workers=1)))
== pseudo-terminal
leak(os.openpty())
== thread bomb
gate = threading.Event()
for _ in range(64): threading.Thread(target=gate.wait, daemon=True).start()
leak(threading.active_count())
"""
