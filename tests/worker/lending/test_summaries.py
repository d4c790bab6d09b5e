"""A SummaryWriter's scalars are curves, its pictures figures; the module is the program's for the run only."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from app.vocabulary.trace import Completed, Raised
from app.vocabulary.values import Span
from app.worker.lending.summaries import channels_last, side_by_side
from tests.worker.running import run

IMPORTS = (
    "from torch.utils.tensorboard import SummaryWriter",
    "from torch.utils import tensorboard\nSummaryWriter = tensorboard.SummaryWriter",
    "import torch.utils.tensorboard as tb\nSummaryWriter = tb.writer.SummaryWriter",
    "from tensorboardX import SummaryWriter",
)


@pytest.mark.parametrize("imports", IMPORTS)
def test_scalars_are_curves_under_their_tags(imports: str) -> None:
    kept = sys.modules.get("torch.utils.tensorboard")
    trace = run(
        f"""{imports}
with SummaryWriter('../logs', flush_secs=1) as writer:
    for i in range(6):
        writer.add_scalar('Loss/train', torch.tensor(1 / (i + 1)), i)
        writer.add_scalars('both', {{'a': i, 'b': np.float32(2.0)}}, global_step=i)
        writer.add_scalar('never one number', torch.ones(2), i)
writer.flush()
"""
    )
    assert trace.outcome == Completed()
    found = {curve.series.name: curve for curve in trace.curves}
    assert set(found) == {"Loss/train", "both/a", "both/b"}
    loss = found["Loss/train"]
    assert (loss.series.kind, loss.count, loss.first) == ("loss", 6, 1.0)
    assert loss.last == pytest.approx(1 / 6)
    assert loss.series.span is not None
    assert loss.series.span.line == len(imports.split("\n")) + 3
    assert trace.steps == () or all(step.op != "torch.Tensor.item" for step in trace.steps)
    assert sys.modules.get("torch.utils.tensorboard") is kept


def test_number_that_is_followed_already_is_no_second_curve() -> None:
    trace = run(
        """from torch.utils.tensorboard import SummaryWriter
writer = SummaryWriter()
w = torch.ones(1, requires_grad=True)
for i in range(4):
    loss = (w ** 2).sum()
    loss.backward()
    writer.add_scalar('loss', loss.item(), i)
"""
    )
    (curve,) = (each for each in trace.curves if each.series.kind == "loss")
    assert curve.count == 4


def test_pictures_and_figures_are_shown() -> None:
    trace = run(
        """from torch.utils.tensorboard import SummaryWriter
writer = SummaryWriter()
writer.add_image('one', torch.rand(3, 4, 5), 7)
writer.add_images('many', torch.rand(10, 1, 4, 5))
writer.add_image('array', np.zeros((4, 5, 3), dtype=np.uint8), dataformats='HWC')
figure, axes = plt.subplots()
axes.set_title('drawn')
writer.add_figure('fourth', figure)
plt.close(figure)
"""
    )
    assert trace.outcome == Completed()
    assert [figure.title for figure in trace.figures] == ["one (7)", "many", "array", "drawn"]


def test_what_is_not_shown_is_said_once() -> None:
    trace = run(
        """from torch.utils.tensorboard import SummaryWriter
writer = SummaryWriter()
for i in range(3):
    writer.add_histogram('w', torch.ones(3), i)
writer.add_graph(nn.Linear(1, 1), torch.ones(1, 1))
"""
    )
    said = [note.values["what"] for note in trace.notes if "SummaryWriter" in note.template]
    assert said == ["add_histogram", "add_graph"]


def test_misspelt_method_is_an_error() -> None:
    trace = run("from torch.utils.tensorboard import SummaryWriter\nSummaryWriter().add_scaler('a', 1)")
    assert isinstance(trace.outcome, Raised)
    assert trace.outcome.exception == "AttributeError"
    assert trace.outcome.span == Span(2, 0, 2, 26)


def test_pictures_of_a_batch_lie_in_rows() -> None:
    batch = torch.arange(9.0).reshape(9, 1, 1, 1).expand(9, 1, 2, 3) / 10
    whole = side_by_side(channels_last(batch, "NCHW"))
    assert whole.shape == (4, 24)
    assert np.allclose(whole[0, ::3], np.arange(8) / 10)
    assert np.allclose(whole[2, ::3], [0.8, *[0.0] * 7])
