"""Every class of failure has a meaning in HTTP, and the reference documents what the app answers."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.vocabulary import errors
from app.web import problems
from app.web.docs import type_of
from app.web.problems import MEANINGS, TOO_LARGE, UNKNOWN, meaning_of
from tests.web.site import site


def test_table_covers_every_failure() -> None:
    raised = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, Exception)]
    raised += [
        each for _, each in inspect.getmembers(problems, inspect.isclass) if issubclass(each, Exception)
    ]
    assert [each.__name__ for each in raised if each not in MEANINGS] == []


def test_statuses_are_the_ones_the_tree_of_errors_draws() -> None:
    drawn = {
        words[1]: int(words[2])
        for line in (errors.__doc__ or "").splitlines()
        if len(words := line.split()) > 2 and words[0] in ("├─", "└─")
    }
    assert drawn
    assert {name: MEANINGS[getattr(errors, name)].status for name in drawn} == drawn


def test_codes_are_distinct() -> None:
    codes = [meaning.code for meaning in (*MEANINGS.values(), TOO_LARGE)]
    assert len(set(codes)) == len(codes)
    assert meaning_of(KeyError()) == UNKNOWN


def examples(schema: Any) -> Iterator[tuple[str, str, Any]]:
    """(method, path, body) of every example in an OpenAPI document."""
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for example in content.get("examples", {}).values():
                yield method, path, example["value"]


async def test_every_example_of_the_reference_is_answered() -> None:
    async with site() as client:
        schema = (await client.get("/openapi.json")).json()
        found = list(examples(schema))
        assert len(found) >= 5
        run = (await client.post("/api/v1/runs", json={"source": "y = 1"})).json()["id"]
        for method, path, body in found:
            address = path.replace("{run_id}", run) if "{" in path else path
            response = await client.request(method, address, json=body)
            live = "/runs" in path
            assert response.status_code == (202 if live else 200), (body, response.text)


async def test_answers_hold_the_fields_the_reference_names() -> None:
    async with site() as client:
        schema = (await client.get("/openapi.json")).json()
        body = next(examples(schema))[2]
        answer = (await client.post("/api/v1/evaluate", json=body)).json()
    assert set(answer) == set(schema["components"]["schemas"]["EvaluateAnswer"]["properties"])
    tensor = schema["components"]["schemas"]["TensorAnswer"]["properties"]
    assert set(answer["tensors"][0]) == set(tensor)
    async with site() as client:
        run = (await client.post("/api/v1/runs", json=body)).json()
    assert set(run) == set(schema["components"]["schemas"]["RunAnswer"]["properties"])
    assert type_of(tensor["why"]) == "array of WhyAnswer"


async def test_reference_has_no_dangling_references() -> None:
    async with site() as client:
        text = (await client.get("/openapi.json")).text
    names = set(json.loads(text)["components"]["schemas"])
    used = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert used - names == set()
    assert "EvaluateBody" in names


@pytest.mark.parametrize("path", ["/docs"])
async def test_reference_page_shows_every_endpoint_and_schema(path: str) -> None:
    async with site() as client:
        page = (await client.get(path)).text
        schema = (await client.get("/openapi.json")).json()
    assert [each for each in schema["paths"] if each not in page] == []
    assert "EvaluateAnswer" in page
