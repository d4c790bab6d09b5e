"""All that is around a program, set up before there is one: what watches and hears it, and where its files lie.

A server sets it up once, as most programs find it; a child only has to read its own program. Where a process prints,
and which random numbers come to it, is left to the child, once it is sealed. When the program is over nothing hears any
more. What stands in for functions of Python's and torch's may stay where a process ends with its run: to put each back
copies pages, and costs as much as telling a small trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext

from app.vocabulary.frames import Frame
from app.vocabulary.limits import Limits
from app.vocabulary.trace import RunRequest
from app.worker.beginning import seed_everything
from app.worker.lending.alone import loading_alone
from app.worker.lending.folder import Folder
from app.worker.lending.labels import telling_profilers_alone
from app.worker.lending.summaries import Summaries
from app.worker.lending.uncompiled import leaving_uncompiled
from app.worker.lending.ways import Ways
from app.worker.recording.identity import IdentityTable
from app.worker.recording.modules import ModulePaths
from app.worker.recording.places import Places
from app.worker.recording.recorder import Recorder
from app.worker.showing.outputs import Outputs
from app.worker.stand_ins.lend import Lender
from app.worker.statics.static_graphs import StaticGraphs
from app.worker.watchers import Watchers


class Stage:
    """One run's. `live` says that somebody may be looking while it goes on; `stays`, that what stands in is not put
    back when the program is over."""

    def __init__(
        self, limits: Limits, send: Callable[[Frame], None], live: bool = False, stays: bool = False
    ) -> None:
        self.places = Places()
        self.identities = IdentityTable()
        self.modules = ModulePaths()
        self.recorder = Recorder(limits, self.identities, self.modules)
        self.folder = Folder()
        self.lender = Lender(self.recorder, self.folder, self.places)
        self.outputs = Outputs(self.places, self.identities, self.recorder, limits, send, live)
        self.watchers = Watchers(self.places, self.recorder, self.identities, limits, send)
        self.statics = StaticGraphs(self.places, self.recorder, self.modules, limits)
        self._summaries = Summaries(
            self.watchers.training.note_written,
            self.outputs.displays.display,
            self.outputs.note,
            self.recorder,
        )
        self._ways = Ways(self.folder)
        self._limits = limits
        self._live = live
        self._stays = stays
        self._standing_in = ExitStack()
        self._hearing = ExitStack()
        self.is_up = False
        """Whether it hears already what this process does."""
        self._is_taken = False

    def suits(self, request: RunRequest, limits: Limits) -> bool:
        """Whether a run that is asked for like this would have set up the same."""
        return limits == self._limits and (request.pace is not None) == self._live

    def set_up(self) -> None:
        """Let everything watch: torch, matplotlib and Python's warnings now call what hears them, and names of files
        lead to the run's folder."""
        if not self.is_up:
            self.is_up = True
            for each in (self.outputs, self._summaries, self.statics.tracings, self._ways):
                self._standing_in.enter_context(each.watching())
            self._standing_in.enter_context(leaving_uncompiled())
            self._standing_in.enter_context(loading_alone(self.outputs.note))
            self._standing_in.enter_context(telling_profilers_alone())
            for hearing in (self.outputs.warnings, self.watchers):
                self._hearing.enter_context(hearing.watching())

    def take(self) -> None:
        """From now on this process prints as the program's, and its random numbers are the program's own."""
        self.set_up()
        if not self._is_taken:
            self._is_taken = True
            seed_everything(None)
            self._hearing.enter_context(self.outputs.transcript.captured())

    def take_down(self) -> None:
        self._hearing.close()
        self._standing_in.close()

    @contextmanager
    def playing(self, stand_ins: bool) -> Iterator[None]:
        """Meanwhile a program runs on it."""
        with nullcontext() if self._stays else self._standing_in, self._hearing as stack:
            self.take()
            if stand_ins:
                stack.enter_context(self.lender.lending())
            yield
