"""A fake POS whose methods a test can replace with functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from uuid import uuid4

import requests

from webhook_kit.adapter import Capability, CatalogSet, Level, Placed, Refused, Store
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest
from webhook_kit.testing.bogus import BogusAdapter


class ScriptedPos(BogusAdapter):
    """The fake POS with look-up, except for the methods that the store's script replaces."""

    capabilities: ClassVar[Mapping[Capability, Level]] = {Capability.NATIVE_IDEMPOTENCY: Level.UNSUPPORTED}
    scripts: ClassVar[dict[str, dict[str, Callable[..., Any]]]] = {}

    def fetch_catalog(self, store: Store) -> CatalogSet:
        catalog: CatalogSet = self._method("fetch_catalog", store)(store)
        return catalog

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        quoted: Amounts | Refused = self._method("quote", store)(store, order)
        return quoted

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        placed: Placed | Refused = self._method("place_order", store)(store, order, key)
        return placed

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        ticket: Placed | None = self._method("find_order", store)(store, order_ref)
        return ticket

    def _method(self, name: str, store: Store) -> Callable[..., Any]:
        return self.scripts[store.options["script"]].get(name) or getattr(super(), name)


def scripted_pos(**methods: Callable[..., Any]) -> dict[str, Any]:
    """Return the settings of a store whose POS has these methods: ``make_client(**scripted_pos(quote=...))``."""
    name = uuid4().hex
    ScriptedPos.scripts[name] = methods
    return {"pos_adapter": f"{__name__}:ScriptedPos", "options": {"script": name}}


SECRET_TEXT = "secret-of-the-vendor"


def raising(error: BaseException) -> Callable[..., Any]:
    """Return a method of a POS that raises an error."""

    def method(*_: Any) -> Any:
        raise error

    return method


RAISED: list[BaseException] = [
    RuntimeError(SECRET_TEXT),
    KeyError(SECRET_TEXT),
    requests.exceptions.ReadTimeout(SECRET_TEXT),
    RecursionError(SECRET_TEXT),
    SystemExit(SECRET_TEXT),
    KeyboardInterrupt(SECRET_TEXT),
    StopIteration(SECRET_TEXT),
]
"""Errors that a vendor's code may raise."""

TOTAL = {"amounts": {"total": 2.75}}
"""Members of an order that accept the price of the cart."""
