"""A catalog from POS to Gett on real processes: POS event, worker, download; also with unavailable items."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from webhook_kit.gett.models.catalog import ExternalCatalogSet
from webhook_kit.sandbox.local_gett import WebhookResponse
from webhook_kit.testing.bogus_catalog import bogus_catalog
from webhook_kit.testing.processes import PATIENCE, Process, wait_until
from webhook_kit.testing.stack import Stack

_ITEMS = set(bogus_catalog().items)


class CatalogStack(Stack):
    """Two web processes and a worker; catalogs are downloaded from the first web process."""

    def start_worker(self) -> Process:
        """Start the worker."""
        self.env |= {"PUBLIC_URL": self.urls[0]}
        command = [sys.executable, "-m", "webhook_kit.cli", "worker", "all"]
        return self._resources.enter_context(Process(command, env=self.env, cwd=self._cwd))

    def post_events(self, *events: dict[str, Any]) -> None:
        """Post events of the POS to the second web process."""
        response = requests.post(
            f"{self.urls[1]}/pos/bogus/events",
            data=json.dumps({"events": events}),
            headers={"x-bogus-secret": "bogus-secret"},
            timeout=PATIENCE,
        )
        assert response.status_code == 200, response.text

    def pulled_catalogs(self) -> list[ExternalCatalogSet]:
        """Return the catalogs that Gett has downloaded, oldest first."""
        with self.gett.context.lock:
            pulls = list(self.gett.context.state.stores[self.store_id].pulls)
            assert [pull.error for pull in pulls if pull.error] == []
            return [self.gett.context.state.catalogs[str(pull.catalog_set_id)] for pull in pulls]

    def validate_item(self, item: str) -> WebhookResponse:
        """Validate a cart with this item at the first web process."""
        order = {"cart": {"lineItems": [{"itemId": item, "quantity": 1}]}, "fulfillmentType": "Pickup"}
        return self.gett.validate(order)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[CatalogStack]:
    options = {"file": str(tmp_path / "pos.sqlite")}
    env = {"PUBLISH_DEBOUNCE": "1.5"}
    with CatalogStack("bogus", options=options, env=env, web=2, worker=False, cwd=tmp_path) as stack:
        stack.start_worker()
        yield stack


def item(name: str, *, available: bool) -> dict[str, Any]:
    return {"type": "item", "store_id": "main", "item_id": name, "available": available}


def test_catalog_changes_of_the_pos_reach_gett(stack: CatalogStack) -> None:
    stack.post_events({"type": "catalog", "store_id": "main"})
    wait_until(lambda: len(stack.pulled_catalogs()) == 1)
    (whole,) = stack.pulled_catalogs()
    assert whole.items.keys() == _ITEMS
    assert whole.store_id == stack.store_id
    assert stack.validate_item("salad").body["isValid"] is True

    # Three items become unavailable within the debounce: refused at once by every process, published once.
    stack.post_events(item("salad", available=False))
    stack.post_events(item("cola", available=False), item("bacon", available=False))
    wait_until(lambda: stack.validate_item("salad").body["isValid"] is False)
    assert [error["code"] for error in stack.validate_item("cola").body["errors"]] == ["ITEM_UNAVAILABLE"]
    wait_until(lambda: len(stack.pulled_catalogs()) == 2)
    assert stack.pulled_catalogs()[1].items.keys() == _ITEMS - {"salad", "cola", "bacon"}

    # Available again: the published catalog is the one of before.
    stack.post_events(*(item(name, available=True) for name in ("salad", "cola", "bacon")))
    wait_until(lambda: len(stack.pulled_catalogs()) == 3)
    assert stack.pulled_catalogs()[2] == whole
    # A process's copy is at most a second behind.
    wait_until(lambda: stack.validate_item("salad").body["isValid"] is True)
    status = stack.cli("catalog", "status", "--json")
    assert json.loads(status.output())[0]["published"] == whole.catalog_set_id
