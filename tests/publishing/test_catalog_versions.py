"""A version of another store's catalog is recognised, with one command however many stores there are."""

from __future__ import annotations

from uuid import uuid4

from webhook_kit.adapter import Store
from webhook_kit.kit import Kit


def test_version_of_another_store_is_foreign_and_an_unknown_one_is_not(kit: Kit) -> None:
    other = Store("other", str(uuid4()), "bogus", options=kit.stores.get("main").options)
    kit.stores.add(other)
    main = kit.stores.get("main")
    versions = [kit.catalogs.refresh(store).catalog_set_id or "" for store in (main, other)]
    assert [kit.catalogs.is_foreign(main, version) for version in (*versions, "unknown")] == [False, True, False]
    assert [kit.catalogs.is_foreign(other, version) for version in versions] == [True, False]


def test_version_without_the_unavailable_items_is_foreign_too(kit: Kit) -> None:
    other = Store("other", str(uuid4()), "bogus", options=kit.stores.get("main").options)
    kit.stores.add(other)
    catalog = kit.catalogs.refresh(other)
    kit.availability.mark_unavailable(other, next(iter(catalog.items)))
    before = set(kit.redis.scan_iter(kit.keys.catalog_store("*")))
    kit.catalog_sync.publish(other)
    (published,) = set(kit.redis.scan_iter(kit.keys.catalog_store("*"))) - before
    version = published.decode().removeprefix(kit.keys.catalog_store(""))
    assert kit.catalogs.is_foreign(kit.stores.get("main"), version)


def test_check_of_a_version_does_not_ask_for_every_store(kit: Kit) -> None:
    for number in range(30):
        kit.stores.add(Store(f"s{number}", str(uuid4()), "bogus"))
    main = kit.stores.get("main")
    kit.redis.config_resetstat()
    assert not kit.catalogs.is_foreign(main, str(uuid4()))
    commands = {name: each["calls"] for name, each in kit.redis.info("commandstats").items()}
    assert commands.get("cmdstat_get") == 1
    assert "cmdstat_hget" not in commands
