"""The directory: learned by one process, known to all within about a second, and below what is configured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pytest
import redis

from tests.stores.conftest import KEY, a_store
from webhook_kit.adapter import Store
from webhook_kit.errors import (
    AdapterNotFound,
    ConfigurationError,
    Conflict,
    InvalidTransition,
    NotFound,
    StoresUnavailable,
)
from webhook_kit.kit import Kit
from webhook_kit.storage.connection import text
from webhook_kit.stores.cipher import new_key
from webhook_kit.stores.directory import StoreDirectory
from webhook_kit.testing.processes import free_port, wait_until
from webhook_kit.testing.redis_server import RedisServer

Make = Callable[..., Kit]

FULL: dict[str, Any] = {
    "timezone": ZoneInfo("Europe/Berlin"),
    "fulfillment_types": frozenset({"Pickup"}),
    "credentials": {"token": "topsecret"},
    "options": {"terminal": 3, "deep": {"list": [1, "x"]}},
}


def sister(make: Make, kit: Kit, **changes: Any) -> Kit:
    """Another process of the same installation."""
    return make(key_prefix=kit.settings.key_prefix, **changes)


# -- learned -----------------------------------------------------------------------------------------------------------


def test_what_one_process_adds_changes_and_removes_another_sees(empty: Make) -> None:
    kit = empty()
    other = sister(empty, kit)
    assert list(other.stores) == []
    store = a_store(**FULL)
    kit.stores.add(store)
    assert kit.stores.by_id("main") == store, "at once where it was added"
    wait_until(lambda: other.stores.by_gett_id("g1") == store)
    after = replace(store, name="Main Street", credentials={"token": "new"})
    kit.stores.change(store, after)
    wait_until(lambda: other.stores.by_id("main") == after)
    kit.stores.remove("main")
    wait_until(lambda: list(other.stores) == [])
    assert other.stores.by_gett_id("g1") is None


def test_looking_up_a_store_asks_redis_once_a_second_at_most(empty: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    kit = empty()
    kit.stores.add(a_store())
    asked: list[float] = []
    version = kit.store_repository.version

    def counted() -> str:
        asked.append(time.monotonic())
        return version()

    monkeypatch.setattr(kit.store_repository, "version", counted)
    while len(asked) < 3:
        assert kit.stores.by_gett_id("g1")
    assert all(later - earlier >= 1 for earlier, later in pairwise(asked))


def test_a_store_that_is_missing_is_looked_for_at_once_but_not_with_every_call(
    empty: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = empty()
    other = sister(empty, kit)
    assert other.stores.by_gett_id("g1") is None
    kit.stores.add(a_store())
    asked: list[float] = []
    version = other.store_repository.version

    def counted() -> str:
        asked.append(time.monotonic())
        return version()

    monkeypatch.setattr(other.store_repository, "version", counted)
    wait_until(lambda: other.stores.by_gett_id("g1"))
    assert len(asked) == 1
    while len(asked) < 4:
        assert other.stores.by_gett_id("unknown") is None
    assert all(later - earlier >= 0.05 for earlier, later in pairwise(asked[1:]))


def test_credentials_lie_in_redis_encrypted(empty: Make, events: list[MutableMapping[str, Any]]) -> None:
    kit = empty()
    kit.stores.add(a_store(**FULL))
    (raw,) = kit.redis.hvals(kit.keys.stores)
    assert b"topsecret" not in raw
    assert "topsecret" not in repr([*kit.stores, kit.stores._learned, kit.store_repository, kit.settings, *events])


def test_without_a_key_a_store_with_credentials_is_refused_and_nothing_is_written(empty: Make) -> None:
    kit = empty(webhook_kit_key=[])
    with pytest.raises(ConfigurationError, match="WEBHOOK_KIT_KEY"):
        kit.stores.add(a_store(**FULL))
    assert kit.redis.exists(kit.keys.stores) == 0
    kit.stores.add(a_store())
    allowed = sister(empty, kit, webhook_kit_key=[], allow_plaintext_credentials=True)
    allowed.stores.add(a_store("harbour", "g2", credentials={"token": "t"}))
    assert sister(empty, kit).stores.by_gett_id("g2") is not None


def test_keys_are_rotated_by_sealing_everything_anew(empty: Make) -> None:
    kit, new = empty(), new_key()
    for n in range(3):
        kit.stores.add(a_store(f"s{n}", f"g{n}", credentials={"token": f"t{n}"}))
    kit.stores.add(a_store("bare", "g9"))
    both = sister(empty, kit, webhook_kit_key=[new, KEY])
    assert both.store_repository.rotate() == 3
    assert both.store_repository.rotate() == 0
    after = sister(empty, kit, webhook_kit_key=[new])
    assert [store.credentials for store in after.stores] == [{}, {"token": "t0"}, {"token": "t1"}, {"token": "t2"}]
    assert after.stores.mistakes() == ()


def test_credentials_that_cannot_be_opened_keep_their_store_out_and_no_other(
    empty: Make, events: list[MutableMapping[str, Any]]
) -> None:
    kit = empty()
    kit.stores.add(a_store("shut", "g1", credentials={"token": "t"}))
    kit.stores.add(a_store("open", "g2"))
    other = sister(empty, kit, webhook_kit_key=[new_key()])
    assert [store.id for store in other.stores] == ["open"]
    (mistake,) = other.stores.mistakes()
    assert "store shut: no key of WEBHOOK_KIT_KEY opens" in mistake
    with pytest.raises(ConfigurationError, match="store shut"):
        other.store_repository.rotate()


@pytest.mark.parametrize("raw", ["", "no json", "[]", '{"adapter": 7}', '{"adapter": "unheard-of", "gett_id": "g1"}'])
def test_a_record_that_cannot_be_used_leaves_the_last_good_one(
    raw: str, empty: Make, events: list[MutableMapping[str, Any]]
) -> None:
    kit = empty()
    kit.stores.add(a_store())
    kit.stores.add(a_store("harbour", "g2"))
    kit.redis.hset(kit.keys.stores, "main", raw)
    kit.redis.set(kit.keys.stores_version, "changed")
    wait_until(lambda: len(kit.stores.mistakes()) == 1)
    assert [store.id for store in kit.stores] == ["harbour", "main"]
    assert [store.id for store in sister(empty, kit).stores] == ["harbour"]
    kit.redis.set(kit.keys.stores_version, "changed again")
    wait_until(lambda: kit.stores._learned.version == "changed again" or not list(kit.stores))
    assert len(kit.stores.mistakes()) == 1, "still wrong, still said"
    assert [event["event"] for event in events].count("store in redis not usable") == 2, "by each process once"


def test_ids_are_given_once(empty: Make) -> None:
    kit = empty()
    kit.stores.add(a_store())
    for taken in (a_store("main", "g2"), a_store("other", "g1")):
        with pytest.raises(Conflict, match="main"):
            kit.stores.add(taken)
    with pytest.raises(AdapterNotFound):
        kit.stores.add(a_store("third", "g3", adapter="unheard-of"))
    assert [store.id for store in kit.stores] == ["main"]
    with pytest.raises(NotFound, match="not known"):
        kit.stores.remove("typo")


def test_of_two_who_change_a_store_at_once_one_is_told(empty: Make) -> None:
    kit = empty()
    store = a_store()
    kit.stores.add(store)
    kit.stores.change(store, replace(store, name="first"))
    with pytest.raises(Conflict, match="meanwhile"):
        kit.stores.change(store, replace(store, name="second"))
    found = kit.stores.by_id("main")
    assert found is not None
    assert found.name == "first"


def test_many_who_add_at_once_lose_nothing(empty: Make) -> None:
    kit = empty()

    def add(n: int) -> None:
        process = sister(empty, kit)
        for i in range(5):
            process.stores.add(a_store(f"{n}-{i}", f"g{n}-{i}"))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add, range(4)))
    wait_until(lambda: len(list(kit.stores)) == 20)


# -- below what is configured ------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "stores.toml"
    path.write_text(
        '[stores.main]\ngett_id = "g1"\nadapter = "bogus"\nname = "from the file"\n[stores.new]\nadapter = "bogus"\n'
    )
    return path


def test_the_file_wins_over_what_was_learned_and_is_never_written(empty: Make, file: Path) -> None:
    learned = empty()
    learned.stores.add(a_store("main", "g7", name="learned"))
    learned.stores.add(a_store("harbour", "g2"))
    learned.stores.add(a_store("rival", "g1"))
    before = file.read_bytes()
    kit = sister(empty, learned, stores_file=file)
    found = kit.stores.by_id("main")
    assert found is not None
    assert (found.name, found.gett_id) == ("from the file", "g1")
    assert kit.stores.by_gett_id("g1") == found
    assert kit.stores.by_gett_id("g7") is None
    assert [store.id for store in kit.stores] == ["main", "new", "harbour", "rival"]
    refusals: list[Callable[[], None]] = [
        lambda: kit.stores.add(a_store("main", "g9")),
        lambda: kit.stores.change(found, replace(found, name="x")),
        lambda: kit.stores.remove("main"),
        lambda: kit.stores.save_gett_id("main", "g9"),
        lambda: kit.stores.save_gett_id("new", "g1"),
    ]
    for refused in refusals:
        with pytest.raises(Conflict):
            refused()
    assert file.read_bytes() == before


def test_gett_s_id_of_a_configured_store_is_learned(empty: Make, file: Path) -> None:
    kit = empty(stores_file=file)
    other = sister(empty, kit, stores_file=file)
    assert list(other.stores)
    kit.stores.save_gett_id("new", "g5")
    wait_until(lambda: other.stores.by_gett_id("g5") is not None)
    found = other.stores.by_id("new")
    assert found is not None
    assert (found.id, found.gett_id) == ("new", "g5")
    assert found in list(other.stores)
    bare = sister(empty, kit)
    assert bare.stores.by_id("new") is None, "without the file it is no store"
    bare.stores.add(a_store("new", "g5"))
    assert bare.stores.by_gett_id("g5") is not None


# -- when redis is away, or empty --------------------------------------------------------------------------------------


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def test_without_redis_a_process_goes_on_with_what_it_knows_and_a_cold_one_refuses_nothing_for_good(
    empty: Make, own_redis: RedisServer, file: Path, events: list[MutableMapping[str, Any]]
) -> None:
    kit = empty(redis_url=own_redis.url)
    kit.stores.add(a_store())
    assert kit.stores.by_gett_id("g1") is not None
    own_redis.stop()
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        assert kit.stores.by_gett_id("g1") is not None
        assert kit.stores.by_gett_id("g2") is None, "it has read the directory: this one is unknown"
    assert [event["event"] for event in events].count("stores not looked at again") == 1
    cold = sister(empty, kit, redis_url=own_redis.url, stores_file=file)
    assert cold.stores.by_gett_id("g1") is not None
    for ask in (cold.stores.by_gett_id, cold.stores.by_id):
        with pytest.raises(StoresUnavailable):
            ask("g2")
    own_redis.start()
    wait_until(lambda: _answers(cold.stores, "g2"))
    assert cold.stores.by_gett_id("g2") is None


def _answers(stores: StoreDirectory, gett_id: str) -> bool:
    try:
        stores.by_gett_id(gett_id)
    except StoresUnavailable:
        return False
    return True


def test_an_emptied_redis_is_given_its_stores_back_by_whoever_knows_them(
    empty: Make, events: list[MutableMapping[str, Any]]
) -> None:
    kit = empty()
    store = a_store(**FULL)
    kit.stores.add(store)
    assert kit.stores.by_id("main") == store
    kit.redis.delete(kit.keys.stores, kit.keys.stores_version)
    wait_until(lambda: kit.stores.by_id("main") == store and kit.redis.exists(kit.keys.stores) == 1)
    assert sister(empty, kit).stores.by_id("main") == store
    assert any(event["event"].startswith("stores were lost from redis") for event in events)
    (raw,) = kit.redis.hvals(kit.keys.stores)
    assert b"topsecret" not in raw


def test_a_directory_that_was_emptied_on_purpose_stays_empty(empty: Make) -> None:
    kit = empty()
    other = sister(empty, kit)
    kit.stores.add(a_store())
    wait_until(lambda: other.stores.by_id("main") is not None)
    kit.stores.remove("main")
    wait_until(lambda: other.stores.by_id("main") is None)
    assert kit.redis.exists(kit.keys.stores) == 0
    assert text(kit.redis.get(kit.keys.stores_version))


def test_a_webhook_for_a_store_that_may_be_known_elsewhere_is_answered_try_again(
    make_kit: Make, events: list[MutableMapping[str, Any]]
) -> None:
    from webhook_kit.app import create_app  # the one test here that needs the web

    settings = {"pos_adapter": None, "gett_store_id": None, "allow_unsigned_webhooks": True}
    order = {"cart": {"storeId": "g1", "lineItems": [{"itemId": "cola"}]}, "fulfillmentType": "Pickup"}
    cold = make_kit(redis_url=f"redis://127.0.0.1:{free_port()}/0", **settings)
    answer = create_app(cold).test_client().post("/validateOrder", json=order)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    warm = make_kit(**settings)
    answer = create_app(warm).test_client().post("/validateOrder", json=order)
    assert answer.status_code == 404
    assert any("no store yet" in event["event"] for event in events)


# -- a vendor's own class ----------------------------------------------------------------------------------------------


class OurStores:
    """What a vendor writes."""

    stores: ClassVar[dict[str, Store]] = {}
    failure: Exception | None = None
    asked = 0

    def _answer(self) -> dict[str, Store]:
        type(self).asked += 1
        if self.failure:
            raise self.failure
        return self.stores

    def __iter__(self) -> Iterator[Store]:
        return iter(self._answer().values())

    def by_id(self, store_id: str) -> Store | None:
        return self._answer().get(store_id)

    def by_gett_id(self, gett_store_id: str) -> Store | None:
        return next((store for store in self._answer().values() if store.gett_id == gett_store_id), None)


class NoStores:
    pass


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> type[OurStores]:
    monkeypatch.setattr(OurStores, "stores", {"main": a_store(), "new": a_store("new", "")})
    monkeypatch.setattr(OurStores, "failure", None)
    return OurStores


def test_a_vendors_own_class_is_asked_and_wins(empty: Make, ours: type[OurStores]) -> None:
    kit = empty(stores_source=f"{__name__}:OurStores")
    assert kit.stores.by_gett_id("g1") == ours.stores["main"]
    assert [store.id for store in kit.stores] == ["main", "new"]
    kit.stores.save_gett_id("new", "g2")
    found = kit.stores.by_gett_id("g2")
    assert found is not None
    assert found.id == "new"
    ours.stores["late"] = a_store("late", "g3")
    wait_until(lambda: kit.stores.by_gett_id("g3") is not None)
    with pytest.raises(Conflict):
        kit.stores.remove("main")


def test_while_a_vendors_class_fails_its_last_answer_stands_and_no_order_is_refused_for_good(
    empty: Make, ours: type[OurStores], events: list[MutableMapping[str, Any]]
) -> None:
    kit = empty(stores_source=f"{__name__}:OurStores")
    assert kit.stores.by_gett_id("g1") is not None
    ours.failure = OSError("password topsecret refused")
    asked = ours.asked
    wait_until(lambda: kit.stores.by_gett_id("g1") is not None and ours.asked > asked)
    with pytest.raises(StoresUnavailable):
        kit.stores.by_gett_id("g2")
    assert "topsecret" not in str(events)


@pytest.mark.parametrize("spec", ["nowhere:Class", f"{__name__}:Nobody", f"{__name__}:NoStores", "no spec"])
def test_a_class_that_cannot_be_used_is_one_mistake(spec: str, empty: Make) -> None:
    kit = empty(stores_source=spec)
    with pytest.raises(ConfigurationError, match="STORES_SOURCE"):
        _ = kit.stores


def test_a_store_that_gett_does_not_know_is_neither_paused_nor_resumed(empty: Make) -> None:
    kit = empty()
    kit.stores.add(a_store("new", ""))
    with pytest.raises(InvalidTransition, match="not at Gett yet"):
        kit.store_status.pause("new", "too_busy")
    with pytest.raises(InvalidTransition, match="not at Gett yet"):
        kit.store_status.resume("new")
    assert kit.lanes.all_waiting() == {}


def test_a_redis_that_fails_while_writing_is_the_callers_to_see(empty: Make) -> None:
    kit = empty(redis_url=f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises((redis.RedisError, StoresUnavailable)):
        kit.stores.add(a_store())
