"""webhook_kit: join a restaurant's point of sale to the Gett food-ordering network.

Adapters and applications import everything from here: ``from webhook_kit import PosAdapter, Placed, Store``. Some of Gett's models
have a shorter name here: ``Order`` is ``ExternalOrder``, ``Item`` is ``ExternalItem``; ``PlaceOrderRequest`` is an ``Order`` with its
payment.

A name is imported from its module on first use. So ``import webhook_kit`` costs nothing, an adapter loads neither Flask nor Redis,
and the modules inside can be imported in any order.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Writing an adapter
    from webhook_kit.adapter import (
        Capability,
        CatalogChanged,
        CatalogSet,
        Guarantee,
        ItemChanged,
        Level,
        NotPlaced,
        Order,
        OrderChanged,
        OrderProgress,
        OrderState,
        OrderStatus,
        PauseReason,
        Placed,
        PlacedStatus,
        PosAdapter,
        PosEvent,
        PosOrder,
        Reason,
        Refusal,
        Refused,
        Store,
        StoreChanged,
        StoreState,
        Unsupported,
        placement_key,
    )

    # Running an application
    from webhook_kit.app import create_app

    # Building and checking catalogs and carts
    from webhook_kit.catalog.build import simple_catalog
    from webhook_kit.catalog.builder import CatalogBuilder
    from webhook_kit.catalog.cart import check_cart
    from webhook_kit.catalog.check import check as check_catalog
    from webhook_kit.catalog.compiled import CompiledCatalog
    from webhook_kit.catalog.hours import always_open, is_open
    from webhook_kit.errors import (
        CatalogInvalid,
        ConfigurationError,
        InvalidSignature,
        InvalidTransition,
        NotFound,
        WebhookKitError,
    )

    # Gett's models
    from webhook_kit.gett import openapi
    from webhook_kit.gett.models.base import Id, UtcTime, Wire
    from webhook_kit.gett.models.catalog import AvailabilityWindow, DayOfWeek, DefaultItem, Tier
    from webhook_kit.gett.models.catalog import ExternalCatalog as Catalog
    from webhook_kit.gett.models.catalog import ExternalItem as Item
    from webhook_kit.gett.models.catalog import ExternalModifierGroup as ModifierGroup
    from webhook_kit.gett.models.catalog import ExternalSection as Section
    from webhook_kit.gett.models.marketfront import OrderEvent
    from webhook_kit.gett.models.money import ZERO, cents
    from webhook_kit.gett.models.order import (
        AmountDescription,
        Amounts,
        Cart,
        CartModifierGroup,
        LineItem,
        PlaceOrderRequest,
    )
    from webhook_kit.gett.models.order import ExternalAddress as Address
    from webhook_kit.gett.models.order import Fulfillment as FulfillmentType
    from webhook_kit.gett.models.problem import ErrorCode
    from webhook_kit.gett.signing import sign as sign_message
    from webhook_kit.gett.signing import verify as verify_signature
    from webhook_kit.kit import Kit

    # Testing an adapter
    from webhook_kit.pos.session import call_deadline
    from webhook_kit.sandbox.sandbox import GettSandbox
    from webhook_kit.stores.source import StoreSource

    __version__: str

__all__ = [
    "ZERO",
    "Address",
    "AmountDescription",
    "Amounts",
    "AvailabilityWindow",
    "Capability",
    "Cart",
    "CartModifierGroup",
    "Catalog",
    "CatalogBuilder",
    "CatalogChanged",
    "CatalogInvalid",
    "CatalogSet",
    "CompiledCatalog",
    "ConfigurationError",
    "DayOfWeek",
    "DefaultItem",
    "ErrorCode",
    "FulfillmentType",
    "GettSandbox",
    "Guarantee",
    "Id",
    "InvalidSignature",
    "InvalidTransition",
    "Item",
    "ItemChanged",
    "Kit",
    "Level",
    "LineItem",
    "ModifierGroup",
    "NotFound",
    "NotPlaced",
    "Order",
    "OrderChanged",
    "OrderEvent",
    "OrderProgress",
    "OrderState",
    "OrderStatus",
    "PauseReason",
    "PlaceOrderRequest",
    "Placed",
    "PlacedStatus",
    "PosAdapter",
    "PosEvent",
    "PosOrder",
    "Reason",
    "Refusal",
    "Refused",
    "Section",
    "Store",
    "StoreChanged",
    "StoreSource",
    "StoreState",
    "Tier",
    "Unsupported",
    "UtcTime",
    "WebhookKitError",
    "Wire",
    "__version__",
    "always_open",
    "call_deadline",
    "cents",
    "check_cart",
    "check_catalog",
    "create_app",
    "is_open",
    "openapi",
    "placement_key",
    "sign_message",
    "simple_catalog",
    "verify_signature",
]

_MODULES = {
    "webhook_kit.app": ("create_app",),
    "webhook_kit.catalog.build": ("simple_catalog",),
    "webhook_kit.catalog.builder": ("CatalogBuilder",),
    "webhook_kit.catalog.cart": ("check_cart",),
    "webhook_kit.catalog.compiled": ("CompiledCatalog",),
    "webhook_kit.catalog.hours": ("always_open", "is_open"),
    "webhook_kit.errors": (
        *("CatalogInvalid", "ConfigurationError", "InvalidSignature", "InvalidTransition", "NotFound"),
        "WebhookKitError",
    ),
    "webhook_kit.gett.models.base": ("Id", "UtcTime", "Wire"),
    "webhook_kit.gett.models.catalog": ("AvailabilityWindow", "DayOfWeek", "DefaultItem", "Tier"),
    "webhook_kit.gett.models.marketfront": ("OrderEvent",),
    "webhook_kit.gett.models.money": ("ZERO", "cents"),
    "webhook_kit.gett.models.order": (
        "AmountDescription",
        "Amounts",
        "Cart",
        "CartModifierGroup",
        "LineItem",
        "PlaceOrderRequest",
    ),
    "webhook_kit.gett.models.problem": ("ErrorCode",),
    "webhook_kit.kit": ("Kit",),
    "webhook_kit.pos.session": ("call_deadline",),
    "webhook_kit.sandbox.sandbox": ("GettSandbox",),
    "webhook_kit.stores.source": ("StoreSource",),
}
_RENAMED = {
    "Address": ("webhook_kit.gett.models.order", "ExternalAddress"),
    "Catalog": ("webhook_kit.gett.models.catalog", "ExternalCatalog"),
    "FulfillmentType": ("webhook_kit.gett.models.order", "Fulfillment"),
    "Item": ("webhook_kit.gett.models.catalog", "ExternalItem"),
    "ModifierGroup": ("webhook_kit.gett.models.catalog", "ExternalModifierGroup"),
    "Section": ("webhook_kit.gett.models.catalog", "ExternalSection"),
    "openapi": ("webhook_kit.gett.openapi", ""),
    "check_catalog": ("webhook_kit.catalog.check", "check"),
    "sign_message": ("webhook_kit.gett.signing", "sign"),
    "verify_signature": ("webhook_kit.gett.signing", "verify"),
}
_ORIGINS = {name: (module, name) for module, names in _MODULES.items() for name in names} | _RENAMED
"""Module and name of what does not come from ``webhook_kit.adapter``."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: Any = import_module("importlib.metadata").version("webhook-kit")
    elif name in __all__:
        module, attribute = _ORIGINS.get(name, ("webhook_kit.adapter", name))
        value = getattr(import_module(module), attribute) if attribute else import_module(module)
    else:
        raise AttributeError(f"module 'webhook_kit' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
