"""Keys of Redis with which an installation is operated: monitoring, alerts, the console, metrics (``docs/redis.md``)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["OperatingKeys"]


@dataclass(frozen=True, slots=True)
class OperatingKeys:
    """Names of these keys, under one prefix."""

    prefix: str

    # -- all scripts ---------------------------------------------------------------------------------------------------

    @property
    def missing(self) -> str:
        """Never: every script declares it (:mod:`webhook_kit.storage.scripts`)."""
        return f"{self.prefix}missing"

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
    def archiving(self) -> str:
        """Hash: state of the long-term archive (:mod:`webhook_kit.operations.archive.queue` lists the fields)."""
        return f"{self.prefix}archiving"

    @property
    def archiving_due(self) -> str:
        """Sorted set: orders to write to the long-term archive, by the moment since when, or at which (ms)."""
        return f"{self.prefix}archiving-due"

    @property
    def archiving_lock(self) -> str:
        """String: the lock for writing to the long-term archive."""
        return f"{self.prefix}archiving-lock"

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
