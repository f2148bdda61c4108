"""Steps of an onboarding.

Each step is recorded before the call to Gett and after its answer, so that the next process after a crash has all that may
have happened. An activation may be repeated, because Gett reports what is active; a registration may not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import pydantic
import redis

from webhook_kit.adapter import Store
from webhook_kit.errors import (
    ConfigurationError,
    GettConflict,
    GettNotFound,
    GettPermanent,
    GettRateLimited,
    GettRetriable,
    InvalidArgument,
    InvalidTransition,
    OnboardingFailed,
    OnboardingUncertain,
    WebhookKitError,
)
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.models.base import error_lines
from webhook_kit.gett.models.store import CommerceAddress, Onboarding, OnboardingRequest, OnboardingStatus
from webhook_kit.logs import logger
from webhook_kit.outbox.rate_limited_client import RateLimitedClient
from webhook_kit.pos.session import never_connected
from webhook_kit.printing import described
from webhook_kit.storage.alerts import Alert, Alerts
from webhook_kit.stores import StoreDirectory
from webhook_kit.stores.onboarding.record import OnboardingLease, OnboardingRecords, Progress, Step

__all__ = ["CatalogProvider", "OnboardingSteps", "StoreDetails", "uncertain"]

log = logger("onboarding")

_QUOTA_TIMEOUT = 90.0
"""Seconds to wait for Gett's limit of writes per minute."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class StoreDetails:
    """Details of a store for its registration at Gett; all are optional."""

    address: CommerceAddress | None = None
    phone: str | None = None
    logo_url: str | None = None
    description: str | None = None


class CatalogProvider(Protocol):
    """Access to the catalog of a store that is being onboarded (:mod:`webhook_kit.publishing.first_catalog`)."""

    def validation_errors(self, store: Store) -> Sequence[str]:
        """Return one line per error in the catalog for which Gett would reject it."""
        ...

    def publish(self, store: Store) -> str:
        """Publish the catalog and return the address at which Gett can fetch it."""
        ...

    def on_activated(self, store: Store) -> None:
        """Handle the activation of a store, which has Gett's id from now on."""
        ...


class OnboardingSteps:
    """Steps of an onboarding, each of which saves its result in the records.

    :param webhook_url: address to which Gett sends orders; None if this installation has no public address.
    """

    def __init__(
        self,
        records: OnboardingRecords,
        stores: StoreDirectory,
        client: GettClient,
        rate_limited: RateLimitedClient,
        alerts: Alerts,
        catalog: CatalogProvider,
        webhook_url: str | None,
    ) -> None:
        self._records = records
        self._stores = stores
        self._client = client
        self._rate_limited = rate_limited
        self._alerts = alerts
        self._catalog = catalog
        self._webhook_url = webhook_url

    def begin(
        self, store: Store, details: StoreDetails, onboarding_id: str, lease: OnboardingLease, *, restart: bool
    ) -> Progress:
        """Register a store, or return the state of its registration.

        The arguments and errors are those of :meth:`Onboarder.onboard`.
        """
        progress = self._records.read(store.id)
        if progress is not None and restart and progress.step not in (Step.ACTIVE, Step.DONE):
            if progress.onboarding_id:
                self.cancel(store, progress.onboarding_id, lease)
            self._records.delete(store.id)
            self._alerts.clear(Alert.ONBOARDING, store.id)  # should it fail again, that is reported again
            progress = None
        if onboarding_id:
            return self._records.save(Progress(store.id, Step.REGISTERED, onboarding_id=onboarding_id))
        if progress is None:
            if store.gett_id:
                raise InvalidTransition(f"store {store.id} is already at Gett, as {store.gett_id}")
            return self._register(store, details, lease)
        if progress.step is Step.REGISTERING:
            raise OnboardingUncertain(uncertain(store, progress.at))
        if progress.step is Step.CANCELLING:
            raise InvalidTransition(
                f"store {store.id}: its registration is being cancelled; finish that with --cancel, or start again with "
                "--restart"
            )
        if progress.step is Step.FAILED:
            raise OnboardingFailed(*self._catalog_failure(store, progress))
        if progress.step is Step.DONE and not store.gett_id:
            return self._records.save(replace(progress, step=Step.ACTIVE))  # the directory has lost the saved id
        return progress

    def advance(self, store: Store, progress: Progress, lease: OnboardingLease) -> Progress:
        """Check the status at Gett once and take the step that follows from it."""
        lease.renew()
        if progress.step is Step.ACTIVE:
            return self._finish(store, progress)
        try:
            onboarding = self._client.onboarding(progress.onboarding_id)
        except GettNotFound as error:
            raise OnboardingFailed(
                f"Gett has no onboarding {progress.onboarding_id} of store {store.id}; start again with --restart"
            ) from error
        if onboarding.partner_store_id not in (None, store.id):
            self._records.delete(store.id)
            raise OnboardingFailed(
                f"onboarding {progress.onboarding_id} belongs to store {onboarding.partner_store_id}, not to {store.id}"
            )
        if onboarding.status == OnboardingStatus.READY_TO_ACTIVATE:
            return self._activate(store, _progress(store, onboarding, Step.ACTIVATING))
        if onboarding.status == OnboardingStatus.ACTIVE:
            return self._finish(store, self._records.save(_progress(store, onboarding, Step.ACTIVE)))
        if onboarding.status == OnboardingStatus.CATALOG_FAILED:
            failed = self._records.save(_progress(store, onboarding, Step.FAILED))
            raise OnboardingFailed(*self._catalog_failure(store, failed))
        current = _progress(store, onboarding, progress.step)
        return progress if replace(current, at=progress.at) == progress else self._records.save(current)

    def cancel(self, store: Store, onboarding_id: str, lease: OnboardingLease) -> None:
        """Cancel a registration at Gett and delete its record.

        :raises OnboardingFailed: Gett refuses, because the onboarding has gone too far.
        """
        lease.renew()
        self._records.save(Progress(store.id, Step.CANCELLING, onboarding_id=onboarding_id))
        try:
            self._rate_limited.call(lambda: self._client.cancel_onboarding(onboarding_id), timeout=_QUOTA_TIMEOUT)
        except GettNotFound:
            log.info("onboarding_already_cancelled", store=store.id)
        except GettConflict as error:
            self._records.save(Progress(store.id, Step.REGISTERED, onboarding_id=onboarding_id))
            raise OnboardingFailed(
                f"onboarding {onboarding_id} of store {store.id} cannot be cancelled: {error}; continue it instead"
            ) from error
        self._records.delete(store.id)

    # -- registration --------------------------------------------------------------------------------------------------

    def _register(self, store: Store, details: StoreDetails, lease: OnboardingLease) -> Progress:
        request = self._request(store, details)
        lease.renew()
        try:
            self._records.save(Progress(store.id, Step.REGISTERING))
        except redis.RedisError:
            with suppress(redis.RedisError):  # nothing was sent, so that no person has to look for a registration
                self._records.delete(store.id)
            raise
        try:
            onboarding = self._rate_limited.call(lambda: self._client.register_store(request), timeout=_QUOTA_TIMEOUT)
        except GettRateLimited:  # Gett did nothing
            self._records.delete(store.id)
            raise
        except GettPermanent as error:
            self._records.delete(store.id)
            hint = (
                "; if it is registered already, continue that registration with --onboarding-id"
                if isinstance(error, GettConflict)
                else ""
            )
            raise OnboardingFailed(f"store {store.id} was not registered: {error}{hint}") from error
        except GettRetriable as error:
            if never_connected(error.__cause__):
                self._records.delete(store.id)
                raise
            raise OnboardingUncertain(uncertain(store, time.time(), str(error))) from error
        try:
            return self._records.save(_progress(store, onboarding, Step.REGISTERED))
        except redis.RedisError as error:
            raise OnboardingUncertain(
                f"store {store.id} is registered at Gett as onboarding {onboarding.onboarding_id}, but Redis did not save "
                f"it; continue with --onboarding-id {onboarding.onboarding_id}"
            ) from error

    def _request(self, store: Store, details: StoreDetails) -> OnboardingRequest:
        if self._webhook_url is None:
            raise ConfigurationError("PUBLIC_URL is not set; Gett sends orders to this address")
        errors = self._call_pos(store, self._catalog.validation_errors)
        if errors:
            raise OnboardingFailed(f"store {store.id} was not registered: Gett would reject its catalog", *errors)
        fields = {
            "timezone": store.timezone.key,
            "address": details.address,
            "phone": details.phone,
            "logo_url": details.logo_url,
            "description": details.description,
        }
        try:
            return OnboardingRequest(
                partner_store_id=store.id,
                name=store.name or store.id,
                catalog_callback_url=self._call_pos(store, self._catalog.publish),
                webhook_url=self._webhook_url,
                **{name: value for name, value in fields.items() if value is not None},
            )
        except pydantic.ValidationError as error:
            mistakes = error.errors(include_input=False)
            raise InvalidArgument("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in mistakes)) from None

    def _call_pos(self, store: Store, call: Callable[[Store], _Result]) -> _Result:
        try:
            return call(store)
        except (WebhookKitError, redis.RedisError):
            raise
        except Exception as error:  # a vendor's code may raise anything
            log.exception("catalog_fetch_failed", store=store.id)
            reason = "; ".join(error_lines(error)) if isinstance(error, pydantic.ValidationError) else described(error)
            raise OnboardingFailed(
                f"store {store.id} was not registered: its catalog cannot be fetched: {reason}"
            ) from error

    # -- activation ----------------------------------------------------------------------------------------------------

    def _activate(self, store: Store, progress: Progress) -> Progress:
        self._records.save(progress)
        try:
            onboarding = self._rate_limited.call(
                lambda: self._client.activate_store(progress.onboarding_id), timeout=_QUOTA_TIMEOUT
            )
        except GettConflict:  # not ready any more, or active already: the next check shows which
            return progress
        except GettPermanent as error:
            raise OnboardingFailed(f"store {store.id} was not activated: {error}") from error
        if onboarding.status != OnboardingStatus.ACTIVE:
            return self._records.save(_progress(store, onboarding, Step.ACTIVATING))
        return self._finish(store, self._records.save(_progress(store, onboarding, Step.ACTIVE)))

    def _finish(self, store: Store, progress: Progress) -> Progress:
        if not progress.gett_id:
            raise OnboardingFailed(
                f"store {store.id} is active at Gett, but Gett gave no id for it; ask Gett for the id"
            )
        self._stores.save_gett_id(store.id, progress.gett_id)
        self._catalog.on_activated(replace(store, gett_id=progress.gett_id))
        done = self._records.save(replace(progress, step=Step.DONE))
        self._alerts.clear(Alert.ONBOARDING, store.id)
        log.info("store_onboarded", store=store.id, gett_store=progress.gett_id)
        return done

    def _catalog_failure(self, store: Store, progress: Progress) -> list[str]:
        lines = [f"Gett rejected the catalog of store {store.id}: {progress.error or 'no explanation'}"]
        try:
            errors = self._catalog.validation_errors(store)
        except Exception as error:  # noqa: BLE001 - a vendor's code may raise anything; Gett's error is reported all the same
            errors = [f"the catalog could not be checked: {described(error)}"]
        lines += [f"our own check: {line}" for line in errors or ["no errors"]]
        return [*lines, f"correct the catalog, then run `webhook-kit stores onboard {store.id} --restart`"]


def uncertain(store: Store, at: float, why: str = "") -> str:
    """Return the lines that tell a person how to find out if a registration reached Gett.

    :param at: time at which it was sent, Unix seconds.
    """
    moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
    return "\n".join(
        [
            f"the registration of store {store.id} was sent ({moment}), but its answer was lost{f': {why}' if why else ''}",
            f"Gett may have registered the store; look in Gett's portal for an onboarding of {store.id} from that time",
            f"if there is one, run `webhook-kit stores onboard {store.id} --onboarding-id ID`",
            f"if there is none, run `webhook-kit stores onboard {store.id} --restart`",
        ]
    )


def _progress(store: Store, onboarding: Onboarding, step: Step) -> Progress:
    error = "" if onboarding.error is None else " ".join(str(onboarding.error).split())[:1000]
    return Progress(store.id, step, onboarding.status, onboarding.onboarding_id, onboarding.store_id or "", error)
