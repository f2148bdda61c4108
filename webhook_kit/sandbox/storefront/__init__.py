"""A page for people at the sandbox's root: they order as consumers do, and see every message that goes over the wire."""

from __future__ import annotations

__all__: list[str] = []
