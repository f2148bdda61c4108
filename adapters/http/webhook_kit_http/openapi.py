"""The callback contract as OpenAPI 3.1, described from the models that read it: ``python -m webhook_kit_http`` prints it.

``openapi.json`` beside this module is the same, written down for whoever has no Python: ``python -m webhook_kit_http --write``.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from webhook_kit.adapter import CatalogSet
from webhook_kit.gett.models.base import Wire
from webhook_kit_http import messages, signing

__all__ = ["FILE", "describe", "text"]

FILE = Path(__file__).with_name("openapi.json")
"""Where it is written down."""

_REFS = "#/components/schemas/{model}"
_ASKED = (messages.QuoteRequest, messages.PlaceRequest, messages.CancelRequest, messages.EventList)
_ANSWERED = (
    CatalogSet,
    messages.QuoteAnswer,
    messages.PlaceAnswer,
    messages.FoundTicket,
    messages.TicketList,
    messages.Status,
)
_REFUSALS = "A refusal is an answer, too: `refusals` under status 200. Every other status is a failure."


def text() -> str:
    """The document as it is written down."""
    return json.dumps(describe(), indent=2, ensure_ascii=False) + "\n"


def describe() -> dict[str, Any]:
    """The document."""
    _, schemas = models_json_schema(
        [(model, "validation") for model in (*_ASKED, *_ANSWERED)], by_alias=True, ref_template=_REFS
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "webhook_kit: what a point of sale answers, and what it tells",
            "version": version("webhook-kit-http"),
            "description": f"Every call is signed by its sender, the kit or the POS.\n\n{_signing()}",
        },
        "paths": _paths(),
        "webhooks": {"events": {"post": _events()}},
        "components": {"schemas": schemas["$defs"], "parameters": _signed()},
    }


def _signing() -> str:
    """The rule, in the words of the module that follows it."""
    return (signing.__doc__ or "").partition("\n\n")[2].strip()


def _paths() -> dict[str, Any]:
    return {
        "/catalog": {
            "get": _call("fetchCatalog", "The store's whole menu; ids stay the same from call to call", CatalogSet)
        },
        "/quote": {
            "post": _call(
                "quote",
                f"Price an order as the POS would, without side effects. {_REFUSALS}",
                messages.QuoteAnswer,
                body=messages.QuoteRequest,
                optional=True,
            )
        },
        "/orders": {
            "post": _call(
                "placeOrder",
                f"Put a ticket into the POS. {_REFUSALS}",
                messages.PlaceAnswer,
                [_parameter("header", "Idempotency-Key", "The same for every attempt at this order.", format="uuid")],
                body=messages.PlaceRequest,
                failures={
                    "401": "Not signed by the kit; nothing was placed",
                    "403": "The kit may not; nothing was placed",
                    "429": "Too many calls; nothing was placed",
                },
            ),
            "get": _call(
                "ordersSince",
                "The orders changed since then, closed ones included",
                messages.TicketList,
                [_parameter("query", "since", "UTC.", format="date-time")],
                optional=True,
            ),
        },
        "/orders/by-ref": {
            "get": _call(
                "findOrder",
                "The ticket of an order, or null: settles placements whose answer was lost",
                messages.FoundTicket,
                [_parameter("query", "ref", "The `orderRef` that the order was placed with.")],
            )
        },
        "/orders/{id}/cancel": {
            "post": _call(
                "cancelOrder",
                "Take an order back out of the POS",
                None,
                [_parameter("path", "id", "The POS's own number of it.")],
                body=messages.CancelRequest,
                failures={"409": "It is too late"},
                optional=True,
            )
        },
        "/status": {"get": _call("storeStatus", "Whether the POS takes orders now", messages.Status, optional=True)},
    }


def _call(
    name: str,
    summary: str,
    answer: type[Wire] | None,
    parameters: list[dict[str, Any]] | None = None,
    *,
    body: type[Wire] | None = None,
    failures: dict[str, str] | None = None,
    optional: bool = False,
) -> dict[str, Any]:
    texts = {"401": "Not signed by the kit", **(failures or {})} | (
        {"501": "This POS does not have this call"} if optional else {}
    )
    said = {"content": _json(answer)} if answer else {}
    asked = {"requestBody": {"required": True, "content": _json(body)}} if body else {}
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["optional" if optional else "required"],
        "parameters": [*_proof(), *(parameters or [])],
        **asked,
        "responses": {
            "200": {"description": "The answer" if answer else "It is cancelled", **said},
            **{status: {"description": why} for status, why in sorted(texts.items())},
        },
    }


def _events() -> dict[str, Any]:
    return {
        "operationId": "events",
        "summary": "What the POS says of its own accord, to `POST /pos/<adapter>/events` of the kit",
        "parameters": _proof(),
        "requestBody": {"required": True, "content": _json(messages.EventList)},
        "responses": {
            "200": {
                "description": "Taken, every event; what became of each",
                "content": {"application/json": {"schema": {"type": "array", "items": {"type": "string"}}}},
            },
            "400": {"description": "Not readable: saying it again changes nothing"},
            "401": {"description": "Not signed by the POS"},
            "503": {"description": "Not now: say it again"},
        },
    }


def _json(model: type[Wire]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REFS.format(model=model.__name__)}}}


def _parameter(where: str, name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": where,
        "required": True,
        "description": description,
        "schema": {"type": "string", **schema},
    }


def _signed() -> dict[str, Any]:
    return {
        "Signature": _parameter("header", "Signature", "See above.", pattern="^[0-9a-f]{64}$"),
        "Timestamp": _parameter("header", "Timestamp", "Unix seconds, within 300 s of now.", pattern="^[0-9]{1,12}$"),
        "Store": _parameter("header", "Store", "The partner's id of the store, percent-encoded."),
    }


def _proof() -> list[dict[str, Any]]:
    return [{"$ref": f"#/components/parameters/{name}"} for name in _signed()]
