"""What is written down of a series in few words is told point by point."""

from __future__ import annotations

from app.vocabulary.training import Series
from app.vocabulary.values import Real
from app.worker.recording.beat import Beat
from app.worker.recording.channels import Channel, Plateau, Steps


def test_number_that_stays_is_told_for_each_step_it_held() -> None:
    beat = Beat()
    rates = Plateau(Series(0, "lr", "learning_rate", None), beat)
    told: list[tuple[int, Real]] = []
    rates.hold(0, 0.1)
    for steps, change in ((2, (2, 0.5)), (3, (5, None)), (7, (9, 0.2)), (11, None)):
        beat.steps = steps
        taken = rates.take()
        told += [] if taken is None else zip(taken.steps, taken.values, strict=True)
        if change is not None:
            rates.waiting.append(change)
    assert rates.take() is None
    assert told == [(0, 0.1), (1, 0.1), (2, 0.5), (3, 0.5), (4, 0.5), (9, 0.2), (10, 0.2)]


def test_numbers_alone_belong_to_the_steps_that_follow() -> None:
    steps, channel = Steps(), Channel(Series(0, "loss", "loss", None))
    channel.waiting.append((steps.count(channel), 3.0, 1))
    steps.alone = channel
    channel.waiting.extend((2.0, 1.0))
    channel.ahead = 2
    taken = channel.take()
    assert taken is not None
    assert (taken.steps, taken.values, taken.epochs) == ((0, 1, 2), (3.0, 2.0, 1.0), (1, 1, 1))
    assert steps.newest == 2
    other = Channel(Series(1, "acc", "metric", None))
    assert steps.count(other) == 2
    assert steps.count(channel) == 3


def test_passes_that_nobody_timed_count_as_the_one_before_them() -> None:
    beat = Beat()
    beat.count_pass(0.25, 1.0)
    beat.passes += 3
    assert beat.all_seconds == 1.0
    beat.count_pass(0.5, 2.0)
    assert (beat.passes, beat.all_seconds, beat.now) == (5, 1.5, 2.0)
    assert beat.timed == 5  # each takes longer than the clock may be behind
    beat.count_pass(0.0, 2.0001)
    assert 6 < beat.timed <= 8
