"""Actions on one order: settle it, link it to Gett's id, tell Gett how it goes on, send its update now, forget its customer."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from webhook_kit.console.context import console, current_actor
from webhook_kit.console.pages.acting import ActionForm, FormField, add_action, perform
from webhook_kit.console.pages.delivery import consequence_for, delivery_of_next, delivery_of_order
from webhook_kit.console.pages.orders import ask_for_order
from webhook_kit.operations import actions
from webhook_kit.operations.forget import forget_order
from webhook_kit.operations.orders import OrderFacts

__all__ = ["register"]


def register(pages: Blueprint) -> None:
    """Add the pages."""
    for name, view in (
        ("settle_placed", _settle_placed),
        ("settle_not_placed", _settle_not_placed),
        ("link_order", _link),
        ("complete_order", _complete),
        ("cancel_order", _cancel),
        ("retry_order", _retry),
        ("forget_order", _forget),
    ):
        path = f"/order/{name.replace('_order', '').replace('_', '-')}"
        add_action(pages, path, name, view)


def _order() -> tuple[OrderFacts, str]:
    order = ask_for_order(console().kit, request.args.get("ref", ""))
    return order, url_for(".order", ref=order.ref)


def _settle_placed() -> ResponseReturnValue:
    order, back = _order()
    number = FormField("number", "Number of the ticket in the POS", "As the POS shows it.")
    form = ActionForm(
        "The POS has the order",
        [
            f"Order {order.ref} counts as placed, with the number that you give.",
            "Gett is told that it is confirmed, and the customer waits for the food.",
            *consequence_for(console().kit),
        ],
        "It is in the POS",
        back,
        [number],
    )

    def act(why: str) -> str:
        other = actions.settle_placed(
            console().kit, current_actor(), order.ref, request.form.get("number", "").strip(), why
        )
        also = f" Order {other} has the same number in the POS: check that it is right." if other else ""
        told = delivery_of_order(console().kit, order)
        return f"Order {order.ref} is settled: it is in the POS. {told}{also}"

    return perform(form, act)


def _settle_not_placed() -> ResponseReturnValue:
    order, back = _order()
    form = ActionForm(
        "The POS does not have the order",
        [
            f"Order {order.ref} counts as not placed. If Gett tries again, the next attempt places it.",
            "Be sure: if the POS has it after all, the kitchen may cook it twice.",
        ],
        "It is not in the POS",
        back,
        danger=True,
    )

    def act(why: str) -> str:
        actions.settle_not_placed(console().kit, current_actor(), order.ref, why)
        return f"Order {order.ref} is settled: it is not in the POS. Gett's next attempt places it."

    return perform(form, act)


def _link() -> ResponseReturnValue:
    order, back = _order()
    form = ActionForm(
        "Link the order to Gett's id",
        ["Updates of this order wait because Gett's id of it is not known. They are sent once it is linked."],
        "Link it",
        back,
        [FormField("gett_id", "Gett's order id", "From Gett's portal, or from Gett's support.")],
    )

    def act(why: str) -> str:
        gett_id = request.form.get("gett_id", "").strip()
        actions.link_order(console().kit, current_actor(), order.ref, gett_id, why)
        return f"Order {order.ref} is linked to {gett_id}. {delivery_of_next(console().kit, order.lane)}"

    return perform(form, act)


def _complete() -> ResponseReturnValue:
    order, back = _order()
    form = ActionForm(
        "The customer has the order",
        ["Gett is told that the order is completed. No further update of it is sent.", *consequence_for(console().kit)],
        "Complete it",
        back,
        danger=True,
    )

    def act(why: str) -> str:
        actions.complete_order(console().kit, current_actor(), order.ref, why)
        return f"Order {order.ref} is completed. {delivery_of_order(console().kit, order)}"

    return perform(form, act)


def _cancel() -> ResponseReturnValue:
    order, back = _order()
    form = ActionForm(
        "Tell Gett that the order is cancelled",
        [
            "Gett cancels the order and tells the customer. No further update of it is sent.",
            "The POS is not asked: cancel the ticket there yourself.",
            *consequence_for(console().kit),
        ],
        "Cancel the order",
        back,
        [FormField("reason", "Reason for the customer", "The customer reads this.")],
        danger=True,
    )

    def act(why: str) -> str:
        reason = request.form.get("reason", "").strip()
        actions.cancel_order(console().kit, current_actor(), order.ref, reason, why)
        told = delivery_of_order(console().kit, order)
        return f"Order {order.ref} is cancelled. {told} Cancel the ticket in the POS too."

    return perform(form, act)


def _retry() -> ResponseReturnValue:
    order, back = _order()
    form = ActionForm(
        "Send the next update now",
        consequence_for(console().kit) or ["It is sent at once, without waiting for its next attempt."],
        "Send it now",
        back,
    )

    def act(why: str) -> str:
        actions.retry_now(console().kit, current_actor(), order.lane, why)
        return f"Order {order.ref}: {delivery_of_next(console().kit, order.lane)}"

    return perform(form, act)


def _forget() -> ResponseReturnValue:
    order, back = _order()
    form = ActionForm(
        "Remove the customer's data",
        [
            "Name, address, contact and every text are removed from what is kept of this order here. It cannot be undone.",
            "Ids, items and amounts stay, so that a retry of Gett gets the same ticket. The POS and Gett have data of their own.",
        ],
        "Remove the data",
        back,
        danger=True,
    )

    def act(why: str) -> str:
        removed = forget_order(console().kit, current_actor(), order.ref, why=why).removed
        return f"Removed from order {order.ref}: {', '.join(removed) or 'nothing, there was nothing left'}."

    return perform(form, act)
