"""All that follows a run while it goes on, put together: who hears of which loop, value, backward pass and step.

What is called at every step of a training is bound straight to whoever needs it: each call between costs the program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from app.vocabulary.frames import Frame
from app.vocabulary.limits import Limits
from app.vocabulary.values import Text
from app.worker.compiling.instrument import AGAIN, NOTE, OVER, Compiled
from app.worker.graphs.passes import Passes, RawPass
from app.worker.predicting.predictions import Watcher
from app.worker.recording.beat import Beat
from app.worker.recording.functions import OptimiserSteps, silenced, watching_functions
from app.worker.recording.identity import IdentityTable
from app.worker.recording.loops import Loops
from app.worker.recording.moments import Moments
from app.worker.recording.namespace import Found
from app.worker.recording.places import Places
from app.worker.recording.presence import Presence
from app.worker.recording.recorder import Recorder
from app.worker.telling.report import Report
from app.worker.training.gate import Gate
from app.worker.training.losses import LossWatch
from app.worker.training.missed import tell_missed
from app.worker.training.moving import Moving
from app.worker.training.origin import OriginFinder
from app.worker.training.training import TrainingLog
from app.worker.wording import message_of


class Watchers:
    """All of them, made before there is a program; `read` tells them of it."""

    def __init__(
        self,
        places: Places,
        recorder: Recorder,
        identities: IdentityTable,
        limits: Limits,
        send: Callable[[Frame], None],
    ) -> None:
        self.notes: list[Text] = []
        beat = Beat()
        self.moments = Moments(beat)
        self.presence = Presence(recorder, limits, beat)
        self._places = places
        self._recorder = recorder
        self._identities = identities
        self._find: Callable[[], Iterable[Found]] = list
        self._more: Callable[[], None] = lambda: None
        self._loops = loops = Loops(self.presence, self._pass_begins, beat)
        self.passes = Passes(recorder, self.presence, identities, loops, limits, beat)
        self.moving = Moving(self.moments, limits, self.report, send)
        self.moments.listen(self._look)
        self.training = TrainingLog(
            loops, limits, send, places.span, places.text, self.moments, recorder, self._tick, beat
        )
        recorder.join(self.training)
        self.predictions = Watcher(
            recorder,
            self.presence,
            identities,
            self.moments,
            limits,
            send,
            lambda: self.training.steps_done,
        )
        self.presence.learns = self.predictions.learns
        self._trains = False
        self._reads_names = False
        recorder.join(OptimiserSteps(recorder))

    def read(self, compiled: Compiled, find: Callable[[], Iterable[Found]], tick: Callable[[], None]) -> None:
        """Now there is a program. `find` gives the tensors its names lead to just now; `tick` is called whenever what
        is new was sent."""
        self._find, self._more = find, tick
        self._trains = compiled.trains
        self._reads_names = bool(compiled.differences)
        self.passes.read(compiled.loops)
        self.training.roots = compiled.roots
        self.predictions.differences = compiled.differences

    @property
    def ears(self) -> dict[str, Any]:
        """What the program's text was made to call."""
        note = self._note if self._reads_names else self.training.note
        return {OVER: self._loops.over, AGAIN: self._loops.again, NOTE: note}

    def heed_losses(self, gate: Gate) -> None:
        """A loss that is no number shall close the gate."""
        finder = OriginFinder(self._recorder, self._identities, self.passes, self._places)
        self.training.watch = LossWatch(gate, self.presence, finder.find)

    def report(self, limits: Limits) -> Report:
        return Report(self._places, self._recorder, self._identities, self.passes, limits)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Meanwhile hear everything."""
        with ExitStack() as stack:
            stack.enter_context(watching_functions(self._recorder))
            stack.enter_context(self.training.watching())
            stack.enter_context(self.predictions.watching())
            self.passes.on_backward = self._note_backward
            self.passes.after_backward = self._after_backward
            self.passes.on_pass_by = self.training.note_backward
            self.passes.after_pass_by = self.training.after_backward
            stack.enter_context(self.passes.watching())
            yield

    def end(self) -> None:
        """The program is over: its last numbers are sent."""
        self.presence.end()
        self.training.finish()

    @property
    def spent(self) -> float:
        """Seconds the program waited for what is shown while it runs."""
        return self.moving.spent + self.training.spent + self.predictions.spent

    def tell_missed(self, live: bool) -> None:
        """Where a training showed no loss, why; `live` says that somebody waits for it."""
        self.notes.extend(tell_missed(self.training, self._loops, self._trains, live))

    def show_now(self) -> None:
        """The newest points, and whoever looks at moments: a held run shows how it stands."""
        self.moving.hurry()
        self.moments.look()
        self._tick()
        self.predictions.look_now()
        self.training.flush(always=True)

    # ------------------------------------------------------------------------------------------ heard

    def _tick(self) -> None:
        self.moving.tick()
        self._more()

    def _pass_begins(self, line: int) -> None:
        self.presence.tick(line, self._loops.running)
        self.training.pass_begins(line)

    def _note(self, *told: Any) -> None:
        self.training.note(*told)
        self.predictions.note_names()

    def _note_backward(self, roots: Any, loop: int | None) -> None:
        self.training.note_backward(roots, loop)
        self.predictions.note_backward(roots, loop)

    def _after_backward(self, kept: RawPass | None) -> None:
        if kept is not None:
            self.moving.keep(kept)
        self.training.after_backward(self.passes.count - 1)

    def _look(self) -> None:
        """Show what moves; a module's own `named_parameters` may raise whatever it likes."""
        try:
            with silenced(self._recorder):
                self.moving.look(self._find, self.passes.count)
        except Exception as error:  # user code
            self.moving.give_up()
            said = message_of(error)[:1_000]
            self.notes.append(Text("The tensors could not be shown: {message}", {"message": said}))
