"""Published versions: named by their content, never changed, kept for a day and more after their successor."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from webhook_kit.catalog.build import simple_catalog, versioned
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalItem
from webhook_kit.kit import Kit
from webhook_kit.publishing.publisher import CatalogUrls, Publisher, RedisCatalogStorage, packed

DAY = 86_400
BASE = "https://pos.example.org"


def menu(*dishes: str, store: str = "gett-1") -> ExternalCatalogSet:
    board = [ExternalItem(item_id=dish, name=dish.title(), base_price=Decimal("9.50")) for dish in dishes]
    return versioned(simple_catalog({"Food": board}), store)


def version(catalog: ExternalCatalogSet) -> str:
    assert catalog.catalog_set_id is not None
    return catalog.catalog_set_id


@pytest.fixture
def kit(make_kit: Callable[..., Kit]) -> Kit:
    return make_kit(public_url=BASE)


class Told(list[str]):
    """The addresses that Gett was told."""


def publish(kit: Kit, catalog: ExternalCatalogSet, **more: Any) -> Told:
    told = Told()
    assert kit.publisher.publish("main", catalog, told.append, **more) is bool(told)
    return told


def seconds_left(kit: Kit, catalog: ExternalCatalogSet) -> int:
    """-1: kept for good; -2: not there."""
    left: int = kit.redis.ttl(kit.keys.catalog_set(version(catalog)))
    return left


def test_what_is_published_is_the_menu_with_its_id(kit: Kit) -> None:
    catalog = menu("soup", "cake")
    publish(kit, catalog)
    body = kit.publisher.body(version(catalog))
    assert body is not None
    assert json.loads(gzip.decompress(body))["catalogSetId"] == version(catalog)
    assert ExternalCatalogSet.from_json(gzip.decompress(body)) == catalog


def test_the_same_menu_is_the_same_bytes_whatever_order_its_tables_have() -> None:
    there, back = menu("soup", "cake"), menu("soup", "cake")
    back.items = dict(reversed(back.items.items()))
    assert packed(there) == packed(versioned(back, "gett-1"))
    assert packed(there) != packed(menu("cake", "soup"))


def test_gett_is_told_the_address_of_the_version(kit: Kit) -> None:
    catalog = menu("soup")
    (address,) = publish(kit, catalog)
    assert address.startswith(f"{BASE}/catalogs/")
    assert address.endswith(f"/{version(catalog)}.json")
    assert kit.publisher.address("main") == address


def test_unchanged_content_pushes_nothing_unless_it_is_asked_for(kit: Kit) -> None:
    assert publish(kit, menu("soup"))
    assert publish(kit, menu("soup")) == []
    assert publish(kit, menu("soup"), again=True)


def test_without_a_public_address_nothing_is_published(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit()
    assert publish(kit, menu("soup")) == []
    assert kit.publisher.current("main") is None


def test_a_version_stays_while_it_is_current_and_a_day_and_more_after_its_successor(kit: Kit) -> None:
    first, second, third = menu("soup"), menu("soup", "cake"), menu("tea")
    publish(kit, first)
    assert seconds_left(kit, first) == -1
    publish(kit, second)
    assert (seconds_left(kit, first) >= DAY, seconds_left(kit, second)) == (True, -1)
    publish(kit, third)
    assert [seconds_left(kit, old) >= DAY for old in (first, second)] == [True, True]


def test_a_current_version_outlives_a_publication_that_dies(kit: Kit) -> None:
    catalog = menu("soup")
    publish(kit, catalog)

    def die(_address: str) -> None:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        kit.publisher.publish("main", catalog, die, again=True)
    assert seconds_left(kit, catalog) == -1


def test_a_version_that_comes_back_stays(kit: Kit) -> None:
    first, second = menu("soup"), menu("soup", "cake")
    for catalog in (first, second, first):
        publish(kit, catalog)
    assert (seconds_left(kit, first), seconds_left(kit, second) >= DAY) == (-1, True)
    assert kit.redis.zrange(kit.keys.superseded("main"), 0, -1) == [version(second).encode()]


def test_less_than_a_day_cannot_be_configured(make_kit: Callable[..., Kit]) -> None:
    with pytest.raises(ValueError, match="86400"):
        make_kit(catalog_retention=DAY - 1)


def test_who_dies_before_gett_was_told_publishes_again(kit: Kit) -> None:
    catalog = menu("soup")

    def dies(address: str) -> None:
        raise ConnectionError(address)

    with pytest.raises(ConnectionError):
        kit.publisher.publish("main", catalog, dies)
    assert kit.publisher.current("main") is None
    assert seconds_left(kit, catalog) > 0, "nobody's, so it goes by itself"
    assert publish(kit, catalog)


def test_what_has_had_its_time_is_dropped_from_any_shelf(kit: Kit) -> None:
    dropped: list[str] = []

    class Shelf(RedisCatalogStorage):
        def delete(self, version: str) -> None:
            dropped.append(version)

    shelf = Shelf(kit.redis, kit.keys, kit.catalog_urls)
    publisher = Publisher(kit.redis, kit.keys, shelf, keep=DAY)
    told: list[str] = []
    publisher.publish("main", menu("soup"), told.append)
    publisher.publish("main", menu("cake"), told.append)
    assert dropped == []
    kit.redis.zadd(kit.keys.superseded("main"), {version(menu("soup")): 1})
    publisher.publish("main", menu("tea"), told.append)
    assert dropped == [version(menu("soup"))]
    assert kit.redis.zrange(kit.keys.superseded("main"), 0, -1) == [version(menu("cake")).encode()]


def test_an_address_is_admitted_with_its_own_token_only() -> None:
    addresses = CatalogUrls(BASE, ["secret"])
    first, second = str(uuid4()), str(uuid4())
    token = addresses.path(first).split("/")[1]
    assert addresses.verify(token, first)
    for wrong, of in ((token, second), (token[:-1], first), ("", first), ("ü" * 32, first)):
        assert not addresses.verify(wrong, of)
    assert not CatalogUrls(BASE, ["another"]).verify(token, first)


def test_an_address_outlives_the_rotation_of_its_secret() -> None:
    version = str(uuid4())
    token = CatalogUrls(BASE, ["old"]).path(version).split("/")[1]
    rotated = CatalogUrls(BASE, ["new", "old"])
    assert rotated.verify(token, version)
    assert token not in rotated.path(version)
