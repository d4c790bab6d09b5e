"""DataLoaders in a run: whoever asks for workers, gets the same batches without, and it is said once."""

from __future__ import annotations

import pytest
from torch.utils.data import DataLoader

from app.vocabulary.trace import Completed
from app.worker.lending.alone import ALONE
from tests.worker.running import run

DATA = """from torch.utils.data import DataLoader, TensorDataset
data = TensorDataset(torch.arange(6.))
def count(): return 4
options = {"num_workers": 2, "persistent_workers": True, "prefetch_factor": 4, "timeout": 9}
class Mine(DataLoader):
    def __init__(self, data, workers):
        super().__init__(data, 3, False, None, None, workers)
"""


@pytest.mark.parametrize(
    "made",
    [
        "DataLoader(data, 3, num_workers=count())",
        "DataLoader(data, batch_size=3, **options)",
        "DataLoader(dataset=data, batch_size=3, num_workers=2)",
        "Mine(data, count())",
    ],
)
def test_no_loader_has_workers(made: str) -> None:
    before = DataLoader.__init__
    trace = run(f"{DATA}loader = {made}\n[batch.tolist() for batch, in loader], loader.num_workers")
    assert trace.outcome == Completed()
    assert trace.result is not None
    assert trace.result.text == "([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], 0)"
    assert trace.notes == (ALONE,)
    assert DataLoader.__init__ is before


def test_a_loader_without_workers_is_no_news() -> None:
    trace = run(f"{DATA}list(DataLoader(data, num_workers=0))")
    assert trace.outcome == Completed()
    assert trace.notes == ()
