"""Renewal of leases: one thread per process renews the claims whose POS calls still run."""

from __future__ import annotations

import threading
import time

import redis

from webhook_kit.logs import logger
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.scripts import Script

__all__ = ["LeaseRenewal"]

log = logger("placement")


class LeaseRenewal:
    """The leases that this process renews. The thread starts with the first one, and ends when there is none to renew."""

    def __init__(self, connection: redis.Redis, keys: Keys, *, lease_ms: int, abandon_after: float) -> None:
        """Prepare the renewal.

        :param abandon_after: seconds after which a call counts as dead and its lease lapses.
        """
        self._renew = Script(connection, keys, "webhook_kit.placement/renew")
        self._keys = keys
        self._lease_ms = lease_ms
        self._abandon_after = abandon_after
        self._lock = threading.Lock()
        self._refs: dict[str, tuple[str, float]] = {}  # by owner: orderRef, end of the renewals
        self._thread: threading.Thread | None = None

    def start(self, ref: str, owner: str) -> None:
        """Renew the lease of an owner's claim from now on."""
        with self._lock:
            self._refs[owner] = (ref, time.monotonic() + self._abandon_after)
            if self._thread is None or not self._thread.is_alive():  # nor does it survive a fork
                thread = threading.Thread(target=self._run, name="lease-renewal", daemon=True)
                thread.start()
                self._thread = thread

    def stop(self, owner: str) -> None:
        """Stop the renewal: the lease lapses unless the claim is settled."""
        with self._lock:
            self._refs.pop(owner, None)

    def _run(self) -> None:
        while True:
            time.sleep(self._lease_ms / 4000)
            with self._lock:
                now = time.monotonic()
                self._refs = {owner: (ref, end) for owner, (ref, end) in self._refs.items() if end > now}
                if not self._refs:
                    self._thread = None  # the next claim starts another one
                    return
                due = [(owner, ref) for owner, (ref, _) in self._refs.items()]
            for owner, ref in due:
                try:
                    self._renew(self._keys.order(ref), self._keys.unsettled, ref=ref, owner=owner, lease=self._lease_ms)
                except redis.RedisError as error:
                    log.warning("claim_renewal_failed", order=ref, error=type(error).__name__)
                except Exception:  # the thread renews the leases of all other claims
                    log.exception("claim_renewal_failed", order=ref)
