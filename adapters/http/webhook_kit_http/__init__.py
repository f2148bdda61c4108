"""A point of sale in any language, over signed JSON: the callback contract, and the adapter that implements it."""

from __future__ import annotations

from webhook_kit_http.adapter import HttpAdapter, HttpNativeAdapter

__all__ = ["HttpAdapter", "HttpNativeAdapter"]
