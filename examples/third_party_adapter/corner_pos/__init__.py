"""CornerPos as a point of sale of webhook_kit."""

from __future__ import annotations

from corner_pos.adapter import CornerPos

__all__ = ["CornerPos"]
