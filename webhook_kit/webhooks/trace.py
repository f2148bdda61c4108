"""Trace of a request: the caller's, if it sends a W3C ``traceparent``, else a new one."""

from __future__ import annotations

from os import urandom

from webhook_kit.tracing import TRACEPARENT

__all__ = ["is_traced", "trace_id"]


def is_traced(traceparent: str | None) -> bool:
    """Return True if the caller sends a trace id of its own."""
    return TRACEPARENT.match(traceparent or "") is not None


def trace_id(traceparent: str | None) -> str:
    """Return the trace id as 32 hex digits (``gett-protocol.md §3``)."""
    match = TRACEPARENT.match(traceparent or "")
    return match.group(1) if match else urandom(16).hex()
