"""The contract as OpenAPI: written down as it is, valid, and what the POS in Node really answers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from jsonschema import Draft202012Validator

from tests.node import Till, node_pos
from tests.pos import SECRET
from tests.test_calls import order
from webhook_kit.adapter import Placed, Store
from webhook_kit.testing.processes import PATIENCE
from webhook_kit_http import HttpAdapter
from webhook_kit_http.openapi import FILE, describe, text

DOCUMENT = describe()


def schema(content: dict[str, Any]) -> Draft202012Validator:
    """Checks what this content has to look like, with the document's own definitions."""
    return Draft202012Validator({**content["application/json"]["schema"], "components": DOCUMENT["components"]})


def test_what_is_written_down_is_what_holds() -> None:
    assert FILE.read_text() == text(), "python -m webhook_kit_http --write"


def test_it_is_printed() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "webhook_kit_http"], check=True, capture_output=True, timeout=4 * PATIENCE
    )
    assert json.loads(printed.stdout) == json.loads(text())


def test_its_schemas_are_schemas_and_every_reference_leads_somewhere() -> None:
    for found in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(found)

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


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Till]:
    with node_pos(tmp_path, "main", SECRET) as running:
        yield running


def test_what_kit_and_pos_really_say_is_what_it_describes(till: Till) -> None:
    exchanges: list[requests.Response] = []
    adapter = HttpAdapter()
    adapter.http.hooks["response"] = [lambda response, **_: exchanges.append(response)]
    store = Store("main", "g", "http", credentials={"secret": SECRET}, options={"base_url": till.pos_url})
    try:
        adapter.fetch_catalog(store)
        wanted = order()
        adapter.quote(store, wanted)  # there is no pizza
        adapter.place_order(store, wanted, "key-1")
        wanted.cart.line_items[0].item_id = "lemonade"
        adapter.quote(store, wanted)
        placed = adapter.place_order(store, wanted, "key-2")
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
        known = str(path).replace(placed.id, "{id}")
        operation = DOCUMENT["paths"][known][(exchange.request.method or "").lower()]
        called.add(operation["operationId"])
        if "content" in operation["responses"]["200"]:
            schema(operation["responses"]["200"]["content"]).validate(exchange.json())
        if "requestBody" in operation:
            schema(operation["requestBody"]["content"]).validate(json.loads(exchange.request.body or b""))
    assert called == {each["operationId"] for path in DOCUMENT["paths"].values() for each in path.values()}


def test_what_the_pos_tells_is_what_it_describes(till: Till) -> None:
    events = schema(DOCUMENT["webhooks"]["events"]["post"]["requestBody"]["content"])
    for told in (till.sell_out("ham"), till.close()):
        events.validate(json.loads(told.body))
