"""Laws of the inspector: what it says of a node is what torch did, and numbers are shown only where they agree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.drawing.accumulation import Summand
from app.drawing.derivation import Formula
from app.drawing.inspection import Inspection, inspect, show_bytes
from app.drawing.mathml import spell_out
from app.drawing.study import Study
from app.vocabulary.graph import AutogradGraph, GraphNode, NodeOutput, SavedItem
from app.vocabulary.trace import Trace
from app.vocabulary.values import NodeId, Statistics, TensorValue, Text
from app.web.examples import Example, load_examples
from app.words import in_english
from tests.drawing.graphs import graph_of, join, scalar_node
from tests.worker.running import leaf, run

MATRICES = """
torch.manual_seed(0)
x, y = torch.randn(4, 2), torch.randn(4, 3)
W, b = torch.randn(2, 3, requires_grad=True), torch.zeros(3, requires_grad=True)
h = x @ W + b
loss = ((h - y) ** 2).mean()
"""


def look(trace: Trace, graph: AutogradGraph | None = None) -> tuple[Inspection, ...]:
    graph = graph or trace.graphs[-1]
    return inspect(Study(graph), frozenset(f"n{node.id}" for node in graph.nodes))


def of(found: tuple[Inspection, ...], title: str, op: str = "") -> Inspection:
    return next(each for each in found if each.title == title and op in each.node.op)


def lines(each: Inspection, about: str) -> list[str]:
    said = [
        (one if isinstance(one, str) else in_english(one), one_formula) for one, one_formula in pairs(each)
    ]
    return [
        spell_out(line).replace("\u2009", " ")
        for one, formula in said
        if one == about
        for line in formula.lines
    ]


def pairs(each: Inspection) -> list[tuple[str | Text, Formula]]:
    return [(formula.about, formula) for formula in each.formulas]


def sums(each: Inspection) -> list[tuple[str, str, str | None]]:
    def label(row: Summand) -> str:
        return row.label if isinstance(row.label, str) else in_english(row.label)

    return [(label(row), row.grad, row.total) for row in each.summands]


# ------------------------------------------------------------------------------------------------ rules with numbers


def test_product_of_two_numbers_shows_its_rule_with_them() -> None:
    each = of(look(run("y = x * w", inputs={"x": leaf(3.0), "w": leaf(4.0)})), "y")
    assert lines(each, "forward") == ["y=x·w=3×4=12"]
    assert lines(each, "w") == ["∂(x·w)∂w=x=3", "∂L∂w=g·x=1×3=3"]


def test_number_written_beside_a_tensor_is_in_its_rule() -> None:
    """Torch saves none of these: it needs none for a gradient."""
    source = "a = x + 1\nb = 2 + a\nb += -3\nc = torch.sub(b\n, 4)\nc.backward()"
    found = look(run(source, inputs={"x": leaf(3.0)}))
    assert [lines(each, "forward")[0] for each in found if each.node.kind == "function"] == [
        "c=b−4=3−4=−1",
        "b=b+(−3)=6+(−3)=3",
        "b=a+2=4+2=6",
        "a=x+1=3+1=4",
    ]


def test_division_by_zero_shows_its_numbers() -> None:
    found = look(run("y = x.sqrt()\nz = y.log()", inputs={"x": leaf(0.0)}))
    assert lines(of(found, "z"), "forward") == ["z=ln\u2061(y)=ln\u2061(0)=−∞"]
    assert lines(of(found, "y"), "x") == ["∂(x)∂x=12·y=∞", "∂L∂x=g2·y=∞2×0=∞"]


def test_matrices_show_their_shapes() -> None:
    found = look(run(MATRICES))
    assert lines(of(found, "x @ W"), "W") == ["∂L∂W=x⊤ g", "(4, 2)⊤ (4, 3)→(2, 3)"]
    broadcast = of(found, "h")
    assert lines(broadcast, "b") == ["∂L∂b=g", "(4, 3)→(3,)"]
    words = [in_english(word) for _, formula in pairs(broadcast) for word in formula.words]
    assert words == ["Summed over the dimensions along which it was broadcast."]


def test_elements_show_the_numbers_of_the_first() -> None:
    source = "x = torch.tensor([[2., 3.]], requires_grad=True)\n(x ** 2).sum().backward()"
    assert lines(of(look(run(source)), "x ** 2"), "x")[-1] == "[0, 0]:1×2×2=4"


def test_library_s_linear_names_its_own_weight() -> None:
    source = "net = nn.Linear(2, 3)\nx = torch.ones(4, 2)\nloss = net(x).sum()\nloss.backward()"
    each = of(look(run(source)), "net(x)", "Addmm")
    assert lines(each, "net.weight") == ["∂L∂net.weight⊤=x⊤ g", "(4, 2)⊤ (4, 3)→(2, 3)"]


def test_steps_within_one_call_are_not_called_what_the_call_gave() -> None:
    source = (
        "net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten())\n"
        "scores = torch.ones(1, 2, requires_grad=True)\n"
        "loss = net(torch.ones(2, 1, 6, 6)).sum() + F.cross_entropy(scores, torch.tensor([1]))\n"
        "loss.backward()"
    )
    found = look(run(source))
    norm = next(each for each in found if each.node.op == "NativeBatchNormBackward0")
    assert lines(norm, "with") == ["z=(net.0(…)−mean)⊙rstd", "u=g⊙net.1.weight"]
    loss = next(each for each in found if each.node.op == "NllLossBackward0")
    assert "input" in [about for about, _ in pairs(loss)]


def test_default_stands_only_where_nothing_else_does() -> None:
    source = "x = torch.ones(2, 4, requires_grad=True)\nF.layer_norm(x, (4,)).sum().backward()"
    each = next(each for each in look(run(source)) if each.node.op == "NativeLayerNormBackward0")
    assert lines(each, "with")[1] == "u=g"


def test_inner_results_of_a_module_do_not_bear_the_name_of_its_result() -> None:
    source = "net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())\np = net(torch.ones(1, 2))\np.sum().backward()"
    graph = run(source).graphs[-1]
    named = {node.op: node.outputs[0].name for node in graph.nodes if node.kind == "function"}
    assert (named["ReluBackward0"], named["AddmmBackward0"]) == ("p", None)


def test_numbers_that_do_not_agree_with_what_torch_gave_are_not_shown() -> None:
    trace = run("y = x * w", inputs={"x": leaf(3.0), "w": leaf(4.0)})
    (graph,) = trace.graphs
    wrong = SavedItem("self", None, (), "float32", 4, TensorValue(99.0))
    nodes = tuple(replace(n, saved=(wrong, *n.saved[:1])) if n.saved else n for n in graph.nodes)
    each = of(look(trace, replace(graph, nodes=nodes)), "y")
    assert lines(each, "w") == ["∂L∂w=g·x"]


def test_complex_factors_are_conjugated() -> None:
    source = "z = torch.tensor(1+2j, requires_grad=True)\nw = torch.tensor(3+1j)\n(z * w).abs().backward()"
    assert lines(of(look(run(source)), "z * w"), "z")[0] == "∂L∂z=g·w¯"


def test_operand_of_a_list_is_told_where_it_stands() -> None:
    source = "a, b = torch.ones(2, 3, requires_grad=True), torch.ones(4, 3)\nc = torch.cat([b, a])\nc.sum().backward()"
    assert lines(of(look(run(source)), "c"), "a")[0] == "∂L∂a=narrow\u2061(g,0,4,2)"


# ------------------------------------------------------------------------------------------------ words


@pytest.mark.parametrize(
    ("source", "title", "said"),
    [
        ("c = torch.ones(2)\ny = (w * c).sum()", "c", "does not require grad"),
        ("y = w.logcumsumexp(0)", "y", "No rule is written down for `LogcumsumexpBackward0`"),
        ("y = w * 2\ntorch.autograd.grad(y, w)", "w", "`.grad` stays as it was"),
        ("y = w * torch.ones(2)", "y", "the sum of the elements of `y`"),
        ("y = w * 2\ny.backward(torch.tensor(3.0))", "y", "weighted with the gradient the program gave"),
    ],
)
def test_words_for_what_no_formula_says(source: str, title: str, said: str) -> None:
    each = of(look(run(source, inputs={"w": leaf(2.0)})), title)
    assert any(said in in_english(word) for word in each.words)


def test_function_of_the_program_s_own_has_its_own_rule() -> None:
    source = (
        "class Double(torch.autograd.Function):\n"
        "    @staticmethod\n    def forward(ctx, x):\n        return 2 * x\n"
        "    @staticmethod\n    def backward(ctx, g):\n        return 2 * g\n"
        "y = Double.apply(w)"
    )
    each = of(look(run(source, inputs={"w": leaf(2.0)})), "y")
    assert "its rule is its own `backward`" in in_english(each.words[0])


# ------------------------------------------------------------------------------------------------ sums


def test_leaf_used_many_times_shows_every_part_and_the_sum() -> None:
    trace = run("y = w * 2 + w * 3 + w", inputs={"w": leaf(4.0)})
    rows = sums(of(look(trace), "w"))
    assert sorted(part for _, part, _ in rows[:3]) == ["1", "2", "3"]
    assert rows[2][2] == "6"
    assert rows[3] == (".grad after this pass", "", "6")


def test_second_pass_adds_to_what_the_first_left() -> None:
    trace = run("(w * 2).backward()\n(w * 5).backward()", inputs={"w": leaf(4.0)})
    assert sums(of(look(trace), "w")) == [
        ("w * 5", "5", "5"),
        ("already in .grad", "2", None),
        (".grad after this pass", "", "7"),
    ]


def test_hook_that_changes_a_gradient_is_told() -> None:
    trace = run("w.register_hook(lambda g: g * 10)\n(w * 2).backward()", inputs={"w": leaf(4.0)})
    assert ("after hooks of the program", "20", None) in sums(of(look(trace), "w"))


def test_part_that_is_not_finite_is_told_by_how_many_are_not() -> None:
    """The norm is kept of finite elements alone: 0 for a gradient that is all but NaN."""
    trace = run(
        "v = torch.zeros(3, requires_grad=True)\n(v.sqrt() * torch.tensor([0., 1., 1.])).sum().backward()"
    )
    assert sums(of(look(trace), "v")) == [
        ("v.sqrt()", "NaN ×1, inf ×2", "NaN ×1, inf ×2"),
        (".grad after this pass", "", "NaN ×1, inf ×2"),
    ]


# ------------------------------------------------------------------------------------------------ one line


def test_line_of_a_tensor_says_what_is_not_finite() -> None:
    found = look(run("x = torch.tensor([1., float('nan'), 0.], requires_grad=True)\ny = (x * 2).sum()"))
    held = of(found, "x").seen[0].value
    assert held is not None
    assert not held.finite
    assert "NaN!\u00a0×1" in held.text
    assert "=0:\u00a033%" in held.text


@pytest.mark.parametrize(
    ("count", "text"), [(4, "4 B"), (2048, "2 KiB"), (3 * 2**30, "3 GiB"), (2**50, "1.049e+06 GiB")]
)
def test_bytes(count: int, text: str) -> None:
    assert show_bytes(count) == text


# ------------------------------------------------------------------------------------------------ whatever comes


@pytest.mark.parametrize("example", load_examples(), ids=lambda each: each.slug)
def test_examples_are_told_whole(example: Example) -> None:
    source = example.source
    trace = run(source, inputs={"x": leaf(3.0), "w": leaf(4.0), "b": leaf(5.0)})
    for graph in trace.graphs:
        found = look(trace, graph)
        assert len(found) == len(graph.nodes)
        assert all(each.formulas or each.words for each in found)


FORGED = (
    SavedItem("dim", "(" * 60),
    SavedItem("dim", "9" * 60),
    SavedItem("dim", "(99, -99, None, 'x')"),
    SavedItem("exponent", "{1: 2}"),
    SavedItem("exponent", "-1e999"),
    SavedItem("self", None, (-1, 2**62), "?", -5, TensorValue((), None, Statistics(norm="NaN"))),
    SavedItem("result", None, (), None, None, TensorValue("NaN")),
)


@pytest.mark.parametrize(
    "op", ["PowBackward0", "CatBackward0", "MeanBackward1", "StdBackward0", "MmBackward0", "X"]
)
@pytest.mark.parametrize("item", FORGED)
def test_forged_facts_are_told_without_harm(op: str, item: SavedItem) -> None:
    odd = NodeOutput(0, "y", None, (2**62, -1), "complex?", "", TensorValue(1e308), TensorValue("Infinity"))
    node = GraphNode(NodeId(1), "function", op, (odd,), saved=(item,))
    bare = GraphNode(NodeId(2), "function", op, ())
    edge = join(1, 0, 0)
    graph = graph_of(
        [scalar_node(0, "accumulate", "AccumulateGrad", "w"), node, bare], [replace(edge, input_nr=2**60)], 1
    )
    whole = replace(graph, edges=(edge, *graph.edges))
    assert len(inspect(Study(whole), frozenset({"n0", "n1", "n2"}))) == 3
