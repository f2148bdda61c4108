"""Directory of the stores: a store saved by one process is visible to all; configured stores take precedence."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import redis

from tests.stores.conftest import G1, G2, G3, G5, G7, G9, KEY, make_store
from webhook_kit.errors import (
    AdapterNotFound,
    ConfigurationError,
    Conflict,
    NotFound,
    StoresUnavailable,
)
from webhook_kit.kit import Kit
from webhook_kit.storage.connection import text
from webhook_kit.stores.cipher import new_key
from webhook_kit.stores.directory import StoreDirectory
from webhook_kit.testing.processes import PATIENCE, free_port, wait_until
from webhook_kit.testing.redis_server import RedisServer

Make = Callable[..., Kit]

FULL: dict[str, Any] = {
    "timezone": ZoneInfo("Europe/Berlin"),
    "fulfillment_types": frozenset({"Pickup"}),
    "credentials": {"token": "topsecret"},
    "options": {"terminal": 3, "deep": {"list": [1, "x"]}},
}


def second_process(make: Make, kit: Kit, **changes: Any) -> Kit:
    """Return a kit as another process of the same installation has it."""
    return make(key_prefix=kit.settings.key_prefix, **changes)


# -- saved stores ------------------------------------------------------------------------------------------------------


def test_changes_of_one_process_are_visible_to_another(kit_without_stores: Make) -> None:
    kit = kit_without_stores()
    other = second_process(kit_without_stores, kit)
    assert list(other.stores) == []
    store = make_store(**FULL)
    kit.stores.add(store)
    assert kit.stores.by_id("main") == store, "visible at once in the process that added it"
    wait_until(lambda: other.stores.by_gett_id(G1) == store)
    renamed = replace(store, name="Main Street", credentials={"token": "new"})
    kit.stores.change(store, renamed)
    wait_until(lambda: other.stores.by_id("main") == renamed)
    kit.stores.remove("main")
    wait_until(lambda: list(other.stores) == [])
    assert other.stores.by_gett_id(G1) is None


def test_lookup_asks_redis_at_most_once_a_second(kit_without_stores: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    kit = kit_without_stores()
    kit.stores.add(make_store())
    reads: list[float] = []
    version = kit.store_repository.version

    def counting_version() -> str:
        reads.append(time.monotonic())
        return version()

    monkeypatch.setattr(kit.store_repository, "version", counting_version)
    while len(reads) < 3:
        assert kit.stores.by_gett_id(G1)
    assert all(later - earlier >= 1 for earlier, later in pairwise(reads))


def test_lookup_of_a_missing_store_asks_redis_soon_but_not_every_time(
    kit_without_stores: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = kit_without_stores()
    other = second_process(kit_without_stores, kit)
    assert other.stores.by_gett_id(G1) is None
    kit.stores.add(make_store())
    reads: list[float] = []
    version = other.store_repository.version

    def counting_version() -> str:
        reads.append(time.monotonic())
        return version()

    monkeypatch.setattr(other.store_repository, "version", counting_version)
    wait_until(lambda: other.stores.by_gett_id(G1))
    assert len(reads) == 1
    while len(reads) < 4:
        assert other.stores.by_gett_id("unknown") is None
    assert all(later - earlier >= 0.05 for earlier, later in pairwise(reads[1:]))


def test_concurrent_first_orders_of_a_new_store_all_find_it(
    kit_without_stores: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = kit_without_stores()
    other = second_process(kit_without_stores, kit)
    assert other.stores.by_gett_id(G1) is None
    kit.stores.add(make_store())
    time.sleep(0.05)  # until the process asks again for a store that it does not know
    reading, version = threading.Event(), other.store_repository.version

    def slow_version() -> str:
        reading.set()
        time.sleep(0.2)
        return version()

    monkeypatch.setattr(other.store_repository, "version", slow_version)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(other.stores.by_gett_id, G1)
        assert reading.wait(PATIENCE)
        assert other.stores.by_gett_id(G1) is not None
        assert first.result() is not None


def test_credentials_are_encrypted_in_redis_and_absent_from_logs_and_reprs(
    kit_without_stores: Make, events: list[MutableMapping[str, Any]]
) -> None:
    kit = kit_without_stores()
    kit.stores.add(make_store(**FULL))
    (raw,) = kit.redis.hvals(kit.keys.stores)
    assert b"topsecret" not in raw
    assert "topsecret" not in repr([*kit.stores, kit.stores._snapshot, kit.store_repository, kit.settings, *events])


def test_add_without_a_key_rejects_credentials_and_writes_nothing(kit_without_stores: Make) -> None:
    kit = kit_without_stores(webhook_kit_key=[])
    with pytest.raises(ConfigurationError, match="WEBHOOK_KIT_KEY"):
        kit.stores.add(make_store(**FULL))
    assert kit.redis.exists(kit.keys.stores) == 0
    kit.stores.add(make_store())
    allowed = second_process(kit_without_stores, kit, webhook_kit_key=[], allow_plaintext_credentials=True)
    allowed.stores.add(make_store("harbour", G2, credentials={"token": "t"}))
    assert second_process(kit_without_stores, kit).stores.by_gett_id(G2) is not None


def test_rotate_encrypts_all_credentials_with_the_newest_key(kit_without_stores: Make) -> None:
    kit, new = kit_without_stores(), new_key()
    for n in range(3):
        kit.stores.add(make_store(f"s{n}", str(uuid4()), credentials={"token": f"t{n}"}))
    kit.stores.add(make_store("bare", G9))
    both = second_process(kit_without_stores, kit, webhook_kit_key=[new, KEY])
    assert both.store_repository.rotate() == 3
    assert both.store_repository.rotate() == 0
    after = second_process(kit_without_stores, kit, webhook_kit_key=[new])
    assert [store.credentials for store in after.stores] == [{}, {"token": "t0"}, {"token": "t1"}, {"token": "t2"}]
    assert after.stores.unusable() == {}


def test_store_whose_credentials_cannot_be_decrypted_is_not_served(
    kit_without_stores: Make, events: list[MutableMapping[str, Any]]
) -> None:
    kit = kit_without_stores()
    kit.stores.add(make_store("locked", G1, credentials={"token": "t"}))
    kit.stores.add(make_store("readable", G2))
    other = second_process(kit_without_stores, kit, webhook_kit_key=[new_key()])
    assert [store.id for store in other.stores] == ["readable"]
    (mistake,) = other.stores.unusable().values()
    assert "store locked: no key of WEBHOOK_KIT_KEY decrypts" in mistake
    with pytest.raises(ConfigurationError, match="store locked"):
        other.store_repository.rotate()


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "no json",
        "[]",
        '{"adapter": 7}',
        '{"adapter": "bogus", "credentials": {"plaintext": 7}}',
        json.dumps({"adapter": "bogus", "fulfillment_types": [7] * 10_000}),
        "[" * 100_000,
        '{"adapter": "unheard-of", "gett_id": "11111111-1111-4111-8111-111111111111"}',
    ],
    ids=lambda raw: raw[:60],
)
def test_unusable_record_leaves_the_last_usable_one_in_service(
    raw: str, kit_without_stores: Make, events: list[MutableMapping[str, Any]]
) -> None:
    kit = kit_without_stores()
    kit.stores.add(make_store())
    kit.stores.add(make_store("harbour", G2))
    kit.redis.hset(kit.keys.stores, "main", raw)
    kit.redis.set(kit.keys.stores_version, "changed")
    wait_until(lambda: len(kit.stores.unusable()) == 1)
    assert [store.id for store in kit.stores] == ["harbour", "main"]
    assert [store.id for store in second_process(kit_without_stores, kit).stores] == ["harbour"]
    kit.redis.set(kit.keys.stores_version, "changed again")
    wait_until(lambda: kit.stores._snapshot.version == "changed again" or not list(kit.stores))
    assert len(kit.stores.unusable()) == 1, "the mistake is still reported"
    assert [event["event"] for event in events].count("store_record_rejected") == 2, "once by each process"
    assert all(len(str(event)) < 1_000 for event in events)


def test_add_rejects_ids_that_are_taken(kit_without_stores: Make) -> None:
    kit = kit_without_stores()
    kit.stores.add(make_store())
    for taken in (make_store("main", G2), make_store("other", G1)):
        with pytest.raises(Conflict, match="main"):
            kit.stores.add(taken)
    with pytest.raises(AdapterNotFound):
        kit.stores.add(make_store("third", G3, adapter="unheard-of"))
    assert [store.id for store in kit.stores] == ["main"]
    with pytest.raises(NotFound, match="not known"):
        kit.stores.remove("typo")


def test_second_of_two_concurrent_changes_is_a_conflict(kit_without_stores: Make) -> None:
    kit = kit_without_stores()
    store = make_store()
    kit.stores.add(store)
    kit.stores.change(store, replace(store, name="first"))
    with pytest.raises(Conflict, match="in the meantime"):
        kit.stores.change(store, replace(store, name="second"))
    assert kit.stores.get("main").name == "first"


def test_concurrent_additions_are_all_saved(kit_without_stores: Make) -> None:
    kit = kit_without_stores()

    def add(n: int) -> None:
        process = second_process(kit_without_stores, kit)
        for i in range(5):
            process.stores.add(make_store(f"{n}-{i}", str(uuid4())))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add, range(4)))
    wait_until(lambda: len(list(kit.stores)) == 20)


def test_add_without_redis_raises_an_error(kit_without_stores: Make) -> None:
    kit = kit_without_stores(redis_url=f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises((redis.RedisError, StoresUnavailable)):
        kit.stores.add(make_store())


# -- configured stores -------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "stores.toml"
    path.write_text(
        '[stores.main]\ngett_id = "11111111-1111-4111-8111-111111111111"\nadapter = "bogus"\nname = "from the file"\n[stores.new]\nadapter = "bogus"\n'
    )
    return path


def test_configured_stores_take_precedence_and_cannot_be_changed(kit_without_stores: Make, file: Path) -> None:
    first = kit_without_stores()
    first.stores.add(make_store("main", G7, name="saved"))
    first.stores.add(make_store("harbour", G2))
    first.stores.add(make_store("rival", G1))
    before = file.read_bytes()
    kit = second_process(kit_without_stores, first, stores_file=file)
    main = kit.stores.get("main")
    assert (main.name, main.gett_id) == ("from the file", G1)
    assert kit.stores.by_gett_id(G1) == main
    assert kit.stores.by_gett_id(G7) is None
    assert [store.id for store in kit.stores] == ["main", "new", "harbour", "rival"]
    changes: list[Callable[[], None]] = [
        lambda: kit.stores.add(make_store("main", G9)),
        lambda: kit.stores.change(main, replace(main, name="x")),
        lambda: kit.stores.remove("main"),
        lambda: kit.stores.save_gett_id("main", G9),
        lambda: kit.stores.save_gett_id("new", G1),
    ]
    for change in changes:
        with pytest.raises(Conflict):
            change()
    assert file.read_bytes() == before


def test_gett_id_of_a_configured_store_is_saved_and_visible_to_all(kit_without_stores: Make, file: Path) -> None:
    kit = kit_without_stores(stores_file=file)
    other = second_process(kit_without_stores, kit, stores_file=file)
    assert list(other.stores)
    kit.stores.save_gett_id("new", G5)
    wait_until(lambda: other.stores.by_gett_id(G5) is not None)
    store = other.stores.get("new")
    assert (store.id, store.gett_id) == ("new", G5)
    assert store in list(other.stores)
    without_file = second_process(kit_without_stores, kit)
    assert without_file.stores.by_id("new") is None, "a saved id alone is not a store"
    without_file.stores.add(make_store("new", G5))
    assert without_file.stores.by_gett_id(G5) is not None


# -- Redis out of reach or emptied -------------------------------------------------------------------------------------


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def test_without_redis_known_stores_are_served_and_a_new_process_answers_unavailable(
    kit_without_stores: Make, own_redis: RedisServer, file: Path, events: list[MutableMapping[str, Any]]
) -> None:
    kit = kit_without_stores(redis_url=own_redis.url)
    kit.stores.add(make_store())
    assert kit.stores.by_gett_id(G1) is not None
    own_redis.stop()
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        assert kit.stores.by_gett_id(G1) is not None
        assert kit.stores.by_gett_id(G2) is None, "it has read all stores: this one does not exist"
    assert [event["event"] for event in events].count("stores_refresh_failed") == 1
    cold = second_process(kit_without_stores, kit, redis_url=own_redis.url, stores_file=file)
    assert cold.stores.by_gett_id(G1) is not None
    for lookup in (cold.stores.by_gett_id, cold.stores.by_id):
        with pytest.raises(StoresUnavailable):
            lookup(G2)
    own_redis.start()
    wait_until(lambda: is_available(cold.stores, G2))
    assert cold.stores.by_gett_id(G2) is None


def is_available(stores: StoreDirectory, gett_id: str) -> bool:
    try:
        stores.by_gett_id(gett_id)
    except StoresUnavailable:
        return False
    return True


def test_stores_are_written_back_into_an_emptied_redis(
    kit_without_stores: Make, events: list[MutableMapping[str, Any]]
) -> None:
    kit = kit_without_stores()
    store = make_store(**FULL)
    kit.stores.add(store)
    assert kit.stores.by_id("main") == store
    kit.redis.delete(kit.keys.stores, kit.keys.stores_version)
    wait_until(lambda: kit.stores.by_id("main") == store and kit.redis.exists(kit.keys.stores) == 1)
    assert second_process(kit_without_stores, kit).stores.by_id("main") == store
    assert any(event["event"] == "lost_stores_restored" for event in events)
    (raw,) = kit.redis.hvals(kit.keys.stores)
    assert b"topsecret" not in raw


def test_removal_of_the_last_store_is_not_undone(kit_without_stores: Make) -> None:
    kit = kit_without_stores()
    other = second_process(kit_without_stores, kit)
    kit.stores.add(make_store())
    wait_until(lambda: other.stores.by_id("main") is not None)
    kit.stores.remove("main")
    wait_until(lambda: other.stores.by_id("main") is None)
    assert kit.redis.exists(kit.keys.stores) == 0
    assert text(kit.redis.get(kit.keys.stores_version))


def test_webhook_for_an_unknown_store_is_unavailable_until_all_stores_were_read(
    make_kit: Make, events: list[MutableMapping[str, Any]]
) -> None:
    from webhook_kit.app import create_app  # the one test here that needs the web

    settings = {"pos_adapter": None, "gett_store_id": None, "allow_unsigned_webhooks": True}
    order = {"cart": {"storeId": G1, "lineItems": [{"itemId": "cola"}]}, "fulfillmentType": "Pickup"}
    cold = make_kit(redis_url=f"redis://127.0.0.1:{free_port()}/0", **settings)
    response = create_app(cold).test_client().post("/validateOrder", json=order)
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    warm = make_kit(**settings)
    response = create_app(warm).test_client().post("/validateOrder", json=order)
    assert response.status_code == 404
    assert any(event["event"] == "no_stores_found" for event in events)
