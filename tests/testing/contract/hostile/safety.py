"""Hostile adapters that disclose credentials, customers or cards."""

from __future__ import annotations

import structlog

from tests.testing.contract.hostile.base import PlaceResult, SmallCatalog, breaks
from webhook_kit.adapter import NotPlaced, Placed, Refused, Store
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest

__all__: list[str] = []

log = structlog.get_logger()


@breaks("test_credentials_are_not_in_reprs")
class _KeepsCredentials(SmallCatalog):
    """Keeps credentials in the adapter object."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> PlaceResult:
        self._headers = {"Authorization": f"Bearer {store.credentials['token']}"}
        return super().place_order(store, order, key)


@breaks("test_secrets_are_not_logged")
class _LogsCredentials(SmallCatalog):
    """Logs credentials."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> PlaceResult:
        log.info("pos_called", credentials=dict(store.credentials))
        return super().place_order(store, order, key)


@breaks("test_secrets_are_not_logged")
class _PrintsTheCustomer(SmallCatalog):
    """Prints the customer's name."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> PlaceResult:
        if order.customer:
            print("order for", order.customer.first_name)  # noqa: T201 - the mistake itself
        return super().place_order(store, order, key)


@breaks("test_secrets_are_not_in_exceptions", "test_secrets_are_not_logged")
class _RaisesWithCredentials(SmallCatalog):
    """Raises an exception with credentials, which the kit logs."""

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        try:
            return super().quote(store, order)
        except NotPlaced as error:
            raise RuntimeError(f"no answer with {dict(store.credentials)}") from error


@breaks("test_card_is_not_in_the_response")
class _ReturnsTheCard(SmallCatalog):
    """Returns an order id that contains the card."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> PlaceResult:
        placed = super().place_order(store, order, key)
        if isinstance(placed, Refused) or order.payment is None or order.payment.card_token is None:
            return placed
        return Placed(f"{placed.id}/{order.payment.card_token}", amounts=placed.amounts)
