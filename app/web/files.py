"""What a reader hands in as a text or a file: a program's text, or a notebook's JSON, which becomes one in cells."""

from __future__ import annotations

from pydantic_core import from_json

from app.notebook import looks_like_notebook, read_notebook
from app.vocabulary.errors import ProgramRefused
from app.vocabulary.limits import Limits
from app.vocabulary.values import Problem, Text


def read_program(data: bytes, limits: Limits) -> str:
    """A file's program: the text itself, or a notebook's cells."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refused_file(Text("The file is no text in UTF-8.")) from None
    return read_pasted(text, limits)


def read_pasted(text: str, limits: Limits) -> str:
    """A text as it is, or the cells of the notebook whose JSON it is."""
    if not looks_like_notebook(text):
        return text
    try:
        book = from_json(text)
    except ValueError:
        return text
    return read_notebook(book, limits.source_bytes)


def refused_file(sentence: Text) -> ProgramRefused:
    return ProgramRefused((Problem("bad_file", sentence),))
