"""What a model says of its data is found in ordinary programs, looked at before and after, and disturbs nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from app.vocabulary.limits import Limits
from app.vocabulary.predictions import Predictions
from app.vocabulary.trace import Completed, Trace
from tests.worker.running import run, run_frames

LINE = """
torch.manual_seed(0)
x = torch.linspace(-1, 1, 32).unsqueeze(1)
y = 2 * x + 1
model = nn.Linear(1, 1)
optimizer = optim.SGD(model.parameters(), lr=0.3)
start = model.weight.item(), model.bias.item()
for epoch in range(30):
    loss = F.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
start, (model.weight.item(), model.bias.item())
"""
CLASSES = """
torch.manual_seed(0)
X = torch.randn(90, 2)
y = (X[:, 0] > 0).long() + (X[:, 1] > 0.5).long()
net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 3))
opt = optim.Adam(net.parameters(), lr=0.05)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, y), batch_size=20, shuffle=True)
for epoch in range(12):
    for xb, yb in loader:
        opt.zero_grad()
        loss = nn.CrossEntropyLoss()(net(xb), yb)
        loss.backward()
        opt.step()
probabilities = torch.softmax(net(X), 1)
"""


def looks(source: str, index: int = 0) -> tuple[Predictions, Predictions]:
    """A model's first look, and the latest."""
    trace = run(source)
    assert trace.outcome == Completed(), trace.outcome
    first, latest = (look for look in trace.predictions if look.index == index)
    assert (first.first, latest.first) == (True, False)
    return first, latest


def test_line_of_a_module_is_the_modules_own() -> None:
    trace = run(LINE)
    assert trace.result is not None
    ends = eval(trace.result.text)
    for look, (weight, bias) in zip(trace.predictions, ends, strict=True):
        assert look.line is not None
        assert look.line.ys == pytest.approx([weight * float(x) + bias for x in look.line.xs], abs=1e-4)
        assert look.data.predicted == pytest.approx(
            [weight * float(x) + bias for x in look.data.inputs[0]], abs=1e-4
        )
        assert look.data.targets == pytest.approx([2 * float(x) + 1 for x in look.data.inputs[0]], abs=1e-4)
        assert (look.name, look.axes, look.own) == ("model", ("x", "y"), False)
    assert [look.step for look in trace.predictions] == [0, 30]


def test_minibatches_give_every_row_once_and_the_whole_boundary() -> None:
    first, latest = looks(CLASSES)
    assert latest.kind == "classes"
    assert len(latest.data.rows) == len(set(zip(*latest.data.inputs, strict=True))) == 90
    assert first.data.rows == latest.data.rows
    surface = latest.surface
    assert surface is not None
    assert len(surface.cells) == len(surface.classes) == surface.columns**2
    columns = np.linspace(float(surface.left), float(surface.right), surface.columns)
    rows = np.linspace(float(surface.bottom), float(surface.top), surface.columns)
    at = {(x, y): place for place, (y, x) in enumerate((y, x) for y in rows for x in columns)}
    known = [label for (x, y), place in at.items() if x > 1 and y < -1 for label in [surface.classes[place]]]
    assert set(known) == {1}


def test_probabilities_are_those_of_the_model() -> None:
    first, latest = looks(CLASSES)
    trace = run(CLASSES)
    (recorded,) = (each for each in trace.tensors if each.name == "probabilities")
    (labels,) = (each for each in trace.tensors if each.name == "y")
    assert recorded.value is not None
    assert labels.value is not None
    chances, wanted = torch.tensor(recorded.value.data), torch.tensor(labels.value.data)
    given = chances.gather(1, wanted[:, None])[:, 0]
    assert latest.probabilities is not None
    assert first.probabilities is not None
    for share, before in zip(latest.probabilities.shares, first.probabilities.shares, strict=True):
        assert share.count == before.count == int((wanted == share.label).sum())
        assert share.mean == pytest.approx(float(given[wanted == share.label].mean()), abs=1e-4)
        assert float(before.mean) < float(share.mean)
    right = chances.argmax(1) == wanted
    assert sum(latest.probabilities.right) == int(right.sum())
    assert sum(latest.probabilities.wrong) == int((~right).sum())
    rows = [each.row for each in first.probabilities.samples]
    assert [each.row for each in latest.probabilities.samples] == rows
    for sample in latest.probabilities.samples:
        assert sum(map(float, sample.probabilities)) == pytest.approx(1, abs=1e-4)


LOOP = "    loss.backward()\n    opt.step()\n    opt.zero_grad()\n"
BINARY = """
torch.manual_seed(0)
X = torch.randn(40, 5)
t = (X.sum(1) > 0).float()
net = nn.Linear(5, 1)
opt = optim.SGD(net.parameters(), lr=0.5)
for epoch in range(20):
"""


@pytest.mark.parametrize(
    "loss",
    [
        "F.binary_cross_entropy_with_logits(net(X).squeeze(1), t)",
        "nn.BCEWithLogitsLoss()(net(X), t.unsqueeze(1))",
        "nn.BCELoss()(torch.sigmoid(net(X)).view(-1), t)",
        "F.binary_cross_entropy(net(X).sigmoid().flatten(), target=t)",
    ],
)
def test_every_binary_loss_tells_probabilities(loss: str) -> None:
    first, latest = looks(f"{BINARY}    loss = {loss}\n{LOOP}")
    assert latest.kind == "binary"
    assert not latest.own
    assert latest.data.inputs == ()
    assert all(0 <= float(value) <= 1 for value in latest.data.predicted)
    assert latest.probabilities is not None
    assert first.probabilities is not None
    assert sum(latest.probabilities.right) > sum(first.probabilities.right)


@pytest.mark.parametrize(
    ("layer", "loss"),
    [
        ("", "F.cross_entropy"),
        ("nn.Softmax(1),", "F.cross_entropy"),
        ("nn.LogSoftmax(1),", "F.nll_loss"),
    ],
)
def test_images_are_asked_for_probabilities_alone(layer: str, loss: str) -> None:
    first, latest = looks(f"""
torch.manual_seed(0)
X = torch.rand(60, 1, 6, 6)
y = torch.arange(60) % 4
net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 4), {layer})
opt = optim.SGD(net.parameters(), lr=0.1)
for epoch in range(3):
    loss = {loss}(net(X), y)
{LOOP}""")
    assert (latest.line, latest.surface, latest.data.inputs) == (None, None, ())
    assert latest.probabilities is not None
    assert [share.label for share in latest.probabilities.shares] == [0, 1, 2, 3]
    assert sum(float(share.mean) for share in latest.probabilities.shares) == pytest.approx(1, abs=0.3)
    assert latest.probabilities != first.probabilities


HAND_WRITTEN = (
    ("y_pred", "y_pred = w * x + b", "((y_pred - y) ** 2).mean()"),
    ("y_pred", "y_pred = w * x + b", "((y - y_pred) ** 2).sum()"),
    ("y_pred", "y_pred = b + w * x + w * x ** 2 + b * x ** 3", "((y_pred - y) ** 2).mean()"),
    ("", "", "torch.square(w * x + b - y).mean()"),
    ("", "P = torch.stack([x, torch.ones_like(x)], 1)", "F.mse_loss(P @ torch.cat([w, b]), y)"),
    ("guess", "guess = w * x + b", "F.l1_loss(guess, y) + 0.01 * w.pow(2).sum()"),
)


@pytest.mark.parametrize(("name", "before", "loss"), HAND_WRITTEN)
def test_hand_written_predictions_are_shown_as_they_are(name: str, before: str, loss: str) -> None:
    first, latest = looks(f"""
x = torch.linspace(0, 1, 20)
y = 3 * x
w = torch.zeros(1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
for step in range(40):
    {before or "pass"}
    loss = {loss}
    loss.backward()
    with torch.no_grad():
        for p in (w, b):
            p -= 0.01 * p.grad
            p.grad = None
""")
    assert (latest.own, latest.name, latest.axes[:1]) == (True, name, ("x",))
    assert latest.surface is None
    assert latest.line is not None
    assert first.line is not None
    assert set(map(float, first.line.ys)) == {0.0}
    assert latest.line.ys[-1] != 0
    assert list(latest.line.xs) == pytest.approx(np.linspace(0, 1, 20).tolist(), abs=1e-4)


def test_own_predictions_are_the_newest_however_long_it_ran() -> None:
    trace = run("""
x = torch.linspace(0, 1, 20)
y = 3 * x
w = torch.zeros(1, requires_grad=True)
for step in range(1500):
    y_pred = w * x
    loss = ((y_pred - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.002 * w.grad
        w.grad.zero_()
""")
    (held,) = (each for each in trace.tensors if each.name == "y_pred")
    assert held.value is not None
    latest = trace.predictions[-1]
    assert (latest.own, latest.step) == (True, 1_500)
    assert latest.data.predicted == pytest.approx(held.value.data, abs=1e-4)


def test_no_boundary_is_invented_for_a_function() -> None:
    _, latest = looks("""
X = torch.randn(30, 2)
y = (X[:, 0] > 0).long()
W = torch.zeros(2, 2, requires_grad=True)
for step in range(10):
    logits = X @ W
    loss = F.cross_entropy(logits, y)
    loss.backward()
    with torch.no_grad():
        W -= W.grad
        W.grad = None
""")
    assert (latest.own, latest.surface) == (True, None)
    assert len(latest.data.inputs) == 2
    assert latest.probabilities is not None


def test_single_rows_are_put_together() -> None:
    _, latest = looks("""
xs = torch.linspace(-1, 1, 8)
w = torch.zeros(1, requires_grad=True)
for epoch in range(6):
    for x in xs:
        loss = (w * x - 2 * x) ** 2
        loss.backward()
        with torch.no_grad():
            w -= 0.2 * w.grad
            w.grad = None
""")
    assert list(latest.data.inputs[0]) == pytest.approx(torch.linspace(-1, 1, 8).tolist(), abs=1e-4)


NUMPY = """
x = np.linspace(0, 1, 25)
y = 2 * x + 1
w = b = 0.0
for step in range(300):
    y_hat = w * x + b
    error = y_hat - y
    loss = (error ** 2).mean()
    w -= 0.5 * (error * x).mean()
    b -= 0.5 * error.mean()
y_hat
"""


def test_numpy_is_read_by_name() -> None:
    first, latest = looks(NUMPY)
    assert (latest.name, latest.axes, latest.own) == ("y_hat", ("x", "y"), True)
    assert set(map(float, first.data.predicted)) == {0.0}
    assert latest.data.predicted == pytest.approx(latest.data.targets, abs=0.1)


def test_nothing_is_found_where_there_is_nothing() -> None:
    for source in (
        "for i in range(9):\n    loss = i",
        "w = torch.ones(3, requires_grad=True)\nfor i in range(5):\n    loss = (w ** 2).sum()\n    loss.backward()",
        "a = np.ones(9)\nfor i in range(5):\n    c = a * i\n    d = c - a\n    print(d.sum())",
    ):
        assert run(source).predictions == ()


DISTURBED = """
torch.manual_seed(0)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1))
        self.calls, self.sizes = 0, []
    def forward(self, x):
        self.calls += 1
        self.sizes.append(len(x))
        print("forward", len(x))
        return self.layers(x) + 0.01 * torch.rand(1) + np.random.rand()
np.random.seed(0)
X = torch.randn(40, 2)
y = X.sum(1, keepdim=True)
net = Net()
heard = []
net.register_forward_hook(lambda *args: heard.append(1))
opt = optim.SGD(net.parameters(), lr=0.01)
for step in range(60):
    loss = F.mse_loss(net(X), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
net.calls, len(net.sizes), len(heard), net.training, loss.item(), net.layers[1].running_mean.tolist()
"""


def test_looking_disturbs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.worker.predicting.predictions.PAUSE", 0.002)
    monkeypatch.setattr("app.worker.predicting.predictions.PATIENCE", 10)
    frames = run_frames(DISTURBED, Limits(seconds=60))
    trace = frames[-1]
    assert isinstance(trace, Trace)
    assert sum(isinstance(frame, Predictions) for frame in frames) > 3, "no look was taken in between"
    monkeypatch.setattr("app.worker.predicting.comparisons.Comparisons.under", lambda self, root: [])
    plain = run(DISTURBED, Limits(seconds=60))
    assert plain.predictions == ()
    assert trace.result is not None
    assert plain.result is not None
    assert trace.result.text == plain.result.text
    told = "".join(piece.text for piece in trace.output)
    assert told.count("forward") == 60
    assert told == "".join(piece.text for piece in plain.output)
    assert not {step.op for step in trace.steps} & {"torch.softmax", "torch.sigmoid", "torch.Tensor.reshape"}
    forwards = [
        sum(step.op == "torch.nn.functional.dropout" for step in each.steps) for each in (trace, plain)
    ]
    assert forwards == [60, 60]


def test_module_that_cannot_be_asked_is_said() -> None:
    trace = run("""
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(2, 1))
    def forward(self, x):
        assert len(x) == 20 and x.abs().max() <= 1
        return x @ self.w
X = torch.rand(20, 2)
net = Net()
for step in range(5):
    loss = F.mse_loss(net(X), X.sum(1, keepdim=True))
    loss.backward()
    with torch.no_grad():
        net.w -= net.w.grad
        net.w.grad = None
""")
    assert trace.outcome == Completed()
    assert [look.own for look in trace.predictions] == [True, True]
    (note,) = trace.notes
    assert note.values == {"name": "net", "reason": "AssertionError"}


def test_next_model_of_a_name_follows_the_last() -> None:
    _, latest = looks("""
x = torch.linspace(0, 1, 10).unsqueeze(1)
for scale in (1.0, 50.0):
    model = nn.Linear(1, 1)
    opt = optim.SGD(model.parameters(), lr=0.3)
    for step in range(40):
        loss = F.mse_loss(model(x), scale * x)
        opt.zero_grad()
        loss.backward()
        opt.step()
""")
    assert max(map(float, latest.data.targets)) == 50


def test_two_models_are_told_apart_and_no_more_than_allowed() -> None:
    source = "x = torch.rand(8, 1)\nnets = {}\n"
    for name in "abcde":
        source += f"{name} = nn.Linear(1, 1)\n"
    source += "for step in range(4):\n"
    for name in "abcde":
        source += f"    loss = F.mse_loss({name}(x), x)\n    loss.backward()\n"
    names = [look.name for look in run(source).predictions if look.first]
    assert names == ["a", "b", "c"][: Limits().models]
