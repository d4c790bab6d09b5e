"""What the program's own objects say of themselves, as text that can be sent."""

from __future__ import annotations


def message_of(error: BaseException) -> str:
    """The exception's text; its class may be the program's own, and fail at that too."""
    try:
        text = str(error)
    except Exception as second:  # user code: an exception class of the program may raise from __str__
        text = f"<no message: {type(second).__name__}>"
    return plain_text(text)


def plain_text(text: str) -> str:
    """The text as UTF-8 can carry it."""
    return text.encode("utf-8", "replace").decode()
