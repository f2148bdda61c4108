"""State of sending to Gett, and of its quota of writes."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from webhook_kit.kit import Kit
from webhook_kit.operations.actions import recorded
from webhook_kit.operations.actor import Actor
from webhook_kit.storage.clock import redis_time

__all__ = ["QuotaView", "read_quota", "try_again_now"]


@dataclass(frozen=True, slots=True)
class QuotaView:
    """State of sending. Moments are Unix seconds, durations seconds.

    :ivar limit: writes per minute that Gett allows; 0: no limit is kept.
    :ivar used: writes in the last minute.
    :ivar reserve: writes per minute that only urgent updates may use.
    :ivar halted: reason for which Gett refuses the API key, or None.
    :ivar halted_since: moment of the first refusal; None if sending is not halted.
    :ivar rate_limited: time for which Gett asked to wait; 0 if it did not.
    :ivar circuit_open: time for which the circuit breaker stays open; 0 if it is closed.
    :ivar failing_since: moment at which the circuit breaker opened; None if Gett has answered since.
    :ivar waiting: number of orders, stores and catalogs with an update that Gett has not taken.
    """

    at: float
    limit: int
    used: int
    reserve: int
    halted: str | None
    halted_since: float | None
    rate_limited: float
    circuit_open: float
    failing_since: float | None
    waiting: int

    @property
    def obstacle(self) -> str | None:
        """Sentence that says why no update is sent now, and what ends that; None if updates are sent."""
        if self.halted is not None:
            return "Gett refuses the API key: updates wait until a valid one is installed."
        if self.failing_since is not None or self.circuit_open:
            return "Gett cannot be reached: updates wait until it answers."
        if self.rate_limited:
            return f"Gett asked to wait: updates are sent again in {ceil(self.rate_limited)} s."
        return None

    @property
    def exhausted(self) -> bool:
        """True if only urgent updates can be sent now."""
        return 0 < self.limit <= self.used + self.reserve


def read_quota(kit: Kit) -> QuotaView:
    """Return the state of sending.

    :raises redis.RedisError: Redis is not reachable.
    """
    status = kit.sending.status(kit.quota)
    return QuotaView(
        at=redis_time(kit.redis),
        limit=kit.quota.limit,
        used=status.used,
        reserve=kit.quota.reserve,
        halted=status.halted,
        halted_since=status.halted_since,
        rate_limited=status.rate_limited,
        circuit_open=status.circuit_open,
        failing_since=status.failing_since,
        waiting=kit.lanes.count_waiting(),
    )


def try_again_now(kit: Kit, actor: Actor, why: str = "") -> None:
    """Let one update try a refused API key at once, instead of within a minute.

    :raises redis.RedisError: Redis is not reachable.
    """
    with recorded(kit, actor, "try_again_now", "sending", why):
        kit.sending.try_again_now()
        kit.lanes.notify_if_ready()
