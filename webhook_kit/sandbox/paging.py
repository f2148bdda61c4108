"""Bounds of the pages of all lists."""

from __future__ import annotations

__all__ = ["clamp"]

_MAX_LIMIT = 100  # [D] entries of a page; of the discovery in gett-protocol.md §6
_MAX_OFFSET = 2**31


def clamp(limit: int, offset: int) -> tuple[int, int]:
    """Return limit and offset within their bounds: a page has 1 to 100 entries."""
    return min(max(limit, 1), _MAX_LIMIT), min(max(offset, 0), _MAX_OFFSET)
