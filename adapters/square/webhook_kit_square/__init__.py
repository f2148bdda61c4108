"""Square as a point of sale of webhook_kit."""

from __future__ import annotations

from webhook_kit_square.adapter import SquareAdapter

__all__ = ["SquareAdapter"]
