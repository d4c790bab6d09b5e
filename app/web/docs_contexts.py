"""What the pages of the API's documentation are made of: one frozen dataclass for each thing the template shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EndpointExample:
    name: str
    summary: str
    body: str


@dataclass(frozen=True, slots=True)
class SchemaRow:
    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    method: str
    path: str
    summary: str
    description: str
    responses: tuple[tuple[str, str], ...]
    examples: tuple[EndpointExample, ...]
    query: tuple[SchemaRow, ...]


@dataclass(frozen=True, slots=True)
class SchemaTable:
    name: str
    description: str
    rows: tuple[SchemaRow, ...]


@dataclass(frozen=True, slots=True)
class DocsPage:
    title: str
    description: str
    endpoints: tuple[Endpoint, ...]
    schemas: tuple[SchemaTable, ...]
