"""The contract as OpenAPI: up to date, valid, and equal to the traffic between adapter and POS."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from jsonschema import Draft202012Validator

from tests.node_pos import NodePos
from tests.scripted_pos import SECRET
from tests.test_calls import order
from webhook_kit import Placed, Store
from webhook_kit.testing.processes import PATIENCE
from webhook_kit_http import HttpAdapter
from webhook_kit_http.openapi import FILE, describe, text

DOCUMENT = describe()


def schema(content: dict[str, Any]) -> Draft202012Validator:
    """Return a validator of this content, with the document's own definitions."""
    return Draft202012Validator({**content["application/json"]["schema"], "components": DOCUMENT["components"]})


def test_the_file_is_up_to_date() -> None:
    assert FILE.read_text() == text(), "python -m webhook_kit_http --write"


def test_the_module_prints_the_document() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "webhook_kit_http"], check=True, capture_output=True, timeout=4 * PATIENCE
    )
    assert json.loads(printed.stdout) == json.loads(text())


def test_schemas_are_valid_and_references_resolve() -> None:
    for definition in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(definition)

    def references(node: Any) -> set[str]:
        if isinstance(node, list):
            return set().union(*map(references, node), set())
        if not isinstance(node, dict):
            return set()
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*map(references, node.values()), set())

    for reference in references(DOCUMENT):
        target: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def test_calls_and_responses_match_the_document(node: NodePos) -> None:
    exchanges: list[requests.Response] = []
    adapter = HttpAdapter()
    adapter.http.hooks["response"] = [lambda response, **_: exchanges.append(response)]
    store = Store("main", "g", "http", credentials={"secret": SECRET}, options={"base_url": node.url})
    try:
        adapter.fetch_catalog(store)
        placing = order()
        adapter.quote(store, placing)  # the POS has no pizza
        adapter.place_order(store, placing, "key-1")
        placing.cart.line_items[0].item_id = "lemonade"
        adapter.quote(store, placing)
        placed = adapter.place_order(store, placing, "key-2")
        assert isinstance(placed, Placed)
        assert adapter.find_order(store, "gett-1") == placed
        assert adapter.find_order(store, "gett-2") is None
        adapter.orders_since(store, datetime(2020, 1, 1, tzinfo=UTC))
        adapter.store_status(store)
        adapter.cancel_order(store, placed, "burnt")
    finally:
        adapter.http.hooks["response"] = []
    called = set()
    for exchange in exchanges:
        path = urlsplit(exchange.request.url or "").path
        template = str(path).replace(placed.id, "{id}")
        operation = DOCUMENT["paths"][template][(exchange.request.method or "").lower()]
        called.add(operation["operationId"])
        if "content" in operation["responses"]["200"]:
            schema(operation["responses"]["200"]["content"]).validate(exchange.json())
        if "requestBody" in operation:
            schema(operation["requestBody"]["content"]).validate(json.loads(exchange.request.body or b""))
    assert called == {each["operationId"] for path in DOCUMENT["paths"].values() for each in path.values()}


def test_events_match_the_document(node: NodePos) -> None:
    events = schema(DOCUMENT["webhooks"]["events"]["post"]["requestBody"]["content"])
    for webhook in (node.sell_out("ham"), node.close()):
        events.validate(json.loads(webhook.body))
