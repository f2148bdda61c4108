"""The callback contract as OpenAPI 3.1, generated from the models that parse it: ``python -m webhook_kit_http`` prints it.

``openapi.json`` beside this module is a copy for readers without Python: ``python -m webhook_kit_http --write``.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from webhook_kit import CatalogSet, Wire, openapi
from webhook_kit_http import messages, signing

__all__ = ["FILE", "describe", "text"]

FILE = Path(__file__).with_name("openapi.json")
"""The copy beside this module."""

_REQUESTS = (messages.QuoteRequest, messages.PlaceRequest, messages.CancelRequest, messages.EventList)
_RESPONSES = (
    CatalogSet,
    messages.QuoteResponse,
    messages.PlaceResponse,
    messages.TicketResponse,
    messages.OrderList,
    messages.StatusResponse,
)
_REFUSALS = "A refusal is a response, too: `refusals` with status 200. Every other status is a failure."


def text() -> str:
    """Return the document as JSON."""
    return json.dumps(describe(), indent=2, ensure_ascii=False) + "\n"


def describe() -> openapi.Json:
    """Return the document."""
    return openapi.document(
        "webhook_kit: calls to a point of sale, and its events",
        version("webhook-kit-http"),
        description=f"Every call is signed by its sender, the kit or the POS.\n\n{_signing_rule()}",
        paths=_paths(),
        webhooks={"events": {"post": _events()}},
        components={"schemas": openapi.schemas((*_REQUESTS, *_RESPONSES)), "parameters": _signature_headers()},
    )


def _signing_rule() -> str:
    """Return the rule, from the docstring of the module that implements it."""
    return (signing.__doc__ or "").partition("\n\n")[2].strip()


def _paths() -> openapi.Json:
    return {
        "/catalog": {
            "get": _call("fetchCatalog", "The store's whole catalog; ids stay the same from call to call", CatalogSet)
        },
        "/quote": {
            "post": _call(
                "quote",
                f"Price an order as the POS would, without side effects. {_REFUSALS}",
                messages.QuoteResponse,
                body=messages.QuoteRequest,
                optional=True,
            )
        },
        "/orders": {
            "post": _call(
                "placeOrder",
                f"Create a ticket in the POS. {_REFUSALS}",
                messages.PlaceResponse,
                [_parameter("header", "Idempotency-Key", "The same for every attempt at this order.", format="uuid")],
                body=messages.PlaceRequest,
                failures={
                    "401": "Not signed by the kit; nothing was placed",
                    "403": "Not allowed for the kit; nothing was placed",
                    "429": "Too many calls; nothing was placed",
                },
            ),
            "get": _call(
                "ordersSince",
                "The orders changed since then, ended ones included",
                messages.OrderList,
                [_parameter("query", "since", "UTC.", format="date-time")],
                optional=True,
            ),
        },
        "/orders/by-ref": {
            "get": _call(
                "findOrder",
                "The ticket of an order, or null: resolves placements whose response was lost",
                messages.TicketResponse,
                [_parameter("query", "ref", "The `orderRef` that the order was placed with.")],
            )
        },
        "/orders/{id}/cancel": {
            "post": _call(
                "cancelOrder",
                "Cancel an order in the POS",
                None,
                [_parameter("path", "id", "The POS's own number of it.")],
                body=messages.CancelRequest,
                failures={"409": "It is too late"},
                optional=True,
            )
        },
        "/status": {
            "get": _call("storeStatus", "Readiness of the POS to take orders", messages.StatusResponse, optional=True)
        },
    }


def _call(
    name: str,
    summary: str,
    response: type[Wire] | None,
    parameters: list[openapi.Json] | None = None,
    *,
    body: type[Wire] | None = None,
    failures: dict[str, str] | None = None,
    optional: bool = False,
) -> openapi.Json:
    texts = {"401": "Not signed by the kit", **(failures or {})} | (
        {"501": "This POS does not have this call"} if optional else {}
    )
    content = {"content": openapi.json_content(openapi.reference(response))} if response else {}
    request = (
        {"requestBody": {"required": True, "content": openapi.json_content(openapi.reference(body))}} if body else {}
    )
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["optional" if optional else "required"],
        "parameters": [*_signature(), *(parameters or [])],
        **request,
        "responses": {
            "200": {"description": "The response" if response else "It is cancelled", **content},
            **{status: {"description": why} for status, why in sorted(texts.items())},
        },
    }


def _events() -> openapi.Json:
    return {
        "operationId": "events",
        "summary": "Events of the POS, to `POST /pos/<adapter>/events` of the kit",
        "parameters": _signature(),
        "requestBody": {"required": True, "content": openapi.json_content(openapi.reference(messages.EventList))},
        "responses": {
            "200": {
                "description": "All events are stored; one result for each",
                "content": openapi.json_content(openapi.list_of({"type": "string"})),
            },
            "400": {"description": "Not readable: sending it again changes nothing"},
            "401": {"description": "Not signed by the POS"},
            "503": {"description": "Not now: send it again"},
        },
    }


def _parameter(where: Literal["header", "path", "query"], name: str, description: str, **schema: Any) -> openapi.Json:
    return openapi.parameter(where, name, {"type": "string", **schema}, description)


def _signature_headers() -> openapi.Json:
    return {
        "Signature": _parameter(
            "header", "Signature", "See the description of this document.", pattern="^[0-9a-f]{64}$"
        ),
        "Timestamp": _parameter("header", "Timestamp", "Unix seconds, within 300 s of now.", pattern="^[0-9]{1,12}$"),
        "Store": _parameter("header", "Store", "The partner's id of the store, percent-encoded."),
    }


def _signature() -> list[openapi.Json]:
    return [{"$ref": f"#/components/parameters/{name}"} for name in _signature_headers()]
