"""Catalogs: the last good one, its failures and the difference to the one before."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from webhook_kit.adapter import CatalogSet, Store
from webhook_kit.catalog.diff import ChangeKind
from webhook_kit.errors import PosUnavailable
from webhook_kit.kit import Kit
from webhook_kit.operations.catalogs import (
    count_rejected_catalogs,
    read_catalog,
    read_catalog_difference,
    rejected_catalogs,
)
from webhook_kit.testing.bogus import BogusAdapter


@pytest.fixture
def kit(make_kit: Callable[..., Kit]) -> Kit:
    return make_kit(public_url="https://pos.example.org")


@pytest.fixture
def store(kit: Kit) -> Store:
    return kit.stores.get("main")


def fail(monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    def fetch(_adapter: BogusAdapter, _store: Store) -> CatalogSet:
        raise PosUnavailable(why, retry_after=1)

    monkeypatch.setattr(BogusAdapter, "fetch_catalog", fetch)


def test_a_store_without_a_catalog(kit: Kit, store: Store) -> None:
    view = read_catalog(kit, store)
    assert (view.status.version, view.names, view.unavailable, view.rejected_since) == (None, {}, (), None)
    assert read_catalog_difference(kit, store).why_unknown == "nothing is published yet"


def test_a_catalog_with_its_unavailable_items(kit: Kit, store: Store) -> None:
    kit.catalog_sync.sync(store)
    item_id = next(iter(read_catalog(kit, store).names))
    kit.availability.mark_unavailable(store, item_id)
    kit.availability.mark_unavailable(store, "not in the catalog")
    view = read_catalog(kit, store)
    assert view.status.version
    assert {each.item_id: each.name for each in view.unavailable} == {
        item_id: view.names[item_id],
        "not in the catalog": "not in the catalog",
    }


def test_the_difference_to_the_catalog_before(kit: Kit, store: Store) -> None:
    kit.catalog_sync.sync(store)
    assert "not kept" in read_catalog_difference(kit, store).why_unknown
    BogusAdapter.set_price(kit.settings.store_options["file"], "espresso", Decimal("9.00"))
    kit.catalog_sync.sync(store)
    difference = read_catalog_difference(kit, store)
    assert [change.kind for change in difference.changes] == [ChangeKind.REPRICED]
    assert difference.changes[0].after == "9.00"
    assert difference.omitted == 0


def test_a_version_that_cannot_be_read(kit: Kit, store: Store) -> None:
    kit.catalog_sync.sync(store)
    BogusAdapter.set_price(kit.settings.store_options["file"], "espresso", Decimal("9.00"))
    kit.catalog_sync.sync(store)
    before = read_catalog_difference(kit, store).before
    kit.redis.set(kit.keys.catalog_set(str(before)), b"not gzip")
    assert "cannot be read" in read_catalog_difference(kit, store).why_unknown


def test_failures_until_the_next_success(kit: Kit, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        fail(patch, "first")
        kit.catalog_sync.sync(store)
        since = read_catalog(kit, store).rejected_since
        fail(patch, "second")
        kit.catalog_sync.sync(store)
    assert since == read_catalog(kit, store).rejected_since is not None
    assert [each.reasons for each in rejected_catalogs(kit)] == [("second",)]
    assert count_rejected_catalogs(kit) == 1
    kit.catalog_sync.sync(store)
    assert (rejected_catalogs(kit), count_rejected_catalogs(kit)) == ([], 0)
