"""A store's way into the network: once, whatever dies on the way, and with a clear word where it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests
from redis.exceptions import ConnectionError as RedisGone

from tests.stores.onboarding.conftest import ACTIVATE, CANCEL, REGISTER, Menus, Town
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


class Died(BaseException):
    """The process, at this very moment."""


def dangling(menu: CatalogSet) -> CatalogSet:
    section = next(iter(menu.sections.values()))
    section.item_ids = [*section.item_ids, "nowhere"]
    return menu


def on_calls(
    kit: Kit, before: Callable[[ApiCall], None], after: Callable[[ApiCall, ApiResponse], None] | None = None
) -> None:
    """See every call to Gett before it goes, and its answer before the kit does."""
    send = kit.client._transport.send

    def seen(call: ApiCall) -> ApiResponse:
        before(call)
        answer = send(call)
        if after:
            after(call, answer)
        return answer

    kit.client._transport = type("Seen", (), {"send": staticmethod(seen)})()


# -- the whole way -----------------------------------------------------------------------------------------------------


def test_a_store_is_registered_ingested_activated_and_known(town: Town) -> None:
    seen: list[Progress] = []
    address = CommerceAddress(street="1 Main Street", city="Springfield")
    done = town.kit.onboarding.onboard(town.store, StoreDetails(address, "+15550100"), on_progress=seen.append)
    assert (done.step, done.status) == (Step.DONE, OnboardingStatus.ACTIVE)
    assert seen[0].step is Step.REGISTERED
    (gett_id,) = town.active()
    assert town.store.gett_id == done.gett_id == gett_id
    assert town.kit.stores.by_gett_id(gett_id) == town.store
    record = town.context.state.stores[gett_id]
    assert (record.store.name, record.store.phone) == ("Main Street", "+15550100")
    assert record.store.address == address
    assert record.webhook_url == town.kit.settings.public_url
    assert record.catalog_set_id, "Gett pulled the menu from where it was told"
    other = town.process()
    wait_until(lambda: other.stores.by_gett_id(gett_id) is not None)
    assert town.kit.redis.ttl(town.kit.keys.onboarding("main")) > 0
    assert ("sync", "main") in list(other.catalog_sync.claim_due()), "the menu is published again, under Gett's id"


def test_said_again_it_changes_nothing(town: Town) -> None:
    first = town.kit.onboarding.onboard(town.store)
    assert town.process().onboarding.onboard(town.store) == first
    assert len(town.active()) == len(town.registered()) == 1


def test_a_store_that_is_at_gett_already_is_not_registered(town: Town) -> None:
    town.kit.stores.add(Store("old", "g-old", "bogus"))
    old = town.kit.stores.by_id("old")
    assert old is not None
    with pytest.raises(InvalidTransition, match="at Gett already, as g-old"):
        town.kit.onboarding.onboard(old)
    assert town.registered() == []


def test_what_is_not_done_in_time_is_gone_on_with(town: Town) -> None:
    town.context.options.ingestion_seconds = 3600
    state = town.kit.onboarding.onboard(town.store, timeout=0)
    assert state.step is Step.REGISTERED
    assert state.status == OnboardingStatus.PENDING_CATALOG
    assert town.registered() == [OnboardingStatus.PENDING_CATALOG]
    assert town.kit.onboarding.progress("main") == state


# -- what dies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", range(16))
def test_whoever_dies_at_any_step_is_gone_on_for_and_nothing_is_registered_twice(moment: int, town: Town) -> None:
    """Dies before or after the n-th thing that happens: a word written down, or a call to Gett."""
    kit, happened = town.process(), 0

    def happen(*_: Any) -> None:
        nonlocal happened
        happened += 1
        if happened == moment:
            raise Died

    note = kit.onboarding._records.note

    def noted(progress: Progress) -> Progress:
        happen()
        made = note(progress)
        happen()
        return made

    kit.onboarding._records.note = noted  # type: ignore[method-assign]
    on_calls(kit, happen, happen)
    try:
        kit.onboarding.onboard(town.store)
    except Died:
        assert happened == moment
    next_one = town.process()
    state = next_one.onboarding.progress("main")
    if state is not None and state.step is Step.REGISTERING:
        with pytest.raises(OnboardingUncertain, match="--onboarding-id"):
            next_one.onboarding.onboard(town.store)
        ids = list(town.context.state.onboardings)
        assert len(ids) <= 1, "nobody registered it a second time"
        done = next_one.onboarding.onboard(town.store, onboarding_id=ids[0] if ids else "", restart=not ids)
    else:
        done = next_one.onboarding.onboard(town.store)
    assert done.step is Step.DONE
    assert (len(town.registered()), len(town.active())) == (1, 1)
    wait_until(lambda: town.kit.stores.by_gett_id(town.active()[0]) is not None)
    assert town.store.gett_id == town.active()[0]


def test_a_lost_answer_to_the_registration_is_said_plainly_and_never_repeated(town: Town) -> None:
    town.faults[REGISTER] = [0]
    with pytest.raises(OnboardingUncertain, match="its answer was lost") as first:
        town.kit.onboarding.onboard(town.store)
    with pytest.raises(OnboardingUncertain):
        town.kit.onboarding.onboard(town.store)
    assert "nobody here knows" in str(first.value)
    assert len(town.registered()) == 1
    (onboarding_id,) = town.context.state.onboardings
    assert town.kit.onboarding.onboard(town.store, onboarding_id=onboarding_id).step is Step.DONE
    assert len(town.active()) == 1


def test_a_lost_answer_to_the_activation_is_no_matter(town: Town) -> None:
    town.faults[ACTIVATE] = [0]
    with pytest.raises(GettUnreachable):
        town.kit.onboarding.onboard(town.store)
    assert len(town.active()) == 1
    assert town.kit.onboarding.onboard(town.store).step is Step.DONE
    assert town.store.gett_id == town.active()[0]


def test_a_registration_that_never_left_may_be_repeated(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    away = town.process(gett_api_url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(GettUnreachable):
        away.onboarding.onboard(town.store)
    assert town.kit.onboarding.progress("main") is None
    assert town.kit.onboarding.onboard(town.store).step is Step.DONE


def test_an_answer_that_redis_could_not_be_told_of_is_told_to_the_operator(town: Town) -> None:
    note = town.kit.onboarding._records.note

    def gone(progress: Progress) -> Progress:
        if progress.step is Step.REGISTERED:
            raise RedisGone("away")
        return note(progress)

    town.kit.onboarding._records.note = gone  # type: ignore[method-assign]
    with pytest.raises(OnboardingUncertain) as told:
        town.kit.onboarding.onboard(town.store)
    (onboarding_id,) = town.context.state.onboardings
    assert f"--onboarding-id {onboarding_id}" in str(told.value)


# -- what gett refuses -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "word"), [(400, "400"), (401, "401"), (409, "--onboarding-id"), (422, "422")])
def test_a_refused_registration_leaves_nothing_behind(status: int, word: str, town: Town) -> None:
    town.faults[REGISTER] = [status]
    with pytest.raises(OnboardingFailed, match=word):
        town.kit.onboarding.onboard(town.store)
    assert town.kit.onboarding.progress("main") is None
    assert town.store.gett_id == ""
    assert town.kit.onboarding.onboard(town.store).step is Step.DONE


def test_a_refused_activation_is_told_and_can_be_gone_on_with(town: Town) -> None:
    town.faults[ACTIVATE] = [400]
    with pytest.raises(OnboardingFailed, match="was not activated"):
        town.kit.onboarding.onboard(town.store)
    assert town.store.gett_id == ""
    assert town.kit.onboarding.onboard(town.store).step is Step.DONE


def test_an_activation_that_comes_too_early_looks_again(town: Town) -> None:
    town.faults[ACTIVATE] = [409, 409]
    assert town.kit.onboarding.onboard(town.store).step is Step.DONE


def test_a_menu_with_errors_is_not_sent_to_gett(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Menus, "spoil", staticmethod(dangling))
    with pytest.raises(OnboardingFailed) as told:
        town.kit.onboarding.onboard(town.store)
    assert "nowhere" in str(told.value)
    assert town.registered() == []
    assert town.kit.onboarding.progress("main") is None


def test_a_menu_that_cannot_be_fetched_is_told_as_such(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Menus, "failure", RuntimeError("no answer"))
    with pytest.raises(OnboardingFailed, match="its menu cannot be fetched"):
        town.kit.onboarding.onboard(town.store)
    assert town.registered() == []


def test_a_failed_ingestion_is_told_with_gett_s_error_beside_our_own_check(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Our check passes, and what is pulled is another thing: the address answers 404.
    drop = town.kit.publisher.address

    monkeypatch.setattr(town.kit.publisher, "address", lambda store_id: f"{drop(store_id)}.gone")
    with pytest.raises(OnboardingFailed) as told:
        town.kit.onboarding.onboard(town.store)
    gett, ours, then = told.value.lines
    assert "answered 404" in gett
    assert ours == "our own check: nothing wrong"
    assert "--restart" in then
    with pytest.raises(OnboardingFailed, match="answered 404"):
        town.kit.onboarding.onboard(town.store)
    monkeypatch.setattr(Menus, "spoil", staticmethod(dangling))
    with pytest.raises(OnboardingFailed) as told:
        town.kit.onboarding.onboard(town.store)
    assert any(line.startswith("our own check: ") and "nowhere" in line for line in told.value.lines)
    monkeypatch.undo()
    assert town.kit.onboarding.onboard(town.store, restart=True).step is Step.DONE
    assert town.registered() == [OnboardingStatus.ACTIVE], "the failed one was cancelled"


def test_without_a_public_address_nothing_is_registered(town: Town) -> None:
    with pytest.raises(ConfigurationError, match="PUBLIC_URL"):
        town.process(public_url=None).onboarding.onboard(town.store)
    assert town.registered() == []


def test_another_store_s_onboarding_id_activates_nothing(town: Town) -> None:
    town.kit.stores.add(Store("harbour", "", "bogus", options=dict(town.store.options)))
    harbour = town.kit.stores.by_id("harbour")
    assert harbour is not None
    town.context.options.ingestion_seconds = 3600
    state = town.kit.onboarding.onboard(harbour, timeout=0)
    with pytest.raises(OnboardingFailed, match="is store harbour's"):
        town.kit.onboarding.onboard(town.store, onboarding_id=state.onboarding_id)
    with pytest.raises(OnboardingFailed, match="does not know"):
        town.kit.onboarding.onboard(town.store, onboarding_id="nonsense")
    assert town.active() == []


# -- cancelling --------------------------------------------------------------------------------------------------------


def test_a_registration_is_cancelled_and_can_be_made_again(town: Town) -> None:
    town.context.options.ingestion_seconds = 3600
    town.kit.onboarding.onboard(town.store, timeout=0)
    town.kit.onboarding.cancel(town.store)
    assert town.registered() == []
    with pytest.raises(InvalidTransition, match="not being onboarded"):
        town.kit.onboarding.cancel(town.store)
    town.context.options.ingestion_seconds = 0
    assert town.kit.onboarding.onboard(town.store).step is Step.DONE
    with pytest.raises(InvalidTransition, match="active at Gett"):
        town.kit.onboarding.cancel(town.store)


def test_a_lost_answer_to_a_cancellation_is_said_again(town: Town) -> None:
    town.context.options.ingestion_seconds = 3600
    town.kit.onboarding.onboard(town.store, timeout=0)
    town.faults[CANCEL] = [0]
    with pytest.raises(GettUnreachable):
        town.kit.onboarding.cancel(town.store)
    with pytest.raises(InvalidTransition, match="cancelling was begun"):
        town.kit.onboarding.onboard(town.store)
    town.kit.onboarding.cancel(town.store)
    assert town.registered() == []
    assert town.kit.onboarding.progress("main") is None


def test_what_nobody_knows_the_id_of_cannot_be_cancelled(town: Town) -> None:
    town.faults[REGISTER] = [0]
    with pytest.raises(OnboardingUncertain):
        town.kit.onboarding.onboard(town.store)
    with pytest.raises(OnboardingUncertain):
        town.kit.onboarding.cancel(town.store)
    (onboarding_id,) = town.context.state.onboardings
    town.kit.onboarding.cancel(town.store, onboarding_id=onboarding_id)
    assert town.registered() == []


# -- two at once -------------------------------------------------------------------------------------------------------


def test_of_two_at_once_the_second_is_refused(town: Town) -> None:
    kit, at_gett, go_on = town.process(), threading.Event(), threading.Event()

    def wait(call: ApiCall) -> None:
        if call.method == "POST" and not at_gett.is_set():
            at_gett.set()
            go_on.wait(PATIENCE)

    on_calls(kit, wait)
    store, ended = town.store, []
    first = threading.Thread(target=lambda: ended.append(kit.onboarding.onboard(store)))
    first.start()
    assert at_gett.wait(PATIENCE)
    for second in (town.kit.onboarding.onboard, town.kit.onboarding.cancel):
        with pytest.raises(Conflict, match="by somebody else at this moment"):
            second(store)
    go_on.set()
    first.join()
    assert ended[0].step is Step.DONE
    assert len(town.registered()) == 1


def test_who_has_lost_the_lease_stops_before_the_next_call(town: Town) -> None:
    def lapse(call: ApiCall) -> None:
        town.kit.redis.delete(town.kit.keys.onboarding_lock("main"))

    kit = town.process()
    on_calls(kit, lapse)
    with pytest.raises(Conflict, match="taken it over"):
        kit.onboarding.onboard(town.store)
    assert town.active() == []


# -- in the background -------------------------------------------------------------------------------------------------


def test_the_workers_go_on_with_what_is_left_to_them(town: Town) -> None:
    town.kit.onboarding.follow("main")
    worker = town.process()

    def done() -> bool:
        worker.onboarding.advance_all()
        return not worker.redis.smembers(worker.keys.onboardings)

    wait_until(done)
    wait_until(lambda: town.store.gett_id != "")
    assert len(town.active()) == 1


def test_onboarding_is_a_job_of_the_sync_queue(town: Town) -> None:
    sync_queue(town.kit.redis).enqueue("webhook_kit.worker.onboard", "main", result_ttl=0)
    run_sync(town.kit, burst=True)
    state = town.kit.onboarding.progress("main")
    assert state is not None
    assert state.onboarding_id, "registered, and left to the workers"
    wait_until(lambda: town.kit.onboarding.advance_all() >= 0 and town.active() != [])


def test_a_bad_end_in_the_background_is_one_alert(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.faults[REGISTER] = [0]
    town.kit.onboarding.follow("main")
    assert town.kit.onboarding.advance_all() == 1
    assert town.kit.onboarding.advance_all() == 0
    (entry,) = town.kit.placement_store.incidents()
    assert (entry["kind"], entry["store"]) == (Alert.ONBOARDING, "main")
    assert text(town.kit.redis.hget(town.kit.keys.alert_counts, Alert.ONBOARDING)) == "1"


def test_while_gett_is_away_the_background_waits(town: Town) -> None:
    town.context.options.ingestion_seconds = 3600
    town.kit.onboarding.onboard(town.store, timeout=0)
    town.kit.onboarding.follow("main")
    town.faults["GET", ""] = [503]
    assert town.kit.onboarding.advance_all() == 0
    assert town.kit.redis.smembers(town.kit.keys.onboardings) == {b"main"}
    assert town.kit.placement_store.incidents() == []


def test_every_way_it_ends_is_an_error_of_the_kit(town: Town) -> None:
    assert issubclass(OnboardingFailed, WebhookKitError)
    assert issubclass(OnboardingUncertain, WebhookKitError)
    assert requests.get(f"{town.kit.settings.public_url}/healthz", timeout=PATIENCE).ok
