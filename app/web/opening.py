"""A file from the reader's own disk, opened on the page: a program's text, or a notebook."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.vocabulary.errors import ProgramRefused
from app.vocabulary.values import Text
from app.web.evaluate import in_thread_if
from app.web.files import read_program, refused_file
from app.web.forms import Form
from app.web.pages import show_refusal, submit_form
from app.web.playground import playground_of
from app.web.routes import Straight

router = APIRouter(route_class=Straight, include_in_schema=False)


@router.get("/open")
async def open_nothing() -> Response:
    """Where a reload of an opened file leads."""
    return RedirectResponse("/", 303)


@router.post("/open")
async def open_file(request: Request) -> Response:
    """The page with the program of an uploaded file, and its result."""
    try:
        data = await read_upload(request)
        source = await in_thread_if(True, read_program, data, playground_of(request).limits)
    except ProgramRefused as refused:
        return await show_refusal(request, Form(""), refused)
    return await submit_form(request, Form(source))


async def read_upload(request: Request) -> bytes:
    """The bytes of the one file of a form; the body's own limit bounds them."""
    try:
        async with request.form(max_files=1, max_fields=4) as form:
            upload = form.get("file")
            if upload is None or isinstance(upload, str):
                raise refused_file(Text("No file was sent."))
            return await upload.read()
    except HTTPException:  # not a form that can be read
        raise refused_file(Text("No file was sent.")) from None
