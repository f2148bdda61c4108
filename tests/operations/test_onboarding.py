"""Progress of onboardings with their last errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from webhook_kit.errors import GettUnavailable
from webhook_kit.kit import Kit
from webhook_kit.operations.onboarding import OnboardingView, read_onboarding, read_onboardings
from webhook_kit.pos.store import Store
from webhook_kit.stores.onboarding.record import OnboardingRecords, Progress, Step


@pytest.fixture
def kit(make_kit: Callable[..., Kit]) -> Kit:
    kit = make_kit(pos_adapter=None, gett_store_id=None, store_options={}, allow_plaintext_credentials=True)
    for number in range(3):
        kit.stores.add(Store(f"s{number}", "", "bogus", name=f"Store {number}"))
    return kit


@pytest.fixture
def records(kit: Kit) -> OnboardingRecords:
    return OnboardingRecords(kit.redis, kit.keys, keep=60)


def test_none(kit: Kit) -> None:
    assert read_onboardings(kit).onboardings == ()
    assert read_onboarding(kit, "s0") is None


def test_the_last_one_that_changed_comes_first(kit: Kit, records: OnboardingRecords) -> None:
    records.save(Progress("s0", Step.REGISTERED, status="pending_catalog"))
    records.save(Progress("s1", Step.FAILED, error="the catalog has no items"))
    records.follow("s0")
    records.follow("s2")
    page = read_onboardings(kit)
    assert [(view.store_id, view.step, view.failed) for view in page.onboardings] == [
        ("s2", None, False),
        ("s1", Step.FAILED, True),
        ("s0", Step.REGISTERED, False),
    ]
    assert page.onboardings[1].error == "the catalog has no items"
    assert page.total == 3


def test_the_error_of_a_worker_is_kept_until_the_next_step(kit: Kit, records: OnboardingRecords) -> None:
    records.save(Progress("s0", Step.REGISTERED))
    records.save_error("s0", "Gett is away")
    view = read_onboarding(kit, "s0")
    assert view is not None
    assert (view.error, view.failed) == ("Gett is away", True)
    records.save(Progress("s0", Step.ACTIVATING))
    view = read_onboarding(kit, "s0")
    assert view is not None
    assert view.error == ""


def test_an_error_before_the_registration_makes_no_record(kit: Kit, records: OnboardingRecords) -> None:
    records.save_error("s0", "Gett is away")
    assert read_onboarding(kit, "s0") is None


def test_an_answer_that_was_lost(kit: Kit, records: OnboardingRecords) -> None:
    records.save(Progress("s0", Step.REGISTERING))
    assert not _view(kit).lost
    kit.redis.hset(kit.keys.onboarding("s0"), "at", "1000000000")
    assert _view(kit).lost
    assert "portal" in _view(kit).advice


def _view(kit: Kit) -> OnboardingView:
    view = read_onboarding(kit, "s0")
    assert view is not None
    return view


def test_a_record_that_expired_leaves_the_index(kit: Kit, records: OnboardingRecords) -> None:
    records.save(Progress("s0", Step.DONE))
    kit.redis.delete(kit.keys.onboarding("s0"))
    assert read_onboardings(kit).onboardings == ()
    assert read_onboardings(kit).total == 0


def test_a_worker_saves_the_error_of_an_onboarding(
    kit: Kit, records: OnboardingRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_onboarding_id: str) -> None:
        raise GettUnavailable("Gett is away")

    records.save(Progress("s0", Step.REGISTERED, onboarding_id="ob-1"))
    records.follow("s0")
    monkeypatch.setattr(kit.client, "onboarding", fail)
    kit.onboarding.advance_all()
    view = _view(kit)
    assert (view.error, view.followed, view.failed) == ("Gett is away", True, False)
