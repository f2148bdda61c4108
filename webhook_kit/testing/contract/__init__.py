"""The contract suite: the tests that every adapter has to pass, run through a real Kit on a real Redis.

A vendor subclasses :class:`AdapterContract` in a test module. pytest collects it, and ``webhook-kit certify`` writes a
conformance report.
"""

from __future__ import annotations

from webhook_kit.testing.contract.hooks import PosTicket, PosWebhook, TicketLine
from webhook_kit.testing.contract.suite import AdapterContract

__all__ = ["AdapterContract", "PosTicket", "PosWebhook", "TicketLine"]
