"""The OpenAPI document of the sandbox, from the table of its calls and their models."""

from __future__ import annotations

import re
from typing import Any

from pydantic.json_schema import models_json_schema

from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.models.problem import ProblemDetail
from webhook_kit.gett.signing import API_VERSION
from webhook_kit.sandbox.calls import CALLS, CallDescription

__all__ = ["describe"]

_REFS = "#/components/schemas/{model}"
_PROBLEMS = {
    400: "The request breaks a rule, or its body is not JSON",
    401: "The API key or session token is missing or not valid",
    404: "An id is unknown",
    409: "The request contradicts the current state",
    413: "The body is larger than 1 MiB",
    422: "The body does not fit the schema; every error is listed",
    429: "The quota of this minute is used up",
    502: "The store's system did not respond",
}


def describe() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    models: dict[str, type[Wire]] = {"ProblemDetail": ProblemDetail}
    for call in CALLS:
        response = call.response[0] if isinstance(call.response, list) else call.response
        models |= {model.__name__: model for model in (call.request, response) if model}
    _, schemas = models_json_schema(
        [(model, "validation") for model in models.values()], by_alias=True, ref_template=_REFS
    )
    paths: dict[str, dict[str, Any]] = {}
    for call in CALLS:
        method, _, path = call.route.partition(" ")
        paths.setdefault(path, {})[method.lower()] = _operation(call, path)
    return {
        "openapi": "3.1.0",
        "info": {"title": "webhook_kit sandbox", "version": API_VERSION},
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(call: CallDescription, path: str) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", path)
    problems = {401, 429, *call.problems, *((404,) if names else ()), *((400, 413, 422) if call.request else ())}
    parameters = [_parameter(name, "path") for name in names] + [_parameter(name, "query") for name in call.query]
    if call.name == "place":
        key = {"type": "string", "format": "uuid"}
        parameters.append({"name": "Idempotency-Key", "in": "header", "required": True, "schema": key})
    operation: dict[str, Any] = {
        "operationId": call.name,
        "summary": call.behaviour,
        "parameters": parameters,
        "responses": {str(call.status): _success(call)}
        | {str(status): _problem(status) for status in sorted(problems)},
    }
    if call.request is not None:
        schema = {"$ref": _REFS.format(model=call.request.__name__)}
        operation["requestBody"] = {
            "required": call.name != "createSession",
            "content": {"application/json": {"schema": schema}},
        }
    return operation


def _parameter(name: str, place: str) -> dict[str, Any]:
    kind = "integer" if name in ("limit", "offset") else "string"
    required = place == "path" or name == "storeId"
    schema = {"type": kind, "minLength": 1} if kind == "string" else {"type": kind}
    return {"name": name, "in": place, "required": required, "schema": schema}


def _success(call: CallDescription) -> dict[str, Any]:
    response: dict[str, Any] = {"description": "Success"}
    if call.status == 204:
        return response
    if isinstance(call.response, list):
        schema: dict[str, Any] = {"type": "array", "items": {"$ref": _REFS.format(model=call.response[0].__name__)}}
    elif call.response is not None:
        schema = {"$ref": _REFS.format(model=call.response.__name__)}
    else:
        schema = {"type": "object"}
    return response | {"content": {"application/json": {"schema": schema}}}


def _problem(status: int) -> dict[str, Any]:
    content = {
        "application/problem+json": {"schema": {"$ref": _REFS.format(model="ProblemDetail")}},
        "text/markdown": {"schema": {"type": "string"}},
    }
    return {"description": _PROBLEMS[status], "content": content}
