"""Hints: what helps with an exception is said whatever torch was built for."""

from __future__ import annotations

import pytest

from app.worker.telling.hints import hint_for

NO_GPU = [
    ("AssertionError", "Torch not compiled with CUDA enabled"),
    ("RuntimeError", "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU"),
    ("RuntimeError", "No CUDA GPUs are available"),
]


@pytest.mark.parametrize(("exception", "message"), NO_GPU)
def test_missing_gpu_is_told_as_such(exception: str, message: str) -> None:
    hint = hint_for(exception, message)
    assert hint is not None
    assert hint.template.startswith("There is no GPU here.")


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert hint_for("RuntimeError", "something new") is None
