"""The OpenAPI document of the sandbox, from the table of its calls and their models."""

from __future__ import annotations

import re

from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.models.problem import ProblemDetail
from webhook_kit.gett.openapi import (
    Json,
    document,
    json_content,
    list_of,
    parameter,
    problem_responses,
    reference,
    schemas,
)
from webhook_kit.gett.signing import API_VERSION
from webhook_kit.sandbox.calls import CALLS, CallDescription

__all__ = ["describe"]

_PROBLEMS = {
    400: "The request breaks a rule, or its body is not JSON",
    401: "The API key or session token is missing or not valid",
    403: "The call comes from a page of another site, or by an unknown name of the sandbox",
    404: "An id is unknown",
    409: "The request contradicts the current state",
    413: "The body is larger than 1 MiB",
    422: "The body does not fit the schema; every error is listed",
    429: "The quota of this minute is used up",
    502: "The store's system did not respond",
}


def describe() -> Json:
    """Return the OpenAPI 3.1 document."""
    models: dict[str, type[Wire]] = {"ProblemDetail": ProblemDetail}
    for call in CALLS:
        response = call.response[0] if isinstance(call.response, list) else call.response
        models |= {model.__name__: model for model in (call.request, response) if model}
    paths: dict[str, Json] = {}
    for call in CALLS:
        method, _, path = call.route.partition(" ")
        paths.setdefault(path, {})[method.lower()] = _operation(call, path)
    components = {
        "schemas": schemas(models.values()),
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
    }
    return document("webhook_kit sandbox", API_VERSION, paths=paths, components=components, security=[{"bearer": []}])


def _operation(call: CallDescription, path: str) -> Json:
    names = re.findall(r"{(\w+)}", path)
    changing = () if call.route.startswith("GET ") else (403,)
    problems = {
        401,
        429,
        *changing,
        *call.problems,
        *((404,) if names else ()),
        *((400, 413, 422) if call.request else ()),
    }
    parameters = [parameter("path", name, _schema_of(name)) for name in names]
    parameters += [parameter("query", name, _schema_of(name), required=name == "storeId") for name in call.query]
    if call.name == "place":
        parameters.append(parameter("header", "Idempotency-Key", {"type": "string", "format": "uuid"}))
    operation: Json = {
        "operationId": call.name,
        "summary": call.behaviour,
        "parameters": parameters,
        "responses": {
            str(call.status): _success(call),
            **problem_responses({str(status): _PROBLEMS[status] for status in sorted(problems)}),
        },
    }
    if call.request is not None:
        required = call.name != "createSession"
        operation["requestBody"] = {"required": required, "content": json_content(reference(call.request))}
    return operation


def _schema_of(parameter_name: str) -> Json:
    if parameter_name in ("limit", "offset"):
        return {"type": "integer"}
    return {"type": "string", "minLength": 1}


def _success(call: CallDescription) -> Json:
    response: Json = {"description": "Success"}
    if call.status == 204:
        return response
    if isinstance(call.response, list):
        schema = list_of(reference(call.response[0]))
    elif call.response is not None:
        schema = reference(call.response)
    else:
        schema = {"type": "object"}
    return response | {"content": json_content(schema)}
