"""Watched expressions: followed as series while the program runs, and read once more when it has ended.

They are evaluated in the program's own thread after its steps, where its names may be read in peace: those of the
functions that are running too, the innermost first. Evaluating takes a small share of the time, is not recorded, uses
up no random number and changes no running statistics; what it raises never ends the program.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from time import perf_counter, thread_time
from types import CodeType, FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from app.program import FILENAME
from app.vocabulary.holding import Command
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Watched
from app.vocabulary.training import Followed, Watching
from app.worker.aside import Aside
from app.worker.recording.frames import program_frame
from app.worker.recording.moments import Moment, Moments
from app.worker.recording.readings import reading, single_number
from app.worker.recording.tensors import summarise
from app.worker.training.training import TrainingLog
from app.worker.wording import message_of, plain_text

SHARE = 0.05
"""Of the program's time, which all expressions together may take,"""
FREE = 0.25
"""beyond so many seconds: a short training is followed step by step."""
PAUSE = 0.5
"""Seconds between two frames about the same expression at least."""
LONGEST = 300
"""Characters of what is said of an exception while the program runs."""


class Watch:
    """One expression; compiled as the program's own text, so that time can run out in it."""

    __slots__ = ("code", "expression", "fault", "latest", "said", "said_at", "stands")

    def __init__(self, expression: str) -> None:
        self.expression = expression
        self.code: CodeType | None = None
        self.latest: Any = None
        """The number it gave last."""
        self.stands: Watching | None = None
        self.fault: Watching | None = None
        self.said: Watching | None = None
        """What was sent last of how it stands, and when."""
        self.said_at = 0.0

    def value(self, names: dict[str, Any]) -> Any:
        if self.code is None:
            self.code = compile(self.expression.strip(), FILENAME, "eval", dont_inherit=True)
        return eval(self.code, names)

    @property
    def calls(self) -> bool:
        """Whether it may run code of others; what cannot be read calls nothing."""
        try:
            return any(isinstance(node, ast.Call) for node in ast.walk(ast.parse(self.expression.strip())))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False

    def stand(self, followed: Followed, step: int, said: str = "") -> None:
        before, self.stands = (
            self.stands,
            Watching(self.expression, followed, step, plain_text(said)[:LONGEST]),
        )
        if followed == "error" and before is not None and before.followed != "error" and self.fault is None:
            self.fault = self.stands

    def news(self, now: float) -> Watching | None:
        """How it stands, where that is another than was told, and that was not just now."""
        stands, said = self.stands, self.said
        known = said is not None and stands is not None and said.followed == stands.followed
        if stands is None or (known and said is not None and said.said == stands.said):
            return None
        if said is not None and now < self.said_at + PAUSE:
            return None
        self.said, self.said_at = stands, now
        return stands


class Watches:
    """All watched expressions of a run. `names` are the program's own; `trains` says whether its text looks like a
    training: passes of its other loops are no steps then."""

    def __init__(
        self,
        expressions: tuple[str, ...],
        names: dict[str, Any],
        aside: Aside,
        moments: Moments,
        training: TrainingLog,
        trains: bool,
        limits: Limits,
        send: Callable[[Watching], None],
    ) -> None:
        self._names = names
        self._aside = aside
        self._moments = moments
        self._trains = trains
        self._training = training
        self._limits = limits
        self._send = send
        self._watches: tuple[Watch, ...] = ()
        self._calls = False
        self._step = 0
        """Of the moment that comes next."""
        self._looked = -1
        """The step they were evaluated at last."""
        self._begun: float | None = None
        self._spent = 0.0
        self._inside = False
        """Whether one of them is being evaluated: what it does is no step."""
        self._set(tuple(Watch(each) for each in expressions))

    # ------------------------------------------------------------------------------------------ told

    def add(self, expression: str) -> None:
        """From the next step on; from any thread."""
        known = any(each.expression == expression for each in self._watches)
        if not known and len(self._watches) < self._limits.watched:
            self._set((*self._watches, Watch(expression)))

    def remove(self, expression: str) -> None:
        self._set(tuple(each for each in self._watches if each.expression != expression))

    def before(self, rest: Callable[[Command], None]) -> Callable[[Command], None]:
        """Who obeys all commands: here what is about watched expressions, and the rest as before."""

        def obey(command: Command) -> None:
            match command.do:
                case "watch":
                    self.add(command.expression)
                case "unwatch":
                    self.remove(command.expression)
                case _:
                    rest(command)

        return obey

    def _set(self, watches: tuple[Watch, ...]) -> None:
        self._watches = watches
        self._calls = any(each.calls for each in watches)
        self._moments.follow = self._follow if watches else None

    # ------------------------------------------------------------------------------------------ followed

    def _follow(self, moment: Moment) -> None:
        """Called at every moment. The first pass of a loop comes after no step."""
        if self._inside or moment == "between" or (moment == "pass" and self._trains):
            return
        began = perf_counter()
        if self._begun is None:
            self._begun = began
            self._step = self._training.step_number
            self._training.begin()
            if moment == "pass":
                return
        step, self._step = self._step, self._step + 1
        if self._spent <= FREE + SHARE * (began - self._begun):
            self._look(step)

    def look_now(self) -> None:
        """The program is about to be held: what is shown shall not be older than the rest."""
        if self._watches and self._looked < self._step - 1:
            self._look(self._step - 1)

    def follow_end(self) -> None:
        """The last pass of a loop has no next one before which it could be followed; an optimiser's step has."""
        if self._watches and self._begun is not None:
            self._look(self._step, at_end=True)

    def _look(self, step: int, at_end: bool = False) -> None:
        began = thread_time()
        names = visible_names(self._names, sys._getframe(1))
        self._inside, self._looked = True, step
        try:
            with self._aside.taken(self._calls):
                for watch in self._watches:
                    self._look_at(watch, names, step, at_end)
        finally:
            self._inside = False
            self._spent += thread_time() - began

    def _look_at(self, watch: Watch, names: dict[str, Any], step: int, at_end: bool) -> None:
        try:
            value = watch.value(names)
            followed, number = number_in(value)
        except (Exception, SystemExit) as error:  # user code
            if not at_end:  # functions have returned, and their names are gone
                watch.stand("error", step, told(error))
            return
        if number is None:
            watch.stand(followed, step, type(value).__name__)
            return
        watch.latest = number
        name = watch.expression if followed == "number" else f"‖{watch.expression}‖"
        self._training.note_watched(name, number, step)
        watch.stand(followed, step)

    def tick(self) -> None:
        """Called by a clock, in its own thread: send what is new of how they stand."""
        now = perf_counter()
        for watch in self._watches:
            news = watch.news(now)
            if news is not None:
                self._send(news)

    # ------------------------------------------------------------------------------------------ read at the end

    def read(self) -> Iterator[Watched]:
        """Each expression's value now that the program has ended.

        What it read in a function that has returned is gone: then the number it gave last stands for it.
        """
        for watch in self._watches:
            try:
                yield self._tell(watch, watch.value(self._names))
            except (Exception, SystemExit) as error:  # user code
                if isinstance(error, NameError) and watch.stands and watch.stands.followed == "number":
                    yield self._tell(watch, float(watch.latest))
                else:
                    yield Watched(watch.expression, None, None, told(error), watch.stands, watch.fault)

    def _tell(self, watch: Watch, value: Any) -> Watched:
        text = plain_text(repr(value))[: self._limits.text_chars]
        summary = summarise(value, self._limits.tensor_values) if isinstance(value, Tensor) else None
        return Watched(watch.expression, text, summary, None, watch.stands, watch.fault)


def number_in(value: Any) -> tuple[Followed, Any]:
    """The number a value is, or the norm of the numbers it is made of; on a GPU a tensor, read later."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        value = torch.as_tensor(value)
    if isinstance(value, Tensor):
        if value.numel() == 1 and not value.is_complex():
            return "number", reading(value)
        if value.layout is torch.strided and not value.is_quantized:
            held = value.detach()
            exact = held if held.is_floating_point() or held.is_complex() else held.double()
            return "norm", reading(torch.linalg.vector_norm(exact))
        return "other", None
    number = float(value) if isinstance(value, bool | np.bool_) else single_number(value)
    return ("other", None) if number is None else ("number", number)


def told(error: BaseException) -> str:
    return f"{type(error).__name__}: {message_of(error)}"


def visible_names(names: dict[str, Any], start: FrameType | None) -> dict[str, Any]:
    """The program's names below those of its functions that are running: a dict of our own, so that nothing an
    expression assigns becomes the program's."""
    frame = program_frame(start)
    around: list[dict[str, Any]] = []
    while frame is not None:
        if frame.f_code.co_filename == FILENAME and frame.f_locals is not names:
            around.append(frame.f_locals)
        frame = frame.f_back
    seen = dict(names)
    for inner in reversed(around):
        seen.update(inner)
    return seen
