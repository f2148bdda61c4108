"""Steps of an onboarding: crashes at any step, lost answers, and refusals by Gett."""

from __future__ import annotations

from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.stores.onboarding.conftest import (
    ACTIVATE,
    REGISTER,
    AlterableCatalogAdapter,
    OnboardingEnv,
    intercept_calls,
)
from webhook_kit.adapter import CatalogSet, Store
from webhook_kit.errors import (
    ConfigurationError,
    GettUnreachable,
    OnboardingFailed,
    OnboardingUncertain,
)
from webhook_kit.gett.models.store import OnboardingStatus
from webhook_kit.stores.onboarding import Progress, Step
from webhook_kit.testing.processes import free_port, wait_until


class Crash(BaseException):
    """Crash of the process."""


def with_dangling_reference(catalog: CatalogSet) -> CatalogSet:
    section = next(iter(catalog.sections.values()))
    section.item_ids = [*section.item_ids, "nowhere"]
    return catalog


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
