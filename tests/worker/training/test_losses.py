"""Points of a loss that are read late, as those of a GPU are, pause the run too: at its next moment."""

from __future__ import annotations

from app.vocabulary.holding import Command, Held, Origin, Pace
from app.vocabulary.limits import Limits
from app.vocabulary.training import Points, Series
from app.vocabulary.values import Real
from app.worker.limit import WallClock
from app.worker.recording.beat import Beat
from app.worker.recording.identity import IdentityTable
from app.worker.recording.modules import ModulePaths
from app.worker.recording.moments import Moments
from app.worker.recording.presence import Presence
from app.worker.recording.recorder import Recorder
from app.worker.training.gate import Gate
from app.worker.training.losses import LossWatch
from tests.worker.training.test_gate import Play

LOSS = Series(0, "loss", "loss", None)


class Late:
    """A watch that only ever hears of points when they are sent."""

    def __init__(self) -> None:
        self.told: list[Held] = []
        beat = Beat()
        self.moments = Moments(beat)
        pace = Pace(pause_on_nonfinite=True)
        self.gate = Gate(
            pace, True, self.moments, WallClock(1.0), 1.0, self.told.append, lambda *_: None, lambda: None
        )
        recorder = Recorder(Limits(), IdentityTable(), ModulePaths())
        self._watch = LossWatch(self.gate, Presence(recorder, Limits(), beat), lambda loss: Origin("unseen"))
        self._step = 0

    def hear(self, *values: Real) -> bool:
        """Whether the program is to be held after these points."""
        self.moments.hold = None
        steps = tuple(range(self._step, self._step + len(values)))
        self._step += len(values)
        self._watch.heed_late(LOSS, Points(0, steps, values))
        return self.moments.hold is not None


def test_first_bad_point_pauses_once() -> None:
    late = Late()
    assert not late.hear(3.0, 2.0)
    assert late.hear(1.0, "NaN", "Infinity")
    late.gate.obey(Command("resume"))
    found = late.told[-1].nonfinite
    assert found is not None
    assert (found.step, found.value, found.origin) == (3, "NaN", Origin("unseen"))
    assert not late.hear("NaN", "NaN")
    assert not late.hear(1.0)
    assert late.hear("-Infinity")


def test_nothing_pauses_when_told_not_to() -> None:
    late = Late()
    late.gate.obey(Command("nonfinite", pause=False))
    assert not late.hear(1.0, "NaN")


def test_number_beyond_all_floats_harms_no_program() -> None:
    source = "for i in range(3):\n    loss = 10 ** (400 * i)\nprint('done')"
    play = Play(source, Pace(pause_on_nonfinite=True), [Command("resume")]).run()
    assert play.trace.outcome.kind == "completed"
    assert [held.state for held in play.held] == ["paused", "running"]
