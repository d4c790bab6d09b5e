"""Data sets and torchvision, sealed: the true error unasked, a labelled stand-in where the request allows it."""

from __future__ import annotations

import pytest

from app.vocabulary.trace import Completed, Raised
from tests.sandbox.conftest import RealSandbox, output_of

pytestmark = pytest.mark.anyio
LESSON = """
from torchvision import datasets, models, transforms
from torch.utils.data import DataLoader
train = datasets.MNIST("data", train=True, download=True, transform=transforms.ToTensor())
net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
optimizer = optim.SGD(net.parameters(), lr=0.5)
for images, labels in DataLoader(train, batch_size=100):
    optimizer.zero_grad()
    loss = nn.CrossEntropyLoss()(net(images), labels)
    loss.backward()
    optimizer.step()
print(tuple(images.shape), loss.item() < 2.0)
print(tuple(models.squeezenet1_1(num_classes=4).eval()(images[:1].expand(-1, 3, -1, -1)).shape))
"""


async def test_nothing_is_replaced_unasked(real: RealSandbox) -> None:
    trace = await real.run(LESSON, seconds=60.0)
    assert isinstance(trace.outcome, Raised)
    assert trace.outcome.message.startswith("Error downloading")
    assert trace.stand_ins == ()


async def test_a_lesson_trains_on_the_stand_in_it_asked_for(real: RealSandbox) -> None:
    trace = await real.run(LESSON, seconds=60.0, stand_ins=True, seed=0)
    assert trace.outcome == Completed()
    assert [each.name for each in trace.stand_ins] == ["MNIST"]
    assert "(100, 1, 28, 28) True\n(1, 4)\n" in output_of(trace)
    assert trace.curves
