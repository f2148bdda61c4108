"""``/openapi.json``: the kit's own webhooks, described from the models that read them."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

from webhook_kit.gett.models.marketfront import OrderEvent
from webhook_kit.gett.models.order import ExternalOrder, PlaceOrderRequest
from webhook_kit.gett.models.problem import ProblemDetail
from webhook_kit.gett.signing import API_VERSION
from webhook_kit.settings import Settings

__all__ = ["describe"]

_REFS = "#/components/schemas/{model}"

_SHARED = {
    "400": "The body is not JSON, or the request breaks a business rule",
    "401": "No proof that Gett sent this: signature, time or authorization",
    "404": "The store is not served here",
    "413": "The body is larger than 1 MiB",
    "415": "The body is compressed",
    "422": "The body's shape is wrong; every mistake is listed",
    "503": "Not now: the POS, its menu or Redis is out of reach",
}

_POS = {
    "400": "The adapter cannot read the body",
    "401": "No proof that the POS sent this",
    "404": "No adapter of that name serves a store here, or it reads no events",
    "413": "The body is larger than 1 MiB",
    "415": "The body is compressed",
    "503": "Not now: say it again",
}

_PLACE = {
    "409": "The order is being placed right now, or was placed with other content",
    "422": "The body's shape is wrong, or the Idempotency-Key was used for another order",
}


_EVENTS = {status: text for status, text in _SHARED.items() if status != "404"} | {
    "503": "Not now: the handler failed, or Redis is out of reach"
}
_OUTCOME = {
    "type": "object",
    "required": ["outcome"],
    "properties": {"outcome": {"enum": ["handled", "duplicate", "stale"]}},
}


def describe(settings: Settings) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    schemas = _schemas()
    operations = {
        "validateOrder": _operation("validateOrder", "Check and price an order", "ExternalOrder", _SHARED, []),
        "placeOrder": _operation(
            "placeOrder", "Place an order, exactly once", "PlaceOrderRequest", _SHARED | _PLACE, [_key(settings)]
        ),
    }
    spelt = {
        "validateOrder": "validateOrder",
        "validate": "validateOrder",
        "placeOrder": "placeOrder",
        "place": "placeOrder",
    }
    events = _operation("orderEvents", "Hear of an order's progress", "OrderEvent", _EVENTS, [], answer=_OUTCOME)
    heard = {f"{settings.webhook_prefix}/orderEvents": {"post": events | {"operationId": "orderEvents"}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "webhook_kit: the webhooks that Gett calls", "version": API_VERSION},
        "paths": {
            f"{settings.webhook_prefix}/{path}": {"post": operations[name] | {"operationId": path}}
            for path, name in spelt.items()
        }
        | (heard if settings.order_event_handler else {})
        | {
            "/pos/{adapter}/events": {"post": _pos_events()},
            "/healthz": {"get": _plain("healthz", "Alive", {"200": "The process answers"})},
            "/readyz": {
                "get": _plain("readyz", "Ready", {"200": "Orders can be placed", "503": "Redis is out of reach"})
            },
            "/openapi.json": {"get": _plain("openapi", "This description", {"200": "OpenAPI 3.1"})},
        },
        "components": {"schemas": schemas["$defs"]},
    }


@cache
def _schemas() -> dict[str, Any]:
    # They are slow to make, and whoever makes many applications in one process (tests do) needs them once.
    models = (ExternalOrder, PlaceOrderRequest, OrderEvent, ProblemDetail)
    _, schemas = models_json_schema([(model, "validation") for model in models], by_alias=True, ref_template=_REFS)
    return schemas


def _operation(
    name: str,
    summary: str,
    model: str,
    problems: dict[str, str],
    parameters: list[dict[str, Any]],
    *,
    answer: dict[str, Any] | None = None,
) -> dict[str, Any]:
    signed = [
        _header("Signature", "hex HMAC-SHA256 of the raw body with the webhook secret", {"type": "string"}),
        _header("Timestamp", "Unix seconds, within 300 s of now", {"type": "string", "pattern": "^[0-9]{1,12}$"}),
    ]
    answer = answer or {"$ref": _REFS.format(model="ExternalOrder")}
    return {
        "summary": summary,
        "tags": [name],
        "parameters": signed + parameters,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": _REFS.format(model=model)}}},
        },
        "responses": {
            "200": {"description": "The answer", "content": {"application/json": {"schema": answer}}},
            **_problems(problems),
        },
    }


def _problems(texts: dict[str, str]) -> dict[str, Any]:
    content = {
        "application/problem+json": {"schema": {"$ref": _REFS.format(model="ProblemDetail")}},
        "text/markdown": {"schema": {"type": "string"}},
    }
    return {status: {"description": text, "content": content} for status, text in texts.items()}


def _pos_events() -> dict[str, Any]:
    adapter = {"name": "adapter", "in": "path", "required": True, "schema": {"type": "string"}}
    said = {"type": "array", "items": {"type": "string"}}
    return {
        "operationId": "posEvents",
        "summary": "What the POS itself says: read by its adapter, answered when durable",
        "tags": ["pos"],
        "parameters": [adapter],
        "requestBody": {"content": {"*/*": {"schema": {}}}},
        "responses": {
            "200": {
                "description": "What became of each event",
                "content": {"application/json": {"schema": said}},
            },
            **_problems(_POS),
        },
    }


def _key(settings: Settings) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": 255}
    return _header("Idempotency-Key", "UUID v4, fresh for each order", schema) | {
        "required": settings.require_idempotency_key
    }


def _header(name: str, text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": text, "schema": schema}


def _plain(name: str, summary: str, answers: dict[str, str]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": name,
        "summary": summary,
        "responses": {status: {"description": text, "content": content} for status, text in answers.items()},
    }
