"""Small programs of our own: the server learns from them which pages a run needs, and makes the code it runs quick."""

from __future__ import annotations

from functools import cache

from app.vocabulary.frames import Frame
from app.vocabulary.limits import Limits
from app.vocabulary.trace import InputSpec, RunRequest
from app.wire import HEADER, Task, Telling, decode_task, encode_frame, encode_task
from app.worker.compiling.instrument import Compiled, compile_program
from app.worker.execute import Run, execute

REHEARSAL = "y = x * w + b"
TRAINING = """
x = torch.linspace(-1, 1, 8).unsqueeze(1)
w = torch.zeros(1, requires_grad=True)
for step in range(10_000):
    loss = ((w * x - 1) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        w.grad.zero_()
    if step == 20:
        break
net = nn.Sequential(nn.Linear(1, 4), nn.ReLU(), nn.Linear(4, 1))
optimizer = torch.optim.Adam(net.parameters())
for step in range(10_000):
    loss = nn.functional.mse_loss(net(x), x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step == 20:
        break
"""
"""By hand and with an optimiser, in loops that find no room: they are left after their first passes."""
REQUEST = RunRequest(dict.fromkeys("xwb", InputSpec(1.0, requires_grad=True)))


def rehearse() -> None:
    """Where the kernel copies no pages in one call (see `hot_pages`): each child runs the program while it waits.

    Only as far as a waiting child may grow: compiling, and what follows the program, are left for the real run.
    """
    Run(REHEARSAL, compiled_rehearsal(), REQUEST, Limits(), lambda frame: None).program()


def write_off(frame: Frame | Telling) -> None:
    encode_frame(frame)


def rehearse_whole() -> None:
    """The whole of it: what a child does from its task to its last frame."""
    execute(decode_task(small_task(Limits())[HEADER.size :]), write_off)


def small_task(limits: Limits) -> bytes:
    return encode_task(Task(REHEARSAL, REQUEST, limits))


def training_task(limits: Limits) -> bytes:
    return encode_task(Task(TRAINING, RunRequest(), limits))


@cache
def compiled_rehearsal() -> Compiled:
    """Compiled once, by the server: the compiler's own half megabyte is not worth holding in each waiting child."""
    return compile_program(REHEARSAL)
