"""The page's form, which works without JavaScript: fields of text in, a `RunRequest` out, every text kept as typed.

A field belongs to a free name of the program. A name that is not free just now keeps its field, parked, so that
deleting a name and typing it again brings its value back.
"""

from __future__ import annotations

import cmath
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal, get_args
from urllib.parse import parse_qsl

from pydantic_core import from_json

from app.program import FreeName, list_problems
from app.request import BAD_SEED
from app.vocabulary.errors import ProgramRefused
from app.vocabulary.holding import Pace
from app.vocabulary.static_graph import Tracer
from app.vocabulary.trace import Dtype, GraphStyle, Init, InputSpec, RunRequest
from app.vocabulary.values import Complex, Nested, Problem, Text
from app.web.problems import RequestRefused
from app.web.requests import freeze_value, spell

KINDS = ("value", *get_args(Init))
DTYPES = get_args(Dtype)
PageStyle = GraphStyle | Literal["diff", "auto"]
"""What the page can show: also a run compared with an earlier one, or what suits the run."""
STYLES: Mapping[str, PageStyle] = {
    "annotated": "annotated",
    "torchviz": "torchviz",
    "modules": "modules",
    "static": "static",
    "diff": "diff",
}
MOST_PARKED = 12
MOST_FORM_FIELDS = 2_000
MOST_NAMES = 60
"""Inputs the page shows fields for; the API takes more."""
MOST_CHARACTERS = 200
"""Of a name, a shape or anything else but the program and the values."""
MOST_WATCHED = 16
"""Watched expressions the page has rows for."""
MOST_PROGRAMS = 4
"""Earlier programs the page holds on to; a form with so many of the longest is still within the body's limit."""
CHOICE = "recipe."
"""What the names of the training panel's fields begin with."""
SIZE_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Field:
    """The input of one free name, as text; `low` and `high` bound its slider."""

    name: str
    kind: str = "value"
    value: str = "1.0"
    shape: str = "2, 3"
    dtype: str = ""
    seed: str = "0"
    requires_grad: bool = True
    low: str = "-5"
    high: str = "5"

    @property
    def number(self) -> float | None:
        """Where the slider stands, if the value is a number."""
        try:
            return float(self.value) if self.kind == "value" else None
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Form:
    source: str
    fields: tuple[Field, ...] = ()
    parked: tuple[Field, ...] = ()
    device: str = "cpu"
    backward: str = "auto"
    seed: str = ""
    """Of the run's random numbers; empty for other ones each time."""
    style: PageStyle = "auto"
    sequence: str = ""
    """The page's own count of its requests, given back so that an older answer is not shown over a newer one."""
    roots: tuple[str, ...] = ()
    """Names the page offers to start backward from."""
    opened: tuple[str, ...] = ()
    """Keys of the graph's groups the reader opened; with a minus, those that opened by themselves and were closed."""
    steps_per_second: str = ""
    """How fast a live run goes; empty is as fast as it can."""
    paused: str = ""
    pause_on_nonfinite: str = ""
    graph: str = ""
    """The graph on the page, where it is kept to be drawn again."""
    seen: str = ""
    """The name of the picture that stands there."""
    told: str = ""
    """The name of the picture whose story the page was told last."""
    before: str = ""
    """The key of the graph to compare with."""
    shown: str = ""
    """Which backward pass's graph to show; the last one where there is no such."""
    run: str = ""
    """The live run the page asks the answer of."""
    original: str = ""
    """The text as it was pasted, while repairs of it can be undone."""
    kept: tuple[str, ...] = ()
    """Kinds of repairs that were undone."""
    turn: str = ""
    """The kind to undo, or to repair again."""
    fix: str = ""
    """The key of the advice whose edits are to be made."""
    watch: tuple[str, ...] = ()
    """Watched expressions."""
    stand_ins: str = ""
    """Whether small built-in data may take the place of what would be downloaded."""
    tracer: str = ""
    """Who traces for a static graph."""
    set_language: str = ""
    set_theme: str = ""
    recipe: Mapping[str, str] = field(default_factory=dict)
    """The training panel's texts, by the names of its choices."""
    earlier: tuple[str, ...] = ()
    """Programs that stood in the editor before that panel wrote one, the latest last."""
    written: str = ""
    """The mark of the program it wrote last."""
    act: str = ""
    """What its button does."""
    recipe_open: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.fields)

    def run_request(self) -> RunRequest:
        """What the form asks for; ProgramRefused with a problem for each text that cannot be read."""
        specs: dict[str, InputSpec] = {}
        problems: list[Problem] = []
        for each in self.fields:
            try:
                specs[each.name] = read_spec(each)
            except ProgramRefused as refused:
                problems.extend(refused.problems)
        seed = _whole(self.seed)
        if seed is None and self.seed.strip():
            problems.append(Problem("bad_seed", BAD_SEED))
        if problems:
            raise ProgramRefused(list_problems(problems))
        style: GraphStyle
        match self.style:
            case "diff" | "auto":
                style = "annotated"
            case chosen:
                style = chosen
        asked = RunRequest(specs, self.device, self.backward, seed, style, self.watch)
        tracer: Tracer = "torch.export" if self.tracer == "torch.export" else "torch.fx"
        return replace(asked, stand_ins=bool(self.stand_ins), tracer=tracer)

    def pace(self) -> Pace:
        """How a live run goes; a speed that is none is as fast as it can."""
        try:
            rate = float(self.steps_per_second)
        except ValueError:
            rate = 0.0
        return Pace(bool(self.paused), rate if 0 < rate <= 1e6 else None, bool(self.pause_on_nonfinite))


def read_form(body: bytes) -> Form:
    """A form from an urlencoded body; unknown fields are ignored, missing ones take their defaults."""
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=MOST_FORM_FIELDS, errors="strict"
        )
    except ValueError:
        sentence = Text("The form cannot be read: it is not UTF-8 or has too many fields.")
        raise RequestRefused((Problem("form_unreadable", sentence),)) from None
    texts = dict(pairs)
    names, parked = _short(pairs, "input")[:MOST_NAMES], _short(pairs, "parked")[:MOST_PARKED]
    short = {name: _cut(text) for name, text in texts.items()}
    return Form(
        source=texts.get("source", ""),
        fields=tuple(_field(name, texts) for name in names),
        parked=tuple(_field(name, texts) for name in parked if name not in names),
        device=short.get("device", "cpu"),
        backward=short.get("backward", "auto"),
        seed=short.get("seed", ""),
        style=STYLES.get(short.get("kind") or short.get("style", ""), "auto"),
        sequence=short.get("sequence", "")[:20],
        roots=tuple(
            _cut(name) for name in texts.get("roots", "").split(",", MOST_NAMES)[:MOST_NAMES] if name
        ),
        opened=_short(pairs, "opened")[:MOST_NAMES],
        graph=short.get("graph", "")[:100],
        seen=short.get("seen", "")[:20],
        told=short.get("told", "")[:20],
        before=short.get("before", "")[:100],
        shown=short.get("shown", "")[:20],
        run=short.get("run", "")[:100],
        steps_per_second=short.get("steps_per_second", ""),
        paused=short.get("paused", ""),
        pause_on_nonfinite=short.get("pause_on_nonfinite", ""),
        original=texts.get("original", ""),
        kept=_short(pairs, "kept")[:MOST_NAMES],
        turn=short.get("turn", ""),
        fix=short.get("fix", ""),
        watch=read_watch(pairs),
        stand_ins=short.get("stand_ins", ""),
        tracer=short.get("tracer", ""),
        set_language=short.get("set_language", ""),
        set_theme=short.get("set_theme", ""),
        recipe={name.removeprefix(CHOICE): text for name, text in short.items() if name.startswith(CHOICE)},
        earlier=tuple(text for name, text in pairs if name == "earlier")[-MOST_PROGRAMS:],
        written=short.get("written", ""),
        act=short.get("act", ""),
        recipe_open=bool(short.get("recipe_open")),
    )


def read_watch(pairs: list[tuple[str, str]]) -> tuple[str, ...]:
    """Watched expressions, each once, without the one whose button says to remove it."""
    given = (text.strip() for name, text in pairs if name == "watch")
    removed = {text for name, text in pairs if name == "unwatch"}
    return tuple(text for text in dict.fromkeys(given) if text and text not in removed)[:MOST_WATCHED]


def _short(pairs: list[tuple[str, str]], wanted: str) -> tuple[str, ...]:
    """What is given under a name, each text once, without those that are too long to be names."""
    return tuple(
        dict.fromkeys(text for name, text in pairs if name == wanted and len(text) <= MOST_CHARACTERS)
    )


def _field(name: str, texts: Mapping[str, str]) -> Field:
    known = [each.name for each in fields(Field) if each.name not in ("name", "requires_grad")]
    given = {key: texts[f"in.{name}.{key}"] for key in known if f"in.{name}.{key}" in texts}
    given = {key: text if key == "value" else _cut(text) for key, text in given.items()}
    return Field(name, requires_grad=f"in.{name}.requires_grad" in texts, **given)


def _cut(text: str) -> str:
    """A text that is not too long, or one that shows it was."""
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def fields_for(free_names: tuple[FreeName, ...], form: Form) -> tuple[tuple[Field, ...], tuple[Field, ...]]:
    """Fields for a program's free names (kept, brought back or new) as far as there is room, and the ones to park."""
    known = {each.name: each for each in (*form.parked, *form.fields)}
    wanted = {free.name for free in free_names}
    names = [free.name for free in free_names if len(free.name) <= MOST_CHARACTERS][:MOST_NAMES]
    shown = tuple(known.get(name) or Field(name) for name in names)
    parked = tuple(each for name, each in known.items() if name not in wanted)
    return shown, parked[-MOST_PARKED:]


def read_spec(field: Field) -> InputSpec:
    """The tensor a field describes; ProgramRefused with what to change in it."""
    dtype = next((each for each in DTYPES if each == field.dtype), None)
    init = next((each for each in get_args(Init) if each == field.kind), None)
    if init is None:
        return InputSpec(value=read_value(field), dtype=dtype, requires_grad=field.requires_grad)
    seed = _whole(field.seed) if init in ("randn", "rand") else None
    return InputSpec(None, read_shape(field), init, seed, dtype, field.requires_grad)


def read_value(field: Field) -> Nested:
    """A number, nested lists, or numbers separated by commas."""
    text = field.value.strip()
    for candidate in (text, f"[{text}]" if text else ""):
        try:
            return freeze_value(from_json(candidate))
        except ValueError:
            continue
    return _read_number(field.name, text)


def _read_number(name: str, text: str) -> Nested:
    """What JSON does not spell: `.5`, `nan`, `1+2j`."""
    try:
        number = complex(text[:-1] + "j" if text.endswith("i") else text)
        if cmath.isinf(number) and "inf" not in text.lower():
            raise OverflowError
    except (ValueError, OverflowError):
        sentence = Text(
            "Input `{name}`: “{text}” is neither a number nor nested lists like [[1, 2], [3, 4]]."
        )
        raise _refused(name, sentence, text) from None
    real, imag = (each if each - each == 0 else spell(each) for each in (number.real, number.imag))
    return Complex(real, imag) if number.imag or "j" in text or text.endswith("i") else real


def read_shape(field: Field) -> tuple[int, ...]:
    sizes = split_sizes(_cut(field.shape))
    if not all(size.isascii() and size.isdigit() and len(size) <= SIZE_DIGITS for size in sizes):
        sentence = Text("Input `{name}`: “{text}” is no shape. Write sizes like 2, 3.")
        raise _refused(field.name, sentence, field.shape)
    return tuple(map(int, sizes))


def split_sizes(text: str) -> list[str]:
    """`2, 3`, `2x3`, `2 3`, `(2, 3)` and `[2,]` in their parts; an empty one where nothing stands before a comma."""
    inner = text.strip().removeprefix("[").removeprefix("(").removesuffix("]").removesuffix(")")
    parts = inner.strip().removesuffix(",").replace("x", ",").replace("×", ",").split(",")
    words = [part.split() for part in parts]
    return [size for found in words for size in found or [""]] if any(words) or len(parts) > 1 else []


def _whole(text: str) -> int | None:
    try:
        return int(text[:40])
    except ValueError:
        return None


def _refused(name: str, sentence: Text, text: str) -> ProgramRefused:
    filled = Text(sentence.template, {"name": name, "text": text[:60]})
    return ProgramRefused((Problem("bad_input", filled, None, name),))
