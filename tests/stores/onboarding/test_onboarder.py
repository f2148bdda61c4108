"""Onboarding: a store is registered once, whatever crashes, and every failure says what to do."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from tests.stores.conftest import G1
from tests.stores.onboarding.conftest import CANCEL, REGISTER, OnboardingEnv, intercept_calls
from webhook_kit.adapter import Store
from webhook_kit.errors import (
    Conflict,
    GettUnreachable,
    InvalidTransition,
    OnboardingFailed,
    OnboardingUncertain,
    WebhookKitError,
)
from webhook_kit.gett.http import ApiCall
from webhook_kit.gett.models.store import CommerceAddress, OnboardingStatus
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.connection import text
from webhook_kit.storage.queues import sync_queue
from webhook_kit.stores.onboarding import Progress, Step, StoreDetails, onboarder
from webhook_kit.testing.processes import PATIENCE, wait_until
from webhook_kit.worker import run_sync

# -- success -----------------------------------------------------------------------------------------------------------


def test_onboard_registers_activates_and_saves_the_gett_id(env: OnboardingEnv) -> None:
    reported: list[Progress] = []
    address = CommerceAddress(street="1 Main Street", city="Springfield")
    done = env.kit.onboarding.onboard(env.store, StoreDetails(address, "+15550100"), on_progress=reported.append)
    assert (done.step, done.status) == (Step.DONE, OnboardingStatus.ACTIVE)
    assert reported[0].step is Step.REGISTERED
    (gett_id,) = env.active()
    assert env.store.gett_id == done.gett_id == gett_id
    assert env.kit.stores.by_gett_id(gett_id) == env.store
    record = env.context.state.stores[gett_id]
    assert (record.store.name, record.store.phone) == ("Main Street", "+15550100")
    assert record.store.address == address
    assert record.webhook_url == env.kit.settings.public_url
    assert record.catalog_set_id, "Gett fetched the catalog from the published address"
    other = env.process()
    wait_until(lambda: other.stores.by_gett_id(gett_id) is not None)
    assert env.kit.redis.ttl(env.kit.keys.onboarding("main")) > 0
    assert ("sync", "main") in list(other.catalog_sync.claim_due()), "the catalog is published again, under Gett's id"


def test_onboard_of_an_onboarded_store_changes_nothing(env: OnboardingEnv) -> None:
    first = env.kit.onboarding.onboard(env.store)
    assert env.process().onboarding.onboard(env.store) == first
    assert len(env.active()) == len(env.registered()) == 1


def test_store_that_is_at_gett_already_is_not_registered(env: OnboardingEnv) -> None:
    env.kit.stores.add(Store("old", G1, "bogus"))
    old = env.kit.stores.get("old")
    with pytest.raises(InvalidTransition, match="already at Gett, as 11111111"):
        env.kit.onboarding.onboard(old)
    assert env.registered() == []


def test_onboard_returns_after_its_timeout_with_the_progress_saved(env: OnboardingEnv) -> None:
    env.context.options.ingestion_seconds = 3600
    state = env.kit.onboarding.onboard(env.store, timeout=0)
    assert state.step is Step.REGISTERED
    assert state.status == OnboardingStatus.PENDING_CATALOG
    assert env.registered() == [OnboardingStatus.PENDING_CATALOG]
    assert env.kit.onboarding.progress("main") == state


def test_first_checks_of_the_status_follow_each_other_closely(
    env: OnboardingEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    env.context.options.ingestion_seconds = 3600
    env.kit.onboarding._poll = 2.0
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 8:
            env.context.options.ingestion_seconds = 0
            env.context.clock.advance(3600)

    monkeypatch.setattr(onboarder, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
    assert env.kit.onboarding.onboard(env.store).step is Step.DONE
    assert waits[0] < 0.1
    assert waits == sorted(waits)
    assert waits[7] == 2.0


# -- cancelling --------------------------------------------------------------------------------------------------------


def test_cancelled_registration_can_be_made_again(env: OnboardingEnv) -> None:
    env.context.options.ingestion_seconds = 3600
    env.kit.onboarding.onboard(env.store, timeout=0)
    env.kit.onboarding.cancel(env.store)
    assert env.registered() == []
    with pytest.raises(InvalidTransition, match="not being onboarded"):
        env.kit.onboarding.cancel(env.store)
    env.context.options.ingestion_seconds = 0
    assert env.kit.onboarding.onboard(env.store).step is Step.DONE
    with pytest.raises(InvalidTransition, match="active at Gett"):
        env.kit.onboarding.cancel(env.store)


def test_cancellation_can_be_repeated_after_a_lost_answer(env: OnboardingEnv) -> None:
    env.context.options.ingestion_seconds = 3600
    env.kit.onboarding.onboard(env.store, timeout=0)
    env.faults[CANCEL] = [0]
    with pytest.raises(GettUnreachable):
        env.kit.onboarding.cancel(env.store)
    with pytest.raises(InvalidTransition, match="is being cancelled"):
        env.kit.onboarding.onboard(env.store)
    env.kit.onboarding.cancel(env.store)
    assert env.registered() == []
    assert env.kit.onboarding.progress("main") is None


def test_registration_without_a_known_id_cannot_be_cancelled(env: OnboardingEnv) -> None:
    env.faults[REGISTER] = [0]
    with pytest.raises(OnboardingUncertain):
        env.kit.onboarding.onboard(env.store)
    with pytest.raises(OnboardingUncertain):
        env.kit.onboarding.cancel(env.store)
    (onboarding_id,) = env.context.state.onboardings
    env.kit.onboarding.cancel(env.store, onboarding_id=onboarding_id)
    assert env.registered() == []


# -- concurrency -------------------------------------------------------------------------------------------------------


def test_second_of_two_concurrent_onboardings_is_a_conflict(env: OnboardingEnv) -> None:
    kit, at_gett, proceed = env.process(), threading.Event(), threading.Event()

    def wait(call: ApiCall) -> None:
        if call.method == "POST" and not at_gett.is_set():
            at_gett.set()
            proceed.wait(PATIENCE)

    intercept_calls(kit, wait)
    store, results = env.store, []
    first = threading.Thread(target=lambda: results.append(kit.onboarding.onboard(store)))
    first.start()
    assert at_gett.wait(PATIENCE)
    for second in (env.kit.onboarding.onboard, env.kit.onboarding.cancel):
        with pytest.raises(Conflict, match="by another process"):
            second(store)
    proceed.set()
    first.join()
    assert results[0].step is Step.DONE
    assert len(env.registered()) == 1


def test_process_without_the_lease_stops_before_the_next_call(env: OnboardingEnv) -> None:
    def expire_lease(call: ApiCall) -> None:
        env.kit.redis.delete(env.kit.keys.onboarding_lock("main"))

    kit = env.process()
    intercept_calls(kit, expire_lease)
    with pytest.raises(Conflict, match="another process may continue it"):
        kit.onboarding.onboard(env.store)
    assert env.active() == []


# -- in the background -------------------------------------------------------------------------------------------------


def test_workers_continue_a_followed_onboarding(env: OnboardingEnv) -> None:
    env.kit.onboarding.follow("main")
    worker = env.process()

    def done() -> bool:
        worker.onboarding.advance_all()
        return not worker.redis.smembers(worker.keys.onboardings)

    wait_until(done)
    wait_until(lambda: env.store.gett_id != "")
    assert len(env.active()) == 1


def test_onboarding_runs_as_a_job_of_the_sync_queue(env: OnboardingEnv) -> None:
    sync_queue(env.kit.redis).enqueue("webhook_kit.worker.onboard", "main", result_ttl=0)
    run_sync(env.kit, burst=True)
    state = env.kit.onboarding.progress("main")
    assert state is not None
    assert state.onboarding_id, "registered; the workers continue"
    wait_until(lambda: env.kit.onboarding.advance_all() >= 0 and env.active() != [])


def test_failed_background_onboarding_raises_one_alert(env: OnboardingEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    env.faults[REGISTER] = [0]
    env.kit.onboarding.follow("main")
    assert env.kit.onboarding.advance_all() == 1
    assert env.kit.onboarding.advance_all() == 0
    (entry,) = env.kit.placement_store.incidents()
    assert (entry["kind"], entry["store"]) == (Alert.ONBOARDING, "main")
    assert text(env.kit.redis.hget(env.kit.keys.alert_counts, Alert.ONBOARDING)) == "1"


def test_background_onboarding_waits_while_gett_is_unavailable(env: OnboardingEnv) -> None:
    env.context.options.ingestion_seconds = 3600
    env.kit.onboarding.onboard(env.store, timeout=0)
    env.kit.onboarding.follow("main")
    env.faults["GET", ""] = [503]
    assert env.kit.onboarding.advance_all() == 0
    assert env.kit.redis.smembers(env.kit.keys.onboardings) == {b"main"}
    assert env.kit.placement_store.incidents() == []


def test_onboarding_errors_are_errors_of_the_kit(env: OnboardingEnv) -> None:
    assert issubclass(OnboardingFailed, WebhookKitError)
    assert issubclass(OnboardingUncertain, WebhookKitError)
    assert requests.get(f"{env.kit.settings.public_url}/healthz", timeout=PATIENCE).ok


def test_unexpected_error_of_one_onboarding_raises_an_alert_and_the_others_go_on(
    env: OnboardingEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    env.kit.stores.add(Store("another", "", "bogus"))
    for store in ("another", "main"):
        env.kit.onboarding.follow(store)
    tried: list[str] = []

    def fail(store: Store, **_: Any) -> Any:
        tried.append(store.id)
        raise TypeError("a bug")

    monkeypatch.setattr(env.kit.onboarding, "onboard", fail)
    assert env.kit.onboarding.advance_all() == 2
    assert tried == ["another", "main"]
    assert {entry["store"] for entry in env.kit.placement_store.incidents()} == {"another", "main"}
