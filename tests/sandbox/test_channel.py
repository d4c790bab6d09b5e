"""A child may write anything to its channel: the answer is a trace of the vocabulary, or one refusal."""

from __future__ import annotations

import json
import zlib

import pytest

from app.vocabulary.errors import WireError, WorkerFailed
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed, Crashed, Output, RunRequest, Stopped, Trace
from app.wire import HEADER, ChildFrame, Failure, Ready, Telling, encode_frame
from tests.sandbox.conftest import BRIEF, RealSandbox, output_of


def sending(data: bytes) -> str:
    return f"import os\nprint('before')\nos.write(3, {data!r})"


def framed(fields: object) -> bytes:
    body = json.dumps(fields).encode()
    return HEADER.pack(len(body)) + body


NONSENSE = {
    "junk": b"junk" * 100,
    "a huge length": b"\xff\xff\xff\xff",
    "a length just too large": HEADER.pack(Limits().frame_bytes + 1),
    "an empty frame": HEADER.pack(0),
    "a frame of junk": HEADER.pack(4) + b"junk",
    "a frame without a tag": framed({}),
    "a pickle": HEADER.pack(5) + b"\x80\x05N.\n",
    "an unknown outcome": framed({"frame": "trace", "outcome": {"kind": "won"}}),
    "deep nesting": HEADER.pack(30_000) + b"[" * 30_000,
    "ready again": encode_frame(Ready()),
}


@pytest.mark.parametrize("case", NONSENSE)
async def test_nonsense_discards_the_run(real: RealSandbox, case: str) -> None:
    with pytest.raises(WireError):
        await real.run(sending(NONSENSE[case]))


async def test_forged_trace_is_all_there_is_to_gain(real: RealSandbox) -> None:
    """It is the program's own answer: it may as well have printed it."""
    forged = Trace(Completed(), device="nowhere", output=(Output("stdout", "forged"),))
    assert await real.run(sending(encode_frame(forged))) == forged


async def test_forged_output_is_told_like_printed_output(real: RealSandbox) -> None:
    frames: list[ChildFrame] = [Output("stderr", "forged"), Trace(Completed())]
    source = sending(b"".join(map(encode_frame, frames)))
    seen = [frame async for frame in real.sandbox.stream(real.parse(source), RunRequest())]
    assert seen[-2:] == frames
    assert sum(isinstance(frame, Trace) for frame in seen) == 1


async def test_what_follows_a_trace_is_never_read(real: RealSandbox) -> None:
    forged = encode_frame(Trace(Completed())) + NONSENSE["junk"]
    assert (await real.run(sending(forged))).outcome == Completed()


async def test_flood_of_frames_is_stopped(real: RealSandbox) -> None:
    """In large frames, which a slow machine, too, reads faster than a reply may grow."""
    body = encode_frame(Output("stdout", "@"))[HEADER.size :]
    source = (
        f"import os\nbody = {body!r}.replace(b'@', b'x' * 100_000)\n"
        "while True: os.write(3, len(body).to_bytes(4) + body)"
    )
    with pytest.raises(WireError, match="bytes in one reply"):
        await real.run(source)


async def test_forged_failure_is_our_failure(real: RealSandbox) -> None:
    with pytest.raises(WorkerFailed):
        await real.run(sending(encode_frame(Failure("a lie"))))


async def test_child_cannot_talk_its_deadline_away(real: RealSandbox) -> None:
    telling = encode_frame(Telling())
    source = f"{DEAF}import os, time\nwhile True:\n    os.write(3, {telling!r})\n    time.sleep(0.2)"
    trace = await real.run(source, BRIEF)  # it would go on for ever
    assert isinstance(trace.outcome, Stopped)


def nested(depth: int, inner: str = "1") -> bytes:
    """A frame that is well-formed but for the nesting of one value."""
    head = (
        '{"frame":"trace","outcome":{},"watched":[{"expression":"","text":null,"error":null,"value":{"data":'
    )
    body = (head + "[" * depth + inner + "]" * depth + "}}]}").encode()
    return HEADER.pack(len(body)) + body


HOSTILE = {
    "deep": nested(150),
    "large": nested(31, "1" + ",1" * 1_000_000),
    "flat": nested(1, "1" + ",1" * 500_000),
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_hostile_value_costs_no_more_than_its_size(real: RealSandbox, case: str) -> None:
    packed = zlib.compress(HOSTILE[case])
    source = (
        f"import os, zlib\ndata = zlib.decompress({packed!r})\nwhile data: data = data[os.write(3, data):]"
    )
    with pytest.raises(WireError):
        await real.run(source)


DEAF = "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\n"


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        ("import os\nprint('before')\nos.close(3)", Crashed(None)),
        ("import os\nprint('before')\nos.close(3)\nwhile True: pass", Crashed(None)),
        ("import os\nprint('before')\nos.dup2(0, 3)\nx = torch.ones(1)", Crashed(None)),
        (
            f"import os\nprint('before')\nos.write(3, b'\\0\\0')\n{DEAF}while True: pass",
            Stopped("seconds", BRIEF),
        ),
        ("import os\nprint('before')\nos.write(3, b'\\0\\0\\1\\0{')\nos._exit(0)", Crashed(None)),
    ],
)
async def test_child_that_leaves_its_channel_is_ended_and_told(
    real: RealSandbox, source: str, outcome: Crashed | Stopped
) -> None:
    trace = await real.run(source, BRIEF if outcome == Stopped("seconds", BRIEF) else None)
    assert output_of(trace).startswith("before")
    match trace.outcome:
        case Stopped(limit, allowed):
            assert Stopped(limit, allowed) == outcome
        case other:
            assert other == outcome
    await real.rested()


async def test_task_is_read_whole_before_the_program_runs(real: RealSandbox) -> None:
    source = "import select\nprint(select.select([3], [], [], 0)[0])"
    assert await real.printed(source + "\n# " + "x" * 60_000) == "[]\n"
