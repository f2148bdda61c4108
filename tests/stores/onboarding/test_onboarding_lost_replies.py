"""A reply of Redis is lost, or the worker killed, at any point of an onboarding: it goes on, or a person is told."""

from __future__ import annotations

import json
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
import redis

from tests.storage.lost_replies import Killed, count_replies, killed_at, lost
from tests.stores.conftest import make_store
from webhook_kit.adapter import Store
from webhook_kit.errors import StoresUnavailable
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.http import ApiCall, ApiResponse
from webhook_kit.kit import Kit
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.connection import text


class FakeGett:
    """Gett's registrations.

    :ivar registered: own ids of the stores of all registrations.
    """

    def __init__(self) -> None:
        self.registered: list[str] = []
        self._onboardings: dict[str, dict[str, str]] = {}

    def send(self, call: ApiCall) -> ApiResponse:
        *_, last_but_one, last = call.url.split("/")
        if call.method == "GET":
            found = self._onboardings[last]
        elif last == "activate":
            found = self._onboardings[last_but_one]
            found |= {"status": "active", "storeId": str(uuid4())}
        else:
            store_id = json.loads(call.body or b"")["partnerStoreId"]
            self.registered.append(store_id)
            found = {"onboardingId": str(uuid4()), "status": "ready_to_activate", "partnerStoreId": store_id}
            self._onboardings[found["onboardingId"]] = found
        return ApiResponse(200, {}, json.dumps(found).encode())


class FakeCatalogs:
    """Catalogs that are always published."""

    def validation_errors(self, _store: Store) -> Sequence[str]:
        return []

    def publish(self, _store: Store) -> str:
        return "https://partner.example/catalog"

    def on_activated(self, _store: Store) -> None:
        pass


class OnboardingWorkers:
    """Workers of one installation.

    :ivar gett: the Gett that all of them call.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.gett = FakeGett()

    def worker(self) -> Kit:
        """Return the kit of a new process."""
        worker = Kit(self.kit.settings)
        worker.client = GettClient("https://gett.test", "key", transport=self.gett)
        worker.onboarding._steps._catalog = FakeCatalogs()
        return worker

    def follow(self, store_id: str) -> None:
        """Add a store that the workers onboard."""
        self.kit.stores.add(make_store(store_id, ""))
        self.kit.onboarding.follow(store_id)

    def continue_to_end(self) -> None:
        """Continue as workers do every few seconds, as if the lock of a process that died had expired."""
        worker = self.worker()
        for _ in range(5):
            for store_id in self.kit.redis.smembers(self.kit.keys.onboardings):
                self.kit.redis.delete(self.kit.keys.onboarding_lock(text(store_id)))
            worker.onboarding.advance_all()
        assert not self.kit.redis.smembers(self.kit.keys.onboardings)

    def assert_onboarded_once_or_told(self, store_id: str) -> bool:
        """Return True if the store is onboarded."""
        assert self.gett.registered.count(store_id) <= 1
        onboarded = self.worker().stores.get(store_id).gett_id != ""
        told = [(entry["kind"], entry.get("store")) for entry in self.kit.placement_store.incidents(1000)]
        assert onboarded or (Alert.ONBOARDING, store_id) in told
        return onboarded

    def replies(self) -> int:
        """Return the number of replies of Redis that an onboarding gets."""
        self.follow("measured")
        worker = self.worker()

        def onboard() -> None:
            while worker.onboarding.advance_all() == 0:
                pass

        return count_replies(worker, onboard)


@pytest.fixture
def workers(kit_without_stores: Callable[..., Kit], events: list[MutableMapping[str, Any]]) -> OnboardingWorkers:
    return OnboardingWorkers(kit_without_stores(public_url="https://partner.example"))


@pytest.mark.parametrize("times", [1, 2])
def test_whichever_reply_is_lost_the_store_is_onboarded_or_a_person_is_told(
    times: int, workers: OnboardingWorkers
) -> None:
    replies = workers.replies()
    assert replies > 20
    for reply in range(1, replies + 1):
        workers.follow(f"s{reply}")
        worker = workers.worker()
        with lost(worker, reply, times), suppress(redis.ConnectionError, StoresUnavailable):
            worker.onboarding.advance_all()
        workers.continue_to_end()
        assert workers.assert_onboarded_once_or_told(f"s{reply}") or times == 2, "one lost reply needs nobody"


def test_whenever_the_worker_is_killed_the_store_is_onboarded_or_a_person_is_told(workers: OnboardingWorkers) -> None:
    for reply in range(1, workers.replies() + 1):
        workers.follow(f"s{reply}")
        worker = workers.worker()
        with killed_at(worker, reply):
            worker.onboarding.advance_all()
        workers.continue_to_end()
        workers.assert_onboarded_once_or_told(f"s{reply}")


def test_a_registration_whose_sender_died_raises_an_alert_although_a_person_started_it(
    workers: OnboardingWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, store = workers.worker(), make_store("s1", "")
    person.stores.add(store)

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(person.client, "register_store", die)
    with pytest.raises(Killed):
        person.onboarding.onboard(store)
    worker = workers.worker()
    worker.redis.set(worker.keys.onboarding_lock("s1"), "another process", ex=600)
    worker.onboarding.advance_all()
    assert worker.placement_store.incidents() == [], "its sender may still be at work"
    worker.redis.delete(worker.keys.onboarding_lock("s1"))
    worker.onboarding.advance_all()
    worker.onboarding.advance_all()
    (incident,) = worker.placement_store.incidents()
    assert (incident["kind"], incident["store"]) == (Alert.ONBOARDING, "s1")
    assert "look in Gett's portal for an onboarding of s1" in incident["why"]
    worker.onboarding.onboard(store, restart=True, timeout=0)
    assert worker.redis.smembers(worker.keys.registering) == set()
