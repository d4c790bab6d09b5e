"""Everything a program may import or touch for the first time, loaded before the first fork.

After the seal no file can be opened and no library mapped, so what is not here is not there. All of it is read in
one thread: a fork after any two-threaded torch call would hang in its first call of its own.
"""

from __future__ import annotations

import ctypes
import gc
import inspect
import io
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import sympy
import torch
from PIL import Image
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.fx.experimental.proxy_tensor import make_fx

from app.vocabulary.holding import Command
from app.vocabulary.limits import Limits
from app.vocabulary.trace import RunRequest, Versions
from app.wire import (
    HEADER,
    Ready,
    Task,
    decode_command,
    decode_task,
    encode_command,
    encode_frame,
    encode_task,
)
from app.worker.execute import VERSIONS
from app.worker.forking.holes import fill_holes
from app.worker.forking.hot_code import gather_code
from app.worker.forking.libraries import import_libraries
from app.worker.forking.mappings import READ_AND_RUN, merge_mappings
from app.worker.forking.rehearsal import rehearse_whole
from app.worker.lending.stores import keep_stores_in_memory
from app.worker.lending.textbook import import_textbook
from app.worker.showing.bars import prepare_bars
from app.worker.showing.figures import prepare_matplotlib

REHEARSALS = 60
"""The interpreter rewrites code it has run a few times. Done here, those pages stay shared with all children."""
YOUNG = 1
"""Of what garbage collection has: all that came after the imports. To look through what they made takes long."""


@dataclass(frozen=True, slots=True)
class Prepared:
    versions: Versions
    names: torch.library.Library | None
    """See `libraries.import_torchvision`: what it declares is gone with it."""


def preload(settle: Callable[[int], object] = lambda kept: None) -> Prepared:
    """Import and warm up everything. `settle` is what a child gives up, all but the descriptor it is given."""
    names = import_libraries()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept, sys.stdout = sys.stdout, io.StringIO()
        try:
            import_textbook()
            prepare_matplotlib()
            keep_stores_in_memory()
            prepare_bars()
            warm_up()
        finally:
            sys.stdout = kept
    # oneDNN maps executable memory while it runs, which the seal forbids
    torch.backends.mkldnn.set_flags(False)  # type: ignore[no-untyped-call]
    if "qnnpack" in torch.backends.quantized.supported_engines:
        torch.backends.quantized.engine = "qnnpack"  # the others write their kernels as they go
    gc.collect(YOUNG)
    gather_code(rehearse_whole, settle)
    for _ in range(REHEARSALS):
        rehearse_whole()
    gc.collect(YOUNG)
    fill_holes()
    merge_mappings()
    gc.disable()  # a collection in a fresh child would copy every page; the child turns it on for the program
    gc.freeze()
    return Prepared(VERSIONS, names)


def warm_up() -> None:
    """Run once what torch would otherwise finish importing, or building, in the middle of a program."""
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.LBFGS):
        optimiser = kind(model.parameters(), lr=0.1)

        def closure(optimiser: torch.optim.Optimizer = optimiser) -> torch.Tensor:
            optimiser.zero_grad()
            loss = nn.functional.mse_loss(model(torch.ones(1, 2)), torch.zeros(1, 2))
            torch.autograd.backward(loss)
            return loss

        optimiser.step(closure)  # type: ignore[no-untyped-call]
    whole = torch.ones(2, 2, dtype=torch.int64)
    torch.mm(whole, whole)  # what it sets up at its first call, the seal would answer with SIGSEGV
    repr(torch.ones(2)), str(model)
    table = pd.DataFrame({"column": [1]})
    str(table)
    StandardScaler().fit(table)  # finds what tables it can read
    KMeans(1, n_init=1).fit(table)  # finds which libraries have threads of their own
    torch.func.hessian(torch.sum)(torch.ones(1))
    Image.init()  # finds its plugins, which savefig and imshow need
    sympy.diff(sympy.Symbol("x") ** 2)
    make_fx(torch.sin, tracing_mode="symbolic")(torch.ones(1))
    make_kernels()
    torch.export.export(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), (torch.ones(1, 2),))
    # torch asks it who calls; it looks at the file of each module that is new to it, which the seal forbids
    inspect.getmodule(compile("", "<nobody>", "exec"))
    decode_task(encode_task(Task("", RunRequest(), Limits()))[HEADER.size :])
    encode_frame(Ready())
    decode_command(encode_command(Command("resume"))[HEADER.size :])
    rehearse_whole()


def make_kernels() -> None:
    """Have fbgemm write the two kernels with which it multiplies whole numbers: under the seal no code is made.

    What it reads of its environment, it reads here for good. The pages it wrote its code to are writable no more.
    """
    whole = torch.ones(2, 2, dtype=torch.int64)
    whole @ whole
    for mode in ("sum", "mean"):
        nn.EmbeddingBag(2, 2, mode=mode)(whole)
    protect_code()


def protect_code() -> None:
    """Take the right to write from every page of code: a child's code is what the server was started with."""
    change = ctypes.CDLL(None, use_errno=True).mprotect
    for line in Path("/proc/self/maps").read_text(encoding="ascii", errors="replace").splitlines():
        pages, rights = line.split()[:2]
        if rights.startswith("rwx"):
            start, end = (int(address, 16) for address in pages.split("-"))
            change(ctypes.c_void_p(start), ctypes.c_size_t(end - start), READ_AND_RUN)
