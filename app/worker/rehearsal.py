"""A small program of our own: the server learns from it which pages a run needs, and makes the code it runs quick."""

from __future__ import annotations

from functools import cache

from app.vocabulary.limits import Limits
from app.vocabulary.trace import InputSpec, RunRequest
from app.wire import HEADER, Task, decode_task, encode_frame, encode_task
from app.worker.beginning import seed_everything
from app.worker.execute import Run
from app.worker.instrument import Compiled, compile_program

REHEARSAL = "y = w * w + w"
REHEARSED = encode_task(Task(REHEARSAL, RunRequest({"w": InputSpec(1.0, requires_grad=True)}), Limits()))[
    HEADER.size :
]


def rehearse() -> None:
    """Where the kernel copies no pages in one call (see `hot_pages`): each child runs the program while it waits.

    Only as far as a waiting child may grow: compiling, and what follows the program, are left for the real run.
    """
    inputs = {"w": InputSpec(1.0, requires_grad=True)}
    Run(REHEARSAL, compiled_rehearsal(), RunRequest(inputs), Limits(), lambda frame: None).program()


def rehearse_whole() -> None:
    """The whole of it, as `execute` does it."""
    task = decode_task(REHEARSED)
    seed_everything(None)
    run = Run(task.source, compile_program(task.source), task.request, task.limits, lambda frame: None)
    encode_frame(run.trace(run.program()))


@cache
def compiled_rehearsal() -> Compiled:
    """Compiled once, by the server: the compiler's own half megabyte is not worth holding in each waiting child."""
    return compile_program(REHEARSAL)
