"""Module trees: each module holds what torch says it holds, told once, and calls are counted as they were made."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from app.vocabulary.limits import Limits
from app.vocabulary.modules import ModuleRecord, ModuleTree
from app.vocabulary.trace import Completed, Trace
from tests.worker.running import run

SOURCE = """
class Block(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.a, self.norm, self.unused = nn.Linear(size, size), nn.LayerNorm(size), nn.Linear(size, 1)
    def forward(self, x):
        return x + torch.relu(self.a(self.norm(x)))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(10, 8)
        self.layers = nn.ModuleList([Block(8) for _ in range(3)])
        self.head = nn.Linear(8, 10, bias=False)
        self.head.weight = self.emb.weight
        self.again = self.layers[0]
        self.nothing = None
        self.register_buffer("k", torch.zeros(3, dtype=torch.float64))
        self.layers[1].requires_grad_(False)
    def forward(self, i):
        x = self.emb(i)
        for layer in self.layers:
            x = layer(x)
        return self.head(self.again(x))

torch.manual_seed(0)
net = Net()
inside = net.layers[2]
same = net
spare = [nn.Linear(2, 2).eval()]
i = torch.tensor([1, 2, 3])
net(i[:2])
loss = net(i).sum()
loss.backward()
"""


@pytest.fixture(scope="module")
def trace() -> Trace:
    found = run(SOURCE)
    assert isinstance(found.outcome, Completed)
    return found


@pytest.fixture(scope="module")
def net() -> nn.Module:
    names: dict[str, object] = {"torch": torch, "nn": nn}
    exec(SOURCE, names)
    found = names["net"]
    assert isinstance(found, nn.Module)
    return found


def module(tree: ModuleTree, path: str) -> ModuleRecord:
    return next(each for each in tree.modules if each.path == path)


def test_outermost_modules_are_told_with_all_their_names(trace: Trace) -> None:
    assert [(tree.name, tree.aliases) for tree in trace.modules] == [("net", ("same",)), ("spare[0]", ())]


def test_paths_classes_and_words_are_torchs_own(trace: Trace, net: nn.Module) -> None:
    tree = trace.modules[0]
    named = net.named_modules(remove_duplicate=False)
    expected = {f"net.{path}" if path else "net": part for path, part in named}
    told = {each.path: each for each in tree.modules}
    inner = {
        path for path in expected if path.startswith("net.again.")
    }  # told where the module was met first
    assert set(told) == set(expected) - inner
    for path, record in told.items():
        part = expected[path]
        parameters, buffers = list(part.parameters()), list(part.buffers())
        assert (record.kind, record.says) == (type(part).__name__, part.extra_repr())
        assert record.parameters == sum(each.numel() for each in parameters)
        assert record.own_parameters == sum(each.numel() for each in part.parameters(recurse=False))
        assert record.trainable == sum(each.numel() for each in parameters if each.requires_grad)
        assert record.buffers == sum(each.numel() for each in buffers)
        assert record.bytes == sum(each.numel() * each.itemsize for each in (*parameters, *buffers))
        assert record.training == part.training


def test_calls_and_shapes_are_those_of_the_run(trace: Trace) -> None:
    tree = trace.modules[0]
    assert tree.counted
    assert module(tree, "net").calls == 2
    assert module(tree, "net.layers.0.a").calls == 4  # it stands in the net twice
    assert module(tree, "net.emb").outputs == ((2, 8), (3, 8))
    unused = module(tree, "net.layers.1.unused")
    assert (unused.calls, unused.has_forward) == (0, True)
    assert not module(tree, "net.layers").has_forward
    assert module(trace.modules[1], "spare[0]").calls == 0


def test_place_is_the_call_of_the_program(trace: Trace) -> None:
    lines = SOURCE.split("\n")
    places = {path: module(trace.modules[0], path).span for path in ("net.layers.1.a", "net.head", "net")}
    texts = [lines[span.line - 1][span.column : span.end_column] for span in places.values() if span]
    assert texts == ["self.a(self.norm(x))", "self.head(self.again(x))", "net(i[:2])"]


def test_what_is_shared_is_told_once(trace: Trace) -> None:
    tree = trace.modules[0]
    again = module(tree, "net.again")
    assert again.same_as == module(tree, "net.layers.0").id
    tied = [(row.name, row.same_as) for row in tree.parameters if row.same_as]
    assert tied == [("net.head.weight", "net.emb.weight")]


def test_every_parameter_is_a_row_with_its_gradients_norm(trace: Trace, net: nn.Module) -> None:
    rows = {row.name: row for row in trace.modules[0].parameters if row.same_as is None}
    expected = {f"net.{name}": each for name, each in (*net.named_parameters(), *net.named_buffers())}
    assert set(rows) == set(expected)
    for name, tensor in expected.items():
        row = rows[name]
        assert (row.shape, row.elements) == (tuple(tensor.shape), tensor.numel())
        assert (row.kind == "parameter") == isinstance(tensor, nn.Parameter)
        assert row.requires_grad == tensor.requires_grad
        assert row.grad_norm == (None if tensor.grad is None else pytest.approx(tensor.grad.norm().item()))
    assert rows["net.k"].dtype == "float64"


def test_module_that_fails_to_describe_itself_is_still_told() -> None:
    source = """
class Odd(nn.Module):
    def extra_repr(self): raise ValueError("no")
    def forward(self, x): return x
odd = nn.Sequential(Odd(), nn.LazyLinear(3))
"""
    trace = run(source)
    assert isinstance(trace.outcome, Completed)
    (tree,) = trace.modules
    assert [each.says for each in tree.modules][1] == "<ValueError>"
    assert [(row.shape, row.elements) for row in tree.parameters] == [(None, 0), (None, 0)]


def test_module_tree_ends_at_the_limit_and_says_so() -> None:
    trace = run("net = nn.Sequential(*[nn.Linear(1, 1) for _ in range(20)])", Limits(modules=8))
    (tree,) = trace.modules
    assert (len(tree.modules), tree.modules_left_out) == (8, 13)
    assert (len(tree.parameters), tree.parameters_left_out) == (8, 32)
    assert tree.modules[0].parameters == 40


def test_module_that_holds_itself_is_told() -> None:
    trace = run("net = nn.Module()\nnet._modules['me'] = net")
    assert [(each.path, each.same_as) for each in trace.modules[0].modules] == [("net", None), ("net.me", 0)]


def test_calls_beyond_the_recorded_ones_are_not_told_as_none() -> None:
    source = """
net, late = nn.Linear(1, 1), nn.Linear(1, 1)
for step in range(30):
    net(torch.ones(1))
late(torch.ones(1))
"""
    trees = run(source, Limits(steps=5)).modules
    assert [tree.counted for tree in trees] == [False, False]


def test_traced_module_is_told_like_any_other() -> None:
    trace = run("net = torch.jit.trace(nn.Sequential(nn.Linear(2, 1)), torch.ones(1, 2))")
    assert trace.outcome == Completed()
    (tree,) = trace.modules
    assert [each.path for each in tree.modules] == ["net", "net.0"]
