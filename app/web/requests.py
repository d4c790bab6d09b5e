"""The JSON a client sends, read strictly: unknown fields, wrong types and unreadable values are all named at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from app.drawing.paints import Theme
from app.notebook import read_notebook
from app.program import list_problems
from app.request import check_expression
from app.vocabulary.graph import AutogradGraph
from app.vocabulary.holding import Command, CommandKind, Pace
from app.vocabulary.limits import Limits
from app.vocabulary.static_graph import Tracer
from app.vocabulary.trace import Dtype, GraphStyle, Init, InputSpec, RunRequest
from app.vocabulary.values import Complex, Nested, Problem, Scalar, Spelled, Text
from app.web.problems import RequestRefused

PictureFormat = Literal["svg", "dot", "mermaid", "model_explorer", "json", "none"]
SPELLED: Mapping[str, Spelled] = MappingProxyType(
    {"NaN": "NaN", "Infinity": "Infinity", "-Infinity": "-Infinity"}
)
WHOLE_NUMBERS = range(-(2**63), 2**64)
NESTED_SCHEMA: Mapping[str, Any] = {
    "description": 'A number, true, false, "NaN", "Infinity", "-Infinity", {"real", "imag"}, or nested lists of these.',
    "anyOf": [
        {"type": "number"},
        {"type": "boolean"},
        {"enum": ["NaN", "Infinity", "-Infinity"]},
        {
            "type": "object",
            "properties": {"real": {"type": "number"}, "imag": {"type": "number"}},
            "required": ["real", "imag"],
        },
        {"type": "array", "items": {}},
    ],
}


def freeze_value(value: Any, place: str = "") -> Nested:
    """Parsed JSON -> nested tuples; ValueError naming the place of the first thing that is no number.

    The JSON parser has bounded the depth already.
    """
    if isinstance(value, list):
        return tuple(freeze_value(item, f"{place}[{index}]") for index, item in enumerate(value))
    if isinstance(value, dict) and value.keys() == {"real", "imag"}:
        real, imag = freeze_scalar(value["real"], place), freeze_scalar(value["imag"], place)
        if not isinstance(real, Complex) and not isinstance(imag, Complex):
            return Complex(real, imag)
    return freeze_scalar(value, place)


def freeze_scalar(value: Any, place: str) -> Scalar:
    match value:
        case bool():
            return value
        case int() if value in WHOLE_NUMBERS:
            return value
        case float():
            return value if math.isfinite(value) else spell(value)
        case "NaN" | "Infinity" | "-Infinity":
            return SPELLED[value]
    raise ValueError(place)


def spell(value: float) -> Spelled:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


B = TypeVar("B", bound=Strict)
Rate = Annotated[
    float | None, Field(gt=0, le=1e6, description="Steps a second; null is as fast as the program can.")
]


class InputBody(Strict):
    """A tensor for a free name: either its `value`, or a `shape` and an `init`."""

    value: Annotated[Any, AfterValidator(freeze_value), WithJsonSchema(NESTED_SCHEMA)] = None
    shape: tuple[int, ...] | None = Field(None, description="Sizes, for a tensor made by `init`.")
    init: Init = "zeros"
    seed: int | None = Field(
        None, description="Seed of `randn` and `rand`; without one the run's seed is used."
    )
    dtype: Dtype | None = Field(None, description="torch's own default when left out.")
    requires_grad: bool = False

    def spec(self) -> InputSpec:
        return InputSpec(self.value, self.shape, self.init, self.seed, self.dtype, self.requires_grad)


class GraphBody(Strict):
    style: GraphStyle = Field(
        default="annotated",
        description="`annotated` is our own picture of the autograd graph, `torchviz` is torchviz's; `modules` is the "
        "tree of the program's modules, `static` the graph that torch.fx or torch.export traces, beside the autograd "
        "graph; their pictures are the answer's `picture`.",
    )
    tracer: Tracer = Field(
        default="torch.fx",
        description="For `static`: who traces the modules that the run called. Their forward runs once more for it, "
        "with stand-ins for tensors, when the run is over.",
    )
    format: PictureFormat = Field(
        default="svg",
        description="`svg`, `dot`, `mermaid` or `model_explorer` (the JSON of Google's Model Explorer) adds the "
        "picture as text; `json` the nodes and edges alone; `none` leaves it out. A PNG is made in the page.",
    )
    theme: Theme = Field(
        default="auto",
        description="Colours of the SVG: `light`, `dark`, or both, as the reader's system asks.",
    )
    occurrence: int | None = Field(
        default=None,
        ge=0,
        description="Which backward pass is told and drawn: the `occurrence` of one of the answer's `graphs`. The last "
        "when left out, and where that one is not kept.",
    )


class Unsent(str):
    """An empty text that nobody sent."""

    __slots__ = ()


class EvaluateBody(Strict):
    """A program and how to run it."""

    notebook: dict[str, Any] | None = Field(
        None, description="Instead of `source`: the JSON of an .ipynb file, nbformat 4."
    )
    source: str = Field(
        default_factory=Unsent,  # a default itself would be told in the schema
        validate_default=True,
        description="PyTorch, as it would stand in a file; `# %%` lines cut it into cells. Or send a `notebook`.",
    )
    inputs: dict[str, InputBody] = Field(default_factory=dict, description="A tensor for every free name.")
    device: str = Field("cpu", description="`cpu`, `cuda`, `cuda:1` or `auto`; see /api/v1/devices.")
    backward: str = Field("auto", description='"auto", "none", or the name of the tensor to start from.')
    seed: int | None = Field(None, description="Seed of torch's random numbers.")
    watch: tuple[str, ...] = Field(
        (),
        description="Expressions over the program's names, evaluated when it has ended, and after each step of its "
        "training: one that gives a number is followed as a series of kind `watched`, a tensor as its norm `‖w‖`.",
    )
    graph: GraphBody = GraphBody()
    stand_ins: bool = Field(
        False,
        description="Let small built-in data take the place of sets that would be downloaded, where `advice` names a "
        "`stand_in`; the answer's `stand_ins` tells which did.",
    )
    repair: bool = Field(
        True,
        description="Repair pasted text (prompts, line numbers, fences...); `repairs` tells what was done.",
    )

    @field_validator("source", mode="before")
    @classmethod
    def _has_program(cls, value: Any, info: ValidationInfo) -> Any:
        """One of the two must be sent."""
        if isinstance(value, Unsent) and info.data.get("notebook") is None:
            raise PydanticCustomError("missing", "source")
        return value

    def text(self, limits: Limits) -> str:
        """The program; ProgramRefused where the notebook is none, RequestRefused where both are given."""
        if self.notebook is None:
            return self.source
        if self.source:
            raise RequestRefused((Problem("both_given", Text("Send either `source` or `notebook`.")),))
        return read_notebook(self.notebook, limits.source_bytes)

    def run_request(self) -> RunRequest:
        inputs = {name: each.spec() for name, each in self.inputs.items()}
        asked = RunRequest(inputs, self.device, self.backward, self.seed, self.graph.style, self.watch)
        return replace(asked, stand_ins=self.stand_ins, tracer=self.graph.tracer)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnGraph(AutogradGraph):
    """A graph as an answer or a saved file tells it; what it was drawn as does not matter."""

    style: str = ""
    format: str = ""
    svg: str | None = None
    dot: str | None = None
    mermaid: str | None = None
    model_explorer: str | None = None


class DrawnBody(Strict):
    """A graph that was answered or saved before."""

    drawn: DrawnGraph

    def graph(self) -> AutogradGraph:
        return AutogradGraph(**{each.name: getattr(self.drawn, each.name) for each in fields(AutogradGraph)})


class DiffBody(Strict):
    """Two programs, each with how to run it, or graphs that were answered before."""

    before: EvaluateBody | DrawnBody
    after: EvaluateBody | DrawnBody
    format: PictureFormat = Field(default="svg", description="How the union of both is told.")
    theme: Theme = "auto"


class PaceBody(Strict):
    """How the run goes from its start; `control` changes it later."""

    paused: bool = Field(default=False, description="Pause before the first step.")
    steps_per_second: Rate = None
    pause_on_nonfinite: bool = Field(default=False, description="Pause when a loss becomes NaN or infinite.")

    def pace(self) -> Pace:
        return Pace(self.paused, self.steps_per_second, self.pause_on_nonfinite)


class RunBody(EvaluateBody):
    """A program, how to run it, and how it goes while it is watched."""

    pace: PaceBody = PaceBody()

    def run_request(self) -> RunRequest:
        return replace(super().run_request(), pace=self.pace.pace())


class ControlBody(Strict):
    """One order to a run."""

    do: CommandKind = Field(
        description="`pause`, `resume`, `step` (one step, then pause), `speed`, `nonfinite` (whether to pause), "
        "`watch` or `unwatch` (an expression, from the next step on)."
    )
    steps_per_second: Rate = None
    pause: bool = Field(True, description="For `nonfinite`: whether a loss that is no number pauses the run.")

    expression: str = Field("", description="For `watch` and `unwatch`.")

    def command(self) -> Command:
        """ProgramRefused where it is to watch what is no expression."""
        if self.do in ("watch", "unwatch"):
            check_expression(self.expression)
        return Command(self.do, self.steps_per_second, self.pause, self.expression)


def read_evaluate_body(body: bytes) -> EvaluateBody:
    return read_as(EvaluateBody, body)


def read_as(kind: type[B], body: bytes) -> B:
    """The request in a JSON body; RequestRefused with every reason it is none."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=True, include_input=False)
        raise RequestRefused(list_problems(map(problem_of, details))) from None


def problem_of(detail: ErrorDetails) -> Problem:
    """pydantic's finding in our own, translatable words."""
    field = ".".join(str(part) for part in detail["loc"])[:200] or "body"
    kind, context = detail["type"], detail.get("ctx", {})
    match kind:
        case "missing":
            sentence = Text("The field `{field}` is missing.", {"field": field})
        case "extra_forbidden":
            sentence = Text("There is no field `{field}`.", {"field": field})
        case "json_invalid":
            sentence = Text(
                "The body is not valid JSON: {reason}.", {"reason": str(context.get("error", ""))[:200]}
            )
        case "literal_error":
            values: dict[str, str | int | float] = {
                "field": field,
                "expected": str(context.get("expected", "")),
            }
            sentence = Text("`{field}` must be {expected}.", values)
        case "value_error":
            place = field + str(context.get("error", ""))[:100]
            sentence = Text(
                "`{place}` must be a number of at most 64 bits, or a list of numbers.", {"place": place}
            )
        case "string_type":
            sentence = Text("`{field}` must be a string.", {"field": field})
        case "int_type" | "int_from_float":
            sentence = Text("`{field}` must be a whole number.", {"field": field})
        case "bool_type":
            sentence = Text("`{field}` must be true or false.", {"field": field})
        case "tuple_type":
            sentence = Text("`{field}` must be a list.", {"field": field})
        case "model_type" | "dict_type":
            sentence = Text("`{field}` must be an object.", {"field": field})
        case _:
            sentence = Text("`{field}`: {reason}.", {"field": field, "reason": detail["msg"][:200]})
    return Problem(kind, sentence, None, field)
