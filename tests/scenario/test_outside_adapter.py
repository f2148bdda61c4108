"""An adapter outside the repository, configured by environment variables alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from flask import Flask, jsonify, request

from webhook_kit.sandbox.server import server
from webhook_kit.testing.processes import free_port, wait_until
from webhook_kit.testing.stack import Stack

ADAPTER = """
from decimal import Decimal

from webhook_kit.adapter import CatalogSet, Placed, PosAdapter, Reason, Refused, Store
from webhook_kit.catalog.build import simple_catalog
from webhook_kit.gett.models.catalog import ExternalItem


class Diner(PosAdapter):
    def fetch_catalog(self, store):
        return simple_catalog({"All": [ExternalItem(item_id="pie", name="Pie", base_price=Decimal("4.20"))]})

    def place_order(self, store, order, key):
        lines = [[line.item_id, line.quantity] for line in order.cart.line_items]
        response = self.http.post(
            store.options["url"] + "/tickets",
            json={"key": key, "lines": lines, "total": str(order.amounts.total)},
            headers={"Authorization": "Token " + store.credentials["token"]},
        )
        if response.status_code == 409:
            return Refused(Reason.ITEM_UNAVAILABLE, response.text)
        response.raise_for_status()
        return Placed(str(response.json()["number"]))
"""


class Pos:
    """A point of sale with an HTTP interface of its own."""

    def __init__(self) -> None:
        self.tickets: list[dict[str, Any]] = []
        self.tokens: set[str | None] = set()
        self.app = Flask("pos")

        @self.app.post("/tickets")
        def ticket() -> Any:
            self.tokens.add(request.headers.get("Authorization"))
            body = request.get_json()
            if body["lines"][0][1] > 9:
                return "only nine pies are left", 409
            self.tickets.append(body)
            return jsonify(number=1000 + len(self.tickets))

    @contextmanager
    def serve(self, port: int) -> Iterator[None]:
        listening = server(self.app, port)
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            listening.shutdown()
            thread.join()
            listening.server_close()


def test_adapter_outside_the_repository_is_configured_by_environment_variables(tmp_path: Path) -> None:
    (tmp_path / "diner.py").write_text(ADAPTER)
    pos, port = Pos(), free_port()
    env = {"STORE_CREDENTIALS": json.dumps({"token": "s3cret"}), "POS_STORE_ID": "harbour"}
    with Stack("diner:Diner", options={"url": f"http://127.0.0.1:{port}"}, env=env, cwd=tmp_path) as stack:
        gett = stack.gett
        order = {"cart": {"lineItems": [{"itemId": "pie", "quantity": 2}]}, "fulfillmentType": "Pickup"}
        validated = gett.validate({**order, "amounts": {"tip": 1}})
        assert validated.body["amounts"]["total"] == 9.40
        placing, key = {**order, "validatedOrderToken": validated.body["validatedOrderToken"]}, str(uuid4())

        # The POS does not run yet: nothing can have reached it, so the next attempt starts afresh.
        not_now = gett.place(placing, key=key)
        assert (not_now.status, not_now.body["retryable"]) == (503, True)
        with pos.serve(port):
            placed = gett.place(placing, key=key)
            again = gett.place(placing, key=key)
            refused = gett.place(
                {**order, "cart": {"lineItems": [{"itemId": "pie", "quantity": 10}]}, "amounts": {"total": 42}}
            )
        assert (placed.status, placed.body["partnerOrderId"], placed.body["amounts"]["total"]) == (200, "1001", 9.40)
        assert (again.status, again.body["partnerOrderId"]) == (200, "1001")
        assert (refused.status, refused.body["errorCode"]) == (400, "ITEM_UNAVAILABLE")
        (ticket,) = pos.tickets
        assert (ticket["lines"], ticket["total"]) == ([["pie", 2]], "9.40")
        assert pos.tokens == {"Token s3cret"}

        (update,) = wait_until(lambda: gett.update_log.updates(gett.order_ids[key]), message="the confirmation")
        assert update.body == {"status": "confirmed"}
        assert "s3cret" not in stack.web[0].output() + stack.worker.output()
