"""Last good catalogs: shared between processes, at most a second old, and never replaced by a bad one."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from webhook_kit.adapter import CatalogSet, Placed, PosAdapter, Store
from webhook_kit.catalog.build import simple_catalog
from webhook_kit.errors import CatalogInvalid
from webhook_kit.gett.models.catalog import ExternalItem
from webhook_kit.kit import Kit
from webhook_kit.pos.executor import PosExecutor
from webhook_kit.publishing import last_good as module
from webhook_kit.publishing.last_good import CatalogUnavailable, LastGoodCatalogs
from webhook_kit.testing.processes import PATIENCE, wait_until
from webhook_kit.testing.redis_server import RedisServer

pytestmark = pytest.mark.usefixtures("events")


class FakePos(PosAdapter):
    """A POS whose catalog the test sets."""

    states: ClassVar[dict[str, Any]] = {}

    def fetch_catalog(self, store: Store) -> CatalogSet:
        state = self.states[store.options["state"]]
        state["fetches"] += 1
        state["may_answer"].wait(PATIENCE)
        if isinstance(state["catalog"], BaseException):
            raise state["catalog"]
        catalog: CatalogSet = state["catalog"]
        return catalog.model_copy(deep=True) if isinstance(catalog, CatalogSet) else catalog

    def place_order(self, *_: object) -> Placed:
        raise NotImplementedError


def catalog_of(*items: str) -> CatalogSet:
    return simple_catalog({"Food": [ExternalItem(item_id=id, name=id, base_price=Decimal(1)) for id in items]})


DANGLING = catalog_of("soup").model_copy(deep=True)
DANGLING.sections[next(iter(DANGLING.sections))].item_ids.append("nothing")


class PosEnvironment:
    """A POS with a catalog, and any number of processes that use it."""

    def __init__(self, make_kit: Callable[..., Kit]) -> None:
        self.id = uuid4().hex
        self.pos: dict[str, Any] = {"catalog": catalog_of("soup"), "fetches": 0, "may_answer": threading.Event()}
        self.pos["may_answer"].set()
        FakePos.states[self.id] = self.pos
        self._make_kit = make_kit
        self._prefix = f"t{self.id}:"
        self.store = next(iter(self.kit().stores))

    def kit(self, **changes: Any) -> Kit:
        spec = {"pos_adapter": f"{__name__}:FakePos", "options": {"state": self.id}, "key_prefix": self._prefix}
        return self._make_kit(**spec | changes)

    def process(self, refresh_after: float = 300, **changes: Any) -> LastGoodCatalogs:
        """Return the catalogs of a new process."""
        kit = self.kit(**changes)
        calls = PosExecutor(kit.settings)
        return LastGoodCatalogs(kit.redis, kit.keys, kit.stores, calls, refresh_after=refresh_after, cache_items=10_000)

    def set_catalog(self, *items: str) -> None:
        self.pos["catalog"] = catalog_of(*items)

    def items(self, process: LastGoodCatalogs) -> set[str]:
        return set(process.get(self.store).items)


@pytest.fixture
def env(make_kit: Callable[..., Kit]) -> PosEnvironment:
    return PosEnvironment(make_kit)


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every process compare its copy with Redis before each use."""
    monkeypatch.setattr(module, "_CACHE_SECONDS", 0.0)


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def test_catalog_is_fetched_once_for_all_threads_and_processes(env: PosEnvironment) -> None:
    process = env.process()
    with ThreadPoolExecutor(8) as pool:
        assert all(items == {"soup"} for items in pool.map(lambda _: env.items(process), range(20)))
    assert env.items(env.process()) == {"soup"}
    assert env.pos["fetches"] == 1


def test_fresh_copy_is_used_without_asking_redis(env: PosEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CACHE_SECONDS", 1000.0)  # a long second
    process = env.process()
    env.items(process)
    env.set_catalog("soup", "cake")
    env.process().refresh(env.store)
    assert env.items(process) == {"soup"}


@pytest.mark.usefixtures("no_cache")
def test_refresh_by_another_process_is_used_after_a_second(env: PosEnvironment) -> None:
    process = env.process()
    env.items(process)
    env.set_catalog("soup", "cake")
    env.process().refresh(env.store)
    assert env.items(process) == {"soup", "cake"}
    assert env.pos["fetches"] == 2


def test_refreshing_process_uses_the_new_catalog_at_once(env: PosEnvironment) -> None:
    process = env.process()
    env.items(process)
    env.set_catalog("cake")
    process.refresh(env.store)
    assert env.items(process) == {"cake"}


@pytest.mark.usefixtures("no_cache")
def test_old_catalog_is_fetched_by_one_process_without_delaying_others(env: PosEnvironment) -> None:
    processes = [env.process(refresh_after=0.0) for _ in range(3)]
    assert env.items(processes[0]) == {"soup"}
    env.set_catalog("soup", "cake")
    env.pos["may_answer"].clear()
    env.kit().redis.hset(env.kit().keys.catalog(env.store.id), "fetched", 1)
    for process in processes * 2:
        assert env.items(process) == {"soup"}
    env.pos["may_answer"].set()
    wait_until(lambda: all(env.items(process) == {"soup", "cake"} for process in processes))
    assert env.pos["fetches"] == 2


@pytest.mark.usefixtures("no_cache")
@pytest.mark.parametrize(
    "bad", [DANGLING, None, "catalog", RuntimeError("the POS is down")], ids=lambda bad: repr(bad)[:20]
)
def test_bad_catalog_never_replaces_a_good_one(
    bad: Any, env: PosEnvironment, events: list[MutableMapping[str, Any]]
) -> None:
    process = env.process(refresh_after=0.0)
    assert env.items(process) == {"soup"}
    env.pos["catalog"] = bad
    with pytest.raises(RuntimeError if isinstance(bad, Exception) else CatalogInvalid):
        process.refresh(env.store)
    assert env.items(process) == {"soup"}
    assert env.items(env.process()) == {"soup"}
    env.kit().redis.hset(env.kit().keys.catalog(env.store.id), "fetched", 1)
    env.items(process)
    wait_until(lambda: [e for e in events if e["event"] == "catalog_refresh_failed"])
    assert env.items(process) == {"soup"}


GARBAGE = {
    "nothing": b"",
    "no gzip": b"catalog",
    "half of a gzip": gzip.compress(b"{}")[:12],
    "no catalog": gzip.compress(b"[]"),
    "a catalog with errors": gzip.compress(DANGLING.to_json()),
}


@pytest.mark.usefixtures("no_cache")
@pytest.mark.parametrize("garbage", GARBAGE)
def test_unreadable_data_in_redis_never_replaces_a_good_catalog(garbage: str, env: PosEnvironment) -> None:
    warm = env.process()
    assert env.items(warm) == {"soup"}
    kit = env.kit()
    kit.redis.hset(kit.keys.catalog(env.store.id), mapping={"version": "other", "body": GARBAGE[garbage]})
    assert env.items(warm) == {"soup"}
    assert env.items(env.process()) == {"soup"}  # a new process asks the POS


@pytest.mark.usefixtures("no_cache")
def test_copy_is_used_while_redis_is_down_and_updated_afterwards(env: PosEnvironment, own_redis: RedisServer) -> None:
    process = env.process(redis_url=own_redis.url)
    assert env.items(process) == {"soup"}
    own_redis.stop()
    env.set_catalog("soup", "cake")
    assert env.items(process) == {"soup"}
    process.refresh(env.store)  # from the POS, for this process alone
    assert env.items(process) == {"soup", "cake"}
    own_redis.start()
    env.process(redis_url=own_redis.url).refresh(env.store)
    assert env.items(process) == {"soup", "cake"}


def test_new_process_reads_the_catalog_from_redis_without_the_pos(env: PosEnvironment) -> None:
    env.items(env.process())
    env.pos["catalog"] = RuntimeError("the POS is down")
    assert env.items(env.process()) == {"soup"}


@pytest.mark.parametrize("reason", [RuntimeError("down"), DANGLING, None], ids=lambda reason: repr(reason)[:20])
def test_new_process_without_a_catalog_fails_and_tries_again_on_the_next_use(reason: Any, env: PosEnvironment) -> None:
    process = env.process()
    env.pos["catalog"] = reason
    with pytest.raises(CatalogUnavailable):
        process.get(env.store)
    env.set_catalog("cake")
    assert env.items(process) == {"cake"}


def test_who_waits_for_a_fetch_that_fails_waits_for_no_other(
    env: PosEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, lock = env.process(), threading.Lock()
    waiting: list[Store] = []

    def wait(store: Store) -> threading.Lock:
        waiting.append(store)
        return lock

    monkeypatch.setattr(process, "_lock", wait)
    env.pos["catalog"] = RuntimeError("down")
    env.pos["may_answer"].clear()
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(process.get, env.store) for _ in range(8)]
        wait_until(lambda: len(waiting) == 8)
        env.pos["may_answer"].set()
        assert all(isinstance(answer.exception(PATIENCE), CatalogUnavailable) for answer in answers)
    assert env.pos["fetches"] == 1


@pytest.mark.usefixtures("no_cache")
def test_catalog_is_written_again_after_redis_was_emptied(env: PosEnvironment) -> None:
    process, kit = env.process(), env.kit()
    env.items(process)
    kit.redis.delete(kit.keys.catalog(env.store.id))
    assert env.items(process) == {"soup"}
    wait_until(lambda: kit.redis.exists(kit.keys.catalog(env.store.id)))


def test_damaged_catalog_in_redis_raises_an_alert_and_is_fetched_again(env: PosEnvironment) -> None:
    kit = env.kit()
    env.items(kit.catalogs)
    kit.redis.hset(kit.keys.catalog(env.store.id), "body", b"no gzip")
    env.pos["may_answer"].clear()
    late = env.kit(pos_deadline=0.1)
    with pytest.raises(CatalogUnavailable):
        late.catalogs.get(env.store)
    (incident,) = kit.placement_store.incidents()
    assert (incident["kind"], incident["store"]) == ("catalog_damaged", env.store.id)
    assert "run `webhook-kit catalog sync" in incident["why"]
    env.pos["may_answer"].set()
    assert env.items(env.process()) == {"soup"}


def test_a_worker_that_fetches_catalogs_does_not_keep_them(kit: Kit) -> None:
    main = kit.stores.get("main")
    for _ in range(2):
        kit.catalogs.refresh(main, shrink_guard=True)
    assert "main" not in kit.catalogs._cache
    kit.catalogs.get(main)
    cached = kit.catalogs._cache.look("main")
    kit.catalogs.refresh(main)
    assert kit.catalogs._cache.look("main") is not cached, "a process that checks carts keeps the newest"
