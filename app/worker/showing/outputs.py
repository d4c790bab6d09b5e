"""What a run shows while it runs, in order: printed text, warnings, figures, values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from app.vocabulary.frames import Frame
from app.vocabulary.limits import Limits
from app.vocabulary.values import Text
from app.worker.lending.notebook import watching_notebook
from app.worker.lending.textbook import reading_textbook
from app.worker.recording.identity import IdentityTable
from app.worker.recording.places import Places
from app.worker.recording.recorder import Recorder
from app.worker.showing.displays import Displays
from app.worker.showing.figures import FigureCollector
from app.worker.showing.output import Transcript
from app.worker.showing.warned import Warnings

MOST_NOTES = 20


class Outputs:
    """The four, and what there is to say of them."""

    def __init__(
        self,
        places: Places,
        identities: IdentityTable,
        recorder: Recorder,
        limits: Limits,
        send: Callable[[Frame], None],
        live: bool,
    ) -> None:
        """Text and figures are sent as they come, and where somebody may be looking all the rest, too."""
        tell = send if live else lambda frame: None
        self.transcript = Transcript(limits.output_bytes, send)
        self.figures = FigureCollector(limits, self.transcript.place, send)
        self.displays = Displays(places, identities, recorder, limits, self.transcript, self.figures, tell)
        self.warnings = Warnings(limits, places.span, lambda: self.transcript.cell, tell)
        self.notes: list[Text] = []
        self._limits = limits

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Meanwhile all that the program shows comes here; what it prints, while the transcript is captured, and what
        it is warned of, while the warnings are watched."""
        displays = self.displays
        with ExitStack() as stack:
            stack.enter_context(self.figures.watching())
            stack.enter_context(watching_notebook(displays.display, displays.clear_output, self.note))
            stack.enter_context(reading_textbook())
            yield

    def dropped(self) -> Iterator[tuple[str, int, int]]:
        """What a limit cut: its name, how much was allowed, how much is missing."""
        limits = self._limits
        yield "figures", limits.figures, self.figures.dropped
        yield "displays", limits.displays, self.displays.dropped
        yield "warnings", limits.warnings, self.warnings.dropped

    def note(self, said: Text) -> None:
        if said not in self.notes and len(self.notes) < MOST_NOTES:
            self.notes.append(said)
