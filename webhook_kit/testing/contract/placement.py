"""Contract tests of placeOrder without failures: one ticket per order, with everything on it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

from webhook_kit.adapter import Capability, Guarantee, Placed, PosAdapter, Store, placement_key
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest
from webhook_kit.testing.contract.environment import ContractEnvironment
from webhook_kit.testing.contract.hooks import ContractHooks, PosTicket, TicketLine
from webhook_kit.testing.contract.rules import requires_capability, requires_guarantee
from webhook_kit.testing.orderable import CartLine

__all__ = ["PlacementTests"]

_UNICODE = (
    "2nd floor – naïve façade; Вход со двора; Είσοδος πίσω; 門の前で; 문 앞에; प्रवेश द्वार; מאחור; من الخلف; "
    "\u0e17\u0e32\u0e07\u0e40\u0e02\u0e49\u0e32; 👩\u200d🍳🌶️🇺🇦; \"quoted\" <b>&amp;</b> 'single' \\ / {} %s; e\u0301"
)
_TIP = Decimal("3.21")


class PlacementTests(ContractHooks):
    """Rules for placed orders."""

    def test_order_becomes_one_ticket(self, env: ContractEnvironment) -> None:
        """A placed order is one ticket at the POS, and the receipt has the ticket's id.

        Protects: every order, and its progress, which the POS reports with this id.
        If it fails: return Placed(id) with the id that the POS itself uses for the ticket.
        """
        with env.expect_new_tickets(1) as created:
            receipt = env.validate_and_place(env.order())
        pos_id = receipt.body["partnerOrderId"]
        assert pos_id == created[0].id, f"the receipt has the id {pos_id}, the ticket {created[0].id}"

    def test_duplicate_gets_the_first_response(self, env: ContractEnvironment) -> None:
        """The same order with the same key gets the first response again, and creates no second ticket.

        Protects: customers from paying twice: Gett can deliver a webhook more than once.
        If it fails: create tickets in place_order() only; for a duplicate, the kit does not call it.
        """
        key, order = str(uuid4()), env.validated_order(env.order())
        with env.expect_new_tickets(1):
            first, second = env.place(order, key), env.place(order, key)
        assert (first.status, first.raw) == (second.status, second.raw), f"first {first}, then {second}"
        with_new_key = env.place(order)
        assert with_new_key.body["partnerOrderId"] == first.body["partnerOrderId"], f"with a new key: {with_new_key}"

    def test_concurrent_duplicates_create_one_ticket(self, env: ContractEnvironment) -> None:
        """Four deliveries of one order at the same time create one ticket and get the same order id.

        Protects: customers from paying four times: Gett repeats a webhook while the first response is slow.
        If it fails: keep no state of an order or a store in the adapter object; many threads share it.
        """
        key, order = str(uuid4()), env.validated_order(env.order())
        with env.expect_new_tickets(1):
            responses = env.concurrently(4, lambda: env.place(order, key))
        assert {response.status for response in responses} == {200}, responses
        assert len({response.body["partnerOrderId"] for response in responses}) == 1, responses

    @requires_guarantee(Guarantee.NATIVE)
    def test_pos_honours_the_idempotency_key(self, env: ContractEnvironment) -> None:
        """A second call of ``place_order`` with the same key creates no second ticket and returns the first id.

        Protects: every order whose reply was lost, even when Redis was lost as well.
        If it fails: send ``key`` to the POS as its idempotency key, or do not declare NATIVE_IDEMPOTENCY.
        """
        place = _direct_call(env)
        with env.expect_new_tickets(1):
            first, second = place(), place()
        assert first.id == second.id, f"the first call returned {first.id}, the second {second.id}"

    @requires_guarantee(Guarantee.NATIVE)
    def test_pos_honours_the_idempotency_key_concurrently(self, env: ContractEnvironment) -> None:
        """Four calls of ``place_order`` at the same time with the same key create one ticket.

        Protects: orders whose first attempt is still running when the second one starts.
        If it fails: the POS searches for the key and writes the ticket in two steps; it has to be one atomic step.
        """
        place = _direct_call(env)
        with env.expect_new_tickets(1):
            ids = {placed.id for placed in env.concurrently(4, place)}
        assert len(ids) == 1, f"several ids: {sorted(ids)}"

    @requires_capability(Capability.FIND_ORDER)
    def test_find_order_finds_the_ticket(self, env: ContractEnvironment) -> None:
        """``find_order`` finds the ticket of an order, and nothing for an order that was never placed.

        Protects: every order whose reply was lost: the kit places it again only when no ticket is found.
        If it fails: store order_ref (or the key, see placement_key) with the ticket, and search for exactly this value.
        """
        order = env.order()
        receipt = env.validate_and_place(order)
        placed = env.adapter.find_order(env.store, order["gettOrderId"])
        assert placed is not None, "find_order() does not find the ticket"
        assert placed.id == receipt.body["partnerOrderId"], f"find_order() finds another ticket: {placed.id}"
        unrelated = env.adapter.find_order(env.store, str(uuid4()))
        assert unrelated is None, f"find_order() finds a ticket for an order that was never placed: {unrelated}"

    def test_ticket_ids_are_not_used_again(self, env: ContractEnvironment) -> None:
        """No two orders of a store have the same id, not even equal ones, after the first has ended, or on another day.

        Protects: every order whose POS counts from 1 each day: the events of one order would change another one.
        If it fails: return an id of Placed that the POS uses once only, or put the date before a ticket number that starts again.
        """
        order = env.order()
        ids = [env.validate_and_place({**order, "gettOrderId": str(uuid4())}).body["partnerOrderId"] for _ in range(2)]
        if self.defines("advance"):
            for step in self.steps:
                env.advance(ids[-1], step)
            ids.append(env.validate_and_place(env.order()).body["partnerOrderId"])
        if self.defines("start_new_day"):
            self.start_new_day(env.pos_store)
            ids.append(env.validate_and_place(env.order()).body["partnerOrderId"])
        assert len(set(ids)) == len(ids), f"the orders placed one after the other have the ids {', '.join(ids)}"

    # -- content of the ticket -----------------------------------------------------------------------------------------

    def test_quantities_reach_the_ticket(self, env: ContractEnvironment) -> None:
        """The ticket has the quantity of each line, and all lines.

        Protects: customers who would get one item instead of three.
        If it fails: send line.quantity and every line of the cart to the POS.
        """
        lines = map(env.orderable.minimal_line, env.orderable.item_ids)
        smallest = sorted(lines, key=lambda line: len(json.dumps(line)))[:2]
        _place_and_compare(env, [{**line, "quantity": 3 - index} for index, line in enumerate(smallest)])

    def test_modifiers_reach_the_ticket(self, env: ContractEnvironment) -> None:
        """The options selected from an item's modifier groups are on the ticket.

        Protects: customers who asked for a sauce, and those who must not get nuts.
        If it fails: send every selected modifier to the POS with its item.
        """
        lines = [
            env.orderable.line_with(item_id, group, env.orderable.minimal_line(option))
            for item_id in env.orderable.item_ids
            for group in env.orderable.groups(item_id)
            for option in env.orderable.options(group)[-1:]
            if group.maximum_allowed > 0
        ]
        flat = [line for line in lines if _depth(line) == 2]
        if not flat:
            env.skip("no item of the catalog has an option without options of its own")
        _place_and_compare(env, flat[:5])

    def test_repeated_modifiers_reach_the_ticket(self, env: ContractEnvironment) -> None:
        """An option selected twice is on the ticket twice.

        Protects: customers who pay for double cheese.
        If it fails: send the selected modifier's own quantity to the POS; it counts per piece of its item.
        """
        for item_id in env.orderable.item_ids:
            for group in env.orderable.groups(item_id):
                if group.enable_duplicate_items and group.maximum_allowed >= 2 and env.orderable.options(group):
                    double = env.orderable.minimal_line(env.orderable.options(group)[0], 2)
                    _place_and_compare(env, [env.orderable.line_with(item_id, group, double)])
                    return
        env.skip("no item of the catalog has an option that can be selected twice")

    def test_nested_modifiers_reach_the_ticket(self, env: ContractEnvironment) -> None:
        """Options of options are on the ticket.

        Protects: customers who paid for the dip of their fries.
        If it fails: read selected_modifiers to the end: each is a line with its own modifier_groups.
        """
        nested = [line for _, line in env.orderable.example_lines() if _depth(line) > 2]
        if not nested:
            env.skip("no option of the catalog has options of its own")
        _place_and_compare(env, [max(nested, key=_depth)])

    def test_pos_charges_the_accepted_total(self, env: ContractEnvironment) -> None:
        """The ticket's total is the total that the customer accepted, including the tip.

        Protects: the customer's money, and the restaurant's accounts.
        If it fails: place with order.amounts, which the customer accepted; return the POS's own amounts if they differ.
        """
        order = env.validated_order(env.order(env.simplest_line(2), amounts={"tip": float(_TIP)}))
        with env.expect_new_tickets(1) as created:
            receipt = env.place(order)
        assert receipt.status == 200, receipt
        accepted = Amounts.model_validate(env.validate(order).body["amounts"]).total
        charged = Amounts.model_validate(receipt.body["amounts"]).total
        assert charged == accepted, f"the customer accepted {accepted}, the receipt has {charged}"
        ticket_total = created[0].total
        if ticket_total is not None:
            assert ticket_total == accepted, f"the customer accepted {accepted}, the ticket has {ticket_total}"

    def test_tip_reaches_the_ticket(self, env: ContractEnvironment) -> None:
        """The tip is on the ticket as a tip.

        Protects: the staff.
        If it fails: send order.tip to the POS; it is part of order.amounts.total.
        """
        with env.expect_new_tickets(1) as created:
            receipt = env.validate_and_place(env.order(amounts={"tip": float(_TIP)}))
        amounts = receipt.body["amounts"]
        assert Decimal(str(amounts["tip"])) == _TIP, f"expected a tip of {_TIP} in the receipt, not {amounts}"
        if created[0].tip is None:
            env.skip("tickets() does not provide a ticket's tip")
        assert created[0].tip == _TIP, f"the ticket's tip is {created[0].tip}, not {_TIP}"

    def test_unicode_instructions_reach_the_ticket(self, env: ContractEnvironment) -> None:
        """Delivery instructions arrive unchanged: all scripts, emoji, quotes and markup.

        Protects: the courier, who needs them to find the door, and the order, if the POS fails on a character.
        If it fails: send UTF-8, escape as the POS's format requires, and put no such text into an HTTP header.
        """
        with env.expect_new_tickets(1) as created:
            receipt = env.place(env.validated_order(env.order(**_delivery(env, _UNICODE))))
            assert receipt.status == 200, receipt
        if created[0].instructions is None:
            env.skip("tickets() does not provide a ticket's instructions")
        assert _UNICODE in created[0].instructions, f"the ticket has the instructions {created[0].instructions!r}"

    def test_long_names_and_instructions_are_accepted(self, env: ContractEnvironment) -> None:
        """An order is placed although name and instructions are longer than any field of the POS.

        Protects: the order.
        If it fails: shorten text to the length of the POS's fields.
        """
        customer = {"firstName": "Wolfeschlegelstein " * 40, "lastName": "Ó" * 1000, "email": "a@example.com"}
        order = env.order(**_delivery(env, "ring twice, " * 400), customer=customer)
        with env.expect_new_tickets(1):
            receipt = env.place(env.validated_order(order))
            assert receipt.status == 200, receipt


def _direct_call(env: ContractEnvironment) -> Callable[[], Placed]:
    """Return a call of the adapter itself with one order and its key, as the kit makes it after a loss of Redis."""
    adapter: PosAdapter = env.adapter
    store: Store = env.store
    order = env.order()
    amounts = ExternalOrder.model_validate(env.validate(order).body).amounts
    ref = order["gettOrderId"]

    def place() -> Placed:
        request = PlaceOrderRequest.model_validate({**order, "payment": {"type": "gettPayment"}})
        request.amounts = amounts
        result = adapter.place_order(store, request, placement_key(store, ref))
        assert isinstance(result, Placed), f"place_order() returned {result!r}"
        return result

    return place


def _delivery(env: ContractEnvironment, instructions: str) -> dict[str, Any]:
    """Return members of an order with instructions; a delivery if the store delivers."""
    address = {"address1": "1 Main St", "city": "New York", "state": "NY", "postalCode": "10001"}
    offered = env.store.fulfillment_types
    members: dict[str, Any] = {"deliveryInfo": {"type": "door", "address": address, "instructions": instructions}}
    if offered is None or "DeliveryByMerchant" in offered:
        members["fulfillmentType"] = "DeliveryByMerchant"
    return members


def _depth(line: CartLine) -> int:
    inner = [selected for group in line["modifierGroups"] for selected in group["selectedModifiers"]]
    return 1 + max(map(_depth, inner), default=0)


def _place_and_compare(env: ContractEnvironment, cart: list[CartLine]) -> None:
    """Place the cart and compare the ticket: pieces of each item, and of each option of each item at any depth."""
    with env.expect_new_tickets(1) as created:
        receipt = env.place(env.validated_order(env.order(*cart)))
        assert receipt.status == 200, receipt
    ticket: PosTicket = created[0]
    if ticket.lines is None:
        env.skip("tickets() does not provide a ticket's lines")
    ordered, on_ticket = _pieces_of_cart(cart), _pieces_of_ticket(ticket.lines)
    missing, added = dict(ordered - on_ticket), dict(on_ticket - ordered)
    assert ordered == on_ticket, f"missing on the ticket: {missing}; on the ticket but not ordered: {added}"


_Pieces = Counter[tuple[str, ...]]


def _pieces_of_cart(cart: Iterable[CartLine]) -> _Pieces:
    pieces: _Pieces = Counter()

    def count_options(item_id: str, line: CartLine, quantity: int) -> None:
        for group in line["modifierGroups"]:
            for selected in group["selectedModifiers"]:
                pieces[item_id, selected["itemId"]] += quantity * selected["quantity"]
                count_options(item_id, selected, quantity * selected["quantity"])

    for line in cart:
        pieces[line["itemId"],] += line["quantity"]
        count_options(line["itemId"], line, line["quantity"])
    return pieces


def _pieces_of_ticket(lines: Sequence[TicketLine]) -> _Pieces:
    pieces: _Pieces = Counter()

    def count_options(item_id: str, modifiers: Sequence[TicketLine], quantity: int) -> None:
        for modifier in modifiers:
            pieces[item_id, modifier.item_id] += quantity * modifier.quantity
            count_options(item_id, modifier.modifiers, quantity * modifier.quantity)

    for line in lines:
        pieces[line.item_id,] += line.quantity
        count_options(line.item_id, line.modifiers, line.quantity)
    return pieces
