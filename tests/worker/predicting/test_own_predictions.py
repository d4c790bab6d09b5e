"""Predictions the program makes itself, where there is no module that could be asked, stay the newest."""

from __future__ import annotations

import pytest

from tests.worker.running import run

WIDE = """
torch.manual_seed(0)
words = torch.randn(12, 5)
target = (words.mean(1) > 0).float()
one, two = nn.Linear(5, 4), nn.Linear(4, 1)
optimizer = optim.SGD([*one.parameters(), *two.parameters()], lr=0.05)
for step in range(400):
    logits = two({inputs}).squeeze(1)
    loss = F.binary_cross_entropy_with_logits(logits, target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
torch.sigmoid(logits).tolist()
"""


@pytest.mark.parametrize("inputs", ["one(words)", "F.relu(one(words * 2))"])
def test_own_predictions_of_wide_inputs_are_the_newest_at_the_end(inputs: str) -> None:
    trace = run(WIDE.replace("{inputs}", inputs))
    (latest,) = (look for look in trace.predictions if not look.first)
    assert trace.result is not None
    assert latest.own
    assert latest.step == 400
    assert latest.data.predicted == pytest.approx(eval(trace.result.text), abs=1e-4)
