"""The contract suite: what every adapter has to pass, driven through a real Kit on a real Redis.

A vendor subclasses :class:`AdapterContract` in a test module of their own; pytest collects it, and ``webhook-kit certify`` writes
a report of it.
"""

from __future__ import annotations

from webhook_kit.testing.contract.hooks import PosTicket, PosWebhook, TicketLine
from webhook_kit.testing.contract.suite import AdapterContract

__all__ = ["AdapterContract", "PosTicket", "PosWebhook", "TicketLine"]
