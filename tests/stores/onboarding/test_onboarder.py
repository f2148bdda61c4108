"""Onboarding: a store is registered once, whatever crashes, and every failure says what to do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.stores.onboarding.conftest import ACTIVATE, CANCEL, REGISTER, AlterableCatalogAdapter, OnboardingEnv
from webhook_kit.adapter import CatalogSet, Store
from webhook_kit.errors import (
    ConfigurationError,
    Conflict,
    GettUnreachable,
    InvalidTransition,
    OnboardingFailed,
    OnboardingUncertain,
    WebhookKitError,
)
from webhook_kit.gett.http import ApiCall, ApiResponse
from webhook_kit.gett.models.store import CommerceAddress, OnboardingStatus
from webhook_kit.kit import Kit
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.connection import text
from webhook_kit.storage.queues import sync_queue
from webhook_kit.stores.onboarding import Progress, Step, StoreDetails
from webhook_kit.testing.processes import PATIENCE, free_port, wait_until
from webhook_kit.worker import run_sync


class Crash(BaseException):
    """Crash of the process."""


def with_dangling_reference(catalog: CatalogSet) -> CatalogSet:
    section = next(iter(catalog.sections.values()))
    section.item_ids = [*section.item_ids, "nowhere"]
    return catalog


def intercept_calls(
    kit: Kit, before: Callable[[ApiCall], None], after: Callable[[ApiCall, ApiResponse], None] | None = None
) -> None:
    """Call functions before each call to Gett and after its response."""
    send = kit.client._transport.send

    def intercepted(call: ApiCall) -> ApiResponse:
        before(call)
        response = send(call)
        if after:
            after(call, response)
        return response

    kit.client._transport = type("Intercepted", (), {"send": staticmethod(intercepted)})()


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
    env.kit.stores.add(Store("old", "g-old", "bogus"))
    old = env.kit.stores.get("old")
    with pytest.raises(InvalidTransition, match="already at Gett, as g-old"):
        env.kit.onboarding.onboard(old)
    assert env.registered() == []


def test_onboard_returns_after_its_timeout_with_the_progress_saved(env: OnboardingEnv) -> None:
    env.context.options.ingestion_seconds = 3600
    state = env.kit.onboarding.onboard(env.store, timeout=0)
    assert state.step is Step.REGISTERED
    assert state.status == OnboardingStatus.PENDING_CATALOG
    assert env.registered() == [OnboardingStatus.PENDING_CATALOG]
    assert env.kit.onboarding.progress("main") == state


# -- crashes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", range(16))
def test_onboarding_continues_after_a_crash_at_any_step_and_registers_once(moment: int, env: OnboardingEnv) -> None:
    """Crash before or after the n-th event: a record that is saved, or a call to Gett."""
    kit, events = env.process(), 0

    def count_and_crash(*_: Any) -> None:
        nonlocal events
        events += 1
        if events == moment:
            raise Crash

    save = kit.onboarding._records.save

    def counted_save(progress: Progress) -> Progress:
        count_and_crash()
        saved = save(progress)
        count_and_crash()
        return saved

    kit.onboarding._records.save = counted_save  # type: ignore[method-assign]
    intercept_calls(kit, count_and_crash, count_and_crash)
    try:
        kit.onboarding.onboard(env.store)
    except Crash:
        assert events == moment
    second = env.process()
    state = second.onboarding.progress("main")
    if state is not None and state.step is Step.REGISTERING:
        with pytest.raises(OnboardingUncertain, match="--onboarding-id"):
            second.onboarding.onboard(env.store)
        ids = list(env.context.state.onboardings)
        assert len(ids) <= 1, "it was not registered a second time"
        done = second.onboarding.onboard(env.store, onboarding_id=ids[0] if ids else "", restart=not ids)
    else:
        done = second.onboarding.onboard(env.store)
    assert done.step is Step.DONE
    assert (len(env.registered()), len(env.active())) == (1, 1)
    wait_until(lambda: env.kit.stores.by_gett_id(env.active()[0]) is not None)
    assert env.store.gett_id == env.active()[0]


def test_lost_answer_to_the_registration_is_reported_and_never_repeated(env: OnboardingEnv) -> None:
    env.faults[REGISTER] = [0]
    with pytest.raises(OnboardingUncertain, match="its answer was lost") as first:
        env.kit.onboarding.onboard(env.store)
    with pytest.raises(OnboardingUncertain):
        env.kit.onboarding.onboard(env.store)
    assert "Gett may have registered the store" in str(first.value)
    assert len(env.registered()) == 1
    (onboarding_id,) = env.context.state.onboardings
    assert env.kit.onboarding.onboard(env.store, onboarding_id=onboarding_id).step is Step.DONE
    assert len(env.active()) == 1


def test_onboarding_continues_after_a_lost_answer_to_the_activation(env: OnboardingEnv) -> None:
    env.faults[ACTIVATE] = [0]
    with pytest.raises(GettUnreachable):
        env.kit.onboarding.onboard(env.store)
    assert len(env.active()) == 1
    assert env.kit.onboarding.onboard(env.store).step is Step.DONE
    assert env.store.gett_id == env.active()[0]


def test_registration_without_a_connection_may_be_repeated(env: OnboardingEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    unreachable = env.process(gett_api_url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(GettUnreachable):
        unreachable.onboarding.onboard(env.store)
    assert env.kit.onboarding.progress("main") is None
    assert env.kit.onboarding.onboard(env.store).step is Step.DONE


def test_registration_that_redis_did_not_save_reports_the_onboarding_id(env: OnboardingEnv) -> None:
    save = env.kit.onboarding._records.save

    def failing_save(progress: Progress) -> Progress:
        if progress.step is Step.REGISTERED:
            raise RedisConnectionError("away")
        return save(progress)

    env.kit.onboarding._records.save = failing_save  # type: ignore[method-assign]
    with pytest.raises(OnboardingUncertain) as caught:
        env.kit.onboarding.onboard(env.store)
    (onboarding_id,) = env.context.state.onboardings
    assert f"--onboarding-id {onboarding_id}" in str(caught.value)


# -- refusals by Gett --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "message"), [(400, "400"), (401, "401"), (409, "--onboarding-id"), (422, "422")])
def test_refused_registration_leaves_no_record(status: int, message: str, env: OnboardingEnv) -> None:
    env.faults[REGISTER] = [status]
    with pytest.raises(OnboardingFailed, match=message):
        env.kit.onboarding.onboard(env.store)
    assert env.kit.onboarding.progress("main") is None
    assert env.store.gett_id == ""
    assert env.kit.onboarding.onboard(env.store).step is Step.DONE


def test_refused_activation_is_reported_and_can_be_continued(env: OnboardingEnv) -> None:
    env.faults[ACTIVATE] = [400]
    with pytest.raises(OnboardingFailed, match="was not activated"):
        env.kit.onboarding.onboard(env.store)
    assert env.store.gett_id == ""
    assert env.kit.onboarding.onboard(env.store).step is Step.DONE


def test_activation_that_comes_too_early_is_repeated(env: OnboardingEnv) -> None:
    env.faults[ACTIVATE] = [409, 409]
    assert env.kit.onboarding.onboard(env.store).step is Step.DONE


def test_store_whose_catalog_has_errors_is_not_registered(env: OnboardingEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AlterableCatalogAdapter, "alter", staticmethod(with_dangling_reference))
    with pytest.raises(OnboardingFailed) as caught:
        env.kit.onboarding.onboard(env.store)
    assert "nowhere" in str(caught.value)
    assert env.registered() == []
    assert env.kit.onboarding.progress("main") is None


def test_store_whose_catalog_cannot_be_fetched_is_not_registered(
    env: OnboardingEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AlterableCatalogAdapter, "failure", RuntimeError("no answer"))
    with pytest.raises(OnboardingFailed, match="its catalog cannot be fetched"):
        env.kit.onboarding.onboard(env.store)
    assert env.registered() == []


def test_failed_ingestion_reports_gett_s_error_and_our_own_check(
    env: OnboardingEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Our own check passes, but the address from which Gett fetches the catalog answers 404.
    address = env.kit.publisher.url

    monkeypatch.setattr(env.kit.publisher, "url", lambda store_id: f"{address(store_id)}.missing")
    with pytest.raises(OnboardingFailed) as caught:
        env.kit.onboarding.onboard(env.store)
    gett, ours, next_step = caught.value.lines
    assert "answered 404" in gett
    assert ours == "our own check: no errors"
    assert "--restart" in next_step
    with pytest.raises(OnboardingFailed, match="answered 404"):
        env.kit.onboarding.onboard(env.store)
    monkeypatch.setattr(AlterableCatalogAdapter, "alter", staticmethod(with_dangling_reference))
    with pytest.raises(OnboardingFailed) as caught:
        env.kit.onboarding.onboard(env.store)
    assert any(line.startswith("our own check: ") and "nowhere" in line for line in caught.value.lines)
    monkeypatch.undo()
    assert env.kit.onboarding.onboard(env.store, restart=True).step is Step.DONE
    assert env.registered() == [OnboardingStatus.ACTIVE], "the failed one was cancelled"


def test_onboard_without_a_public_address_registers_nothing(env: OnboardingEnv) -> None:
    with pytest.raises(ConfigurationError, match="PUBLIC_URL"):
        env.process(public_url=None).onboarding.onboard(env.store)
    assert env.registered() == []


def test_onboarding_id_of_another_store_is_rejected(env: OnboardingEnv) -> None:
    env.kit.stores.add(Store("harbour", "", "bogus", options=dict(env.store.options)))
    harbour = env.kit.stores.get("harbour")
    env.context.options.ingestion_seconds = 3600
    state = env.kit.onboarding.onboard(harbour, timeout=0)
    with pytest.raises(OnboardingFailed, match="belongs to store harbour"):
        env.kit.onboarding.onboard(env.store, onboarding_id=state.onboarding_id)
    with pytest.raises(OnboardingFailed, match="Gett has no onboarding"):
        env.kit.onboarding.onboard(env.store, onboarding_id="nonsense")
    assert env.active() == []


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
