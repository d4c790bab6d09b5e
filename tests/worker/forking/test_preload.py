"""What the fork server prepares: everything a program touches is loaded, memory is gathered, one thread remains."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.sandbox.fork_server import server_environment
from app.worker.forking import room

ROOT = Path(__file__).resolve().parents[3]
LATE = """
import sys
from app.worker.forking.preload import preload
preload()
import threading
assert threading.active_count() == 1
assert len(list(__import__("pathlib").Path("/proc/self/task").iterdir())) == 1
import torch, io, warnings
import numpy as np
warnings.simplefilter("ignore")
from torch import nn
import torch.nn.functional as F
before = set(sys.modules)
x = torch.randn(2, 1, 8, 8, requires_grad=True)
net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 2))
for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop, torch.optim.Adagrad):
    opt = kind(net.parameters(), lr=0.1)
    F.cross_entropy(net(x), torch.tensor([0, 1])).backward()
    opt.step(); opt.zero_grad()
torch.optim.lr_scheduler.StepLR(opt, 1).step()
nn.LSTM(3, 4)(torch.randn(2, 3)); nn.TransformerEncoderLayer(8, 2)(torch.randn(3, 2, 8))
torch.func.hessian(lambda v: (v ** 3).sum())(torch.ones(2))
torch.distributions.Normal(0., 1.).rsample(); torch.linalg.svd(torch.ones(2, 2)); torch.fft.fft(torch.ones(4))
torch.save({"a": x}, b := io.BytesIO()); b.seek(0); torch.load(b)
list(torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(4)), batch_size=2, shuffle=True))
import matplotlib.pyplot as plt
plt.plot([1, 2]); plt.imshow([[1, 2]])
plt.savefig(io.BytesIO(), format="png"); plt.savefig(io.StringIO(), format="svg")
import pandas as pd
frame = pd.DataFrame({"a": [1, 2]})
repr(frame.describe()), frame.to_csv(), frame.to_html(), frame.to_json(), frame.style
plt.savefig(io.BytesIO(), format="pdf"); np.savez(io.BytesIO(), a=np.ones(2))
frame.plot(), frame.hist(), frame.to_dict("records")
from sklearn import compose, feature_extraction, impute, neighbors, pipeline, preprocessing, svm
pipeline.make_pipeline(preprocessing.StandardScaler(), svm.SVC()).fit(frame, [0, 1]).predict(frame)
from sklearn import ensemble, gaussian_process, mixture
ensemble.RandomForestRegressor(2, n_jobs=-1).fit(frame, [0, 1]).predict(frame)
from tqdm.auto import tqdm
list(tqdm(range(3), file=io.StringIO()))
print(sorted(set(sys.modules) - before))
"""


def test_common_programs_import_nothing_more() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LATE],
        cwd=ROOT,
        env=server_environment(gpu=False),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"


COUNTED = """
import torch
asked = []
torch.version.cuda, torch._C._cuda_getDeviceCount = "13.0", lambda: asked.append(1) or 0
assert torch.cuda._is_compiled() and not torch.cuda.is_available()
from torch.utils import cpp_extension
import app.worker.forking.libraries
print(cpp_extension.CUDA_HOME, asked)
"""


@pytest.mark.parametrize("told", [True, False])
def test_nothing_counts_gpus_in_the_server(told: bool) -> None:
    """A torch built for CUDA refuses it to every child of a process that has; libraries ask while they are imported."""
    env = server_environment(gpu=False) | {"CUDA_HOME": "/here"}
    if not told:
        del env["PYTORCH_NVML_BASED_CUDA_CHECK"]
    counted = subprocess.run(
        [sys.executable, "-c", COUNTED], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert counted.stdout == f"/here {[] if told else [1, 1]}\n"


MOVED = """
import json, torch
from app.worker.forking.hot_pages import HUGE
from app.worker.forking.hugepages import gather_text
from app.worker.forking.mappings import merge_mappings, read_mappings

merge_mappings()
code = [each for each in read_mappings() if each.rights == "r-xp" and "libtorch" in each.file]
pages = [page for each in code for page in range(each.start, each.end, 4096)][:40 * HUGE // 4096]
moved = gather_text(pages)
after = list(read_mappings())
assert not any("w" in each.rights and "x" in each.rights for each in after), after
own = sum(each.end - each.start for each in after if each.rights == "r-xp" and not each.file)
x = torch.ones(3, requires_grad=True)
(torch.linalg.inv(torch.eye(3)) @ (x * x)).sum().backward()
print(json.dumps([moved, own // HUGE, gather_text([]), x.grad.tolist()]))
"""


def test_code_that_was_moved_to_huge_pages_runs_on() -> None:
    told = subprocess.run([sys.executable, "-c", MOVED], cwd=ROOT, capture_output=True, text=True, check=True)
    moved, own, none, grad = json.loads(told.stdout)
    assert own == moved
    assert none == 0
    assert grad == [2.0, 2.0, 2.0]


def test_room_for_objects_is_kept_all_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "ROOM", 8 * room.ARENA)
    kept = sorted(map(id, room.make_room()))
    assert len(kept) >= 8
    assert len({address // room.ARENA for address in kept}) >= 8
