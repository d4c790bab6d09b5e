"""A small program of our own: the server learns from it which pages a run needs, and makes the code it runs quick."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from app.vocabulary.frames import Frame
from app.vocabulary.limits import Limits
from app.vocabulary.trace import InputSpec, RunRequest
from app.wire import HEADER, Task, Telling, decode_task, encode_frame, encode_task
from app.worker.compiling.instrument import Compiled, compile_program
from app.worker.execute import Run, execute
from app.worker.stage import Stage

REHEARSAL = "y = x * w + b"
REQUEST = RunRequest(dict.fromkeys("xwb", InputSpec(1.0, requires_grad=True)))


def rehearse() -> None:
    """Where the kernel copies no pages in one call (see `hot_pages`): each child runs the program while it waits.

    Only as far as a waiting child may grow: compiling, and what follows the program, are left for the real run.
    """
    Run(REHEARSAL, compiled_rehearsal(), REQUEST, Limits(), lambda frame: None).program()


def write_off(frame: Frame | Telling) -> None:
    encode_frame(frame)


def rehearse_whole(
    limits: Limits | None = None,
    send: Callable[[Frame | Telling], None] = write_off,
    stage: Stage | None = None,
) -> None:
    """The whole of it: what a child does from its task to its last frame."""
    task = encode_task(Task(REHEARSAL, REQUEST, limits or Limits()))
    execute(decode_task(task[HEADER.size :]), send, stage=stage)


@cache
def compiled_rehearsal() -> Compiled:
    """Compiled once, by the server: the compiler's own half megabyte is not worth holding in each waiting child."""
    return compile_program(REHEARSAL)
