"""What the inspector shows of each node in a picture, as data for the page: every sentence in it already said.

The page builds it when a box is pinned; a picture of hundreds of boxes is not made hundreds of times larger.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from app.drawing.accumulation import Summand
from app.drawing.derivation import Formula
from app.drawing.inspection import Held, Inspection, inspect
from app.drawing.study import Study
from app.vocabulary.values import TensorValue
from app.web.languages import Language
from app.web.values import histogram

Json = dict[str, Any]
BLOCKS = "▁▂▃▄▅▆▇█"


def write_inspector(
    study: Study, nodes: Collection[str], language: Language, known: Collection[str] = ()
) -> Json:
    """By node, for all that are not known to the page.

    What was told of some is not found out again.
    """
    wanted = [node for node in nodes if node not in known]
    told = study.once(("told", language.code), dict[str, Json])
    fresh = frozenset(wanted) - told.keys()
    if fresh:
        told |= {f"n{each.node.id}": _node(each, language) for each in inspect(study, fresh)}
    return {"words": _words(language), "nodes": {node: told[node] for node in wanted}}


def _words(language: Language) -> dict[str, str]:
    _ = language.gettext
    return {
        "value": _("value"),
        "grad": _("grad"),
        "none": _("not kept"),
        "no_grad": "None",
        "rule": _("The rule"),
        "saved": _("Saved for backward"),
        "sum": _("How its gradient came together"),
        "from": _("from"),
        "part": _("part"),
        "total": _("sum so far"),
        "constant": _("constant"),
        "if": _("if"),
        "otherwise": _("otherwise"),
    }


def _node(each: Inspection, language: Language) -> Json:
    node = each.node
    saved = [[name, text] for name, text in each.saved]
    if each.saved_left_out:
        saved.append([language.gettext("and {count} more", count=each.saved_left_out), ""])
    return _present(
        title=each.title,
        op=node.op,
        kind=node.kind,
        call=node.call,
        line=language.gettext("line {line}", line=node.span.line) if node.span else None,
        facts=list(_facts(each, language)),
        seen=[
            [seen.name, seen.facts, _held(seen.value, output.value), _held(seen.grad, output.grad)]
            for seen, output in zip(each.seen, node.outputs, strict=False)
        ],
        rule=[_formula(formula, language) for formula in each.formulas],
        words=[language.say(text) for text in each.words],
        saved=saved,
        sum=[_summand(summand, language) for summand in each.summands],
    )


def _present(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value not in (None, [])}


def _facts(each: Inspection, language: Language) -> Iterator[list[str]]:
    node = each.node
    for mark in node.marks:
        label = language.gettext("Why?") if mark.kind == "why" else language.gettext("note")
        yield [label, language.say(mark.sentence).replace("`", "")]
    if node.module:
        yield [language.gettext("module"), node.module]
    if node.call_seconds is not None:
        yield [language.gettext("the call took"), show_seconds(node.call_seconds)]
    if node.seconds is not None:
        yield [language.gettext("backward took"), show_seconds(node.seconds)]


def show_seconds(seconds: float) -> str:
    """To two digits: more would be noise."""
    number, unit = seconds * 1e6, "µs"
    for larger in ("ms", "s"):
        if number >= 1_000:
            number, unit = number / 1_000, larger
    return f"{number:.0f} {unit}" if number >= 10 else f"{number:.1f} {unit}"


def _held(held: Held | None, value: TensorValue | None) -> list[Any] | None:
    """The line, whether all of it is finite, its distribution in blocks, and whether the box has a heatmap of it."""
    if held is None or value is None:
        return None
    heights = histogram(value.data) if isinstance(value.data, tuple) else ()
    bars = "".join([BLOCKS[round(height * (len(BLOCKS) - 1))] for height in heights])
    return [held.text, held.finite, bars, isinstance(value.data, tuple)]


def _formula(formula: Formula, language: Language) -> Json:
    about = formula.about if isinstance(formula.about, str) else language.say(formula.about)
    return _present(
        about=about,
        named=isinstance(formula.about, str) or None,
        lines=list(formula.lines),
        words=[language.say(text) for text in formula.words],
    )


def _summand(summand: Summand, language: Language) -> list[str | None]:
    label = summand.label if isinstance(summand.label, str) else language.say(summand.label)
    return [label, summand.node, summand.grad, summand.total]
