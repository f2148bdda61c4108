"""Models of all objects that Gett and its partners exchange, by name (``gett-protocol.md §2`` to ``§6``)."""

from __future__ import annotations

from webhook_kit.gett.models import catalog, marketfront, order, payment, problem, session, store
from webhook_kit.gett.models.base import Wire

__all__ = ["SCHEMAS"]

_PUBLISHED_NAMES = {"MarketfrontStore": "Store"}
"""Names in the protocol of models that have another name here."""

SCHEMAS: dict[str, type[Wire]] = {
    _PUBLISHED_NAMES.get(name, name): model
    for module in (catalog, marketfront, order, payment, problem, session, store)
    for name in module.__all__
    if isinstance(model := getattr(module, name), type) and issubclass(model, Wire)
}
"""All models by their name in the protocol."""
