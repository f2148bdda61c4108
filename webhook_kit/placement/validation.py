"""What menu and POS say of an order before it is placed: every violation at once, and the price to the cent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from webhook_kit.adapter import Capability, Refusal, Refused, Store
from webhook_kit.catalog.cart import PricedLine, check_cart
from webhook_kit.errors import PosUnavailable, Unsupported
from webhook_kit.gett.models.order import Amounts, ExternalOrder, ValidationError
from webhook_kit.gett.problems import unavailable
from webhook_kit.logs import logger
from webhook_kit.pos.executor import PosExecutor
from webhook_kit.publishing.last_good import CatalogUnavailable, LastGoodCatalogs
from webhook_kit.stores import StoreDirectory

__all__ = ["OrderValidator", "ValidationResult", "as_violations", "ask_pos"]

log = logger("receiver")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """An order, checked and priced.

    :ivar violations: everything wrong with it; empty when it may be placed.
    :ivar amounts: what it costs; None when it cannot be priced.
    """

    violations: tuple[ValidationError, ...]
    amounts: Amounts | None
    lines: tuple[PricedLine, ...]


class OrderValidator:
    """Checks orders against the menu, and against the POS when its adapter can quote."""

    def __init__(self, menus: LastGoodCatalogs, stores: StoreDirectory, calls: PosExecutor) -> None:
        self._menus = menus
        self._stores = stores
        self._calls = calls

    def validate(self, order: ExternalOrder, store: Store, *, until: float) -> ValidationResult:
        """Check and price an order, without side effects.

        :param until: monotonic time by which an answer is needed.
        :raises Problem: 503 when the menu is not known yet, or the POS gives no usable answer.
        """
        try:
            menu, run_out = self._menus.current(store)
        except CatalogUnavailable as error:
            raise unavailable(str(error)) from error
        checked = check_cart(
            menu,
            order,
            at=datetime.now(UTC),
            timezone=store.timezone,
            unavailable=run_out,
            fulfillment_types=store.fulfillment_types,
        )
        whole = len(checked.lines) == len(order.cart.line_items)
        amounts = Amounts.of(checked.sub_total, tip=order.tip) if whole else None
        if checked.violations or amounts is None:
            return ValidationResult(checked.violations, amounts, checked.lines)
        adapter = self._stores.adapter(store)
        if not adapter.offers(Capability.QUOTE):
            return ValidationResult((), amounts, checked.lines)
        priced = order.model_copy(update={"amounts": amounts})
        try:
            answer = ask_pos(self._calls, store, "quote", lambda: adapter.quote(store, priced), until=until)
        except Unsupported:  # not for this store
            return ValidationResult((), amounts, checked.lines)
        if isinstance(answer, Refused):
            return ValidationResult(as_violations(answer.refusals), amounts, checked.lines)
        return ValidationResult((), _believable(answer, order, store), checked.lines)


def ask_pos(calls: PosExecutor, store: Store, what: str, call: Callable[[], T], *, until: float) -> T:
    """One POS call without side effects, for a webhook that waits.

    :raises Problem: 503, whatever went wrong; the traceback is in the log only.
    :raises Unsupported: when the adapter does not offer this for the store.
    """
    try:
        return calls.run(store.id, call, deadline=until - time.monotonic())
    except Unsupported:
        raise
    except PosUnavailable as error:
        raise unavailable(str(error), retry_after=error.retry_after) from error
    except Exception as error:
        log.exception("pos call failed", call=what, store=store.id)
        raise unavailable("the POS gave no usable answer") from error


def as_violations(refusals: Iterable[Refusal]) -> tuple[ValidationError, ...]:
    """A POS's refusals in Gett's words (``gett-protocol.md §3``)."""
    return tuple(
        ValidationError(
            code=refusal.reason.code,
            message=refusal.message,
            **({} if refusal.item_id is None else {"item_id": refusal.item_id}),
            **({} if refusal.json_path is None else {"json_path": refusal.json_path}),
        )
        for refusal in refusals
    )


def _believable(answer: object, order: ExternalOrder, store: Store) -> Amounts:
    if not isinstance(answer, Amounts):
        complaint = f"quote() returned {type(answer).__name__}"
    elif contradictions := answer.contradictions():
        complaint = f"quote() contradicts itself: {'; '.join(contradictions)}"
    elif answer.tip is not None and answer.tip != order.tip:
        complaint = f"quote() changed the tip from {order.tip} to {answer.tip}"
    else:
        return answer
    log.error("pos answer not usable", store=store.id, adapter=store.adapter, complaint=complaint)
    raise unavailable("the POS gave no usable answer")
