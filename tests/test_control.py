"""What the sandbox and the fork server say to each other arrives as it was said."""

from __future__ import annotations

import os
import socket

import pytest

from app.control import OWN_UID, receive_message, write_message


@pytest.mark.parametrize(
    "message", [("spawn", 0, OWN_UID), ("spawn", 7, 61_000), ("kill", 1 << 22, 0), ("exited", 12, -9)]
)
def test_messages_arrive_as_they_were_sent(message: tuple[str, int, int]) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.send(write_message(*message))
        assert receive_message(theirs) == (message, None)


def test_a_descriptor_comes_along() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    reader, writer = os.pipe()
    with ours, theirs:
        socket.send_fds(ours, [write_message("spawn", 1)], [writer])
        message, descriptor = receive_message(theirs)
        os.close(writer)
        assert message == ("spawn", 1, 0)
        assert descriptor is not None
        os.write(descriptor, b"here")
        os.close(descriptor)
        assert os.read(reader, 9) == b"here"
    os.close(reader)


def test_the_end_of_the_other_side_is_no_message() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        ours.close()
        assert receive_message(theirs) == (None, None)
