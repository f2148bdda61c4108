"""The key space of Redis: every key is built here, and each has a TTL or an owner that deletes it (``docs/redis.md``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Keys", "pair"]


def pair(one: str, other: str) -> str:
    """Return two ids as one. Both may contain colons, so those of the first are escaped: no two pairs are the same."""
    return f"{one.replace('%', '%25').replace(':', '%3A')}:{other}"


@dataclass(frozen=True, slots=True)
class Keys:
    """Names of all keys, under one prefix."""

    prefix: str

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

    # -- monitoring ----------------------------------------------------------------------------------------------------

    def health(self, store_id: str) -> str:
        """Hash: health checks of a store (failures, successes, acted, result, at), and its status at Gett (gett_resume_at,
        pause_resent).
        """
        return f"{self.prefix}health:{store_id}"

    @property
    def incidents(self) -> str:
        """List: incidents that a person has to resolve, newest first, trimmed."""
        return f"{self.prefix}incidents"

    def incident(self, group_id: str) -> str:
        """Hash: acknowledgement and notes of people about the incidents of one cause, as JSON (acknowledged, notes)."""
        return f"{self.prefix}incident:{group_id}"

    @property
    def audit(self) -> str:
        """Stream: what people did (who, via, action, subject, why, result)."""
        return f"{self.prefix}audit"

    @property
    def alert_counts(self) -> str:
        """Hash: number of alerts of each kind."""
        return f"{self.prefix}alert-counts"

    def alerted(self, kind: str, subject: str) -> str:
        """String: this alert was given for this order or store."""
        return f"{self.prefix}alerted:{kind}:{subject}"

    def alert(self, alert_id: str) -> str:
        """Hash: an alert that is open or was resolved lately (``webhook_kit/storage/alert_state.lua`` lists the fields)."""
        return f"{self.prefix}alert:{alert_id}"

    @property
    def alerts_open(self) -> str:
        """Sorted set: ids of the open alerts, by the moment at which they were opened (ms)."""
        return f"{self.prefix}alerts-open"

    @property
    def alerts_absent(self) -> str:
        """Sorted set: ids of open alerts whose condition is over, by the moment since when (ms)."""
        return f"{self.prefix}alerts-absent"

    @property
    def alerts_pending(self) -> str:
        """Sorted set: ids of alerts whose condition has to last before they are opened, by the moment since when (ms)."""
        return f"{self.prefix}alerts-pending"

    @property
    def alerts_changed(self) -> str:
        """Sorted set: ids of alerts whose last event is not in the queues of the channels yet, by its moment (ms)."""
        return f"{self.prefix}alerts-changed"

    @property
    def alerts_repeat(self) -> str:
        """Sorted set: ids of open alerts, by the moment at which they are repeated (ms)."""
        return f"{self.prefix}alerts-repeat"

    def alerts_due(self, channel: str) -> str:
        """Sorted set: ids of alerts that a channel has to hear of, by when (ms); later than now while one is being sent."""
        return f"{self.prefix}alerts-due:{channel}"

    def alert_deliveries(self, alert_id: str) -> str:
        """Hash: by channel, what it knows of an alert, as JSON (``webhook_kit/alerting/deliveries.lua`` lists the fields)."""
        return f"{self.prefix}alert-deliveries:{alert_id}"

    def alerts_sent(self, channel_and_day: str) -> str:
        """String: number of alerts that a channel has got on a day."""
        return f"{self.prefix}alerts-sent:{channel_and_day}"

    @property
    def alert_channels(self) -> str:
        """Hash: by channel, since when it fails and its last error, as JSON."""
        return f"{self.prefix}alert-channels"

    @property
    def alerts_quiet(self) -> str:
        """Sorted set: stores without alerts, by the moment until when (ms)."""
        return f"{self.prefix}alerts-quiet"

    @property
    def alert_watch(self) -> str:
        """String: the mark of the worker that reports by itself if Redis is away."""
        return f"{self.prefix}alert-watch"

    @property
    def failing_lookups(self) -> str:
        """Sorted set: orders in doubt whose look-up fails, by the moment of the first failure in a row (ms)."""
        return f"{self.prefix}failing-lookups"

    def command(self, command_id: str) -> str:
        """String: the result of a person's command, for a client that sends it again after a lost reply."""
        return f"{self.prefix}command:{command_id}"

    @property
    def installation(self) -> str:
        """String: the id of the installation (:mod:`webhook_kit.storage.installation`)."""
        return f"{self.prefix}installation"

    @property
    def checkpoint(self) -> str:
        """String: a number that only grows, by which workers notice that Redis has lost data."""
        return f"{self.prefix}checkpoint"

    @property
    def gett_clock(self) -> str:
        """String: seconds by which a worker's clock is ahead of Gett's, if it is too many."""
        return f"{self.prefix}gett-clock"

    @property
    def workers(self) -> str:
        """Hash: by kind of worker, the moment of its last sign of life (s), then the scheduled tasks that do not end."""
        return f"{self.prefix}workers"

    def interval(self, task: str) -> str:
        """String: a worker has taken on this task for the current interval (:mod:`webhook_kit.storage.locks`)."""
        return f"{self.prefix}interval:{task}"

    def turns(self, task: str) -> str:
        """String: position up to which the stores' turns in a periodic task were taken, and the time of that (µs)."""
        return f"{self.prefix}turns:{task}"

    def turns_lock(self, task: str) -> str:
        """String: the lock for taking turns in a periodic task."""
        return f"{self.prefix}turns-lock:{task}"

    def trial(self, name: str) -> str:
        """String: a trial write of ``check`` or ``/readyz`` (:mod:`webhook_kit.storage.trial`)."""
        return f"{self.prefix}trial:{name}"

    # -- the console ---------------------------------------------------------------------------------------------------

    @property
    def console_users(self) -> str:
        """Hash: by name, a user who logs in to the console with a password, as JSON (hash of the password, role)."""
        return f"{self.prefix}console-users"

    @property
    def console_tokens(self) -> str:
        """Hash: by SHA-256 of a token of the console's API, its name, role and end, as JSON."""
        return f"{self.prefix}console-tokens"

    def console_session(self, digest: str) -> str:
        """String: a session of the console, as JSON, by the SHA-256 of its id."""
        return f"{self.prefix}console-session:{digest}"

    def console_logged_out(self, name: str) -> str:
        """String: the moment up to which all sessions of a user have ended (s)."""
        return f"{self.prefix}console-logged-out:{name}"

    def console_request(self, digest: str) -> str:
        """String: a request for an action with an ``Idempotency-Key``, and its result, by the SHA-256 of caller and key."""
        return f"{self.prefix}console-request:{digest}"

    def console_visit(self, name: str) -> str:
        """String: a user whom an authenticating proxy names was here lately."""
        return f"{self.prefix}console-visit:{name}"

    def console_attempts(self, of: str) -> str:
        """String: number of attempts to log in to the console of an address or for a name, by the SHA-256 of either."""
        return f"{self.prefix}console-attempts:{of}"

    # -- metrics -------------------------------------------------------------------------------------------------------

    @property
    def metrics(self) -> str:
        """Hash: counters and histograms of all processes, by name and labels (:mod:`webhook_kit.metrics.recorder`)."""
        return f"{self.prefix}metrics"

    def metrics_slot(self, begin: str) -> str:
        """Hash: what the graphs show of five minutes that begin at this moment (Unix seconds)."""
        return f"{self.prefix}metrics-slot:{begin}"

    def metrics_batch(self, process: str) -> str:
        """String: the number of the last batch of metrics that a process wrote, in case its reply was lost."""
        return f"{self.prefix}metrics-batch:{process}"
