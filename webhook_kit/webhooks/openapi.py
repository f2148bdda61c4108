"""``/openapi.json``: the OpenAPI document of the kit's webhooks, from the models that parse them."""

from __future__ import annotations

from functools import cache

from webhook_kit.gett.models.marketfront import OrderEvent
from webhook_kit.gett.models.order import ExternalOrder, PlaceOrderRequest
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
from webhook_kit.settings import Settings

__all__ = ["describe"]

_ORDER_PROBLEMS = {
    "400": "The body is not JSON, or the request breaks a business rule",
    "401": "The signature, timestamp or authorization is missing or not valid",
    "404": "The store is unknown",
    "413": "The body is larger than 1 MiB",
    "415": "The body is compressed",
    "422": "The body does not fit the schema; every error is listed",
    "503": "The POS, its catalog or Redis is not reachable now",
}
_PLACE_PROBLEMS = _ORDER_PROBLEMS | {
    "409": "The order is being placed now, or was placed with other content",
    "422": "The body does not fit the schema, or the Idempotency-Key was used for another order",
}
_ORDER_EVENT_PROBLEMS = {status: text for status, text in _ORDER_PROBLEMS.items() if status != "404"} | {
    "503": "The handler failed, or Redis is not reachable now"
}
_POS_EVENT_PROBLEMS = {
    "400": "The adapter cannot parse the body",
    "401": "The adapter cannot verify that the POS sent the request",
    "404": "No store has this adapter, or the adapter does not support events",
    "413": "The body is larger than 1 MiB",
    "415": "The body is compressed",
    "503": "The events cannot be accepted now; send them again",
}
_ORDER_EVENT_OUTCOME: Json = {
    "type": "object",
    "required": ["outcome"],
    "properties": {"outcome": {"enum": ["handled", "duplicate", "stale"]}},
}


def describe(settings: Settings) -> Json:
    """Return the OpenAPI 3.1 document."""
    order = reference(ExternalOrder)
    validate = _operation("validateOrder", "Check and price an order", order, order, _ORDER_PROBLEMS)
    place = _operation(
        "placeOrder",
        "Place an order exactly once",
        reference(PlaceOrderRequest),
        order,
        _PLACE_PROBLEMS,
        _idempotency_key(required=settings.require_idempotency_key),
    )
    order_events = _operation(
        "orderEvents",
        "Receive an event of an order",
        reference(OrderEvent),
        _ORDER_EVENT_OUTCOME,
        _ORDER_EVENT_PROBLEMS,
    )
    webhooks = {"validateOrder": validate, "validate": validate, "placeOrder": place, "place": place}
    if settings.order_event_handler:
        webhooks["orderEvents"] = order_events
    paths = {
        f"{settings.webhook_prefix}/{name}": {"post": operation | {"operationId": name}}
        for name, operation in webhooks.items()
    }
    paths |= {
        "/pos/{adapter}/events": {"post": _pos_events()},
        "/healthz": {"get": _plain("healthz", "Liveness", {"200": "The process is alive"})},
        "/readyz": {
            "get": _plain("readyz", "Readiness", {"200": "Orders can be placed", "503": "Redis cannot be written to"})
        },
        "/sendingz": {
            "get": _plain("sendingz", "State of sending", {"200": "Updates are sent", "503": "Updates are not sent"})
        },
        "/openapi.json": {"get": _plain("openapi", "This document", {"200": "OpenAPI 3.1"})},
    }
    return document(
        "webhook_kit: webhooks called by Gett", API_VERSION, paths=paths, components={"schemas": _schemas()}
    )


@cache
def _schemas() -> Json:
    # Generating them is slow, and tests create many applications in one process.
    return schemas((ExternalOrder, PlaceOrderRequest, OrderEvent, ProblemDetail))


def _operation(
    tag: str, summary: str, request: Json, response: Json, problems: dict[str, str], *parameters: Json
) -> Json:
    signature = "hex HMAC-SHA256 of the raw body with the webhook secret"
    timestamp = {"type": "string", "pattern": "^[0-9]{1,12}$"}
    return {
        "summary": summary,
        "tags": [tag],
        "parameters": [
            # Not required: an Authorization header replaces them.
            parameter("header", "Signature", {"type": "string"}, signature, required=False),
            parameter("header", "Timestamp", timestamp, "Unix seconds, within 300 s of now", required=False),
            *parameters,
        ],
        "requestBody": {"required": True, "content": json_content(request)},
        "responses": {
            "200": {"description": "Success", "content": json_content(response)},
            **problem_responses(problems),
        },
    }


def _idempotency_key(*, required: bool) -> Json:
    schema = {"type": "string", "minLength": 1, "maxLength": 255}
    return parameter("header", "Idempotency-Key", schema, "UUID v4, a new one for each order", required=required)


def _pos_events() -> Json:
    return {
        "operationId": "posEvents",
        "summary": "Receive events of a POS; answered when every event is durable",
        "tags": ["pos"],
        "parameters": [parameter("path", "adapter", {"type": "string"})],
        "requestBody": {"content": {"*/*": {"schema": {}}}},
        "responses": {
            "200": {
                "description": "Outcome of each event",
                "content": json_content(list_of({"type": "string"})),
            },
            **problem_responses(_POS_EVENT_PROBLEMS),
        },
    }


def _plain(name: str, summary: str, descriptions: dict[str, str]) -> Json:
    content = json_content({"type": "object"})
    return {
        "operationId": name,
        "summary": summary,
        "responses": {
            status: {"description": description, "content": content} for status, description in descriptions.items()
        },
    }
