"""The key space of Redis: every key is built here, and each has a TTL or an owner that deletes it (``docs/redis.md``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from webhook_kit.storage.operating_keys import OperatingKeys

__all__ = ["Keys", "pair"]


def pair(one: str, other: str) -> str:
    """Return two ids as one. Both may contain colons, so those of the first are escaped: no two pairs are the same."""
    return f"{one.replace('%', '%25').replace(':', '%3A')}:{other}"


@dataclass(frozen=True, slots=True)
class Keys(OperatingKeys):
    """Names of all keys, under one prefix."""

    @classmethod
    def lua_table(cls, names: Iterable[str]) -> str:
        """Return Lua that defines ``keys``, a table of these names; ``args.prefix`` has to be in scope.

        A property stands for its key, a method of one argument for the part of the key before that argument.
        """
        unprefixed = cls("")
        parts = {name: getattr(unprefixed, name) for name in names}
        entries = (f"{name} = args.prefix .. '{part('') if callable(part) else part}'" for name, part in parts.items())
        return f"local keys = {{{', '.join(entries)}}}"

    # -- placement -----------------------------------------------------------------------------------------------------

    def order(self, ref: str) -> str:
        """Hash: an order's placement record."""
        return f"{self.prefix}order:{ref}"

    def by_key(self, idempotency_key: str) -> str:
        """String: the orderRef of an Idempotency-Key."""
        return f"{self.prefix}key:{idempotency_key}"

    def by_gett_id(self, gett_order_id: str) -> str:
        """String: the orderRef of a gettOrderId."""
        return f"{self.prefix}gett:{gett_order_id}"

    def traces(self, part: str) -> str:
        """Hash: orderRefs by bytes 2 to 9 of a trace id. A part is a day (Unix time / 86400) and the first byte as hex digits."""
        return f"{self.prefix}traces:{part}"

    def signed_body(self, digest: str) -> str:
        """String: the Idempotency-Key with which a signed placeOrder without a gettOrderId came, by the digest of its body."""
        return f"{self.prefix}signed-body:{digest}"

    def pos_order(self, store_id: str, partner_order_id: str) -> str:
        """String: the orderRef of a POS's own order id."""
        return f"{self.prefix}pos:{pair(store_id, partner_order_id)}"

    @property
    def unsettled(self) -> str:
        """Sorted set: orders whose POS call has begun and is not settled, by the end of their lease (ms)."""
        return f"{self.prefix}unsettled"

    @property
    def order_list(self) -> str:
        """Stream: orderRefs and stores of the placement records, by the moment of their first claim (ms)."""
        return f"{self.prefix}order-list"

    @property
    def refusals(self) -> str:
        """Stream: orderRefs, stores and codes of refused orders, by the moment of the refusal (ms)."""
        return f"{self.prefix}refusals"

    @property
    def orders(self) -> str:
        """Sorted set: the same of an earlier version. Nothing is added."""
        return f"{self.prefix}orders"

    @property
    def contact_position(self) -> str:
        """String: position in the list of orders up to which contact data were removed."""
        return f"{self.prefix}contact-position"

    @property
    def contact_waiting(self) -> str:
        """Set: orders before this position that keep their contact data, because they are not settled."""
        return f"{self.prefix}contact-waiting"

    @property
    def unconfirmed(self) -> str:
        """Sorted set: orders that the POS took as pending and has not confirmed, by the moment they were placed (ms)."""
        return f"{self.prefix}unconfirmed"

    def pos_cancellation(self, ref: str) -> str:
        """Hash: the cancellation of an unconfirmed order at the POS (state: ``calling``, ``done``, ``in_doubt``; owner, until)."""
        return f"{self.prefix}pos-cancellation:{ref}"

    # -- outbox --------------------------------------------------------------------------------------------------------

    def archive(self, ref: str) -> str:
        """String: an order at rest, compressed: its record, its lane and their history (:mod:`webhook_kit.outbox.archive`)."""
        return f"{self.prefix}archive:{ref}"

    @property
    def resting(self) -> str:
        """Sorted set: orders at rest that are not archived yet, by the moment since when (ms)."""
        return f"{self.prefix}resting"

    def lane(self, lane: str) -> str:
        """Hash: a lane's state (``webhook_kit/outbox/lanes.lua`` lists the fields)."""
        return f"{self.prefix}lane:{lane}"

    def queue(self, lane: str) -> str:
        """List: a lane's updates that Gett has not taken, oldest first."""
        return f"{self.prefix}queue:{lane}"

    def history(self, lane: str) -> str:
        """List: events of a lane's updates, newest last, trimmed."""
        return f"{self.prefix}history:{lane}"

    @property
    def ready(self) -> str:
        """Sorted set: lanes to send now, by urgency and age."""
        return f"{self.prefix}ready"

    @property
    def delayed(self) -> str:
        """Sorted set: lanes that are being sent or are postponed, by the moment at which they are due again (ms)."""
        return f"{self.prefix}delayed"

    def leases(self, owner: str) -> str:
        """String: the leases of one call of a sender, for a client that sends it again after a lost reply."""
        return f"{self.prefix}leases:{owner}"

    @property
    def unlinked(self) -> str:
        """Sorted set: lanes of orders whose Gett id is unknown, by the moment of the first update (ms)."""
        return f"{self.prefix}unlinked"

    @property
    def sends(self) -> str:
        """List: moments of the last sends (ms), newest first, as many as the quota."""
        return f"{self.prefix}sends"

    @property
    def sending(self) -> str:
        """Hash: circuit breaker, pacing and Gett's own figures (``webhook_kit/outbox/sending.lua`` lists the fields)."""
        return f"{self.prefix}sending"

    @property
    def halt(self) -> str:
        """Hash: by id of an API key, the reason for which Gett refuses it (``webhook_kit/outbox/sending.lua`` lists the fields)."""
        return f"{self.prefix}halt"

    @property
    def last_update(self) -> str:
        """String: the number of the last update."""
        return f"{self.prefix}last-update"

    @property
    def update_counts(self) -> str:
        """Hash: number of updates that were appended, and that ended in each way."""
        return f"{self.prefix}update-counts"

    @property
    def dead_letters(self) -> str:
        """Hash: dead letters by number, as JSON."""
        return f"{self.prefix}dead-letters"

    @property
    def dead_letter_times(self) -> str:
        """Sorted set: numbers of the dead letters, by the moment at which sending was given up (ms)."""
        return f"{self.prefix}dead-letter-times"

    def dead_letter_job(self, job_id: str) -> str:
        """Hash: a job that replays or discards many dead letters (:mod:`webhook_kit.operations.dead_letter_jobs`)."""
        return f"{self.prefix}dead-letter-job:{job_id}"

    def dead_letter_job_lock(self, job_id: str) -> str:
        """String: the lock for working on such a job."""
        return f"{self.prefix}dead-letter-job-lock:{job_id}"

    @property
    def dead_letter_jobs(self) -> str:
        """Sorted set: the newest of these jobs, by the moment of their start (s)."""
        return f"{self.prefix}dead-letter-jobs"

    @property
    def dead_letter_jobs_running(self) -> str:
        """Set: those that have not ended."""
        return f"{self.prefix}dead-letter-jobs-running"

    @property
    def notified(self) -> str:
        """String: a job that drains the outbox is queued and has not begun."""
        return f"{self.prefix}notified"

    # -- catalogs ------------------------------------------------------------------------------------------------------

    def catalog(self, store_id: str) -> str:
        """Hash: a store's last good catalog, as fetched from its POS (version, body, items, fetched)."""
        return f"{self.prefix}catalog:{store_id}"

    def catalog_set(self, version: str) -> str:
        """String: a published version of a catalog, gzipped."""
        return f"{self.prefix}catalog-set:{version}"

    def published(self, store_id: str) -> str:
        """Hash: the version that a store's catalog is published as (version, name of its body, at, items)."""
        return f"{self.prefix}published:{store_id}"

    def stored_catalogs(self, store_id: str) -> str:
        """Sorted set: names of a store's bodies in the catalog storage, by the moment of their successor (s); inf: the current one."""
        return f"{self.prefix}stored-catalogs:{store_id}"

    def catalog_store(self, version: str) -> str:
        """String: the id of the store to which a version of a catalog belongs."""
        return f"{self.prefix}catalog-store:{version}"

    def superseded(self, store_id: str) -> str:
        """Sorted set: a store's earlier versions that are still kept, by the moment of their successor (s)."""
        return f"{self.prefix}superseded:{store_id}"

    def sync(self, store_id: str) -> str:
        """Hash: outcome of the last synchronization of a store's catalog, and the last failure (at, outcome, failed, reasons)."""
        return f"{self.prefix}sync:{store_id}"

    def sync_lock(self, store_id: str) -> str:
        """String: the lock for synchronizing a store's catalog."""
        return f"{self.prefix}sync-lock:{store_id}"

    @property
    def catalogs_due(self) -> str:
        """Sorted set: catalogs to synchronize (``sync:<store id>``) and to publish anew (``publish:<store id>``), by when (s)."""
        return f"{self.prefix}catalogs-due"

    def unavailable(self, store_id: str) -> str:
        """Sorted set: a store's unavailable items and options, by the moment at which they are available again (s, or infinite)."""
        return f"{self.prefix}unavailable:{store_id}"

    # -- stores --------------------------------------------------------------------------------------------------------

    @property
    def stores(self) -> str:
        """Hash: the stores that were added, and Gett's ids of all, as JSON (:mod:`webhook_kit.stores.repository`)."""
        return f"{self.prefix}stores"

    @property
    def stores_version(self) -> str:
        """String: changes with every change of a store."""
        return f"{self.prefix}stores-version"

    def onboarding(self, store_id: str) -> str:
        """Hash: progress of a store's onboarding (step, status, onboarding_id, gett_id, error, last_error, at)."""
        return f"{self.prefix}onboarding:{store_id}"

    def onboarding_lock(self, store_id: str) -> str:
        """String: the lock for onboarding a store."""
        return f"{self.prefix}onboarding-lock:{store_id}"

    @property
    def onboardings(self) -> str:
        """Set: the stores whose onboarding the workers continue."""
        return f"{self.prefix}onboardings"

    @property
    def registering(self) -> str:
        """Set: the stores whose registration is being sent to Gett, or whose sender has died."""
        return f"{self.prefix}registering"

    def pause_owner(self, store_id: str) -> str:
        """String: the owner of a store's pause."""
        return f"{self.prefix}paused-by:{store_id}"

    @property
    def paused_stores(self) -> str:
        """Sorted set: stores that are paused from here, by the moment since when (ms)."""
        return f"{self.prefix}paused-stores"

    @property
    def failing_stores(self) -> str:
        """Sorted set: stores whose last health check failed, by the moment of the first failure in a row (s)."""
        return f"{self.prefix}failing-stores"

    @property
    def rejected_catalogs(self) -> str:
        """Sorted set: stores whose last synchronization failed, by the moment of the first failure in a row (s)."""
        return f"{self.prefix}rejected-catalogs"

    @property
    def onboarding_list(self) -> str:
        """Sorted set: stores with a record of an onboarding, by the moment of its last step (s)."""
        return f"{self.prefix}onboarding-list"

    @property
    def open_circuits(self) -> str:
        """Sorted set: store and process of each circuit breaker of a POS that is open, by the moment until when (ms)."""
        return f"{self.prefix}open-circuits"

    # -- webhooks ------------------------------------------------------------------------------------------------------

    @property
    def held_events(self) -> str:
        """List: POS events of orders that are still being placed, as JSON: at (ms), event."""
        return f"{self.prefix}held-events"

    @property
    def pos_event_counts(self) -> str:
        """Hash: number of POS events that ended in each way."""
        return f"{self.prefix}pos-event-counts"

    def order_event(self, checkout_session_id: str) -> str:
        """String: the order event that was handled last, as JSON: rank, digest, refunds."""
        return f"{self.prefix}order-event:{checkout_session_id}"

    def order_event_lock(self, checkout_session_id: str) -> str:
        """String: the lock for handling an event of this order."""
        return f"{self.prefix}order-event-lock:{checkout_session_id}"
