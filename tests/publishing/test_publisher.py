"""Publisher: versions are named by their content, never change, and are kept at least a day after their successor."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from webhook_kit.catalog.build import simple_catalog, versioned
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalItem
from webhook_kit.kit import Kit
from webhook_kit.publishing.publisher import Publisher, compressed_json
from webhook_kit.publishing.storage import RedisCatalogStorage

DAY = 86_400
BASE = "https://pos.example.org"


def catalog_of(*items: str, store: str = "gett-1") -> ExternalCatalogSet:
    food = [ExternalItem(item_id=item, name=item.title(), base_price=Decimal("9.50")) for item in items]
    return versioned(simple_catalog({"Food": food}), store)


def version(catalog: ExternalCatalogSet) -> str:
    assert catalog.catalog_set_id is not None
    return catalog.catalog_set_id


@pytest.fixture
def kit(make_kit: Callable[..., Kit]) -> Kit:
    return make_kit(public_url=BASE)


class Notified(list[str]):
    """The URLs of which Gett was notified."""


def publish(kit: Kit, catalog: ExternalCatalogSet, **options: Any) -> Notified:
    notified = Notified()
    assert kit.publisher.publish("main", catalog, notified.append, **options) is bool(notified)
    return notified


def ttl(kit: Kit, catalog: ExternalCatalogSet) -> int:
    """Return the seconds until a version expires; -1: never, -2: not stored."""
    seconds: int = kit.redis.ttl(kit.keys.catalog_set(version(catalog)))
    return seconds


def test_body_is_the_catalog_with_its_id(kit: Kit) -> None:
    catalog = catalog_of("soup", "cake")
    publish(kit, catalog)
    body = kit.publisher.get(version(catalog))
    assert body is not None
    assert json.loads(gzip.decompress(body))["catalogSetId"] == version(catalog)
    assert ExternalCatalogSet.from_json(gzip.decompress(body)) == catalog


def test_equal_catalogs_are_equal_bytes_in_any_order_of_their_tables() -> None:
    first, second = catalog_of("soup", "cake"), catalog_of("soup", "cake")
    second.items = dict(reversed(second.items.items()))
    assert compressed_json(first) == compressed_json(versioned(second, "gett-1"))
    assert compressed_json(first) != compressed_json(catalog_of("cake", "soup"))


def test_gett_is_notified_of_the_url_of_the_version(kit: Kit) -> None:
    catalog = catalog_of("soup")
    (url,) = publish(kit, catalog)
    assert url.startswith(f"{BASE}/catalogs/")
    assert url.endswith(f"/{version(catalog)}.json")
    assert kit.publisher.url("main") == url


def test_unchanged_content_is_published_again_only_by_force(kit: Kit) -> None:
    assert publish(kit, catalog_of("soup"))
    assert publish(kit, catalog_of("soup")) == []
    assert publish(kit, catalog_of("soup"), force=True)


def test_nothing_is_published_without_a_public_url(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit()
    assert publish(kit, catalog_of("soup")) == []
    assert kit.publisher.current("main") is None


def test_version_stays_while_it_is_current_and_a_day_after_its_successor(kit: Kit) -> None:
    first, second, third = catalog_of("soup"), catalog_of("soup", "cake"), catalog_of("tea")
    publish(kit, first)
    assert ttl(kit, first) == -1
    publish(kit, second)
    assert (ttl(kit, first) >= DAY, ttl(kit, second)) == (True, -1)
    publish(kit, third)
    assert [ttl(kit, old) >= DAY for old in (first, second)] == [True, True]


def test_current_version_does_not_expire_when_a_publication_fails(kit: Kit) -> None:
    catalog = catalog_of("soup")
    publish(kit, catalog)

    def fail(_url: str) -> None:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        kit.publisher.publish("main", catalog, fail, force=True)
    assert ttl(kit, catalog) == -1


def test_superseded_version_that_becomes_current_again_does_not_expire(kit: Kit) -> None:
    first, second = catalog_of("soup"), catalog_of("soup", "cake")
    for catalog in (first, second, first):
        publish(kit, catalog)
    assert (ttl(kit, first), ttl(kit, second) >= DAY) == (-1, True)
    assert kit.redis.zrange(kit.keys.superseded("main"), 0, -1) == [version(second).encode()]


def test_retention_of_less_than_a_day_is_rejected(make_kit: Callable[..., Kit]) -> None:
    with pytest.raises(ValueError, match="86400"):
        make_kit(catalog_retention=DAY - 1)


def test_publication_that_failed_before_the_notification_is_repeated(kit: Kit) -> None:
    catalog = catalog_of("soup")

    def fail(url: str) -> None:
        raise ConnectionError(url)

    with pytest.raises(ConnectionError):
        kit.publisher.publish("main", catalog, fail)
    assert kit.publisher.current("main") is None
    assert ttl(kit, catalog) > 0, "it is not current, so it has to expire"
    assert publish(kit, catalog)


def test_expired_version_is_deleted_from_every_storage(kit: Kit) -> None:
    deleted: list[str] = []

    class FakeStorage(RedisCatalogStorage):
        def delete(self, name: str) -> None:
            deleted.append(name)

    storage = FakeStorage(kit.redis, kit.keys, kit.catalog_urls)
    publisher = Publisher(kit.redis, kit.keys, storage, retention=DAY)
    notified: list[str] = []
    publisher.publish("main", catalog_of("soup"), notified.append)
    publisher.publish("main", catalog_of("cake"), notified.append)
    assert deleted == []
    kit.redis.zadd(kit.keys.stored_catalogs("main"), {version(catalog_of("soup")): 1})
    publisher.publish("main", catalog_of("tea"), notified.append)
    assert deleted == [version(catalog_of("soup"))]
    superseded = kit.redis.zrangebyscore(kit.keys.stored_catalogs("main"), 0, "(inf")
    assert superseded == [version(catalog_of("cake")).encode()]
