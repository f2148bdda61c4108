"""The adapter of CornerPos for webhook_kit."""

from __future__ import annotations

from corner_pos.adapter import CornerPos

__all__ = ["CornerPos"]
