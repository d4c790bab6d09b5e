"""Our own failures. A user's failing program is never one of these: it is an `Outcome` inside the trace.

PlaygroundError
├─ ProgramRefused      422   the program or its inputs cannot be run as sent; every problem at once
├─ RunNotFound         404   no run of this name, or it ended so long ago that nothing of it is kept
├─ SandboxBusy         503   no free slot in time; try again after `retry_after` seconds
├─ WorkerLost          503   the child or its server was ended from outside; the same request may be sent again
├─ WorkerFailed        500   the child failed by our own fault; the same request will fail again
├─ WireError           500   the child sent what we do not accept; the run is discarded and logged
└─ DrawingFailed       500   Graphviz missed its deadline or refused the graph
"""

from __future__ import annotations

from app.vocabulary.editing import Advice, Repaired
from app.vocabulary.values import Problem


class PlaygroundError(Exception):
    """Root of what can go wrong on our side."""


class ProgramRefused(PlaygroundError):
    def __init__(
        self, problems: tuple[Problem, ...], repaired: Repaired | None = None, advice: tuple[Advice, ...] = ()
    ) -> None:
        super().__init__("; ".join(problem.sentence.template for problem in problems))
        self.problems = problems
        self.repaired = repaired
        """What the problems' places refer to, where the text was repaired before it was refused."""
        self.advice = advice


class RunNotFound(PlaygroundError):
    """Carries nothing: whoever asks knows the name."""


class SandboxBusy(PlaygroundError):
    def __init__(self, retry_after: float) -> None:
        super().__init__(f"no free slot; retry after {retry_after:g} s")
        self.retry_after = retry_after


class WorkerLost(PlaygroundError):
    """Carries how the child ended, for the log."""


class WorkerFailed(PlaygroundError):
    """Our code in the child raised; its traceback is in the log."""


class WireError(PlaygroundError):
    """Carries what was wrong with the frame, for the log."""


class DrawingFailed(PlaygroundError):
    """Carries why there is no classic picture."""
