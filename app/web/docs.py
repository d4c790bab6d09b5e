"""The API's reference as a page of our own, made from /openapi.json, so that it loads nothing from anywhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.web.docs_contexts import DocsPage, Endpoint, EndpointExample, SchemaRow, SchemaTable
from app.web.pages import render
from app.web.routes import Straight

router = APIRouter(route_class=Straight, include_in_schema=False)


@router.api_route("/docs", methods=["GET", "HEAD"])
async def show_docs(request: Request) -> Response:
    return render(request, "docs.html", read_openapi(request.app.openapi()))


def read_openapi(schema: dict[str, Any]) -> DocsPage:
    info = schema["info"]
    endpoints = tuple(
        _endpoint(method, path, operation)
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    )
    tables = tuple(_schema_tables(schema["components"]["schemas"]))
    return DocsPage(info["title"], info["description"], endpoints, tables)


def _endpoint(method: str, path: str, operation: dict[str, Any]) -> Endpoint:
    responses = tuple(
        (status, each.get("description", "")) for status, each in operation["responses"].items()
    )
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    examples = tuple(
        EndpointExample(name, each["summary"], json.dumps(each["value"], indent=2, ensure_ascii=False))
        for name, each in content.get("examples", {}).items()
    )
    query = tuple(
        SchemaRow(each["name"], type_of(each["schema"]), False, each.get("description", ""))
        for each in operation.get("parameters", ())
        if each["in"] == "query"
    )
    said = operation["summary"], operation.get("description", "")
    return Endpoint(method.upper(), path, *said, responses, examples, query)


def _schema_tables(schemas: dict[str, Any]) -> Iterator[SchemaTable]:
    for name, schema in schemas.items():
        required = schema.get("required", ())
        rows = tuple(
            SchemaRow(field, type_of(each), field in required, each.get("description", ""))
            for field, each in schema.get("properties", {}).items()
        )
        if rows:
            yield SchemaTable(name, schema.get("description", ""), rows)


def type_of(schema: dict[str, Any]) -> str:
    """A JSON schema in a few words: `string`, `array of Step`, `Span or null`."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(map(json.dumps, schema["enum"]))
    if "anyOf" in schema or "oneOf" in schema:
        return " or ".join(dict.fromkeys(type_of(each) for each in schema.get("anyOf") or schema["oneOf"]))
    if schema.get("type") == "array":
        return f"array of {type_of(schema.get('items', {}))}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {type_of(schema['additionalProperties'])}"
    return str(schema.get("type", "any"))
