"""The callback contract as OpenAPI 3.1, described from the models that read it: ``python -m webhook_kit_http`` prints it.

``openapi.json`` beside this module is the same, written down for whoever has no Python: ``python -m webhook_kit_http --write``.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from webhook_kit.adapter import CatalogSet
from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.openapi import Json, document, json_content, list_of, parameter, reference, schemas
from webhook_kit_http import messages, signing

__all__ = ["FILE", "describe", "text"]

FILE = Path(__file__).with_name("openapi.json")
"""Where it is written down."""

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


def describe() -> Json:
    """The document."""
    return document(
        "webhook_kit: what a point of sale answers, and what it tells",
        version("webhook-kit-http"),
        description=f"Every call is signed by its sender, the kit or the POS.\n\n{_signing()}",
        paths=_paths(),
        webhooks={"events": {"post": _events()}},
        components={"schemas": schemas((*_ASKED, *_ANSWERED)), "parameters": _signed()},
    )


def _signing() -> str:
    """The rule, in the words of the module that follows it."""
    return (signing.__doc__ or "").partition("\n\n")[2].strip()


def _paths() -> Json:
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
    parameters: list[Json] | None = None,
    *,
    body: type[Wire] | None = None,
    failures: dict[str, str] | None = None,
    optional: bool = False,
) -> Json:
    texts = {"401": "Not signed by the kit", **(failures or {})} | (
        {"501": "This POS does not have this call"} if optional else {}
    )
    content = {"content": json_content(reference(answer))} if answer else {}
    request = {"requestBody": {"required": True, "content": json_content(reference(body))}} if body else {}
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["optional" if optional else "required"],
        "parameters": [*_proof(), *(parameters or [])],
        **request,
        "responses": {
            "200": {"description": "The answer" if answer else "It is cancelled", **content},
            **{status: {"description": why} for status, why in sorted(texts.items())},
        },
    }


def _events() -> Json:
    return {
        "operationId": "events",
        "summary": "What the POS says of its own accord, to `POST /pos/<adapter>/events` of the kit",
        "parameters": _proof(),
        "requestBody": {"required": True, "content": json_content(reference(messages.EventList))},
        "responses": {
            "200": {
                "description": "Taken, every event; what became of each",
                "content": json_content(list_of({"type": "string"})),
            },
            "400": {"description": "Not readable: saying it again changes nothing"},
            "401": {"description": "Not signed by the POS"},
            "503": {"description": "Not now: say it again"},
        },
    }


def _parameter(where: Literal["header", "path", "query"], name: str, description: str, **schema: Any) -> Json:
    return parameter(where, name, {"type": "string", **schema}, description)


def _signed() -> Json:
    return {
        "Signature": _parameter("header", "Signature", "See above.", pattern="^[0-9a-f]{64}$"),
        "Timestamp": _parameter("header", "Timestamp", "Unix seconds, within 300 s of now.", pattern="^[0-9]{1,12}$"),
        "Store": _parameter("header", "Store", "The partner's id of the store, percent-encoded."),
    }


def _proof() -> list[Json]:
    return [{"$ref": f"#/components/parameters/{name}"} for name in _signed()]
