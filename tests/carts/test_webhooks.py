"""Drawn carts through the kit's webhooks: validated, then placed, with changes of prices, stock and hours in between."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from itertools import cycle
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from tests.carts.cases import draw_cases
from tests.carts.compare import Clock, difference_of_answer
from tests.carts.drawn_catalogs import ZONES
from tests.carts.oracle import Situation, Wire, judge
from tests.carts.placing import WAYS, Placing, draw_placing, refusals
from tests.webhooks.scripted_pos import scripted_pos
from tests.webhooks.webhook_client import JsonResponse, WebhookClient
from webhook_kit.adapter import CatalogSet, Order, Placed, Store
from webhook_kit.errors import Unsupported
from webhook_kit.gett.models.money import cents
from webhook_kit.placement import token, validation

SEED = 2
CARTS_PER_ZONE = 60


class Shop:
    """A store whose POS has the catalog of a situation, and its webhooks."""

    def __init__(self, make_client: Callable[..., WebhookClient], monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
        self.catalog: Wire = {}
        self.placed: list[str] = []  # totals of the tickets
        self._monkeypatch = monkeypatch

        def quote(_store: Store, _order: Order) -> Any:
            raise Unsupported("the catalog's price is the price")

        def place_order(_store: Store, order: Order, _key: str) -> Placed:
            assert order.amounts is not None
            self.placed.append(str(order.amounts.total))
            return Placed(str(uuid4()))

        pos = scripted_pos(
            fetch_catalog=lambda _: CatalogSet.model_validate(self.catalog),
            quote=quote,
            place_order=place_order,
            find_order=lambda *_: None,
        )
        self.client = make_client(**pos, store_timezone=zone)

    def enter(self, situation: Situation) -> None:
        """Let the catalog, the items that have run out and the clock be those of a situation."""
        kit = self.client.kit
        if situation.catalog is not self.catalog:
            self.catalog = situation.catalog
            kit.catalogs.refresh(kit.stores.get("main"))
        marked = set(kit.availability.unavailable_items("main"))
        for item_id in set(situation.unavailable) - marked:
            kit.availability.mark_unavailable("main", item_id)
        for item_id in marked - set(situation.unavailable):
            kit.availability.mark_available("main", item_id)
        kit.catalogs.invalidate("main")
        self._monkeypatch.setattr(validation, "datetime", Clock(situation.at))

    def place(self, placing: Placing, validated: JsonResponse) -> JsonResponse:
        """Place an order in its way, and once more if it was placed."""
        body = {**placing.order, "gettOrderId": str(uuid4()), "payment": {"type": "gettPayment"}}
        if placing.uses_token:
            body["validatedOrderToken"] = validated.json["validatedOrderToken"]
        with pytest.MonkeyPatch.context() as clock:
            if placing.way == "with an expired token":
                clock.setattr(token, "time", _TwoDaysLater)
            key = str(uuid4())
            answer = self.client.place(body, key)
            if answer.status_code == 200:
                assert self.client.place(body, key).data == answer.data
        return answer


class _TwoDaysLater:
    """A clock in place of the module ``time``."""

    @staticmethod
    def time() -> float:
        return time.time() + 2 * 86_400


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Asia/Kolkata"])
def test_webhooks_and_oracle_decide_the_same(
    zone: str, make_client: Callable[..., WebhookClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, ways, placed_in = Shop(make_client, monkeypatch, zone), cycle(WAYS), Counter[str]()
    first = list(ZONES).index(zone) * 10_000
    for case in draw_cases(SEED, range(first, first + 10 * CARTS_PER_ZONE)):
        gone = frozenset(case.situation.unavailable)
        situation = Situation(case.situation.catalog, case.situation.at, zone, unavailable=gone)
        shop.enter(situation)
        validated = shop.client.validate(case.order)
        verdict = judge(situation, case.order)
        assert difference_of_answer(validated.json, verdict) == "", case.number
        way = "with the total" if verdict.complaints else next(ways)
        placing = draw_placing(Random(case.number), situation, case.order, way)
        placed_in[placing.way] += 1
        shop.enter(placing.situation)
        _expect_what_the_protocol_demands(shop, placing, shop.place(placing, validated))
        if placed_in.total() >= CARTS_PER_ZONE and len(placed_in) == len(WAYS):
            break
    assert placed_in.keys() == set(WAYS)


def _expect_what_the_protocol_demands(shop: Shop, placing: Placing, answer: JsonResponse) -> None:
    placed, shop.placed = shop.placed, []
    codes = refusals(placing)
    if not codes:
        assert (answer.status_code, placed) == (200, [f"{placing.accepted:.2f}"]), (placing, answer.text)
        assert cents(Decimal(str(answer.json["amounts"]["total"]))) == placing.accepted
        return
    assert placed == []
    assert answer.json["errorCode"] in codes, (placing, answer.text)
    assert answer.status_code == (422 if codes == {"VALIDATION_FAILED"} else 400)
    verdict = judge(placing.situation, placing.meant)
    if verdict.complaints and not placing.refusal:
        assert difference_of_answer(answer.json, verdict) == "", placing
