"""Every backward pass of the run: what it started from, its graph and its gradients.

torch's two public entrances, `autograd.backward` and `autograd.grad`, are wrapped in this one-shot process. The first
passes are kept whole; later ones now and then, as far as it costs little; the latest kept one is always at hand.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType
from typing import Any, Literal

import torch
from torch import Tensor

from app.vocabulary.limits import Limits
from app.vocabulary.values import TensorId
from app.worker.graphs.autograd import GraphWalk, RawGraph, root_edges
from app.worker.graphs.budget import GraphBudget
from app.worker.recording.anchors import sequence_number, transforms_active
from app.worker.recording.beat import Beat
from app.worker.recording.frames import loop_around, names_in_frames, program_frame
from app.worker.recording.identity import IdentityTable
from app.worker.recording.loops import Loops
from app.worker.recording.presence import PATIENCE, Presence
from app.worker.recording.recorder import Recorder, tensors_in

Call = Literal["backward", "grad", "auto"]
NOTHING_TAKEN = None, None
FREE_SECONDS = 0.02
"""So long may taking passes last before it is weighed against how long the program runs."""


@dataclass(slots=True)
class RawPass:
    call: Literal["backward", "grad", "auto", "none"]
    graph: RawGraph
    roots: list[TensorId]
    seed: Literal["one", "ones", "given"]
    code: CodeType | None
    instruction: int
    retain_graph: bool
    create_graph: bool
    occurrence: int
    names: dict[TensorId, str]
    """What the program called its tensors when the pass ran."""
    at: int = 0
    """How many calls had been recorded."""
    asked: bool = False
    """Whether the gradients of certain tensors alone were asked for."""
    failed: bool = False


class Passes:
    """Counts all backward passes, keeps some of them."""

    def __init__(
        self,
        recorder: Recorder,
        presence: Presence,
        identities: IdentityTable,
        loops: Loops,
        limits: Limits,
        beat: Beat,
    ) -> None:
        self._of_transforms = 0
        """Passes that ran inside a transform of torch.func: not the program's own."""
        self.first: list[RawPass] = []
        self.latest: RawPass | None = None
        self.refused: list[TensorId] = []
        """Roots of the last pass that autograd refused: nothing they were computed from requires grad."""
        self._refusals = 0
        self._recorder = recorder
        self._presence = presence
        self._identities = identities
        self._loops = loops
        self._loop_lines: tuple[range, ...] = ()
        self._beat = beat
        self._budget = GraphBudget(limits)
        self._limits = limits
        self.before_pass: Callable[[Tensor], None] = lambda root: None
        """Told the root of each pass that is kept."""
        self.on_backward: Callable[[Any, int | None], None] = lambda roots, loop: None
        """Told the roots of each pass the program runs, and the loop it runs in."""
        self.after_backward: Callable[[RawPass | None], None] = lambda kept: None
        """Told of each that the program ran, and what is kept of it."""
        self.on_pass_by: Callable[[Any, int | None], None] = lambda roots, loop: None
        """The same of passes of which nothing is recorded;"""
        self.after_pass_by: Callable[[int], None] = lambda before: None
        """and afterwards, when the beat says it is time, how many were before."""
        self._began = time.perf_counter()
        self._spent = 0.0

    def read(self, loop_lines: tuple[range, ...]) -> None:
        """Now there is a program, and its time begins."""
        self._loop_lines = loop_lines
        self._began = time.perf_counter()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Meanwhile see every backward pass in this process."""
        originals = torch.autograd.backward, torch.autograd.grad
        torch.autograd.backward = self._wrap(torch.autograd.backward, "backward")
        torch.autograd.grad = self._wrap(torch.autograd.grad, "grad")
        try:
            yield
        finally:
            torch.autograd.backward, torch.autograd.grad = originals

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """Meanwhile backward passes are not the program's."""
        inside, self._beat.inside = self._beat.inside, True
        try:
            yield
        finally:
            self._beat.inside = inside

    @property
    def count(self) -> int:
        return self._beat.passes

    @property
    def seconds(self) -> float:
        return self._beat.all_seconds

    @property
    def own(self) -> int:
        """Passes the program ran itself."""
        return self.count - self._of_transforms

    @property
    def untold(self) -> int:
        """Passes that ran, and of which no graph is kept."""
        return max(0, self.count - self._refusals - len(self.kept()))

    @property
    def values_dropped(self) -> int:
        """Values of nodes and edges that found no room."""
        return self._budget.values_dropped

    def kept(self) -> list[RawPass]:
        return [*self.first, self.latest] if self.latest is not None else self.first

    def _wrap(self, original: Callable[..., Any], call: Literal["backward", "grad"]) -> Callable[..., Any]:
        beat = self._beat

        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            count = beat.passes
            if count < beat.timed and beat.light and args and beat.noted() is args[0] and not beat.inside:
                beat.inside = True
                try:
                    return original(*args, **kwargs)
                finally:
                    beat.inside, beat.passes = False, count + 1
            if self._heeds(args, kwargs):
                return self._hear(original, call, args, kwargs)
            return self._pass_by(original, args, kwargs)

        return wrapper

    def _heeds(self, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
        """Whether there is more to do about a pass than to count it; if not, its root is told of."""
        if self._beat.inside or self._recorder.recording or self._keeps_all or transforms_active():
            return True
        loop = self._find_loop()
        self.on_pass_by(_roots(args, kwargs), loop)
        self._beat.light = loop is not None
        return False

    def _pass_by(self, original: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Run a pass of which nothing is recorded, and time it."""
        beat, clock = self._beat, time.perf_counter
        beat.inside = True
        began = clock()
        try:
            return original(*args, **kwargs)
        finally:
            ended = clock()
            beat.inside, before = False, beat.passes
            beat.count_pass(ended - began, ended)
            if ended >= beat.look_due or not before & (before - 1):  # as `Looker.due` has it
                self.after_pass_by(before)

    def _hear(
        self,
        original: Callable[..., Any],
        call: Literal["backward", "grad"],
        args: Sequence[Any],
        kwargs: dict[str, Any],
    ) -> Any:
        if self._beat.inside or not (self._recorder.recording or self._keeps_all):
            return original(*args, **kwargs)  # another pass runs, or a transform of torch.func
        roots = _roots(args, kwargs)
        return self.run(call, roots, lambda: original(*args, **kwargs), lambda: _facts(call, args, kwargs))

    def run(self, call: Call, roots: Any, backward: Callable[[], Any], facts: Callable[[], _Facts]) -> Any:
        """Run one backward pass; take its graph, with the facts of its call, if this one is to be kept."""
        self._beat.inside = True
        aside = self._recorder.hush()
        inside = transforms_active()
        if call != "auto" and not inside:
            self.on_backward(roots, self._find_loop())
        began = time.perf_counter()
        walk, kept = self._take(facts(), roots) if self._wanted() else NOTHING_TAKEN
        taken = time.perf_counter()
        before = sequence_number()
        result, failed = None, True
        try:
            result = backward()
            failed = False
            return result
        finally:
            ended = time.perf_counter()
            self._beat.count_pass(ended - taken, ended)
            self._beat.timed = 0
            self._of_transforms += inside
            if sequence_number() > before:  # create_graph: these gradients have a graph of their own
                self._recorder.note(f"torch.autograd.{call}", [], tensors_in(result), before)
            if walk is not None and kept is not None:
                kept.failed = failed
                walk.finish()
                now = time.perf_counter()
                self._presence.pass_seconds = now - ended + 2 * (taken - began)
                self._spent += self._presence.pass_seconds
            if call != "auto" and not inside and not failed:
                self.after_backward(kept)
            self._recorder.speak(aside)
            self._beat.inside = False

    def _find_loop(self) -> int | None:
        """The loop this pass runs in, which is the one that trains."""
        running = self._loops.running
        if running:
            self._presence.training_loop = running[-1].line
        elif self._presence.training_loop is None:
            self._presence.training_loop = loop_around(sys._getframe(1), self._loop_lines)
        return self._presence.training_loop

    @property
    def _keeps_all(self) -> bool:
        """Whether this pass is one of the first ones, which are kept."""
        return not self._presence.too_long and len(self.first) < self._limits.backward_passes

    def _wanted(self) -> bool:
        if self._keeps_all:
            return True
        if not self._recorder.recording or self._recorder.full:
            return False
        if self._presence.too_long or self._presence.sampling:
            return self._presence.sampling
        return self._spent < FREE_SECONDS + (time.perf_counter() - self._began) / PATIENCE

    def _take(self, facts: _Facts, roots: Any) -> tuple[GraphWalk, RawPass] | tuple[None, None]:
        tensors: Sequence[Any] = roots if isinstance(roots, tuple | list) else (roots,)
        edges = root_edges(tensors)
        if not edges:
            self.refused = [self._identities.number(root) for root in tensors if isinstance(root, Tensor)]
            self._refusals += 1
            return NOTHING_TAKEN
        self.before_pass(next(root for root in tensors if isinstance(root, Tensor)))
        walk = GraphWalk(edges, self._recorder, self._identities, self._budget, self._limits)
        if self.latest is not None:
            self._budget.take_back()  # this pass takes its place
        if self.first and not self._budget.has_room_for(len(walk.graph.nodes), len(walk.graph.edges)):
            return NOTHING_TAKEN
        walk.read_values()
        walk.listen()
        frame = program_frame(sys._getframe(1))
        taken = RawPass(
            facts.call,
            walk.graph,
            [self._identities.number(root) for root in tensors if isinstance(root, Tensor)],
            facts.seed,
            frame.f_code if frame else None,
            frame.f_lasti if frame else 0,
            facts.retain_graph,
            facts.create_graph,
            self.count,
            self._names(),
            len(self._recorder.calls),
            facts.asked,
        )
        if len(self.first) < self._limits.backward_passes:
            self.first.append(taken)
        else:
            self.latest = taken
        return walk, taken

    def _names(self) -> dict[TensorId, str]:
        names: dict[TensorId, str] = {}
        for name, value in names_in_frames(sys._getframe(1), Tensor):
            if not name.startswith("_"):
                names.setdefault(self._identities.number(value), name)
        return names

    def look(self, root: Tensor) -> None:
        """Take the graph of a root that never ran backward."""
        self.before_pass(root)
        walk = GraphWalk(root_edges((root,)), self._recorder, self._identities, self._budget, self._limits)
        walk.read_values()
        taken = RawPass(
            "none",
            walk.finish(),
            [self._identities.number(root)],
            "one",
            None,
            0,
            False,
            False,
            self.count,
            {},
            len(self._recorder.calls),
        )
        self.latest = taken


@dataclass(frozen=True, slots=True)
class _Facts:
    call: Call
    seed: Literal["one", "ones", "given"]
    retain_graph: bool = False
    create_graph: bool = False
    asked: bool = False
    """Whether the gradients of certain tensors alone were asked for."""


def run_auto(passes: Passes, root: Tensor) -> None:
    """Backward for a program that ran none itself: from `root`, seeded with ones where it is no scalar."""
    scalar = root.numel() == 1 and not root.is_complex()
    seed = None if scalar else torch.ones_like(root)
    facts = _Facts("auto", "one" if scalar else "ones")
    passes.run("auto", root, lambda: torch.autograd.backward(root, seed), lambda: facts)


def _roots(args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    return args[0] if args else kwargs.get("outputs", kwargs.get("tensors"))


def _facts(call: Literal["backward", "grad"], args: Sequence[Any], kwargs: dict[str, Any]) -> _Facts:
    at = 2 if call == "grad" else 1
    given = _argument(at, ("grad_tensors", "grad_outputs", "grad_variables"), args, kwargs)
    return _Facts(
        call,
        "one" if given is None else "given",
        bool(_argument(at + 1, ("retain_graph",), args, kwargs)),
        bool(_argument(at + 2, ("create_graph",), args, kwargs)),
        call == "grad" or _argument(5, ("inputs",), args, kwargs) is not None,
    )


def _argument(position: int, names: Sequence[str], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """An argument given by position (0 are the roots) or by one of its names."""
    if position < len(args):
        return args[position]
    return next((kwargs[name] for name in names if kwargs.get(name) is not None), None)
