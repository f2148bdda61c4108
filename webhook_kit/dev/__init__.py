"""``webhook-kit dev``: everything on one machine, for a vendor at his desk."""

from __future__ import annotations

__all__: list[str] = []
