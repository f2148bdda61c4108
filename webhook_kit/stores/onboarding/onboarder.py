"""``kit.onboarding``: registration of a store at Gett, up to its activation (``gett-protocol.md §2``).

::

    registering ──▶ registered ──▶ activating ──▶ active ──▶ done
        │             │  ▲ Gett: pending_catalog → catalog_ingesting → ready_to_activate → active
        │             │  └── checked repeatedly
        │             └──▶ failed      Gett: catalog_failed
        └── the answer was lost: a person has to check; a registration is never repeated automatically
    cancelling ──▶ (deleted)           from registered, activating and failed

The steps themselves are in :mod:`webhook_kit.stores.onboarding.steps`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import redis

from webhook_kit.adapter import Store
from webhook_kit.errors import (
    AdapterError,
    ConfigurationError,
    Conflict,
    GettRetriable,
    GettUnauthorized,
    InvalidTransition,
    OnboardingUncertain,
    OperationRejected,
    WebhookKitError,
)
from webhook_kit.gett.client import GettClient
from webhook_kit.logs import logger
from webhook_kit.outbox.rate_limited_client import RateLimitedClient
from webhook_kit.printing import described
from webhook_kit.storage.alerts import Alert, Alerts
from webhook_kit.storage.connection import OUT_OF_REACH
from webhook_kit.storage.formats import NewerFormat
from webhook_kit.storage.keys import Keys
from webhook_kit.stores import StoreDirectory
from webhook_kit.stores.onboarding.record import OnboardingRecords, Progress, Step
from webhook_kit.stores.onboarding.steps import CatalogProvider, OnboardingSteps, StoreDetails, uncertain

__all__ = ["Onboarder"]

log = logger("onboarding")

_RETRIED = (GettRetriable, GettUnauthorized, OperationRejected, ConfigurationError)
"""Errors after which a worker tries again later, because nothing at Gett has failed."""


class Onboarder:
    """Onboards stores, in the foreground or by the workers.

    :param webhook_url: address to which Gett sends orders; None if this installation has no public address.
    :param keep: seconds for which the record of a finished onboarding is kept.
    :param poll: seconds between two checks of the status at Gett at most; the first ones are closer together.
    """

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        stores: StoreDirectory,
        client: GettClient,
        rate_limited: RateLimitedClient,
        alerts: Alerts,
        catalog: CatalogProvider,
        *,
        webhook_url: str | None,
        keep: int,
        poll: float = 2.0,
    ) -> None:
        self._records = OnboardingRecords(connection, keys, keep=keep)
        self._steps = OnboardingSteps(self._records, stores, client, rate_limited, alerts, catalog, webhook_url)
        self._stores = stores
        self._alerts = alerts
        self._poll = poll

    def progress(self, store_id: str) -> Progress | None:
        """Return the state of a store's onboarding, or None if there is none."""
        return self._records.read(store_id)

    def onboard(
        self,
        store: Store,
        details: StoreDetails | None = None,
        *,
        onboarding_id: str = "",
        restart: bool = False,
        timeout: float = 600.0,
        on_progress: Callable[[Progress], object] = lambda _: None,
    ) -> Progress:
        """Register a store and wait until it is active, or continue an earlier attempt.

        :param onboarding_id: Gett's id of an existing registration to continue.
        :param restart: start again; cancels a known registration first.
        :param timeout: seconds to wait for Gett; after that, call this method again to continue.
        :param on_progress: called with each change.
        :raises OnboardingUncertain: a registration may have reached Gett, and its answer was lost.
        :raises OnboardingFailed: Gett refuses the registration or the catalog.
        :raises InvalidTransition: the store is at Gett already, or its onboarding is being cancelled.
        :raises Conflict: another process is onboarding the store.
        :raises InvalidArgument: a detail of the store is not valid for Gett.
        :raises ConfigurationError: this installation has no public address.
        :raises GettError: Gett cannot be reached; call this method again to continue.
        """
        with self._records.lock(store.id) as lease:
            progress = self._steps.begin(store, details or StoreDetails(), onboarding_id, lease, restart=restart)
            on_progress(progress)
            deadline = time.monotonic() + timeout
            wait = self._poll / 32
            while progress.step is not Step.DONE:
                before, progress = progress, self._steps.advance(store, progress, lease)
                if progress != before:
                    on_progress(progress)
                if progress.step is not Step.DONE:
                    if time.monotonic() + wait >= deadline:
                        break
                    time.sleep(wait)
                    wait = min(2 * wait, self._poll)
            return progress

    def cancel(self, store: Store, *, onboarding_id: str = "") -> None:
        """Cancel a registration, at Gett too.

        :param onboarding_id: Gett's id of the registration, if this installation does not have it.
        :raises InvalidTransition: there is no registration, or the store is active already.
        :raises Conflict: another process is onboarding the store.
        :raises OnboardingUncertain: the registration's id is not known.
        :raises GettError: Gett cannot be reached; call this method again.
        """
        with self._records.lock(store.id) as lease:
            progress = self.progress(store.id)
            onboarding_id = onboarding_id or (progress.onboarding_id if progress else "")
            if progress is not None and progress.step in (Step.ACTIVE, Step.DONE):
                raise InvalidTransition(f"store {store.id} is active at Gett; its registration cannot be cancelled")
            if progress is not None and not onboarding_id:
                raise OnboardingUncertain(uncertain(store, progress.at))
            if not onboarding_id:
                raise InvalidTransition(f"store {store.id} is not being onboarded")
            self._steps.cancel(store, onboarding_id, lease)

    # -- in the background ---------------------------------------------------------------------------------------------

    def follow(self, store_id: str) -> None:
        """Let the workers continue an onboarding."""
        self._records.follow(store_id)

    def advance_all(self) -> int:
        """Advance every onboarding that the workers continue as far as possible now; a failed one raises an alert.

        So does a registration whose sender has died, also one that a person has started.

        :return: the number of onboardings that have ended.
        """
        ended = 0
        for store_id in self._records.followed():
            try:
                if not self._advance_to_end(store_id):
                    continue
            except OUT_OF_REACH:
                raise
            except redis.RedisError as error:
                log.warning("onboarding_postponed", store=store_id, error=type(error).__name__)
                continue
            except Exception as error:  # the other onboardings continue
                log.exception("onboarding_failed", store=store_id)
                self._alerts.raise_once(
                    Alert.ONBOARDING, store_id, f"unexpected error: {described(error)}", about="store"
                )
            self._records.unfollow(store_id)
            ended += 1
        for store_id in self._records.registering():
            self._report_if_abandoned(store_id)
        return ended

    def _report_if_abandoned(self, store_id: str) -> None:
        store = self._stores.by_id(store_id)
        if store is None:
            return
        # Else its sender is at work, or a process of a later version.
        with suppress(Conflict, NewerFormat), self._records.lock(store_id):
            progress = self.progress(store_id)
            if progress is not None and progress.step is Step.REGISTERING:
                self._alerts.raise_once(Alert.ONBOARDING, store_id, uncertain(store, progress.at), about="store")

    def _advance_to_end(self, store_id: str) -> bool:
        store = self._stores.by_id(store_id)
        if store is None:
            return True
        try:
            return self.onboard(store, timeout=0).step is Step.DONE
        except WebhookKitError as error:
            self._records.save_error(store_id, str(error))
            if not isinstance(error, _RETRIED) or isinstance(error, AdapterError):
                self._alerts.raise_once(Alert.ONBOARDING, store_id, str(error), about="store")
                return True
            log.info("onboarding_postponed", store=store_id, why=str(error))
        return False
