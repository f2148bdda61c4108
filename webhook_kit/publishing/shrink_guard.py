"""Shrink guard: rejects a catalog that lacks more than a third of the items of the last good one."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from webhook_kit.errors import WebhookKitError

__all__ = ["CatalogShrunk", "require_most_items"]


class CatalogShrunk(WebhookKitError):
    """The POS's catalog lacks more than a third of the last good one's items, which is probably a mistake."""


def require_most_items(before: AbstractSet[str], after: AbstractSet[str]) -> None:
    """Compare the item ids of the last good catalog with those of its successor.

    Unavailable items are in both, so they do not count as missing.

    :raises CatalogShrunk: when more than a third is missing.
    """
    missing = len(before - after)
    if 3 * missing > len(before):
        raise CatalogShrunk(
            f"{missing} of {len(before)} items are missing from the POS's catalog; the last good one stays"
        )
