"""``kit.onboarding``: a store's way into the network (``gett-protocol.md §2``).

::

    registering ──▶ registered ──▶ activating ──▶ active ──▶ done
        │             │  ▲ Gett: pending_catalog → catalog_ingesting → ready_to_activate → active
        │             │  └── looked at again and again
        │             └──▶ failed      Gett: catalog_failed
        └── its answer was lost: a person finds out; a registration is never repeated by itself
    cancelling ──▶ (forgotten)         from registered, activating and failed

Each step is written down before Gett is called and after it has answered, so that whoever comes after a crash knows what may have
happened. Activation may be asked for twice, for Gett says what is active; a registration may not. Two at once are kept
apart by a lock with a lease.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import pydantic
import redis

from webhook_kit.adapter import Store
from webhook_kit.errors import (
    AdapterError,
    ConfigurationError,
    GettConflict,
    GettNotFound,
    GettPermanent,
    GettRateLimited,
    GettRetriable,
    GettUnauthorized,
    InvalidArgument,
    InvalidTransition,
    OnboardingFailed,
    OnboardingUncertain,
    OperationRejected,
    WebhookKitError,
)
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.models.store import CommerceAddress, Onboarding, OnboardingRequest, OnboardingStatus
from webhook_kit.logs import logger
from webhook_kit.outbox.rate_limited import RateLimitedClient
from webhook_kit.pos.session import never_connected
from webhook_kit.storage.alerts import Alert, Alerts
from webhook_kit.storage.keys import Keys
from webhook_kit.stores import StoreDirectory
from webhook_kit.stores.onboarding.record import OnboardingLease, Progress, Records, Step

__all__ = ["CatalogProvider", "Onboarder", "StoreDetails"]

log = logger("onboarding")

_QUOTA_PATIENCE = 90.0

_RETRIED = (GettRetriable, GettUnauthorized, OperationRejected, ConfigurationError)
"""Errors after which a worker tries again later, because nothing at Gett has failed."""

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class StoreDetails:
    """What Gett is told of a store beyond its ids; all of it may be left out."""

    address: CommerceAddress | None = None
    phone: str | None = None
    logo_url: str | None = None
    description: str | None = None


class CatalogProvider(Protocol):
    """How an onboarding comes by a store's menu (:class:`webhook_kit.publishing.first_catalog.FirstMenu`)."""

    def validation_errors(self, store: Store) -> Sequence[str]:
        """What our own check finds that Gett would not take in, one line each."""
        ...

    def publish(self, store: Store) -> str:
        """Publish it and say where Gett can pull it."""
        ...

    def on_activated(self, store: Store) -> None:
        """The store has Gett's id from now on."""
        ...


class Onboarder:
    """Onboards stores.

    :param webhook_url: where Gett will send orders; None when this installation has no public address.
    :param keep: seconds for which a finished onboarding is remembered.
    :param poll: seconds between two looks at how far Gett is.
    """

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        stores: StoreDirectory,
        client: GettClient,
        writes: RateLimitedClient,
        alerts: Alerts,
        menu: CatalogProvider,
        *,
        webhook_url: str | None,
        keep: int,
        poll: float = 2.0,
    ) -> None:
        self._records = Records(connection, keys, keep=keep)
        self._stores = stores
        self._client = client
        self._writes = writes
        self._alerts = alerts
        self._menu = menu
        self._webhook_url = webhook_url
        self._poll = poll

    def progress(self, store_id: str) -> Progress | None:
        """Where a store's onboarding stands, or None when there is none."""
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
        """Register a store and see it through, or go on where an earlier attempt stopped.

        :param onboarding_id: Gett's id of a registration that was made already.
        :param restart: start again; cancels a known registration first.
        :param timeout: seconds to wait for Gett's pipeline; what is not done by then can be gone on with.
        :param on_progress: called with each change.
        :raises OnboardingUncertain: when nobody knows whether the registration reached Gett.
        :raises OnboardingFailed: when Gett refuses, or cannot take in the menu.
        :raises InvalidTransition: the store is at Gett already, or its onboarding is being cancelled.
        :raises Conflict: another process is onboarding the store.
        :raises InvalidArgument: a detail of the store is not valid for Gett.
        :raises ConfigurationError: this installation has no public address.
        :raises GettError: when Gett cannot be reached; to be gone on with.
        """
        with self._records.alone(store.id) as lock:
            state = self._begin(store, details or StoreDetails(), onboarding_id, lock, restart=restart)
            on_progress(state)
            until = time.monotonic() + timeout
            while state.step is not Step.DONE:
                before, state = state, self._advance(store, state, lock)
                if state != before:
                    on_progress(state)
                if state.step is not Step.DONE:
                    if time.monotonic() + self._poll >= until:
                        break
                    time.sleep(self._poll)
            return state

    def cancel(self, store: Store, *, onboarding_id: str = "") -> None:
        """Give up a registration, at Gett too.

        :raises InvalidTransition: there is no registration, or the store is active already.
        :raises Conflict: another process is onboarding the store.
        :raises OnboardingUncertain: the registration's id is not known.
        :raises GettError: when Gett cannot be told; to be said again.
        """
        with self._records.alone(store.id) as lock:
            state = self.progress(store.id)
            onboarding_id = onboarding_id or (state.onboarding_id if state else "")
            if state is not None and state.step in (Step.ACTIVE, Step.DONE):
                raise InvalidTransition(
                    f"store {store.id} is active at Gett: its registration is over, and cannot be cancelled"
                )
            if state is not None and not onboarding_id:
                raise OnboardingUncertain(_lost(store, state.at))
            if not onboarding_id:
                raise InvalidTransition(f"store {store.id} is not being onboarded")
            self._cancel(store, onboarding_id, lock)

    # -- in the background ---------------------------------------------------------------------------------------------

    def follow(self, store_id: str) -> None:
        """Leave the rest of an onboarding to the workers."""
        self._records.follow(store_id)

    def advance_all(self) -> int:
        """Take every onboarding that was left to the workers as far as it goes now; a bad end is an alert.

        :return: how many came to their end.
        """
        ended = 0
        for store_id in self._records.followed():
            if self._ends(store_id):
                self._records.unfollow(store_id)
                ended += 1
        return ended

    def _ends(self, store_id: str) -> bool:
        store = self._stores.by_id(store_id)
        if store is None:
            return True
        try:
            return self.onboard(store, timeout=0).step is Step.DONE
        except WebhookKitError as error:
            if not isinstance(error, _RETRIED) or isinstance(error, AdapterError):
                self._alerts.raise_once(Alert.ONBOARDING, store_id, str(error), about="store")
                return True
            log.info("onboarding waits", store=store_id, why=str(error))
        return False

    # -- the steps -----------------------------------------------------------------------------------------------------

    def _begin(
        self, store: Store, details: StoreDetails, onboarding_id: str, lock: OnboardingLease, *, restart: bool
    ) -> Progress:
        state = self.progress(store.id)
        if state is not None and restart and state.step not in (Step.ACTIVE, Step.DONE):
            if state.onboarding_id:
                self._cancel(store, state.onboarding_id, lock)
            self._records.forget(store.id)
            state = None
        if onboarding_id:
            return self._records.note(Progress(store.id, Step.REGISTERED, onboarding_id=onboarding_id))
        if state is None:
            if store.gett_id:
                raise InvalidTransition(f"store {store.id} is at Gett already, as {store.gett_id}")
            return self._register(store, details, lock)
        if state.step is Step.REGISTERING:
            raise OnboardingUncertain(_lost(store, state.at))
        if state.step is Step.CANCELLING:
            raise InvalidTransition(
                f"store {store.id}: cancelling was begun; finish it (--cancel), or begin anew (--restart)"
            )
        if state.step is Step.FAILED:
            raise OnboardingFailed(*self._catalog_failed(store, state))
        if state.step is Step.DONE and not store.gett_id:
            return self._records.note(replace(state, step=Step.ACTIVE))  # the directory has lost what was learned
        return state

    def _register(self, store: Store, details: StoreDetails, lock: OnboardingLease) -> Progress:
        request = self._request(store, details)
        lock.hold()
        self._records.note(Progress(store.id, Step.REGISTERING))
        try:
            answer = self._writes.call(lambda: self._client.register_store(request), patience=_QUOTA_PATIENCE)
        except GettRateLimited:  # nothing was done
            self._records.forget(store.id)
            raise
        except GettPermanent as refused:
            self._records.forget(store.id)
            hint = (
                "; if it is registered already, go on with it: --onboarding-id"
                if isinstance(refused, GettConflict)
                else ""
            )
            raise OnboardingFailed(f"store {store.id} was not registered: {refused}{hint}") from refused
        except GettRetriable as lost:
            if never_connected(lost.__cause__):
                self._records.forget(store.id)
                raise
            raise OnboardingUncertain(_lost(store, time.time(), str(lost))) from lost
        try:
            return self._records.note(_read(store, answer, Step.REGISTERED))
        except redis.RedisError as error:
            raise OnboardingUncertain(
                f"store {store.id} is registered at Gett as onboarding {answer.onboarding_id}, but Redis could not be told: "
                f"go on with --onboarding-id {answer.onboarding_id}"
            ) from error

    def _request(self, store: Store, details: StoreDetails) -> OnboardingRequest:
        if self._webhook_url is None:
            raise ConfigurationError("PUBLIC_URL is not set; Gett sends orders to this address")
        errors = self._ask_pos(store, self._menu.validation_errors)
        if errors:
            raise OnboardingFailed(f"store {store.id} was not registered: Gett could not take in its menu", *errors)
        given = {
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
                catalog_callback_url=self._ask_pos(store, self._menu.publish),
                webhook_url=self._webhook_url,
                **{name: value for name, value in given.items() if value is not None},
            )
        except pydantic.ValidationError as error:
            mistakes = error.errors(include_input=False)
            raise InvalidArgument("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in mistakes)) from None

    def _ask_pos(self, store: Store, ask: Callable[[Store], _Answer]) -> _Answer:
        try:
            return ask(store)
        except (WebhookKitError, redis.RedisError):
            raise
        except Exception as error:  # a vendor's code may raise anything
            log.exception("menu not fetched", store=store.id)
            raise OnboardingFailed(
                f"store {store.id} was not registered: its menu cannot be fetched: {error!r}"
            ) from error

    def _advance(self, store: Store, state: Progress, lock: OnboardingLease) -> Progress:
        """One look at how far Gett is, and what follows from it."""
        lock.hold()
        if state.step is Step.ACTIVE:
            return self._finish(store, state)
        try:
            seen = self._client.onboarding(state.onboarding_id)
        except GettNotFound as gone:
            raise OnboardingFailed(
                f"Gett does not know onboarding {state.onboarding_id} of store {store.id}, or no longer: begin anew with --restart"
            ) from gone
        if seen.partner_store_id not in (None, store.id):
            self._records.forget(store.id)
            raise OnboardingFailed(
                f"onboarding {state.onboarding_id} is store {seen.partner_store_id}'s, not {store.id}'s"
            )
        if seen.status == OnboardingStatus.READY_TO_ACTIVATE:
            return self._activate(store, _read(store, seen, Step.ACTIVATING))
        if seen.status == OnboardingStatus.ACTIVE:
            return self._finish(store, self._records.note(_read(store, seen, Step.ACTIVE)))
        if seen.status == OnboardingStatus.CATALOG_FAILED:
            failed = self._records.note(_read(store, seen, Step.FAILED))
            raise OnboardingFailed(*self._catalog_failed(store, failed))
        now = _read(store, seen, state.step)
        return state if replace(now, at=state.at) == state else self._records.note(now)

    def _activate(self, store: Store, state: Progress) -> Progress:
        self._records.note(state)
        try:
            answer = self._writes.call(
                lambda: self._client.activate_store(state.onboarding_id), patience=_QUOTA_PATIENCE
            )
        except GettConflict:  # it is not ready any more, or active already: the next look says which
            return state
        except GettPermanent as refused:
            raise OnboardingFailed(f"store {store.id} was not activated: {refused}") from refused
        if answer.status != OnboardingStatus.ACTIVE:
            return self._records.note(_read(store, answer, Step.ACTIVATING))
        return self._finish(store, self._records.note(_read(store, answer, Step.ACTIVE)))

    def _finish(self, store: Store, state: Progress) -> Progress:
        if not state.gett_id:
            raise OnboardingFailed(f"Gett says that store {store.id} is active, but not by which id: ask Gett for it")
        self._stores.save_gett_id(store.id, state.gett_id)
        self._menu.on_activated(replace(store, gett_id=state.gett_id))
        done = self._records.note(replace(state, step=Step.DONE))
        self._alerts.clear(Alert.ONBOARDING, store.id)
        log.info("store onboarded", store=store.id, gett_store=state.gett_id)
        return done

    def _cancel(self, store: Store, onboarding_id: str, lock: OnboardingLease) -> None:
        lock.hold()
        self._records.note(Progress(store.id, Step.CANCELLING, onboarding_id=onboarding_id))
        try:
            self._writes.call(lambda: self._client.cancel_onboarding(onboarding_id), patience=_QUOTA_PATIENCE)
        except GettNotFound:
            log.info("onboarding was gone already", store=store.id)
        except GettConflict as refused:
            self._records.note(Progress(store.id, Step.REGISTERED, onboarding_id=onboarding_id))
            raise OnboardingFailed(
                f"onboarding {onboarding_id} of store {store.id} cannot be cancelled: {refused}; go on with it instead"
            ) from refused
        self._records.forget(store.id)

    def _catalog_failed(self, store: Store, state: Progress) -> list[str]:
        lines = [f"Gett could not take in the menu of store {store.id}: {state.error or 'no explanation'}"]
        try:
            errors = self._menu.validation_errors(store)
        except Exception as error:  # noqa: BLE001 - a vendor's code may raise anything; Gett's word is there all the same
            errors = [f"it could not be checked here: {error!r}"]
        lines += [f"our own check: {line}" for line in errors or ["nothing wrong"]]
        return [*lines, f"put it right, then: webhook-kit stores onboard {store.id} --restart"]


def _read(store: Store, seen: Onboarding, step: Step) -> Progress:
    error = "" if seen.error is None else " ".join(str(seen.error).split())[:1000]
    return Progress(store.id, step, seen.status, seen.onboarding_id, seen.store_id or "", error)


def _lost(store: Store, at: float, why: str = "") -> str:
    moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
    return "\n".join(
        [
            f"the registration of store {store.id} was sent ({moment}), and its answer was lost{f': {why}' if why else ''}",
            f"whether Gett has it nobody here knows: look in Gett's portal for an onboarding of {store.id} from that time",
            f"if there is one: webhook-kit stores onboard {store.id} --onboarding-id ID",
            f"if there is none: webhook-kit stores onboard {store.id} --restart",
        ]
    )
