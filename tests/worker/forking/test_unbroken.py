"""Calls in a row are all made, in order, with what they were given, and Python goes on behind them."""

from __future__ import annotations

import ctypes
import os

from app.worker.forking.laying import room_of
from app.worker.forking.unbroken import call_in_a_row, room_for


def test_calls_in_a_row_are_made_in_order() -> None:
    reader, writer = os.pipe()
    words = [ctypes.create_string_buffer(word) for word in (b"one ", b"two ", b"three")]
    calls = [("write", (writer, ctypes.addressof(word), len(word.value))) for word in words]
    with room_of(room_for(len(calls))) as room:
        call_in_a_row(room, *calls)
        call_in_a_row(room, calls[0])
    assert os.read(reader, 100) == b"one two threeone "
    os.close(reader)
    os.close(writer)
