"""Which store is which: Gett's id, the partner's id, the adapter, credentials and options (``docs/stores.md``)."""

from __future__ import annotations

from webhook_kit.stores.directory import StoreDirectory
from webhook_kit.stores.source import StoreSource

__all__ = ["StoreDirectory", "StoreSource"]
