"""The key space of Redis: every key is built here, and each has a TTL or an owner that deletes it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Keys"]


@dataclass(frozen=True, slots=True)
class Keys:
    """Names of all keys, under one prefix."""

    prefix: str

    def order(self, ref: str) -> str:
        """Hash: an order's placement record."""
        return f"{self.prefix}order:{ref}"

    def by_key(self, idempotency_key: str) -> str:
        """String: the orderRef that an Idempotency-Key stands for."""
        return f"{self.prefix}key:{idempotency_key}"

    def by_gett_id(self, gett_order_id: str) -> str:
        """String: the orderRef that a gettOrderId stands for."""
        return f"{self.prefix}gett:{gett_order_id}"

    @property
    def unsettled(self) -> str:
        """Sorted set: orders whose POS call has begun and is not settled, by the end of their lease (ms)."""
        return f"{self.prefix}unsettled"

    @property
    def incidents(self) -> str:
        """List: what a person has to look at, newest first, trimmed."""
        return f"{self.prefix}incidents"

    def menu(self, store_id: str) -> str:
        """Hash: a store's menu as last fetched from its POS (version, body, fetched)."""
        return f"{self.prefix}menu:{store_id}"

    def menu_lock(self, store_id: str) -> str:
        """String: which process fetches a store's menu now."""
        return f"{self.prefix}menu-lock:{store_id}"

    def lane(self, ref: str) -> str:
        """List: an order's updates that Gett has not acknowledged, oldest first."""
        return f"{self.prefix}lane:{ref}"

    def lane_lease(self, ref: str) -> str:
        """String: which sender works on a lane now."""
        return f"{self.prefix}lane-lease:{ref}"

    @property
    def waiting(self) -> str:
        """Sorted set: lanes with something to send, by the moment it is due (ms)."""
        return f"{self.prefix}waiting"

    @property
    def wake(self) -> str:
        """String: set while a wake-up job is queued and has not begun."""
        return f"{self.prefix}wake"

    @property
    def dead_letters(self) -> str:
        """List: updates that Gett refused for good, newest first, trimmed."""
        return f"{self.prefix}dead"
