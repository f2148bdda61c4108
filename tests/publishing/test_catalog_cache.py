"""Tests of the bounded cache of compiled catalogs."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from webhook_kit import Item, simple_catalog
from webhook_kit.catalog.build import versioned
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.kit import Kit
from webhook_kit.publishing.catalog_cache import CachedCatalog, CatalogCache


def catalog(items: int) -> CachedCatalog:
    """Return a catalog of so many items."""
    sold = [Item(item_id=f"item-{number}", name=f"Item {number}", base_price=Decimal(1)) for number in range(items)]
    compiled = CompiledCatalog.compile(versioned(simple_catalog({"All": sold}), "store"))
    return CachedCatalog(compiled, compiled.version or "", 0.0)


def kept(cache: CatalogCache, *stores: str) -> list[str]:
    return [store for store in stores if store in cache]


def test_the_catalog_that_was_not_used_for_longest_is_dropped() -> None:
    cache = CatalogCache(10)
    for store in ("a", "b", "c"):
        cache.put(store, catalog(3))
    cache.use("a")
    cache.look("b")  # is no use
    cache.put("d", catalog(3))
    assert kept(cache, "a", "b", "c", "d") == ["a", "c", "d"]
    assert cache.use("b") is None


def test_as_many_are_dropped_as_the_new_one_needs() -> None:
    cache = CatalogCache(10)
    for store in ("a", "b", "c"):
        cache.put(store, catalog(3))
    cache.put("d", catalog(7))
    assert kept(cache, "a", "b", "c", "d") == ["c", "d"]


def test_a_newer_catalog_of_a_store_replaces_its_items() -> None:
    cache = CatalogCache(10)
    for _ in range(5):
        cache.put("a", catalog(5))
    cache.put("b", catalog(5))
    assert kept(cache, "a", "b") == ["a", "b"]


def test_one_catalog_is_kept_whatever_its_size() -> None:
    cache = CatalogCache(2)
    cache.put("a", catalog(5))
    assert kept(cache, "a") == ["a"]
    cache.put("b", catalog(5))
    assert kept(cache, "a", "b") == ["b"]


def test_carts_of_more_stores_than_fit_are_checked(make_kit: Callable[..., Kit], tmp_path: Path) -> None:
    file = tmp_path / "stores.toml"
    file.write_text("".join(f'[stores.s{number}]\nadapter = "bogus"\n' for number in range(3)), encoding="utf-8")
    kit = make_kit(pos_adapter=None, gett_store_id=None, store_options={}, stores_file=file, catalog_cache_items=1)
    for _ in range(2):
        for store in kit.stores:
            assert kit.catalogs.current(store).catalog.items
            assert kept(kit.catalogs._cache, "s0", "s1", "s2") == [store.id]
