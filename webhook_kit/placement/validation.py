"""Validation of an order against the catalog and the POS: every violation at once, and the price to the cent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from webhook_kit.adapter import Capability, Refused, Store
from webhook_kit.catalog.cart import PricedLine, check_cart
from webhook_kit.errors import Unsupported
from webhook_kit.gett.models.money import LIMIT, ZERO
from webhook_kit.gett.models.order import Amounts, ExternalOrder, ValidationError
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import unavailable
from webhook_kit.placement.pos_calls import as_violations, ask_pos, unusable_answer
from webhook_kit.pos.executor import PosExecutor
from webhook_kit.publishing.last_good import CatalogUnavailable, LastGoodCatalogs
from webhook_kit.stores import StoreDirectory

__all__ = ["OrderValidator", "ValidationResult"]


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """Result of a validation.

    :ivar violations: everything wrong with the order; empty when it may be placed.
    :ivar amounts: the price; None when the order cannot be priced.
    :ivar lines: the priced lines.
    """

    violations: tuple[ValidationError, ...]
    amounts: Amounts | None
    lines: tuple[PricedLine, ...]


class OrderValidator:
    """Checks orders against the catalog, and against the POS when its adapter can quote."""

    def __init__(self, catalogs: LastGoodCatalogs, stores: StoreDirectory, executor: PosExecutor) -> None:
        self._catalogs = catalogs
        self._stores = stores
        self._executor = executor

    def validate(self, order: ExternalOrder, store: Store, *, deadline: float) -> ValidationResult:
        """Check and price an order, without side effects.

        :param deadline: monotonic time by which the result is needed.
        :raises Problem: 503 when no catalog of the store is available, or the POS gives no usable answer.
        """
        try:
            catalog, unavailable_items = self._catalogs.current(store)
        except CatalogUnavailable as error:
            raise unavailable(str(error)) from error
        checked = check_cart(
            catalog,
            order,
            at=datetime.now(UTC),
            timezone=store.timezone,
            unavailable=unavailable_items,
            fulfillment_types=store.fulfillment_types,
        )
        every_line_priced = len(checked.lines) == len(order.cart.line_items)
        price_violations = _price_violations(checked.sub_total, order.tip) if every_line_priced else []
        amounts = None
        if every_line_priced and not price_violations:
            amounts = Amounts.of_cart(checked.sub_total, order.tip).with_request(order.amounts)
        violations = (
            *self._version_violations(order, store),
            *checked.violations,
            *_amounts_violations(order.amounts),
            *price_violations,
        )
        if violations or amounts is None:
            return ValidationResult(violations, amounts, checked.lines)
        adapter = self._stores.adapter(store)
        if not adapter.offers(Capability.QUOTE):
            return ValidationResult((), amounts, checked.lines)
        priced = order.model_copy(update={"amounts": amounts})
        try:
            quote = ask_pos(self._executor, store, "quote", lambda: adapter.quote(store, priced), deadline=deadline)
        except Unsupported:  # not for this store
            return ValidationResult((), amounts, checked.lines)
        if isinstance(quote, Refused):
            return ValidationResult(as_violations(quote.refusals), amounts, checked.lines)
        return ValidationResult((), _checked_quote(quote, order, store), checked.lines)

    def _version_violations(self, order: ExternalOrder, store: Store) -> list[ValidationError]:
        """Check that the cart was not filled from another store's catalog; an older version is checked against the current one."""
        cited = order.cart.catalog_set_id
        if not cited or not self._catalogs.is_foreign(store, cited):
            return []
        message = f"The catalog “{cited}” is another store's: fetch the catalog of this store."
        code, path = ErrorCode.CATALOGSET_NOT_FOUND, "$.cart.catalogSetId"
        return [ValidationError(code=code, message=message, json_path=path)]


def _checked_quote(quote: object, order: ExternalOrder, store: Store) -> Amounts:
    if not isinstance(quote, Amounts):
        complaint = f"quote() returned {type(quote).__name__}"
    elif mistakes := quote.mistakes():
        complaint = f"quote() returned wrong amounts: {'; '.join(mistakes)}"
    elif (quote.tip or ZERO) != order.tip:
        complaint = f"quote() changed the tip from {order.tip} to {quote.tip or ZERO}"
    else:
        return quote.with_request(order.amounts)
    raise unusable_answer(store, complaint)


def _price_violations(sub_total: Decimal, tip: Decimal) -> list[ValidationError]:
    """Check that the price can be paid [D]: that it is not negative, and that amounts can hold it."""
    if sub_total >= 0 and sub_total + tip < LIMIT:
        return []
    message = f"The items cost {sub_total}, {sub_total + tip} with the tip; nobody can pay that."
    return [ValidationError(code=ErrorCode.OTHER, message=message, json_path="$.cart")]


def _amounts_violations(requested: Amounts | None) -> list[ValidationError]:
    """Check the description of the tip, the only amount of a request that is not computed anew."""
    contradictions = [] if requested is None else requested.description_contradictions("tip")
    return [
        ValidationError(code=ErrorCode.INVALID_REQUEST, message=line, json_path="$.amounts.tipDescription")
        for line in contradictions
    ]
