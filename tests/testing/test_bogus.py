"""The bogus POS does what its table says, for threads and processes alike."""

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
from webhook_kit.testing.bogus_menu import OUTCOMES
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
    """A burger whose side has that item as a dip."""
    fries = LineItem(
        item_id="fries",
        modifier_groups=[CartModifierGroup(modifier_group_id="dips", selected_modifiers=[LineItem(item_id=item)])],
    )
    return LineItem(
        item_id="burger", modifier_groups=[CartModifierGroup(modifier_group_id="side", selected_modifiers=[fries])]
    )


def place(store: Store, *items: str | LineItem, ref: str = "order-1", pos: PosAdapter = POS) -> Placed | Refused:
    return pos.place_order(store, make_order(*items, ref=ref), placement_key(store, ref))


def reasons(answer: object) -> list[tuple[Reason, str | None]]:
    assert isinstance(answer, Refused)
    return [(refusal.reason, refusal.item_id) for refusal in answer.refusals]


# -- the menu ----------------------------------------------------------------------------------------------------------


def test_the_menu_is_sound_and_the_same_each_time(store: Store) -> None:
    menu = POS.fetch_catalog(store)
    assert check(menu) == []
    assert menu.to_json() == POS.fetch_catalog(store).to_json()
    menu.items.clear()
    assert POS.fetch_catalog(store).items, "what a caller does to its copy is its own business"


def test_the_menu_has_every_kind_of_group(store: Store) -> None:
    menu = POS.fetch_catalog(store)
    groups = menu.modifier_groups.values()
    assert any(group.minimum_allowed for group in groups)
    assert any(not group.minimum_allowed for group in groups)
    assert any(group.tiers for group in groups)
    assert any(group.enable_duplicate_items for group in groups)
    assert any(group.default_items for group in groups)
    assert any(menu.items[option].modifier_group_ids for group in groups for option in group.item_ids), "nested"


def test_the_menu_is_one_of_real_size_with_hours_of_its_own_and_something_always_open(store: Store) -> None:
    menu = POS.fetch_catalog(store)
    assert sum(len(section.item_ids) for section in menu.sections.values()) > 100
    assert any(section.section_ids for section in menu.sections.values())
    compiled = CompiledCatalog.compile(menu)
    week = [datetime(2026, 11, 16, tzinfo=UTC) + timedelta(hours=hour) for hour in range(7 * 24)]
    opened = [compiled.open_catalogs(moment, UTC) for moment in week]
    all_day = compiled.items["cola"].catalogs
    assert all(mask & all_day for mask in opened)
    assert len(set(opened)) > 3, "by the time of day"


def test_the_table_and_the_menu_name_the_same_outcomes(store: Store) -> None:
    assert bogus.__doc__ is not None
    table = [line.split("``")[1] for line in bogus.__doc__.splitlines() if line.startswith("``")]
    assert tuple(table[: len(OUTCOMES)]) == OUTCOMES
    assert set(OUTCOMES) <= set(POS.fetch_catalog(store).items)


# -- outcomes ----------------------------------------------------------------------------------------------------------


def test_a_normal_order_makes_a_ticket_without_payment_and_token(store: Store, file: str) -> None:
    answer = place(store, "margherita", "cola")
    assert isinstance(answer, Placed)
    assert answer.status == "accepted"
    assert answer.amounts == make_order("cola").amounts
    (ticket,) = POS.tickets(file)
    assert (ticket.id, ticket.ref, ticket.store) == (answer.id, "order-1", "main")
    assert ticket.key == placement_key(store, "order-1")
    assert [line["itemId"] for line in ticket.order["cart"]["lineItems"]] == ["margherita", "cola"]
    assert "tok_1" not in json.dumps(ticket.order)
    assert not {"payment", "validatedOrderToken"} & set(ticket.order)
    assert POS.find_order(store, "order-1") == answer
    assert POS.find_order(store, "order-2") is None


@pytest.mark.parametrize(
    ("item", "reason"),
    [("out-of-stock", Reason.ITEM_UNAVAILABLE), ("payment-declined", Reason.PAYMENT_DECLINED)],
)
def test_refusals_leave_no_ticket(item: str, reason: Reason, store: Store, file: str) -> None:
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
def test_failures(item: str, failure: type[Exception], tickets: int, store: Store, file: str) -> None:
    with pytest.raises(failure):
        place(store, item)
    assert len(POS.tickets(file)) == tickets


def test_the_other_answers(store: Store, file: str) -> None:
    nonsense: object = place(store, "nonsense")
    assert nonsense == "OK"
    assert POS.tickets(file) == []
    pending = place(store, "pending", ref="2")
    assert isinstance(pending, Placed)
    assert pending.status == "pending"
    assert POS.find_order(store, "2") == pending
    dearer = place(store, "other-price", ref="3")
    assert isinstance(dearer, Placed)
    assert dearer.amounts is not None
    assert dearer.amounts.total == Decimal("11.65")
    assert dearer.amounts.contradictions() == []
    assert POS.find_order(store, "3") == dearer


def test_hanging_takes_the_seconds_of_the_options(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[tuple[float, int]] = []
    monkeypatch.setattr(bogus, "sleep", lambda seconds: slept.append((seconds, len(POS.tickets(file)))))
    store = make_store(file=file, hang=3600, time_out=5, delay=2, find_delay=1)
    with pytest.raises(requests.exceptions.ReadTimeout):
        place(store, "times-out", ref="1")
    assert isinstance(place(store, "hangs", ref="2"), Placed)
    POS.find_order(store, "2")
    assert slept == [(2, 0), (5, 0), (2, 0), (3600, 1), (1, 1)], "seconds, and how many tickets there were by then"


def test_a_modifier_decides_as_well(store: Store) -> None:
    assert reasons(place(store, nested("payment-declined")))[0][0] is Reason.PAYMENT_DECLINED


def test_closed_refuses_quotes_and_orders(file: str) -> None:
    store = make_store(file=file, closed=True)
    assert reasons(place(store, "cola")) == [(Reason.STORE_CLOSED, None)]
    assert reasons(POS.quote(store, make_order("cola"))) == [(Reason.STORE_CLOSED, None)]


def test_what_is_sold_out_is_refused_by_all_and_stays_on_the_menu(store: Store, file: str) -> None:
    assert isinstance(place(store, "cola"), Placed)
    BogusAdapter.sold_out(file, "cola")
    BogusAdapter.sold_out(file, "mayo")
    BogusAdapter.sold_out(file, "cola")
    gone = [(Reason.ITEM_UNAVAILABLE, "cola"), (Reason.ITEM_UNAVAILABLE, "mayo")]
    assert reasons(place(store, "cola", nested("mayo"), "cola", ref="2")) == gone
    assert reasons(POS.quote(store, make_order("cola", nested("mayo")))) == gone
    assert isinstance(place(store, "salad", ref="3"), Placed)
    assert "cola" in POS.fetch_catalog(store).items


def test_a_quote_is_the_catalog_price_until_there_is_tax(store: Store, file: str) -> None:
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
def test_the_variants_keep_what_they_declare(
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
        found = pos.find_order(store, "order-1")
        assert found is not None
        assert found.id == pos.tickets(file)[0].id
    else:
        with pytest.raises(Unsupported):
            pos.find_order(store, "order-1")


def test_many_threads_with_one_key_make_one_ticket(store: Store, file: str) -> None:
    with ThreadPoolExecutor(16) as threads:
        answers = [a.result() for a in [threads.submit(place, store, "cola") for _ in range(32)]]
    assert len({answer.id for answer in answers if isinstance(answer, Placed)}) == 1
    assert len(POS.tickets(file)) == 1


def test_many_threads_with_many_keys_lose_nothing(store: Store, file: str) -> None:
    pos = BogusClaim()
    with ThreadPoolExecutor(16) as threads:
        for answer in [threads.submit(place, store, "cola", ref=str(n), pos=pos) for n in range(64)]:
            answer.result()
    assert {ticket.ref for ticket in pos.tickets(file)} == {str(n) for n in range(64)}


# -- files and processes -----------------------------------------------------------------------------------------------


def test_without_a_file_the_tickets_are_this_processs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOGUS_POS_FILE", raising=False)
    before = len(POS.tickets())
    place(make_store(), "cola", ref=os.urandom(8).hex())
    assert len(POS.tickets()) == before + 1


def test_the_environment_names_a_file_that_the_option_overrides(
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


def placing(**options: Any) -> Process:
    order = make_order("cola").to_json().decode()
    return Process([sys.executable, "-c", SCRIPT, json.dumps(options), order])


@pytest.mark.parametrize(("point", "tickets"), [("before_commit", 0), ("after_commit", 1)])
def test_a_process_killed_at_the_gate(point: str, tickets: int, tmp_path: Path, file: str) -> None:
    gate = tmp_path / "gate"
    gate.mkdir()
    with placing(file=file, pause_at=point, gate=str(gate)) as process:
        process.wait_until((gate / point).exists, message="the gate")
        assert process.kill() == -signal.SIGKILL
        assert process.output() == ""
        survived = POS.tickets(file)
        assert len(survived) == tickets
        (gate / f"{point}.go").touch()
        process.start()
        assert process.wait() == 0
    (ticket,) = POS.tickets(file)
    assert process.output().strip() == ticket.id
    assert survived in ([], [ticket])


def test_the_gate_opens(tmp_path: Path, file: str) -> None:
    store = make_store(file=file, pause_at="after_commit", gate=str(tmp_path))
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(place, store, "cola")
        wait_until((tmp_path / "after_commit").exists)
        assert not answer.done()
        (tmp_path / "after_commit.go").touch()
        assert isinstance(answer.result(PATIENCE), Placed)


def test_processes_with_one_key_make_one_ticket(file: str) -> None:
    with placing(file=file) as one, placing(file=file) as other:
        assert one.wait() == other.wait() == 0
    assert one.output() == other.output()
    (ticket,) = POS.tickets(file)
    assert UUID(ticket.id.removeprefix("bogus-"))
