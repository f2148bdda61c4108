"""A menu's whole way, on real processes: the POS's word → a worker → Gett pulls; and back again when something runs out."""

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
from webhook_kit.testing.bogus_menu import bogus_menu
from webhook_kit.testing.processes import PATIENCE, Process, wait_until
from webhook_kit.testing.stack import Stack

_MENU = set(bogus_menu().items)


class Line(Stack):
    """Two web processes, and a worker that knows at which of them menus are pulled."""

    def serve(self) -> Process:
        """Start the worker."""
        self.env |= {"PUBLIC_URL": self.urls[0]}
        command = [sys.executable, "-m", "webhook_kit.cli", "worker", "all"]
        return self._resources.enter_context(Process(command, env=self.env, cwd=self._cwd))

    def says(self, *events: dict[str, Any]) -> None:
        """Let the POS say something to the second web process."""
        response = requests.post(
            f"{self.urls[1]}/pos/bogus/events",
            data=json.dumps({"events": events}),
            headers={"x-bogus-secret": "bogus-secret"},
            timeout=PATIENCE,
        )
        assert response.status_code == 200, response.text

    def pulls(self) -> list[ExternalCatalogSet]:
        """The menus that Gett has pulled, oldest first."""
        with self.gett.context.lock:
            pulls = list(self.gett.context.state.stores[self.store_id].pulls)
            assert [pull.error for pull in pulls if pull.error] == []
            return [self.gett.context.state.catalogs[str(pull.catalog_set_id)] for pull in pulls]

    def validates(self, item: str) -> WebhookResponse:
        """What the first web process says of a cart."""
        order = {"cart": {"lineItems": [{"itemId": item, "quantity": 1}]}, "fulfillmentType": "Pickup"}
        return self.gett.validate(order)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    options = {"file": str(tmp_path / "pos.sqlite")}
    env = {"PUBLISH_DEBOUNCE": "1.5"}
    with Line("bogus", options=options, env=env, web=2, worker=False, cwd=tmp_path) as line:
        line.serve()
        yield line


def item(name: str, *, available: bool) -> dict[str, Any]:
    return {"type": "item", "store_id": "main", "item_id": name, "available": available}


def test_what_the_pos_says_of_its_menu_gett_pulls(line: Line) -> None:
    line.says({"type": "menu", "store_id": "main"})
    wait_until(lambda: len(line.pulls()) == 1)
    (whole,) = line.pulls()
    assert whole.items.keys() == _MENU
    assert whole.store_id == line.store_id
    assert line.validates("salad").body["isValid"] is True

    # Three run out within the pause: refused at once by every process, published once.
    line.says(item("salad", available=False))
    line.says(item("cola", available=False), item("bacon", available=False))
    wait_until(lambda: line.validates("salad").body["isValid"] is False)
    assert [error["code"] for error in line.validates("cola").body["errors"]] == ["ITEM_UNAVAILABLE"]
    wait_until(lambda: len(line.pulls()) == 2)
    assert line.pulls()[1].items.keys() == _MENU - {"salad", "cola", "bacon"}

    # Out and back within the pause is nothing; back again is the very menu that was there before.
    line.says(*(item(name, available=True) for name in ("salad", "cola", "bacon")))
    wait_until(lambda: len(line.pulls()) == 3)
    assert line.pulls()[2] == whole
    assert line.validates("salad").body["isValid"] is True
    shown = line.cli("catalog", "status", "--json")
    assert json.loads(shown.output())[0]["published"] == whole.catalog_set_id
