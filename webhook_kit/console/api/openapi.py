"""OpenAPI document of the console's API, generated from the functions that it calls."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from webhook_kit.console.api.arguments import hints_of
from webhook_kit.console.api.endpoints import ACTIONS, READS, Endpoint
from webhook_kit.console.api.plain import schema_of

__all__ = ["describe"]

_REFERENCE = "#/components/schemas/{model}"
_PROBLEM = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
}
_FAILURES = {
    "400": "an argument is missing or cannot be used",
    "401": "there is no valid token",
    "403": "the token does not allow it",
    "404": "there is no such thing",
    "409": "its state does not allow it, or it changed meanwhile",
    "502": "Gett or the POS has failed",
    "503": "Redis cannot be used",
}


def describe() -> dict[str, Any]:
    """Return the document."""
    components: dict[str, Any] = {"Problem": _PROBLEM}
    paths = {endpoint.path: {"get": _read(endpoint, components)} for endpoint in READS}
    paths |= {endpoint.path: {"post": _action(endpoint, components)} for endpoint in ACTIONS}
    return {
        "openapi": "3.1.0",
        "info": {"title": "webhook_kit console", "version": "1"},
        "servers": [{"url": "/console/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _read(endpoint: Endpoint, components: dict[str, Any]) -> dict[str, Any]:
    schema = _schema(endpoint.arguments.model, components)
    required = schema.get("required", [])
    parameters = [
        {"name": name, "in": "query", "required": name in required, "schema": member}
        for name, member in schema.get("properties", {}).items()
    ]
    return _operation(endpoint, _result(endpoint, components)) | {"parameters": parameters}


def _action(endpoint: Endpoint, components: dict[str, Any]) -> dict[str, Any]:
    result = {"type": "object", "properties": {"result": _result(endpoint, components)}, "required": ["result"]}
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A request that is sent again with this key is not carried out again.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
    }
    body = {
        "required": True,
        "content": {"application/json": {"schema": _schema(endpoint.arguments.model, components)}},
    }
    return _operation(endpoint, result) | {"parameters": [key], "requestBody": body}


def _operation(endpoint: Endpoint, result: dict[str, Any]) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(model="Problem")}}}
    return {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "responses": {
            "200": {"description": "the result", "content": {"application/json": {"schema": result}}},
            **{status: {"description": why, "content": problem} for status, why in _FAILURES.items()},
        },
    }


def _result(endpoint: Endpoint, components: dict[str, Any]) -> dict[str, Any]:
    return schema_of(hints_of(endpoint.function)["return"], components)


def _schema(model: type[BaseModel], components: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=_REFERENCE)
    for name, definition in schema.pop("$defs", {}).items():
        components.setdefault(name, definition)
    return schema
