"""Every library a program may import, imported before our own rooms: what those are made of then lies together.

A child writes to most of what it uses, if only to count a reference, and copies the page it lies on. Imported with the
libraries they use, our rooms would lie scattered among hundreds of megabytes.
"""

from __future__ import annotations

import gc
import importlib
import io
import sys
import warnings
from contextlib import redirect_stdout
from functools import cache

import torch

from app.worker.forking.holes import fill_holes

STANDARD = """
abc argparse array ast asyncio atexit base64 bisect calendar cmath codecs collections.abc colorsys
concurrent.futures contextlib contextvars copy copyreg csv ctypes dataclasses datetime decimal difflib dis
doctest enum errno fnmatch fractions functools getpass gettext glob graphlib hashlib heapq hmac html
importlib.metadata importlib.resources inspect io itertools json keyword linecache locale logging.handlers
math mimetypes multiprocessing.pool multiprocessing.popen_fork
multiprocessing.popen_spawn_posix netrc numbers optparse operator os pathlib pickle pkgutil platform pprint profile
cProfile pstats queue random re reprlib sched secrets select shlex shutil signal socket sqlite3 ssl stat
statistics string stringprep struct subprocess symtable sys sysconfig tempfile textwrap threading time
timeit token tokenize trace traceback tracemalloc types typing unicodedata unittest.mock urllib.parse
urllib.request uuid warnings wave weakref xml.etree.ElementTree zipfile zlib zoneinfo encodings.idna
encodings.gbk encodings.gb18030 encodings.big5 encodings.cp437 encodings.cp1252 encodings.latin_1
encodings.utf_8_sig encodings.utf_16 encodings.utf_16_be encodings.utf_16_le encodings.utf_32 encodings.ascii
encodings.unicode_escape configparser __future__ this
"""
"""The standard library a lesson may use. `this` prints when imported; its output is thrown away below."""

LIBRARIES = """
torch.optim torch.optim.lr_scheduler torch.optim.swa_utils torch.func torch.fft torch.linalg torch.special
torch.sparse torch.distributions torch.utils.data torch.utils.checkpoint torch.utils.serialization
torch.serialization torch.nn.utils torch.nn.utils.rnn
torch.nn.utils.parametrizations torch.nn.utils.parametrize torch.nn.utils.prune torch.nn.init
torch.nn.attention torch.autograd.functional torch.autograd.gradcheck torch.autograd.profiler
torch.autograd.forward_ad torch.profiler torch.amp torch.fx torch.export torch.jit torch.hub
torch.quantization torch.ao.quantization torch.masked torch.nested torch.signal torch.signal.windows
torch.testing torch.multiprocessing torch.distributed torch.overrides torch._dynamo
torch._inductor.compiler_bisector torch._inductor.fx_passes.dedupe_symint_uses
torch.utils.benchmark torch.utils.flop_counter torch.nn.attention.flex_attention torch.nn.attention.bias
torch.ao.quantization.quantize_fx torch._dynamo.backends.debugging functorch.experimental.control_flow
torch.fx.experimental.validator torch.export._trace torch.nested._internal.ops functorch functorch.einops
functorch.einops.rearrange functorch.dim._getsetitem functorch.dim._order functorch.dim._wrap torchviz
numpy numpy.linalg numpy.random numpy.fft numpy.polynomial numpy.ma numpy.testing numpy.lib.stride_tricks
matplotlib matplotlib.pyplot
matplotlib.animation matplotlib.cm matplotlib.colors matplotlib.gridspec matplotlib.patches
matplotlib.ticker matplotlib.dates matplotlib.patheffects matplotlib.table matplotlib.widgets matplotlib.sankey
mpl_toolkits.axes_grid1 mpl_toolkits.axes_grid1.inset_locator mpl_toolkits.mplot3d pylab
matplotlib.backends.backend_svg matplotlib.backends.backend_agg matplotlib.backends.backend_pdf
pandas pandas.plotting scipy scipy.stats scipy.optimize scipy.special scipy.linalg scipy.signal sklearn
sklearn.datasets sklearn.datasets.data sklearn.datasets.descr sklearn.datasets.images
sklearn.model_selection sklearn.preprocessing sklearn.metrics sklearn.linear_model sklearn.decomposition
sklearn.cluster sklearn.manifold sklearn.pipeline sklearn.compose sklearn.impute
sklearn.feature_selection sklearn.feature_extraction.text sklearn.neighbors sklearn.svm sklearn.tree
sklearn.naive_bayes sklearn.ensemble sklearn.mixture sklearn.gaussian_process sklearn.neural_network
sklearn.kernel_ridge sklearn.calibration sklearn.inspection pandas.plotting._matplotlib
pandas.core.methods.to_dict PIL.ImageDraw PIL.ImageFilter numpy.matlib numpy.lib.recfunctions
seaborn requests six six.moves.urllib.request gymnasium
gymnasium.wrappers gymnasium.envs.classic_control gymnasium.envs.toy_text sympy networkx PIL.Image
pandas.io.formats.csvs pandas.io.formats.html pandas.io.formats.string pandas.io.formats.style
pandas.io.json tqdm tqdm.auto tqdm.notebook tqdm.contrib tqdm.contrib.concurrent tqdm.contrib.itertools
"""

VISION = ("torchvision.transforms.v2", "torchvision.models.feature_extraction")
OVERLAPS = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


@cache
def import_libraries() -> torch.library.Library | None:
    """Import them all, in one thread. See `import_torchvision` for what it returns."""
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for name in (STANDARD + LIBRARIES).split():
            import_if_there(name)
        names = import_torchvision()
    keep_to_one_process()
    gc.collect()
    fill_holes()
    return names


def keep_to_one_process() -> None:
    """scikit-learn's `n_jobs=-1` counts processors in files a sealed child cannot open, and then starts processes.

    Without an `mp` joblib takes it that there is no multiprocessing.
    """
    for name in ("joblib.parallel", "joblib._parallel_backends"):
        if name in sys.modules:
            sys.modules[name].__dict__["mp"] = None


def import_torchvision() -> torch.library.Library | None:
    """With its operators where they were built for this torch; a wheel for CUDA beside a torch without has none.

    Its own import then trips over two names it takes for granted. Declared, they are all it lacks: transforms, models
    and data sets need no operator, and what does says so.
    """
    try:
        for each in VISION:
            importlib.import_module(each)
    except ImportError:
        return None
    except RuntimeError:
        for name in [each for each in sys.modules if each.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        names = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for name in ("nms", "qnms"):
            names.define(f"{name}{OVERLAPS}")  # type: ignore[no-untyped-call]
        for each in VISION:
            importlib.import_module(each)
        return names
    return None


def import_if_there(name: str) -> None:
    """Optional packages may be missing; what is there is loaded."""
    try:
        importlib.import_module(name)
    except ImportError:
        return
