"""Random orders of a catalog that a customer could send: legal choices, written in every way that the protocol allows."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.carts.oracle import Situation, is_open, items_of, run_out

Wire = dict[str, Any]

STORE_ID = "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"
ADDRESS = {"address1": "1 Main St", "city": "New York", "state": "NY", "postalCode": "10001"}
QUANTITIES = [1] * 10 + [2, 2, 3, 12, 99, 9_999]
HARMLESS = [("note", "no onions"), ("kitchen", {"spice": "hot"}), ("tags", ["vip"]), ("priority", 3), ("options", [])]
_MOST_PARTS = 25  # lines and modifiers, after which only what is required is chosen


def draw_order(rng: Random, situation: Situation) -> Wire:
    """Draw an order without complaints, as far as the catalog and the hour allow it."""
    drawer = _Drawer(rng, situation)
    lines = [
        drawer.line(rng.choice(drawer.sold), rng.choice(QUANTITIES)) for _ in range(rng.choice([1, 1, 1, 2, 2, 3, 5]))
    ]
    order = {"cart": {"storeId": STORE_ID, "lineItems": lines}, **_fulfillment(rng, situation)}
    if rng.random() < 0.5:
        tip = rng.randint(1, 2000) / 100
        described = {
            "tip": tip,
            "tipDescription": [{"name": "Staff", "value": 0.01}, {"name": "Driver", "value": round(tip - 0.01, 2)}],
        }
        order["amounts"] = rng.choice([None, {}, {"tip": None}, {"tip": 0}, {"tip": tip}, described])
    if rng.random() < 0.1:
        order["customer"] = rng.choice([None, {"firstName": "Ada", "phone": "+12125550123"}])
    if rng.random() < 0.1:
        order["cart"]["catalogSetId"] = rng.choice([None, "", "11111111-1111-4111-8111-111111111111"])
    if rng.random() < 0.05:
        order["cart"]["note"] = rng.choice(["for the office", ["napkins"]])
    return order


def _fulfillment(rng: Random, situation: Situation) -> Wire:
    offered = situation.fulfillment_types
    kind = rng.choice(["Pickup", "DeliveryByMerchant", "Curbside"] if offered is None else sorted(offered))
    if kind == "DeliveryByMerchant":
        return {"fulfillmentType": kind, "deliveryInfo": {"address": dict(ADDRESS)}}
    absent: Wire = rng.choice([{}, {"deliveryInfo": None}, {"deliveryInfo": {"instructions": "ring"}}])
    return {"fulfillmentType": kind, **absent}


class _Drawer:
    def __init__(self, rng: Random, situation: Situation) -> None:
        self.rng = rng
        self.catalog = situation.catalog
        self.run_out = run_out(situation)
        self.parts = 0
        catalogs = self.catalog["catalogs"].values()
        opened = [one for one in catalogs if is_open(one["availability"], situation.at, situation.zone)]
        for choice in (opened, catalogs):
            listed = {item_id for one in choice for item_id in items_of(self.catalog, one)}
            self.sold = sorted(listed - self.run_out) or sorted(listed)
            if self.sold:
                break

    def line(self, item_id: str, quantity: int) -> Wire:
        rng = self.rng
        self.parts += 1
        line: Wire = {"itemId": item_id, "quantity": quantity}
        if quantity == 1 and rng.random() < 0.2:
            line["quantity"] = None
            if rng.random() < 0.5:
                del line["quantity"]
        if rng.random() < 0.2:
            line["lineItemId"] = rng.choice(["1", "same", None])
        entries = self.entries(item_id)
        if entries or rng.random() < 0.7:
            line["modifierGroups"] = entries or rng.choice([[], [], None])
        if rng.random() < 0.04:
            line.update([rng.choice(HARMLESS)])
        return line

    def entries(self, item_id: str) -> list[Wire]:
        """Return the selections of an item, some groups in two entries, some entries empty."""
        rng = self.rng
        result: list[Wire] = []
        group_ids = list(dict.fromkeys(self.catalog["items"][item_id].get("modifierGroupIds") or []))
        for group_id in rng.sample(group_ids, len(group_ids)):
            chosen = self.selection(self.catalog["modifierGroups"][group_id])
            if chosen:
                cut = rng.randint(0, len(chosen)) if rng.random() < 0.15 else len(chosen)
                result.append({"modifierGroupId": group_id, "selectedModifiers": chosen[:cut]})
                if cut < len(chosen):
                    entry = {"modifierGroupId": group_id, "selectedModifiers": chosen[cut:]}
                    result.insert(rng.randint(len(result) - 1, len(result)), entry)
            elif rng.random() < 0.3:
                entry = {"modifierGroupId": group_id, "selectedModifiers": rng.choice([[], None])}
                if entry["selectedModifiers"] is None and rng.random() < 0.5:
                    del entry["selectedModifiers"]
                result.append(entry)
        return result

    def selection(self, group: Wire) -> list[Wire]:
        """Return a legal choice from a group, often as few or as many as it allows."""
        rng = self.rng
        minimum, maximum = group["minimumAllowed"], group["maximumAllowed"]
        repeats = group.get("enableDuplicateItems")
        options = list(dict.fromkeys(group["itemIds"]))
        left = [option for option in options if option not in self.run_out]
        if len(left) >= (min(1, minimum) if repeats else minimum):
            options = left
        most = maximum if repeats and options else min(maximum, len(options))
        if self.parts > _MOST_PARTS:
            most = minimum
        count = rng.choice([minimum, most, rng.randint(minimum, most), min(most, minimum + 1)])
        if not repeats:
            return [self.line(option, 1) for option in rng.sample(options, count)]
        result = []
        while count:
            quantity = rng.choice([1, count, rng.randint(1, count)]) if count <= 12 else count // rng.randint(1, 3)
            result.append(self.line(rng.choice(options), quantity))
            count -= quantity
        return result
