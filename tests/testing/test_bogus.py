"""The fake POS follows its tables, with threads and with processes."""

from __future__ import annotations

import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests

from webhook_kit.adapter import (
    Capability,
    Guarantee,
    NotPlaced,
    Placed,
    PlacedStatus,
    PosAdapter,
    Reason,
    Refused,
    Store,
    Unsupported,
    placement_key,
)
from webhook_kit.catalog.check import check
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.gett.models.order import Amounts, Cart, CartModifierGroup, LineItem, PaymentInfo, PlaceOrderRequest
from webhook_kit.stores.adapters import load_adapter
from webhook_kit.testing import bogus
from webhook_kit.testing.bogus import BogusAdapter, BogusClaim, BogusLookUp, BogusNative
from webhook_kit.testing.bogus_products import OUTCOMES
from webhook_kit.testing.processes import PATIENCE, Process, wait_until

POS = BogusAdapter()


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "pos.sqlite")


@pytest.fixture
def store(file: str) -> Store:
    return make_store(file=file, hang=0, time_out=0)


def make_store(**options: Any) -> Store:
    return Store("main", "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90", "bogus", options=options)


def make_order(*items: str | LineItem, ref: str = "order-1") -> PlaceOrderRequest:
    lines = [item if isinstance(item, LineItem) else LineItem(item_id=item) for item in items]
    return PlaceOrderRequest(
        gett_order_id=ref,
        cart=Cart(store_id="s", line_items=lines),
        fulfillment_type="Pickup",
        amounts=Amounts.of(Decimal("10.10"), tip=Decimal("1.05")),
        payment=PaymentInfo(type="cardOnFile", card_token="tok_1", processor_type="p"),
        validated_order_token="token",
    )


def nested(item: str) -> LineItem:
    """Return a burger whose side has this item as a dip."""
    fries = LineItem(
        item_id="fries",
        modifier_groups=[CartModifierGroup(modifier_group_id="dips", selected_modifiers=[LineItem(item_id=item)])],
    )
    return LineItem(
        item_id="burger", modifier_groups=[CartModifierGroup(modifier_group_id="side", selected_modifiers=[fries])]
    )


def place(store: Store, *items: str | LineItem, ref: str = "order-1", pos: PosAdapter = POS) -> Placed | Refused:
    return pos.place_order(store, make_order(*items, ref=ref), placement_key(store, ref))


def reasons(result: object) -> list[tuple[Reason, str | None]]:
    assert isinstance(result, Refused)
    return [(refusal.reason, refusal.item_id) for refusal in result.refusals]


# -- the catalog -------------------------------------------------------------------------------------------------------


def test_the_catalog_has_no_findings_and_is_the_same_each_time(store: Store) -> None:
    catalog = POS.fetch_catalog(store)
    assert check(catalog) == []
    assert catalog.to_json() == POS.fetch_catalog(store).to_json()
    catalog.items.clear()
    assert POS.fetch_catalog(store).items, "a caller changes only its copy"


def test_the_catalog_has_every_kind_of_group(store: Store) -> None:
    catalog = POS.fetch_catalog(store)
    groups = catalog.modifier_groups.values()
    assert any(group.minimum_allowed for group in groups)
    assert any(not group.minimum_allowed for group in groups)
    assert any(group.tiers for group in groups)
    assert any(group.enable_duplicate_items for group in groups)
    assert any(group.default_items for group in groups)
    assert any(catalog.items[option].modifier_group_ids for group in groups for option in group.item_ids), "nested"


def test_the_catalog_has_realistic_size_and_hours(store: Store) -> None:
    catalog = POS.fetch_catalog(store)
    assert sum(len(section.item_ids) for section in catalog.sections.values()) > 100
    assert any(section.section_ids for section in catalog.sections.values())
    compiled = CompiledCatalog.compile(catalog)
    week = [datetime(2026, 11, 16, tzinfo=UTC) + timedelta(hours=hour) for hour in range(7 * 24)]
    opened = [compiled.open_catalogs(moment, UTC) for moment in week]
    all_day = compiled.items["cola"].catalogs
    assert all(mask & all_day for mask in opened)
    assert len(set(opened)) > 3, "by the time of day"


def test_the_table_lists_every_outcome(store: Store) -> None:
    assert bogus.__doc__ is not None
    table = [line.split("``")[1] for line in bogus.__doc__.splitlines() if line.startswith("``")]
    assert tuple(table[: len(OUTCOMES)]) == OUTCOMES
    assert set(OUTCOMES) <= set(POS.fetch_catalog(store).items)


# -- outcomes ----------------------------------------------------------------------------------------------------------


def test_a_normal_order_makes_a_ticket_without_payment_and_token(store: Store, file: str) -> None:
    placed = place(store, "margherita", "cola")
    assert isinstance(placed, Placed)
    assert placed.status is PlacedStatus.ACCEPTED
    assert placed.amounts == make_order("cola").amounts
    (ticket,) = POS.tickets(file)
    assert (ticket.id, ticket.ref, ticket.store) == (placed.id, "order-1", "main")
    assert ticket.key == placement_key(store, "order-1")
    assert [line["itemId"] for line in ticket.order["cart"]["lineItems"]] == ["margherita", "cola"]
    assert "tok_1" not in json.dumps(ticket.order)
    assert not {"payment", "validatedOrderToken"} & set(ticket.order)
    assert POS.find_order(store, "order-1") == placed
    assert POS.find_order(store, "order-2") is None


@pytest.mark.parametrize(
    ("item", "reason"),
    [("out-of-stock", Reason.ITEM_UNAVAILABLE), ("payment-declined", Reason.PAYMENT_DECLINED)],
)
def test_refusals_make_no_ticket(item: str, reason: Reason, store: Store, file: str) -> None:
    assert reasons(place(store, "cola", item))[0][0] is reason
    assert POS.tickets(file) == []


@pytest.mark.parametrize(
    ("item", "failure", "tickets"),
    [
        ("connection-refused", NotPlaced, 0),
        ("times-out", requests.exceptions.ReadTimeout, 0),
        ("crashes", RuntimeError, 0),
        ("reply-lost", requests.exceptions.ConnectionError, 1),
    ],
)
def test_failures_are_raised(item: str, failure: type[Exception], tickets: int, store: Store, file: str) -> None:
    with pytest.raises(failure):
        place(store, item)
    assert len(POS.tickets(file)) == tickets


def test_other_outcomes(store: Store, file: str) -> None:
    nonsense: object = place(store, "nonsense")
    assert nonsense == "OK"
    assert POS.tickets(file) == []
    pending = place(store, "pending", ref="2")
    assert isinstance(pending, Placed)
    assert pending.status is PlacedStatus.PENDING
    assert POS.find_order(store, "2") == pending
    surcharged = place(store, "other-price", ref="3")
    assert isinstance(surcharged, Placed)
    assert surcharged.amounts is not None
    assert surcharged.amounts.total == Decimal("11.65")
    assert surcharged.amounts.contradictions() == []
    assert POS.find_order(store, "3") == surcharged


def test_waits_take_the_seconds_of_the_options(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[tuple[float, int]] = []
    monkeypatch.setattr(bogus, "sleep", lambda seconds: waits.append((seconds, len(POS.tickets(file)))))
    store = make_store(file=file, hang=3600, time_out=5, delay=2, find_delay=1)
    with pytest.raises(requests.exceptions.ReadTimeout):
        place(store, "times-out", ref="1")
    assert isinstance(place(store, "hangs", ref="2"), Placed)
    POS.find_order(store, "2")
    assert waits == [(2, 0), (5, 0), (2, 0), (3600, 1), (1, 1)], "seconds, and the number of tickets by then"


def test_a_modifier_determines_the_outcome_as_well(store: Store) -> None:
    assert reasons(place(store, nested("payment-declined")))[0][0] is Reason.PAYMENT_DECLINED


def test_a_closed_store_refuses_quotes_and_orders(file: str) -> None:
    store = make_store(file=file, closed=True)
    assert reasons(place(store, "cola")) == [(Reason.STORE_CLOSED, None)]
    assert reasons(POS.quote(store, make_order("cola"))) == [(Reason.STORE_CLOSED, None)]


def test_an_unavailable_item_is_refused_and_stays_in_the_catalog(store: Store, file: str) -> None:
    assert isinstance(place(store, "cola"), Placed)
    BogusAdapter.sell_out(file, "cola")
    BogusAdapter.sell_out(file, "mayo")
    BogusAdapter.sell_out(file, "cola")
    refusals = [(Reason.ITEM_UNAVAILABLE, "cola"), (Reason.ITEM_UNAVAILABLE, "mayo")]
    assert reasons(place(store, "cola", nested("mayo"), "cola", ref="2")) == refusals
    assert reasons(POS.quote(store, make_order("cola", nested("mayo")))) == refusals
    assert isinstance(place(store, "salad", ref="3"), Placed)
    assert "cola" in POS.fetch_catalog(store).items


def test_a_quote_adds_tax_only_with_the_option(store: Store, file: str) -> None:
    order = make_order("cola")
    assert POS.quote(store, order) == order.amounts
    taxed = POS.quote(make_store(file=file, tax=True), order)
    assert isinstance(taxed, Amounts)
    assert (taxed.taxes, taxed.tip, taxed.total) == (Decimal("0.83"), Decimal("1.05"), Decimal("11.98"))
    assert POS.tickets(file) == []


# -- one ticket per order ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("adapter", "guarantee", "find_order"),
    [
        (BogusAdapter, Guarantee.NATIVE, True),
        (BogusNative, Guarantee.NATIVE, False),
        (BogusLookUp, Guarantee.LOOK_UP, True),
        (BogusClaim, Guarantee.CLAIM, False),
    ],
)
def test_the_variants_behave_as_declared(
    adapter: type[BogusAdapter], guarantee: Guarantee, find_order: bool, store: Store, file: str
) -> None:
    pos = adapter()
    assert type(load_adapter(f"{adapter.__module__}:{adapter.__name__}")) is adapter
    assert adapter.guarantee() is guarantee
    assert adapter.offers(Capability.FIND_ORDER) is find_order
    with pytest.raises(requests.exceptions.ConnectionError):
        place(store, "reply-lost", pos=pos)
    if guarantee is Guarantee.NATIVE:
        assert isinstance(place(store, "reply-lost", pos=pos), Placed)
        assert len(pos.tickets(file)) == 1
    else:
        with pytest.raises(requests.exceptions.ConnectionError):
            place(store, "reply-lost", pos=pos)
        assert len(pos.tickets(file)) == 2
    if find_order:
        ticket = pos.find_order(store, "order-1")
        assert ticket is not None
        assert ticket.id == pos.tickets(file)[0].id
    else:
        with pytest.raises(Unsupported):
            pos.find_order(store, "order-1")


def test_many_threads_with_one_key_make_one_ticket(store: Store, file: str) -> None:
    with ThreadPoolExecutor(16) as threads:
        results = [call.result() for call in [threads.submit(place, store, "cola") for _ in range(32)]]
    assert len({result.id for result in results if isinstance(result, Placed)}) == 1
    assert len(POS.tickets(file)) == 1


def test_many_threads_with_many_keys_lose_no_ticket(store: Store, file: str) -> None:
    pos = BogusClaim()
    with ThreadPoolExecutor(16) as threads:
        for call in [threads.submit(place, store, "cola", ref=str(n), pos=pos) for n in range(64)]:
            call.result()
    assert {ticket.ref for ticket in pos.tickets(file)} == {str(n) for n in range(64)}


# -- files and processes -----------------------------------------------------------------------------------------------


def test_without_a_file_the_tickets_belong_to_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOGUS_POS_FILE", raising=False)
    before = len(POS.tickets())
    place(make_store(), "cola", ref=os.urandom(8).hex())
    assert len(POS.tickets()) == before + 1


def test_the_option_overrides_the_file_of_the_environment(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOGUS_POS_FILE", str(tmp_path / "other.sqlite"))
    place(make_store(), "cola", ref="1")
    place(make_store(file=file), "cola", ref="2")
    assert [ticket.ref for ticket in POS.tickets()] == ["1"]
    assert [ticket.ref for ticket in POS.tickets(file)] == ["2"]


SCRIPT = """
import json, sys
from webhook_kit.adapter import Store, placement_key
from webhook_kit.gett.models.order import PlaceOrderRequest
from webhook_kit.testing.bogus import BogusAdapter
options = json.loads(sys.argv[1])
store = Store("main", "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90", "bogus", options=options)
order = PlaceOrderRequest.from_json(sys.argv[2])
print(BogusAdapter().place_order(store, order, placement_key(store, order.order_ref)).id)
"""


def placing_process(**options: Any) -> Process:
    order = make_order("cola").to_json().decode()
    return Process([sys.executable, "-c", SCRIPT, json.dumps(options), order])


@pytest.mark.parametrize(("point", "tickets"), [("before_commit", 0), ("after_commit", 1)])
def test_a_process_can_be_killed_at_a_pause(point: str, tickets: int, tmp_path: Path, file: str) -> None:
    directory = tmp_path / "pause"
    directory.mkdir()
    with placing_process(file=file, pause_at=point, pause_directory=str(directory)) as process:
        process.wait_until((directory / point).exists, message="the pause")
        assert process.kill() == -signal.SIGKILL
        assert process.output() == ""
        survived = POS.tickets(file)
        assert len(survived) == tickets
        (directory / f"{point}.go").touch()
        process.start()
        assert process.wait() == 0
    (ticket,) = POS.tickets(file)
    assert process.output().strip() == ticket.id
    assert survived in ([], [ticket])


def test_a_pause_ends(tmp_path: Path, file: str) -> None:
    store = make_store(file=file, pause_at="after_commit", pause_directory=str(tmp_path))
    with ThreadPoolExecutor(1) as thread:
        call = thread.submit(place, store, "cola")
        wait_until((tmp_path / "after_commit").exists)
        assert not call.done()
        (tmp_path / "after_commit.go").touch()
        assert isinstance(call.result(PATIENCE), Placed)


def test_processes_with_one_key_make_one_ticket(file: str) -> None:
    with placing_process(file=file) as one, placing_process(file=file) as other:
        assert one.wait() == other.wait() == 0
    assert one.output() == other.output()
    (ticket,) = POS.tickets(file)
    assert UUID(ticket.id.removeprefix("bogus-"))
