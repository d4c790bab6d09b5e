"""Files of a run: what tutorials write and read back is there, in memory, and is gone with the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.vocabulary.trace import Completed, Raised
from app.worker.lending import folder
from app.worker.lending.folder import Folder
from tests.worker.running import run

OPEN = open
PROGRAMS = """
torch.save({'w': torch.ones(2)}, 'm.pt')
torch.load('m.pt')['w'].tolist() == [1.0, 1.0]
# %% state_dict
import os
os.makedirs('a/b', exist_ok=True)
m, n = nn.Linear(2, 1), nn.Linear(2, 1)
torch.save(m.state_dict(), 'a/b/m.pth')
n.load_state_dict(torch.load('a/b/m.pth', weights_only=True))
bool((m.weight == n.weight).all())
# %% numpy
np.save('a.npy', np.arange(3))
np.savez('b.npz', x=np.ones(2))
np.load('a.npy').tolist() == [0, 1, 2] and bool(np.load('b.npz')['x'].sum() == 2)
# %% figures
import os
plt.plot([1, 2])
plt.savefig('a.png')
plt.savefig('a.svg')
os.path.getsize('a.png') > 100 and '<svg' in open('a.svg').read()
# %% tofile
x = np.arange(6.0).reshape(2, 3)
x.tofile('x.bin')
with open('y.bin', 'wb') as f: x.tofile(f); x[0].tofile(f)
x.tofile('x.txt', sep=' ')
with open('y.bin', 'rb') as f: head, rest = np.fromfile(f, count=2), np.fromfile(f)
both = np.fromfile('x.bin').tolist(), np.fromfile('x.txt', sep=' ').tolist(), np.fromfile('x.bin', offset=40).tolist()
both == ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5], [5]) and (head.size, rest.size) == (2, 7)
# %% memmap
m = np.memmap('m.bin', dtype='float32', mode='w+', shape=(2, 2))
m[0] = 3
m.flush()
again, only, own = (np.memmap('m.bin', 'float32', mode) for mode in ('r+', 'r', 'c'))
again[3] = 4
own[0] = 9
np.save('m.npy', np.arange(3))
loaded = np.load('m.npy', mmap_mode='r')
kinds = isinstance(again, np.memmap) and isinstance(loaded, np.memmap) and not only.flags.writeable
kinds and m.tolist() == [[3, 3], [0, 4]] and only.tolist() == [3, 3, 0, 4] and loaded.tolist() == [0, 1, 2]
# %% from_file
t = torch.randn(2, 5, dtype=torch.float64)
t.numpy().tofile('storage.pt')
mapped = torch.from_file('storage.pt', shared=False, size=10, dtype=torch.float64)
written = torch.from_file('new.bin', shared=True, size=3)
written[1] = 7
mapped.tolist() == t.flatten().tolist() and np.fromfile('new.bin', np.float32).tolist() == [0, 7, 0]
# %% jit
torch.save({'w': torch.ones(2)}, 'w.pt')
module = torch.jit.trace(nn.Linear(2, 1), torch.ones(1, 2))
module.save('a.ts')
torch.jit.save(module, 'b.ts')
torch.jit.load('a.ts').save('c.ts')
loaded = torch.jit.load('c.ts'), torch.jit.load('b.ts')
same = all(torch.equal(each.weight, module.weight) for each in loaded)
same and torch.load('w.pt', mmap=True)['w'].tolist() == [1, 1]
# %% export
exported = torch.export.export(nn.Linear(2, 1), (torch.ones(1, 2),))
torch.export.save(exported, 'e.pt2')
torch.export.load('e.pt2').module()(torch.ones(1, 2)).shape == (1, 1)
# %% text
with open('中.txt', 'w') as f:
    f.write('一\\n二\\n')
with open('中.txt', 'a') as f:
    f.write('三')
open('中.txt').read().split() == ['一', '二', '三']
# %% pathlib
from pathlib import Path
p = Path('data')
p.mkdir()
(p / 'a.txt').write_text('x')
(p / 'b').write_bytes(b'y')
names = sorted(each.name for each in p.iterdir())
names == ['a.txt', 'b'] and (p / 'a.txt').exists() and not (p / 'c').exists() and p.is_dir()
# %% json
import json
json.dump({'lr': 0.1}, open('c.json', 'w'))
json.load(open('c.json')) == {'lr': 0.1}
# %% pandas
import pandas as pd
pd.DataFrame({'a': [1, 2]}).to_csv('d.csv', index=False)
bool(pd.read_csv('d.csv')['a'].sum() == 3)
# %% numpy's text
np.savetxt('e.csv', np.eye(2), delimiter=',')
np.loadtxt('e.csv', delimiter=',').tolist() == np.genfromtxt('e.csv', delimiter=',').tolist() == [[1, 0], [0, 1]]
# %% walking
import glob, os
from pathlib import Path
os.makedirs('d/e')
Path('d/e/f.txt').touch()
open('d/g.txt', 'w').close()
walked = [(top, sorted(folders), files) for top, folders, files in os.walk('d')]
found = sorted(glob.glob('d/**/*.txt', recursive=True)) == sorted(map(str, Path('d').rglob('*.txt')))
found and walked == [('d', ['e'], ['g.txt']), ('d/e', [], ['f.txt'])] and len(list(Path('d').glob('*'))) == 2
# %% absolute names
import os
open(os.path.join(os.getcwd(), 'h.txt'), 'w').write('h')
os.mkdir('i'); os.chdir('i')
same = os.path.samefile('../h.txt', '/playground/program/h.txt')
same and open('../h.txt').read() == 'h' and os.path.abspath('j').endswith('/i/j')
# %% beside the program
import os
from pathlib import Path
os.makedirs(os.path.join('..', 'data'), exist_ok=True)
with open('../data/a.csv', 'w') as f:
    f.write('a')
Path('../../b.txt').write_text('b')
same = os.path.samefile('../data/a.csv', Path.cwd().parent / 'data' / 'a.csv')
same and open(os.path.abspath('../data/a.csv')).read() == 'a' and os.listdir() == [] and Path('../b.txt').exists()
# %% where the program stands
import os, sys
folder = os.path.dirname(os.path.abspath(__file__))
open(os.path.join(folder, 's.txt'), 'w').close()
folder == os.getcwd() and os.listdir('.') == ['s.txt'] and len(sys.argv) == 1
# %% copying
import os, shutil
os.mkdir('k'); open('k/l', 'w').write('l')
shutil.copytree('k', 'm'); shutil.copy('k/l', 'n'); shutil.move('m', 'o'); shutil.rmtree('k'); os.rename('o', 'p')
os.listdir() == ['n', 'p'] and open('p/l').read() == 'l'
# %% temporary
import os, tempfile
with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile('w', suffix='.txt') as file:
    file.write('t')
    file.flush()
    torch.save(1, os.path.join(folder, 'q.pt'))
    there = torch.load(os.path.join(folder, 'q.pt')) == 1 and open(file.name).read() == 't'
there and not os.path.exists(folder)
# %% newest
import glob, os
for name in ('r1', 'r2', 'r3'):
    open(name, 'w').close()
max(glob.glob('r*'), key=os.path.getmtime) == 'r3'
# %% removing
import os
open('a', 'w').close()
os.rename('a', 'b')
os.remove('b')
os.listdir() == []
"""
WORKS = PROGRAMS.split("# %%")


@pytest.mark.parametrize("source", ["torch.save\n" + WORKS[0], *WORKS[1:]], ids=lambda text: text.split()[0])
def test_file_that_is_written_can_be_read_back(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trace = run(source.partition("\n")[2])
    assert trace.outcome == Completed()
    assert trace.result is not None
    assert trace.result.text == "True"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "exception"),
    [
        ("open('nothing')", "FileNotFoundError"),
        ("open('no/where', 'w')", "FileNotFoundError"),
        ("open('a', 'w').close()\nopen('a', 'x')", "FileExistsError"),
        ("open('a', 'w').close()\nopen('a').write('b')", "UnsupportedOperation"),
        ("import os\nos.remove('nothing')", "FileNotFoundError"),
        ("import os\nos.mkdir('a'); os.mkdir('a')", "FileExistsError"),
        ("import os\nos.mkdir('a'); open('a/b', 'w').close(); os.rmdir('a')", "OSError"),
        ("import os\nos.remove('/nothing/of/ours')", "PermissionError"),
    ],
)
def test_what_a_file_cannot_do_raises_as_it_always_does(source: str, exception: str) -> None:
    trace = run(source)
    assert isinstance(trace.outcome, Raised)
    assert trace.outcome.exception == exception


def test_files_are_told_and_gone_with_the_run() -> None:
    first = run("open('kept.txt', 'w').write('abc')")
    assert first.notes[-1].values == {"files": "kept.txt (3)"}
    beside = run("open('../beside.txt', 'w').write('abc')")
    assert beside.notes[-1].values == {"files": "../beside.txt (3)"}
    assert isinstance(run("open('kept.txt').read()").outcome, Raised)
    assert open is OPEN


def test_packages_that_lie_below_our_roots_read_their_own_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "INSTALLED", ("/tmp/clone/.venv/",))
    assert Folder().name_of("/tmp/clone/.venv/data.csv") is None
    assert Folder().name_of("/tmp/data.csv") == "/tmp/data.csv"


def test_folders_of_notebooks_are_here() -> None:
    source = "import os\ntorch.save({}, '/content/drive/MyDrive/a.pt')\nos.chdir('/kaggle/working')\nopen('b', 'w')"
    trace = run(source)
    assert isinstance(trace.outcome, Completed), trace.outcome
    assert "/content/drive/MyDrive/a.pt" in str(trace.notes[-1].values["files"])
