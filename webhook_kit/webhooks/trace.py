"""Trace of a request: the caller's, if it sends a W3C ``traceparent``, else a new one."""

from __future__ import annotations

import re
from os import urandom

__all__ = ["is_traced", "trace_id"]

_TRACEPARENT = re.compile(r"^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$")


def is_traced(traceparent: str | None) -> bool:
    """Return True if the caller sends a trace id of its own."""
    return _TRACEPARENT.match(traceparent or "") is not None


def trace_id(traceparent: str | None) -> str:
    """Return the trace id as 32 hex digits (``gett-protocol.md §3``)."""
    match = _TRACEPARENT.match(traceparent or "")
    return match.group(1) if match else urandom(16).hex()
