"""Sources of configured stores: fixed ones, and a class of the vendor (STORES_SOURCE)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, MutableMapping
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from tests.stores.conftest import G1, G2, G3, make_store
from webhook_kit.adapter import Store
from webhook_kit.errors import ConfigurationError, Conflict, StoresUnavailable
from webhook_kit.kit import Kit
from webhook_kit.stores import source
from webhook_kit.stores.source import FixedStores
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.processes import wait_until

Make = Callable[..., Kit]


class ConfiguredPos(BogusAdapter):
    class Config(BaseModel):
        terminal: int


def test_stores_with_wrong_options_are_refused_all_at_once(kit_without_stores: Make) -> None:
    adapter = f"{__name__}:ConfiguredPos"
    wrong = [make_store("first", G1, adapter=adapter), make_store("second", G2, adapter=adapter, options={"t": 1})]
    with pytest.raises(ConfigurationError) as error:
        FixedStores(wrong)
    assert [mistake.partition(";")[0] for mistake in error.value.mistakes] == [
        "store first: options.terminal is missing",
        "store second: options.t is unknown",
        "store second: options.terminal is missing",
    ]
    kit = kit_without_stores()
    kit.store_repository.add(wrong[0])  # by a process with another version of the adapter
    assert list(kit.stores) == []
    assert "options.terminal is missing" in str(kit.stores.unusable())


class OurStores:
    """Directory of a vendor."""

    stores: ClassVar[dict[str, Store]] = {}
    failure: Exception | None = None
    calls = 0

    def _read(self) -> dict[str, Store]:
        type(self).calls += 1
        if self.failure:
            raise self.failure
        return self.stores

    def __iter__(self) -> Iterator[Store]:
        return iter(self._read().values())

    def by_id(self, store_id: str) -> Store | None:
        return self._read().get(store_id)

    def by_gett_id(self, gett_store_id: str) -> Store | None:
        return next((store for store in self._read().values() if store.gett_id == gett_store_id), None)


class NoStores:
    pass


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> type[OurStores]:
    monkeypatch.setattr(OurStores, "stores", {"main": make_store(), "new": make_store("new", "")})
    monkeypatch.setattr(OurStores, "failure", None)
    return OurStores


def test_stores_source_takes_precedence_and_is_read_again(kit_without_stores: Make, ours: type[OurStores]) -> None:
    kit = kit_without_stores(stores_source=f"{__name__}:OurStores")
    assert kit.stores.by_gett_id(G1) == ours.stores["main"]
    assert [store.id for store in kit.stores] == ["main", "new"]
    kit.stores.save_gett_id("new", G2)
    assert kit.stores.get(G2).id == "new"
    ours.stores["late"] = make_store("late", G3)
    wait_until(lambda: kit.stores.by_gett_id(G3) is not None)
    with pytest.raises(Conflict):
        kit.stores.remove("main")


def test_failing_stores_source_leaves_its_last_results_in_service(
    kit_without_stores: Make, ours: type[OurStores], events: list[MutableMapping[str, Any]]
) -> None:
    kit = kit_without_stores(stores_source=f"{__name__}:OurStores")
    assert kit.stores.by_gett_id(G1) is not None
    ours.failure = OSError("password topsecret refused")
    calls = ours.calls
    wait_until(lambda: kit.stores.by_gett_id(G1) is not None and ours.calls > calls)
    with pytest.raises(StoresUnavailable):
        kit.stores.by_gett_id(G2)
    assert "topsecret" not in str(events)


def test_store_that_is_not_in_its_canonical_form_is_a_mistake(kit_without_stores: Make, ours: type[OurStores]) -> None:
    ours.stores["late"] = make_store("late", f"{{{G3.upper()}}}", name="Late ")
    kit = kit_without_stores(stores_source=f"{__name__}:OurStores")
    assert kit.stores.configured_mistakes() == (
        "store late: gett_id should be in small letters with hyphens, as Gett writes it",
        "store late: name has whitespace around it",
    )


@pytest.mark.parametrize("spec", ["nowhere:Class", f"{__name__}:Nobody", f"{__name__}:NoStores"])
def test_unusable_stores_source_is_one_mistake(spec: str, kit_without_stores: Make) -> None:
    kit = kit_without_stores(stores_source=spec)
    with pytest.raises(ConfigurationError, match="STORES_SOURCE"):
        _ = kit.stores


def test_stores_source_that_blocks_is_not_waited_for(
    kit_without_stores: Make,
    ours: type[OurStores],
    monkeypatch: pytest.MonkeyPatch,
    events: list[MutableMapping[str, Any]],
) -> None:
    monkeypatch.setattr(source, "_TIMEOUT", 0.1)
    kit = kit_without_stores(stores_source=f"{__name__}:OurStores")
    ours.stores = {"a": make_store("a", G1)}
    assert kit.stores.by_gett_id(G1) is not None
    released = threading.Event()
    monkeypatch.setattr(OurStores, "_read", lambda self: (released.wait(), self.stores)[1])
    monkeypatch.setattr(source, "_MAX_AGE", 0.0)
    assert kit.stores.by_gett_id(G1) is not None, "the last result"
    for _ in range(40):  # more than calls at the same time
        with pytest.raises(StoresUnavailable):
            kit.stores.by_gett_id(G2)
    released.set()


def test_more_stores_than_results_of_unknown_ids_keep_their_last_results(
    ours: type[OurStores], monkeypatch: pytest.MonkeyPatch, events: list[MutableMapping[str, Any]]
) -> None:
    monkeypatch.setattr(source, "_MAX_UNKNOWN", 5)
    monkeypatch.setattr(source, "_MAX_AGE", 0.0)
    ours.stores = {f"s{number}": make_store(f"s{number}") for number in range(20)}
    stores = source.VendorStores(ours())
    for number in range(20):
        assert stores.by_id(f"s{number}") is not None
        assert stores.by_id(f"invented-{number}") is None
    assert len(stores._results) <= 26
    ours.failure = OSError()
    for number in range(20):
        assert stores.by_id(f"s{number}") == ours.stores[f"s{number}"]
    ours.failure = None
    del ours.stores["s0"]
    assert stores.by_id("s0") is None


def test_large_list_of_stores_is_not_read_every_second(ours: type[OurStores], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr(source, "time", SimpleNamespace(monotonic=lambda: now[0]))
    stores = source.VendorStores(ours())

    def slow(read: Callable[[], Any], *, seconds: float) -> Any:
        now[0] += 0.5
        return read()

    monkeypatch.setattr(stores._calls, "run", slow)
    first = list(stores)
    ours.stores["late"] = make_store("late", G3)
    now[0] += 9
    assert list(stores) == first
    assert stores.by_id("late") is not None
    now[0] += 1.1
    assert len(list(stores)) == len(first) + 1
