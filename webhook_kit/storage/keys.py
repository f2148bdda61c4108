"""The key space of Redis: every key is built here, and each has a TTL or an owner that deletes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Keys"]


@dataclass(frozen=True, slots=True)
class Keys:
    """Names of all keys, under one prefix."""

    prefix: str

    @classmethod
    def lua_table(cls, names: Iterable[str]) -> str:
        """Return Lua that defines ``keys``, a table of these names; ``args.prefix`` has to be in scope.

        A property stands for its key, a method of one argument for what comes before that argument.
        """
        unprefixed = cls("")
        parts = {name: getattr(unprefixed, name) for name in names}
        entries = (f"{name} = args.prefix .. '{part('') if callable(part) else part}'" for name, part in parts.items())
        return f"local keys = {{{', '.join(entries)}}}"

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

    @property
    def alerts(self) -> str:
        """Hash: how many alerts of each kind there were."""
        return f"{self.prefix}alerts"

    def alerted(self, kind: str, order: str) -> str:
        """String: this alert was given."""
        return f"{self.prefix}alerted:{kind}:{order}"

    def withdrawn(self, ref: str) -> str:
        """String: an unconfirmed order is being taken back out of the POS (``calling``), or is out of it (``done``)."""
        return f"{self.prefix}withdrawn:{ref}"

    def menu(self, store_id: str) -> str:
        """Hash: a store's menu as last fetched from its POS (version, body, fetched)."""
        return f"{self.prefix}menu:{store_id}"

    def menu_lock(self, store_id: str) -> str:
        """String: which process fetches a store's menu now."""
        return f"{self.prefix}menu-lock:{store_id}"

    def catalog(self, version: str) -> str:
        """String: a published version of a menu, gzipped."""
        return f"{self.prefix}catalog:{version}"

    def published(self, store_id: str) -> str:
        """Hash: what a store's menu is published as (version, at, items)."""
        return f"{self.prefix}published:{store_id}"

    def sync(self, store_id: str) -> str:
        """Hash: how the last synchronisation of a store's menu ended, and the last failure (at, outcome, failed, why)."""
        return f"{self.prefix}sync:{store_id}"

    def sync_lock(self, store_id: str) -> str:
        """String: who synchronises a store's menu now."""
        return f"{self.prefix}sync-lock:{store_id}"

    @property
    def synced(self) -> str:
        """String: somebody has queued this round's synchronisations."""
        return f"{self.prefix}synced"

    @property
    def due(self) -> str:
        """Sorted set: menus to fetch (``menu:<store id>``) and to publish anew (``out:<store id>``), by when (s)."""
        return f"{self.prefix}due"

    def out(self, store_id: str) -> str:
        """Sorted set: the items and options that a store has run out of, by the moment they are back (s, or infinite)."""
        return f"{self.prefix}out:{store_id}"

    def superseded(self, store_id: str) -> str:
        """Sorted set: a store's earlier versions that are still kept, by the moment of their successor (s)."""
        return f"{self.prefix}superseded:{store_id}"

    def pos_order(self, store_id: str, partner_order_id: str) -> str:
        """String: the orderRef of a POS's own order id."""
        return f"{self.prefix}pos:{store_id}:{partner_order_id}"

    @property
    def stores(self) -> str:
        """Hash: what was learned of each store, as JSON (:mod:`webhook_kit.stores.repository`)."""
        return f"{self.prefix}stores"

    @property
    def stores_version(self) -> str:
        """String: changes with every change of a store."""
        return f"{self.prefix}stores-version"

    def onboarding(self, store_id: str) -> str:
        """Hash: how far a store's onboarding is (step, status, onboarding_id, gett_id, error, at)."""
        return f"{self.prefix}onboarding:{store_id}"

    def onboarding_lock(self, store_id: str) -> str:
        """String: somebody onboards a store at this moment."""
        return f"{self.prefix}onboarding-lock:{store_id}"

    @property
    def onboardings(self) -> str:
        """Set: the stores whose onboarding the workers go on with."""
        return f"{self.prefix}onboardings"

    def pause_owner(self, store_id: str) -> str:
        """String: who paused a store."""
        return f"{self.prefix}paused-by:{store_id}"

    def status_lock(self, store_id: str) -> str:
        """String: somebody pauses or resumes a store at this moment."""
        return f"{self.prefix}status-lock:{store_id}"

    def monitor(self, store_id: str) -> str:
        """Hash: the monitor's looks at a store (bad, good, judged, seen), and what Gett said (gett_resume_at, healed)."""
        return f"{self.prefix}monitor:{store_id}"

    def monitored(self, store_id: str) -> str:
        """String: a store is being looked at, or was not long ago."""
        return f"{self.prefix}monitored:{store_id}"

    @property
    def compared(self) -> str:
        """String: somebody has compared the stores' status with Gett's this round."""
        return f"{self.prefix}compared"

    @property
    def unconfirmed(self) -> str:
        """Sorted set: orders that the POS took as pending and nobody has confirmed, by the moment they were placed (ms)."""
        return f"{self.prefix}unconfirmed"

    @property
    def held(self) -> str:
        """List: POS events of orders that are still being placed, as JSON: at (ms), event."""
        return f"{self.prefix}held"

    @property
    def events(self) -> str:
        """Hash: how many POS events ended in which way."""
        return f"{self.prefix}events"

    def order_event(self, checkout_session_id: str) -> str:
        """String: the order event that was handled last, as JSON: rank, digest, refunds."""
        return f"{self.prefix}order-event:{checkout_session_id}"

    def order_event_lock(self, checkout_session_id: str) -> str:
        """String: an event of this order is being handled."""
        return f"{self.prefix}order-event-lock:{checkout_session_id}"

    def lane(self, lane: str) -> str:
        """Hash: a lane's state (``webhook_kit/outbox/lanes.lua`` lists the fields)."""
        return f"{self.prefix}lane:{lane}"

    def queue(self, lane: str) -> str:
        """List: a lane's updates that Gett has not taken, oldest first."""
        return f"{self.prefix}queue:{lane}"

    def history(self, lane: str) -> str:
        """List: what became of a lane's updates, newest last, trimmed."""
        return f"{self.prefix}history:{lane}"

    @property
    def wake(self) -> str:
        """String: set while a wake-up job is queued and has not begun."""
        return f"{self.prefix}wake"

    @property
    def ready(self) -> str:
        """Sorted set: lanes to send now, by urgency and age."""
        return f"{self.prefix}ready"

    @property
    def delayed(self) -> str:
        """Sorted set: lanes that are being sent or are postponed, by the moment at which they are due again (ms)."""
        return f"{self.prefix}delayed"

    @property
    def unlinked(self) -> str:
        """Sorted set: lanes of orders whose Gett id is unknown, by the moment of the first update (ms)."""
        return f"{self.prefix}unlinked"

    @property
    def sends(self) -> str:
        """List: moments of the last sends (ms), newest first, as many as the quota."""
        return f"{self.prefix}sends"

    @property
    def gate(self) -> str:
        """Hash: circuit breaker, pacing and Gett's own figures (:mod:`webhook_kit.outbox.quota`)."""
        return f"{self.prefix}gate"

    @property
    def halt(self) -> str:
        """String: the reason for which Gett refuses the key."""
        return f"{self.prefix}halt"

    @property
    def seq(self) -> str:
        """String: the number of the last update."""
        return f"{self.prefix}seq"

    @property
    def counts(self) -> str:
        """Hash: number of updates that were appended, and that ended in each way."""
        return f"{self.prefix}counts"

    @property
    def dead(self) -> str:
        """Hash: dead letters by number, as JSON."""
        return f"{self.prefix}dead"

    @property
    def dead_at(self) -> str:
        """Sorted set: numbers of the dead letters, by the moment at which they became one (ms)."""
        return f"{self.prefix}dead-at"
