"""placeOrder when all is well: one ticket, with everything on it, whoever asks how often."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

from webhook_kit.adapter import Capability, Guarantee, Placed, PosAdapter, Store, placement_key
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest
from webhook_kit.testing.carts import Line
from webhook_kit.testing.contract.environment import ContractEnvironment
from webhook_kit.testing.contract.hooks import ContractHooks, PosTicket, TicketLine
from webhook_kit.testing.contract.rules import granting, offering

__all__ = ["PlacementTests"]

_ALPHABETS = (
    "2nd floor – naïve façade; Вход со двора; Είσοδος πίσω; 門の前で; 문 앞에; प्रवेश द्वार; מאחור; من الخلف; "
    "\u0e17\u0e32\u0e07\u0e40\u0e02\u0e49\u0e32; 👩\u200d🍳🌶️🇺🇦; \"quoted\" <b>&amp;</b> 'single' \\ / {} %s; e\u0301"
)
_TIP = Decimal("3.21")


class PlacementTests(ContractHooks):
    """What becomes of an order that is placed."""

    def test_an_order_becomes_one_ticket(self, bench: ContractEnvironment) -> None:
        """An order that is placed is one ticket at the POS, and the receipt has its id.

        Protects: every order; and its progress, which the POS reports under that id.
        If it fails: return Placed(id) with the id under which the POS itself knows the ticket.
        """
        with bench.making(1) as made:
            receipt = bench.placed(bench.order())
        assert receipt.body["partnerOrderId"] == made[0].id, f"the receipt says {receipt.body['partnerOrderId']}"

    def test_a_replay_gets_the_first_answer(self, bench: ContractEnvironment) -> None:
        """The same order with the same key is answered as before, and makes no second ticket.

        Protects: customers from paying for two dinners: webhooks come twice.
        If it fails: something in the adapter makes tickets outside place_order(): it is not called a second time here.
        """
        key, order = str(uuid4()), bench.validated(bench.order())
        with bench.making(1):
            first, again = bench.place(order, key), bench.place(order, key)
        assert (first.status, first.raw) == (again.status, again.raw), f"{first}, then {again}"
        assert bench.place(order).body["partnerOrderId"] == first.body["partnerOrderId"], "under a new key"

    def test_four_at_once_make_one_ticket(self, bench: ContractEnvironment) -> None:
        """Four deliveries of one order at the same moment make one ticket and get one answer.

        Protects: customers from paying for four dinners: a slow first answer brings duplicates while it is awaited.
        If it fails: keep no state of an order or a store in the adapter object: it serves many threads at once.
        """
        key, order = str(uuid4()), bench.validated(bench.order())
        with bench.making(1):
            answers = bench.at_once(4, lambda: bench.place(order, key))
        assert {answer.status for answer in answers} == {200}, answers
        assert len({answer.body["partnerOrderId"] for answer in answers}) == 1, answers

    @granting(Guarantee.NATIVE)
    def test_the_pos_takes_our_key(self, bench: ContractEnvironment) -> None:
        """``place_order`` called again with the same key makes no second ticket and gives the first one's id.

        Protects: every order whose answer was lost, also when Redis was lost with it.
        If it fails: hand ``key`` to the POS as its idempotency key, or do not declare NATIVE_IDEMPOTENCY.
        """
        place = _directly(bench)
        with bench.making(1):
            first, again = place(), place()
        assert first.id == again.id, f"{first.id}, then {again.id}"

    @granting(Guarantee.NATIVE)
    def test_the_pos_takes_our_key_at_once(self, bench: ContractEnvironment) -> None:
        """``place_order`` called four times at the same moment with the same key makes one ticket.

        Protects: the promise of native idempotency where it matters most: while the first attempt is still under way.
        If it fails: the POS (or what stands in for it) looks for the key and writes the ticket in two steps; it has to be one.
        """
        place = _directly(bench)
        with bench.making(1):
            ids = {placed.id for placed in bench.at_once(4, place)}
        assert len(ids) == 1, f"several ids: {sorted(ids)}"

    @offering(Capability.FIND_ORDER)
    def test_a_ticket_is_found_by_its_order(self, bench: ContractEnvironment) -> None:
        """``find_order`` finds the ticket of an order, and none for an order that was never placed.

        Protects: every order whose answer was lost: what is found is not placed again, what is not found is.
        If it fails: keep order_ref (or the key, see placement_key) with the ticket, and search the POS for exactly that.
        """
        order = bench.order()
        receipt = bench.placed(order)
        found = bench.adapter.find_order(bench.store, order["gettOrderId"])
        assert found is not None, "the ticket is not found"
        assert found.id == receipt.body["partnerOrderId"], f"another ticket is found: {found.id}"
        stray = bench.adapter.find_order(bench.store, str(uuid4()))
        assert stray is None, f"a ticket is found for an order that was never placed: {stray}"

    # -- what is on the ticket -----------------------------------------------------------------------------------------

    def test_quantities_reach_the_ticket(self, bench: ContractEnvironment) -> None:
        """Three of a dish are three on the ticket, and two lines are two dishes.

        Protects: the guests who would get one dish for three.
        If it fails: hand line.quantity to the POS, and every line of the cart.
        """
        dishes = sorted(map(bench.menu.plain, bench.menu.dishes), key=lambda one: len(json.dumps(one)))[:2]
        _compare(bench, [{**one, "quantity": 3 - place} for place, one in enumerate(dishes)])

    def test_modifiers_reach_the_ticket(self, bench: ContractEnvironment) -> None:
        """What is chosen from a dish's modifier groups is on the ticket.

        Protects: guests who asked for the sauce, and those who asked for none of the nuts.
        If it fails: hand every selected modifier to the POS with its dish.
        """
        choices = [
            bench.menu.choosing(dish, group, bench.menu.plain(option))
            for dish in bench.menu.dishes
            for group in bench.menu.groups(dish)
            for option in bench.menu.options(group)[-1:]
            if group.maximum_allowed > 0
        ]
        flat = [one for one in choices if _depth(one) == 2]
        if not flat:
            bench.skip("no dish of the menu has an option without options of its own")
        _compare(bench, flat[:5])

    def test_repeated_modifiers_reach_the_ticket(self, bench: ContractEnvironment) -> None:
        """An option chosen twice is on the ticket twice.

        Protects: guests who pay for double cheese.
        If it fails: hand the selected modifier's own quantity to the POS; it counts per piece of its dish.
        """
        for dish in bench.menu.dishes:
            for group in bench.menu.groups(dish):
                if group.enable_duplicate_items and group.maximum_allowed >= 2 and bench.menu.options(group):
                    double = bench.menu.plain(bench.menu.options(group)[0], 2)
                    _compare(bench, [bench.menu.choosing(dish, group, double)])
                    return
        bench.skip("no dish of the menu has an option that may be chosen twice")

    def test_nested_modifiers_reach_the_ticket(self, bench: ContractEnvironment) -> None:
        """Choices within choices are on the ticket.

        Protects: the guest whose fries come without the dip that was paid for.
        If it fails: walk selected_modifiers to the end: each is a line with modifier_groups of its own.
        """
        nested = [one for _, one in bench.menu.ways() if _depth(one) > 2]
        if not nested:
            bench.skip("no option of the menu has options of its own")
        _compare(bench, [max(nested, key=_depth)])

    def test_the_pos_charges_what_was_accepted(self, bench: ContractEnvironment) -> None:
        """The ticket's total is the total that the customer accepted, tip included.

        Protects: the customer's money, and the restaurant's books.
        If it fails: place at order.amounts, which is what was accepted, and return the POS's own amounts when it differs.
        """
        order = bench.validated(bench.order(bench.simplest(2), amounts={"tip": float(_TIP)}))
        with bench.making(1) as made:
            receipt = bench.place(order)
        assert receipt.status == 200, receipt
        accepted = Amounts.model_validate(bench.validate(order).body["amounts"])
        charged = Amounts.model_validate(receipt.body["amounts"])
        assert charged.total == accepted.total, f"{accepted.total} was accepted, {charged.total} is charged"
        if made[0].total is not None:
            assert made[0].total == accepted.total, f"{accepted.total} was accepted, the ticket says {made[0].total}"

    def test_the_tip_reaches_the_ticket(self, bench: ContractEnvironment) -> None:
        """The tip is on the ticket as a tip.

        Protects: the staff.
        If it fails: hand order.tip to the POS; it is part of order.amounts.total.
        """
        with bench.making(1) as made:
            receipt = bench.placed(bench.order(amounts={"tip": float(_TIP)}))
        assert Decimal(str(receipt.body["amounts"]["tip"])) == _TIP, f"the receipt's tip is {receipt.body['amounts']}"
        if made[0].tip is None:
            bench.skip("tickets() does not tell a ticket's tip")
        assert made[0].tip == _TIP, f"the ticket's tip is {made[0].tip}"

    def test_instructions_of_every_alphabet_arrive(self, bench: ContractEnvironment) -> None:
        """Delivery instructions arrive letter by letter: every alphabet, emoji, quotes and markup.

        Protects: the courier at the wrong door; and the order, when the POS chokes on a letter.
        If it fails: send UTF-8, escape what the POS's format needs escaped, and put no letter into an HTTP header.
        """
        with bench.making(1) as made:
            receipt = bench.place(bench.validated(bench.order(**_delivery(bench, _ALPHABETS))))
            assert receipt.status == 200, receipt
        if made[0].instructions is None:
            bench.skip("tickets() does not tell a ticket's instructions")
        assert _ALPHABETS in made[0].instructions, f"the ticket says {made[0].instructions!r}"

    def test_very_long_names_are_no_reason_to_lose_an_order(self, bench: ContractEnvironment) -> None:
        """A customer whose name, and instructions which, are longer than any field of the POS get their dinner.

        Protects: the order.
        If it fails: cut what is too long for the POS's fields; nobody but you knows how long they are.
        """
        customer = {"firstName": "Wolfeschlegelstein " * 40, "lastName": "Ó" * 1000, "email": "a@example.com"}
        order = bench.order(**_delivery(bench, "ring twice, " * 400), customer=customer)
        with bench.making(1):
            receipt = bench.place(bench.validated(order))
            assert receipt.status == 200, receipt


def _directly(bench: ContractEnvironment) -> Any:
    """Call the adapter itself with one order and its key, as the kit does after a loss of Redis."""
    adapter: PosAdapter = bench.adapter
    store: Store = bench.store
    order = bench.order()
    priced = ExternalOrder.model_validate(bench.validate(order).body).amounts
    ref = order["gettOrderId"]

    def place() -> Placed:
        request = PlaceOrderRequest.model_validate({**order, "payment": {"type": "gettPayment"}})
        request.amounts = priced
        placed = adapter.place_order(store, request, placement_key(store, ref))
        assert isinstance(placed, Placed), f"place_order() gave {placed!r}"
        return placed

    return place


def _delivery(bench: ContractEnvironment, instructions: str) -> dict[str, Any]:
    """Members of an order that is delivered, or at least has instructions where the store does not deliver."""
    address = {"address1": "1 Main St", "city": "New York", "state": "NY", "postalCode": "10001"}
    offered = bench.store.fulfillment_types
    members: dict[str, Any] = {"deliveryInfo": {"type": "door", "address": address, "instructions": instructions}}
    if offered is None or "DeliveryByMerchant" in offered:
        members["fulfillmentType"] = "DeliveryByMerchant"
    return members


def _depth(one: Line) -> int:
    inner = [selected for group in one["modifierGroups"] for selected in group["selectedModifiers"]]
    return 1 + max(map(_depth, inner), default=0)


def _compare(bench: ContractEnvironment, cart: list[Line]) -> None:
    """Place the cart, and compare the ticket: pieces of each dish, and of each option of each dish, at whatever depth."""
    with bench.making(1) as made:
        receipt = bench.place(bench.validated(bench.order(*cart)))
        assert receipt.status == 200, receipt
    ticket: PosTicket = made[0]
    if ticket.lines is None:
        bench.skip("tickets() does not tell a ticket's lines")
    ordered, written = _pieces_ordered(cart), _pieces_written(ticket.lines)
    missing, added = dict(ordered - written), dict(written - ordered)
    assert ordered == written, f"missing on the ticket: {missing}; on it without being ordered: {added}"


_Pieces = Counter[tuple[str, ...]]


def _pieces_ordered(cart: Iterable[Line]) -> _Pieces:
    found: _Pieces = Counter()

    def walk(dish: str, one: Line, pieces: int) -> None:
        for group in one["modifierGroups"]:
            for selected in group["selectedModifiers"]:
                found[dish, selected["itemId"]] += pieces * selected["quantity"]
                walk(dish, selected, pieces * selected["quantity"])

    for one in cart:
        found[one["itemId"],] += one["quantity"]
        walk(one["itemId"], one, one["quantity"])
    return found


def _pieces_written(lines: Sequence[TicketLine]) -> _Pieces:
    found: _Pieces = Counter()

    def walk(dish: str, modifiers: Sequence[TicketLine], pieces: int) -> None:
        for each in modifiers:
            found[dish, each.item_id] += pieces * each.quantity
            walk(dish, each.modifiers, pieces * each.quantity)

    for line in lines:
        found[line.item_id,] += line.quantity
        walk(line.item_id, line.modifiers, line.quantity)
    return found
