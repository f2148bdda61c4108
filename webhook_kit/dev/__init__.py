"""The dev environment: everything that an adapter needs on one machine (``webhook-kit dev``)."""

from __future__ import annotations

__all__: list[str] = []
