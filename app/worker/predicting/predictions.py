"""Predictions that move while it trains: found in what the losses compare, looked at between two steps.

Finding costs something only while calls are recorded. Looks are asked for by a thread of ours, a few times a second
and so seldom that they take less than a hundredth of the time; they are taken in the program's own thread.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter, thread_time
from typing import Any

from torch import Tensor

from app.vocabulary.limits import Limits
from app.vocabulary.predictions import Predictions
from app.vocabulary.values import Text
from app.worker.compiling.differences import Difference
from app.worker.predicting.comparisons import DIFFERENCES, LOSSES, Comparison, Comparisons, Heard, Origin
from app.worker.predicting.findings import Batch, Finding, read_batch
from app.worker.predicting.named import read_difference
from app.worker.recording.frames import name_in_frames, names_in_frames, program_frame
from app.worker.recording.identity import IdentityTable
from app.worker.recording.moments import Moments
from app.worker.recording.presence import Presence
from app.worker.recording.recorder import Recorder
from app.worker.shadow import CannotAsk
from app.worker.threads import start_thread
from app.worker.training.patience import Patience

PAUSE = 0.05
"""Seconds between two looks at least."""
PAUSE_UNSEEN = 2.0
"""The same where nobody watches: only the first and the latest look are told."""
PATIENCE = 600
"""Looks, and what finding takes, come again only after this many times as long as they took."""
CREDIT = 0.02
"""Seconds of looks that come as soon as they can: a training that lasts a second is seen to move, too."""
FORGOTTEN = 20
"""A model that was in none of so many passes gives its place to another of its name."""
FREE_PASSES = 64
"""So many passes are heard before it is weighed what that costs."""
MOST_NAME = 80
DEAR = 0.5
"""Seconds; a model that takes longer to look at is not looked at once more when the program has ended."""


class Watcher:
    """All predictions of one run. `step` says how many training steps are done."""

    def __init__(
        self,
        recorder: Recorder,
        presence: Presence,
        identities: IdentityTable,
        moments: Moments,
        limits: Limits,
        send: Callable[[Predictions], None],
        step: Callable[[], int],
    ) -> None:
        self.notes: list[Text] = []
        self.differences: tuple[Difference, ...] = ()
        """Where the program's loops compare a prediction with a target."""
        self._recorder = recorder
        self._presence = presence
        self._identities = identities
        self._comparisons = Comparisons(recorder, identities)
        self._moments = moments
        self._limits = limits
        self._send = send
        self._step = step
        self._found: list[Finding] = []
        self._fresh = False
        """Whether the newest pass showed rows that were not known."""
        self._passes = 0
        self._next = 0.0
        self._cost = 0.0
        self._finding = 0.0
        watched = limits.looks_per_second > 0
        self._pause = PAUSE if watched else PAUSE_UNSEEN
        self._patience = Patience(PATIENCE, self._pause, CREDIT if watched else 0.0)
        self._watched = watched
        self._due = False
        self._waiting: dict[tuple[int, bool], Predictions] = {}
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Meanwhile hear what is compared, and look at what is found."""
        self._recorder.hear(
            LOSSES.keys() | DIFFERENCES, self._comparisons.hear_call, self._comparisons.hear_module
        )
        self._moments.listen(self._look_between)
        try:
            yield
        finally:
            self._ended.set()
            if self._thread is not None:
                self._thread.join()
                self._flush()

    @property
    def spent(self) -> float:
        """Seconds it took to find what is compared and to look at it, while the program ran."""
        return self._finding + self._patience.spent

    def learns(self) -> bool:
        """Whether the newest pass brought rows that were not known."""
        return self._fresh

    def told(self) -> tuple[Predictions, ...]:
        """The first and the latest look at each model."""
        looks = (look for finding in self._found for look in (finding.first, finding.latest))
        return tuple(look for look in looks if look is not None)

    # ------------------------------------------------------------------------------------------------ finding

    def note_backward(self, roots: Any, loop: int | None) -> None:
        """Called before each backward pass; most pass by at the cost of one comparison."""
        if not self._recorder.recording:
            return
        began = thread_time()
        self._fresh = False
        if loop is not None and (
            self._passes < FREE_PASSES or self._presence.sampling or began >= self._next
        ):
            for root in roots if isinstance(roots, tuple | list) else (roots,):
                if isinstance(root, Tensor):
                    for comparison in self._comparisons.under(root):
                        self._hear(comparison)
            self._weigh(began)
        self._comparisons.forget()

    def _hear(self, comparison: Heard) -> None:
        origin = self._comparisons.origin(comparison)
        place = comparison.call.code, comparison.call.instruction
        self._take(origin.module or place, comparison, origin)

    def note_names(self) -> None:
        """Called where a telling name is assigned; for programs that never run backward."""
        named = [each for each in self._found if isinstance(each.owner, Difference)]
        frame = program_frame(sys._getframe(1))
        if frame is None or len(named) < len(self._found):
            return
        began = thread_time()
        if self._passes < FREE_PASSES or began >= self._next:
            self._read_names(frame.f_locals, self.differences)
            self._weigh(began)

    def _read_names(self, names: Mapping[str, Any], differences: Iterable[Difference]) -> None:
        for difference in differences:
            read = read_difference(difference, names)
            if read is not None:
                self._take(difference, *read)
                return

    def _weigh(self, began: float) -> None:
        self._passes += 1
        ended = thread_time()
        self._finding += ended - began
        self._next = ended + PATIENCE * (ended - began)

    def _take(self, owner: Any, comparison: Comparison, origin: Origin) -> None:
        finding = next((each for each in self._found if each.owner == owner), None)
        if finding is None or not finding.enough:
            batch = read_batch(comparison, origin.inputs)
            if batch is None:
                return
            finding = finding or self._meet(owner, comparison, origin, batch)
            if finding is None:
                return
            self._fresh |= finding.take(batch)
        finding.seen = self._passes
        if finding.first is None and (self._watched or not finding.remembers):
            self._look_at(finding)

    def _meet(self, owner: Any, comparison: Comparison, origin: Origin, batch: Batch) -> Finding | None:
        """A new finding; None where there is no place for one."""
        name, axes, given = self._names(owner, comparison, origin, batch)
        place = self._place_for(name)
        if place is None:
            return None
        with self._recorder.silence():
            finding = Finding(place, name, axes, given, owner, comparison, origin, batch)
        self._found[place : place + 1] = [finding]
        if self._thread is None:
            self._thread = start_thread("predictions", self._ask_regularly)
        return finding

    def _place_for(self, name: str) -> int | None:
        """A model of the same name may follow one that is no longer trained; its curves are another's then, too."""
        for place, old in enumerate(self._found):
            if old.name == name:
                return place if self._passes - old.seen > FORGOTTEN else None
        return len(self._found) if len(self._found) < self._limits.models else None

    def _names(
        self, owner: Any, comparison: Comparison, origin: Origin, batch: Batch
    ) -> tuple[str, tuple[str, ...], str]:
        """The program's names of the model, of what is drawn (inputs and target), and of the inputs."""
        names = {id(value): name for name, value in names_in_frames(sys._getframe(1), Tensor)}
        given, target = origin.name or names.get(id(origin.inputs), "x"), names.get(id(comparison.given), "y")
        name = ""
        if origin.module is not None:
            name = name_in_frames(origin.module) or type(origin.module).__name__
        elif isinstance(comparison, Heard):
            name = names.get(id(self._identities.thing(comparison.source.tensor)), "")
        elif isinstance(owner, Difference):
            name, target = owner.prediction, owner.target
        inputs = {1: (given,), 2: (f"{given}[:, 0]", f"{given}[:, 1]")}.get(batch.inputs.shape[1], ())
        return name[:MOST_NAME], tuple(each[:MOST_NAME] for each in (*inputs, target)), given

    # ------------------------------------------------------------------------------------------------ looking

    def look_at_end(self, names: Mapping[str, Any]) -> None:
        """Once more when the program has ended and left these names, if that is cheap."""
        if self._cost < DEAR:
            self._look_at_all(names)

    def look_now(self) -> None:
        """Look, and tell at once: the program is about to be held."""
        self._due = True
        self._look_between()
        self._flush()

    def _look_between(self) -> None:
        if self._due:
            self._due = False
            began = thread_time()
            frame = program_frame(sys._getframe(1))
            self._look_at_all(frame.f_locals if frame else {})
            self._cost = thread_time() - began
            self._patience.begin(self._cost)

    def _look_at_all(self, names: Mapping[str, Any]) -> None:
        for finding in self._found:
            if isinstance(finding.owner, Difference):
                self._read_names(names, [finding.owner])
            elif finding.own:
                finding.take_named(names)
            self._look_at(finding)

    def _look_at(self, finding: Finding) -> None:
        with self._recorder.silence():
            try:
                looks = finding.look(self._step())
            except CannotAsk as reason:
                self.notes.append(
                    Text(
                        "`{name}` could not be asked for predictions ({reason}); those the program made are shown.",
                        {"name": finding.name, "reason": str(reason)},
                    )
                )
                finding.disown()
                looks = finding.look(self._step())
        for look in looks:
            self._waiting[look.index, look.first] = look

    def _ask_regularly(self) -> None:
        while not self._ended.wait(self._rest()):
            self._flush()
            if self._patience.over:
                self._due = True
                self._moments.want()

    def _rest(self) -> float:
        """Seconds until there may be something to do: what was asked for is sent soon after it was seen."""
        if self._due or self._waiting:
            return self._pause
        return max(self._pause, self._patience.next_time - perf_counter())

    def _flush(self) -> None:
        """Send what is new; the first looks before the latest."""
        for key in sorted(self._waiting, reverse=True):
            look = self._waiting.pop(key, None)  # the program's thread may tell it, too
            if look is not None:
                self._send(look)
