"""A fake Square with state: catalog, prices with taxes, orders with versions, payments, idempotency.

It follows Square's documentation and observed behaviour (a stale version is 400 ``VERSION_MISMATCH``, a payment of zero is refused,
only a paid order is a ticket). ``test_prism.py`` checks its responses against Square's own schema.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Self

from flask import Flask, Response, jsonify, request
from werkzeug.serving import make_server

from tests.square_messages import LOCATION, SIGNATURE_KEY, TOKEN, Json, SquareFailure, signed


class FakeSquare:
    """Context manager that runs the server; ``url`` is its base URL."""

    def __init__(self, currency: str = "USD") -> None:
        self.currency = currency
        self.location: Json = {
            "id": LOCATION, "name": "Main Street", "status": "ACTIVE", "currency": currency, "country": "US",
            "timezone": "America/New_York", "merchant_id": "MERCHANT",
        }  # fmt: skip
        self.catalog: dict[str, Json] = {}
        self.orders: dict[str, Json] = {}
        self.payments: dict[str, Json] = {}
        self.calls: list[tuple[str, str]] = []
        self.bodies: list[Json] = []
        self.failures: list[tuple[str, int, str, bool]] = []
        self.page = 100
        self.scopes: list[str] | None = None  # None: the token's permissions are not told
        self._keys: dict[tuple[str, str], tuple[str, str]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self.app = Flask("square")
        self._route()

    # -- server -------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._server = make_server("127.0.0.1", 0, self.app, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def fail(self, call: str, status: int, code: str = "INTERNAL_SERVER_ERROR", *, after: bool = False) -> None:
        """Let the next such call (``POST /v2/orders``) fail; with ``after``, once it has taken effect."""
        self.failures.append((call, status, code, after))

    def count(self, call: str) -> int:
        """Return the number of times that a call was made."""
        return sum(f"{method} {path}" == call for method, path in self.calls)

    # -- actions of the seller --------------------------------------------------------------------------------------------

    def put(self, *objects: Json) -> None:
        for each in objects:
            self.catalog[each["id"]] = each

    def sellable(self, object_id: str) -> Json:
        """Return the data of a variation or modifier."""
        for parent in self.catalog.values():
            for inner in parent.get("item_data", {}).get("variations", []):
                if inner["id"] == object_id:
                    return inner["item_variation_data"]  # type: ignore[no-any-return]
            for inner in parent.get("modifier_list_data", {}).get("modifiers", []):
                if inner["id"] == object_id:
                    return inner["modifier_data"]  # type: ignore[no-any-return]
        raise KeyError(object_id)

    def sell_out(self, object_id: str) -> None:
        overrides = self.sellable(object_id).setdefault("location_overrides", [])
        overrides.append({"location_id": LOCATION, "sold_out": True})

    def set_price(self, object_id: str, minor: int) -> None:
        self.sellable(object_id)["price_money"] = self.money(minor)

    def advance(self, order_id: str, state: str) -> tuple[dict[str, str], bytes]:
        """Move a fulfillment to a state and return the webhook that Square sends about it."""
        with self._lock:
            order = self.orders[order_id]
            fulfillment = order["fulfillments"][0]
            before, fulfillment["state"] = fulfillment["state"], state
            if state == "COMPLETED":
                order["state"] = "COMPLETED"
            self._touch(order)
            return self.webhook(order, before)

    def webhook(self, order: Json, before: str, key: str = SIGNATURE_KEY) -> tuple[dict[str, str], bytes]:
        fulfillment = order["fulfillments"][0]
        update = {"fulfillment_uid": fulfillment["uid"], "old_state": before, "new_state": fulfillment["state"]}
        updated = {name: order[name] for name in ("location_id", "version", "state", "created_at", "updated_at")}
        updated |= {"order_id": order["id"], "fulfillment_update": [update]}
        event = {
            "merchant_id": "MERCHANT", "type": "order.fulfillment.updated", "event_id": f"event-{next(self._numbers)}",
            "created_at": _now(),
            "data": {"type": "order", "id": order["id"], "object": {"order_fulfillment_updated": updated}},
        }  # fmt: skip
        body = json.dumps(event).encode()
        return signed(body, key), body

    # -- requests ------------------------------------------------------------------------------------------------------

    def _route(self) -> None:
        app = self.app
        app.errorhandler(SquareFailure)(lambda failure: (jsonify(failure.body), failure.status))
        app.before_request(self._before_request)
        app.after_request(self._after_request)
        app.add_url_rule("/oauth2/token/status", view_func=self._token_status, methods=["POST"])
        app.add_url_rule("/v2/locations/<key>", view_func=self._get_location)
        app.add_url_rule("/v2/catalog/list", view_func=self._list_catalog)
        app.add_url_rule("/v2/catalog/batch-retrieve", view_func=self._batch_catalog, methods=["POST"])
        app.add_url_rule("/v2/orders/calculate", view_func=self._calculate, methods=["POST"])
        app.add_url_rule("/v2/orders", view_func=self._create_order, methods=["POST"])
        app.add_url_rule("/v2/orders/search", view_func=self._search, methods=["POST"])
        app.add_url_rule("/v2/orders/<key>", view_func=self._get_order, methods=["GET"])
        app.add_url_rule("/v2/orders/<key>", view_func=self._update_order, methods=["PUT"])
        app.add_url_rule("/v2/orders/<key>/pay", view_func=self._pay_order, methods=["POST"])
        app.add_url_rule("/v2/payments", view_func=self._create_payment, methods=["POST"])

    def _before_request(self) -> None:
        self.calls.append((request.method, request.path))
        if request.data:
            self.bodies.append(request.get_json())
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise SquareFailure(401, "UNAUTHORIZED", "This request could not be authorized.")
        if failure := self._next_failure(after=False):
            raise failure

    def _after_request(self, response: Response) -> Response:
        if response.status_code < 300 and (failure := self._next_failure(after=True)):
            replaced = jsonify(failure.body)
            replaced.status_code = failure.status
            return replaced
        return response

    def _next_failure(self, *, after: bool) -> SquareFailure | None:
        for failure in self.failures:
            call, status, code, after_effect = failure
            if call == f"{request.method} {request.path}" and after_effect is after:
                self.failures.remove(failure)
                return SquareFailure(status, code, "set by the test")
        return None

    @contextmanager
    def _idempotent(self, kind: str) -> Iterator[str | None]:
        """Surround a request with an idempotency key; provide the id that an earlier one with this key created."""
        body = request.get_json()
        key = (kind, body["idempotency_key"])
        content = json.dumps({**body, "idempotency_key": ""}, sort_keys=True)
        with self._lock:
            earlier = self._keys.get(key)
            if earlier and earlier[0] != content:
                raise SquareFailure(
                    400, "IDEMPOTENCY_KEY_REUSED", "Different request parameters used for the same key."
                )
            self._created = ""
            yield earlier[1] if earlier else None
            if self._created:
                self._keys[key] = (content, self._created)

    def _token_status(self) -> Response:
        if self.scopes is None:
            raise SquareFailure(404, "NOT_FOUND", "Resource not found.")
        return jsonify(scopes=self.scopes, client_id="sq0idp-test", merchant_id="MERCHANT")

    # -- catalog -------------------------------------------------------------------------------------------------------

    def _get_location(self, key: str) -> Response:
        if key != LOCATION:
            raise SquareFailure(404, "NOT_FOUND", f"Location with id {key} not found.")
        return jsonify(location=self.location)

    def _list_catalog(self) -> Response:
        types = request.args["types"].split(",")
        objects = [each for each in self.catalog.values() if each["type"] in types]
        start = int(request.args.get("cursor", "0"))
        more = {"cursor": str(start + self.page)} if start + self.page < len(objects) else {}
        return jsonify(objects=objects[start : start + self.page], **more)

    def _batch_catalog(self) -> Response:
        objects = []
        for object_id in request.get_json()["object_ids"]:
            for parent in self.catalog.values():
                inner = parent.get("item_data", {}).get("variations", [])
                inner = inner + parent.get("modifier_list_data", {}).get("modifiers", [])
                objects += [each for each in (parent, *inner) if each["id"] == object_id]
        return jsonify(objects=objects)

    # -- prices --------------------------------------------------------------------------------------------------------

    def money(self, minor: int) -> Json:
        return {"amount": minor, "currency": self.currency}

    def _price_of(self, object_id: str, field: str) -> int:
        try:
            data = self.sellable(object_id)
        except KeyError:
            raise SquareFailure(400, "NOT_FOUND", f"Catalog object {object_id} not found.", field) from None
        for override in data.get("location_overrides", []):
            if override["location_id"] == LOCATION and "price_money" in override:
                return int(override["price_money"]["amount"])
        return int(data.get("price_money", {"amount": 0})["amount"])

    def _taxes_of(self, variation_id: str) -> list[Json]:
        for parent in self.catalog.values():
            item = parent.get("item_data", {})
            if any(inner["id"] == variation_id for inner in item.get("variations", [])):
                return [self.catalog[tax] for tax in item.get("tax_ids", [])]
        return []

    def _priced(self, params: Json) -> Json:
        if params.get("location_id") != LOCATION:
            raise SquareFailure(400, "NOT_FOUND", "No such location.", "order.location_id")
        order = deepcopy(params)
        taxes: dict[str, Json] = {}
        total = total_tax = 0
        for index, line in enumerate(order["line_items"]):
            field = f"order.line_items[{index}].catalog_object_id"
            quantity = int(line["quantity"])
            each = base = self._price_of(line["catalog_object_id"], field)
            for modifier in line.get("modifiers", []):
                price = self._price_of(modifier["catalog_object_id"], f"order.line_items[{index}].modifiers")
                each += price * int(modifier.get("quantity", "1"))
                modifier["base_price_money"] = self.money(price)
            gross = each * quantity
            tax_of_line = added = 0
            for tax in self._taxes_of(line["catalog_object_id"]) if self._adds_taxes(order) else []:
                data = tax["tax_data"]
                rate = Decimal(data["percentage"]) / 100
                inclusive = data.get("inclusion_type") == "INCLUSIVE"
                exact = gross * rate / (1 + rate) if inclusive else gross * rate
                amount = int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))
                tax_of_line += amount
                added += 0 if inclusive else amount
                entry = taxes.setdefault(
                    tax["id"],
                    {"uid": tax["id"], "catalog_object_id": tax["id"], "name": data["name"],
                     "percentage": data["percentage"], "type": data.get("inclusion_type", "ADDITIVE"),
                     "scope": "LINE_ITEM", "auto_applied": True, "applied_money": self.money(0)},
                )  # fmt: skip
                entry["applied_money"]["amount"] += amount
            line |= {
                "uid": f"line-{index}", "base_price_money": self.money(base), "item_type": "ITEM",
                "total_tax_money": self.money(tax_of_line), "total_money": self.money(gross + added),
            }  # fmt: skip
            total, total_tax = total + gross + added, total_tax + tax_of_line
        zero = self.money(0)
        order |= {
            "taxes": list(taxes.values()), "total_money": self.money(total), "total_tax_money": self.money(total_tax),
            "total_discount_money": zero, "total_tip_money": zero, "total_service_charge_money": zero,
            "net_amount_due_money": self.money(total), "state": "OPEN", "version": 1,
        }  # fmt: skip
        return order

    def _adds_taxes(self, order: Json) -> bool:
        return bool(order.get("pricing_options", {}).get("auto_apply_taxes"))

    # -- orders --------------------------------------------------------------------------------------------------------

    def _calculate(self) -> Response:
        return jsonify(order={**self._priced(request.get_json()["order"]), "created_at": _now()})

    def _create_order(self) -> Response:
        with self._idempotent("order") as earlier:
            order_id = earlier
            if order_id is None:
                order = self._priced(request.get_json()["order"])
                if len(order.get("reference_id", "")) > 40:
                    raise SquareFailure(
                        400, "VALUE_TOO_LONG", "Field must not be longer than 40.", "order.reference_id"
                    )
                order["id"] = self._created = f"order-{next(self._numbers)}"
                order["created_at"] = order["updated_at"] = _now()
                self.orders[order["id"]] = order
                order_id = order["id"]
            return jsonify(order=self.orders[order_id])

    def _get_order(self, key: str) -> Response:
        return jsonify(order=self._order(key))

    def _order(self, key: str) -> Json:
        if key not in self.orders:
            raise SquareFailure(404, "NOT_FOUND", f"Order not found for id {key}")
        return self.orders[key]

    def _update_order(self, key: str) -> Response:
        with self._lock:
            order, sparse = self._order(key), request.get_json()["order"]
            if sparse["version"] != order["version"]:
                text = f"Supplied version {sparse['version']} does not match the current version {order['version']}"
                raise SquareFailure(400, "VERSION_MISMATCH", text, "order.version")
            if order["state"] != "OPEN":
                raise SquareFailure(400, "BAD_REQUEST", f"Order {key} is {order['state']}")
            for change in sparse.get("fulfillments", []):
                (fulfillment,) = (each for each in order["fulfillments"] if each["uid"] == change["uid"])
                if fulfillment["state"] in ("COMPLETED", "CANCELED", "FAILED"):
                    raise SquareFailure(400, "BAD_REQUEST", "The fulfillment has ended")
                for name, value in change.items():
                    fulfillment[name] = fulfillment[name] | value if isinstance(value, dict) else value
            if sparse.get("state") == "CANCELED":
                if order.get("tenders"):
                    raise SquareFailure(400, "BAD_REQUEST", "A paid order cannot be cancelled", "order.state")
                order["state"] = "CANCELED"
            self._touch(order)
            return jsonify(order=order)

    def _search(self) -> Response:
        body = request.get_json()
        criteria = body["query"]["filter"]
        field = body["query"]["sort"]["sort_field"].lower()
        start = criteria["date_time_filter"][field]["start_at"]
        since = datetime.fromisoformat(start)
        orders = [
            order
            for order in self.orders.values()
            if order["location_id"] in body["location_ids"]
            and order.get("source", {}).get("name") in criteria["source_filter"]["source_names"]
            and datetime.fromisoformat(order[field]) >= since
        ]
        orders.sort(key=lambda order: order[field], reverse=body["query"]["sort"]["sort_order"] == "DESC")
        first, size = int(body.get("cursor", "0")), min(self.page, body["limit"])
        more = {"cursor": str(first + size)} if first + size < len(orders) else {}
        return jsonify(orders=orders[first : first + size], **more)

    # -- payments ------------------------------------------------------------------------------------------------------

    def _create_payment(self) -> Response:
        body = request.get_json()
        with self._idempotent("payment") as earlier:
            payment_id = earlier
            if payment_id is None:
                order = self._order(body["order_id"])
                due, tip = order["net_amount_due_money"]["amount"], body.get("tip_money", {}).get("amount", 0)
                amount = body["amount_money"]["amount"]
                if order["state"] != "OPEN" or amount != due or amount + tip <= 0:
                    raise SquareFailure(400, "BAD_REQUEST", f"{amount} cannot be paid: {due} is due, {order['state']}")
                payment = {
                    "id": f"payment-{next(self._numbers)}", "status": "COMPLETED", "source_type": "EXTERNAL",
                    "order_id": order["id"], "location_id": LOCATION, "amount_money": self.money(amount),
                    "tip_money": self.money(tip), "total_money": self.money(amount + tip),
                    "external_details": body["external_details"], "created_at": _now(), "updated_at": _now(),
                }  # fmt: skip
                payment_id = self._created = payment["id"]
                self.payments[payment["id"]] = payment
                self._settle(order, amount, tip, payment["id"])
            return jsonify(payment=self.payments[payment_id])

    def _pay_order(self, key: str) -> Response:
        with self._idempotent("pay") as earlier:
            order = self._order(key)
            if earlier is None:
                if order["net_amount_due_money"]["amount"] or order["state"] != "OPEN":
                    raise SquareFailure(400, "BAD_REQUEST", "an amount is due")
                self._settle(order, 0, 0, "no-payment")
                self._created = key
            return jsonify(order=order)

    def _settle(self, order: Json, amount: int, tip: int, payment_id: str) -> None:
        order["tenders"] = [
            {"id": payment_id, "type": "OTHER" if amount + tip else "NO_SALE", "location_id": LOCATION,
             "amount_money": self.money(amount + tip), "tip_money": self.money(tip)},
        ]  # fmt: skip
        order["net_amount_due_money"] = self.money(0)
        order["total_tip_money"] = self.money(tip)
        order["total_money"] = self.money(amount + tip)
        self._touch(order)

    def _touch(self, order: Json) -> None:
        order["version"] += 1
        order["updated_at"] = _now()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
