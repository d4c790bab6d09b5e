"""tqdm's progress bars, made ready before the first fork."""

from __future__ import annotations

import importlib
import threading


def prepare_bars() -> None:
    """tqdm without what the seal forbids: no lock shared between processes, no thread that looks after its bars.

    Its notebook bars need widgets of Jupyter's; here every bar is the same.
    """
    try:
        tqdm, notebook = (importlib.import_module(name) for name in ("tqdm", "tqdm.notebook"))
    except ImportError:  # a package programs may import, and nothing here needs
        return
    tqdm.std.TqdmDefaultWriteLock.mp_lock = None
    tqdm.std.TqdmDefaultWriteLock.th_lock = threading.RLock()
    tqdm.tqdm.monitor_interval = 0
    bar, counted = tqdm.tqdm, tqdm.trange
    vars(notebook).update(tqdm=bar, trange=counted, tqdm_notebook=bar, tnrange=counted)
