"""Stores: their ids here and at Gett, adapter, credentials and options (``docs/stores.md``); their status and onboarding."""

from __future__ import annotations

from webhook_kit.stores.directory import StoreDirectory
from webhook_kit.stores.source import StoreSource

__all__ = ["StoreDirectory", "StoreSource"]
