"""The storefront: a page on which people order like consumers and see the traffic between Gett and the store."""

from __future__ import annotations

__all__: list[str] = []
