"""Synchronisation of a catalog from the POS to Gett, and its failures."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from pydantic import ValidationError

from webhook_kit.adapter import CatalogSet, Placed, PosAdapter, Store
from webhook_kit.catalog.build import simple_catalog
from webhook_kit.errors import PosUnavailable
from webhook_kit.gett.models.catalog import ExternalItem
from webhook_kit.gett.models.money import ZERO
from webhook_kit.kit import Kit
from webhook_kit.publishing import last_good as last_good_module
from webhook_kit.publishing.sync import SyncOutcome, SyncReport

BASE = "https://pos.example.org"


class FakePos(PosAdapter):
    """A POS whose catalogs (or exceptions) the test sets, by store."""

    catalogs: ClassVar[dict[str, Any]] = {}

    def fetch_catalog(self, store: Store) -> CatalogSet:
        result = self.catalogs[store.id]
        if isinstance(result, Exception):
            raise result
        catalog: CatalogSet = result
        return catalog

    def place_order(self, *_: object) -> Placed:
        raise NotImplementedError


def catalog_of(*items: str) -> CatalogSet:
    return simple_catalog({"Food": [ExternalItem(item_id=id, name=id, base_price=ZERO) for id in items]})


ITEMS = ("soup", "salad", "burger", "cake", "tea", "wine")
DANGLING = catalog_of(*ITEMS).model_copy(deep=True)
DANGLING.sections[next(iter(DANGLING.sections))].item_ids.append("nothing")


@pytest.fixture
def kit(make_kit: Callable[..., Kit], events: list[MutableMapping[str, Any]]) -> Kit:
    FakePos.catalogs = {"main": catalog_of(*ITEMS)}
    return make_kit(pos_adapter=f"{__name__}:FakePos", public_url=BASE)


def sync(kit: Kit, *items: str, force: bool = False) -> SyncReport:
    if items:
        FakePos.catalogs["main"] = catalog_of(*items)
    (store,) = kit.stores
    return kit.catalog_sync.sync(store, force=force)


def publish(kit: Kit, **options: bool) -> SyncReport:
    (store,) = kit.stores
    return kit.catalog_sync.publish(store, **options)


def notified(kit: Kit, store_id: str = "main") -> list[str]:
    """Take all waiting notifications and return their URLs, oldest first."""
    urls = []
    while leases := kit.lanes.lease(10, 60_000).leases:
        for lease in leases:
            if lease.store_id == store_id:
                urls.append(lease.body["callbackUrl"])
            kit.lanes.acknowledge(lease, 202)
    return urls


def published(kit: Kit) -> dict[str, Any]:
    """Return the catalog that Gett would download now."""
    current = kit.publisher.current("main")
    assert current is not None
    body = kit.publisher.get(current.version)
    assert body is not None
    result: dict[str, Any] = json.loads(gzip.decompress(body))
    return result


# -- good catalogs -----------------------------------------------------------------------------------------------------


def test_catalog_is_published_and_gett_is_notified(kit: Kit) -> None:
    assert sync(kit) == SyncReport("main", SyncOutcome.PUBLISHED, 6)
    (url,) = notified(kit)
    assert url == kit.publisher.url("main")
    catalog = published(kit)
    assert catalog["items"].keys() == set(ITEMS)
    assert catalog["storeId"] == kit.settings.gett_store_id
    assert catalog["catalogSetId"] in url


def test_unchanged_content_is_not_published_again(kit: Kit) -> None:
    sync(kit)
    assert sync(kit).outcome is SyncOutcome.UNCHANGED
    assert len(notified(kit)) == 1
    assert sync(kit, *ITEMS, "pie").outcome is SyncOutcome.PUBLISHED
    assert len(notified(kit)) == 1


def test_changes_are_counted_and_new_ids_are_logged(kit: Kit, events: list[MutableMapping[str, Any]]) -> None:
    assert sync(kit).changes == {}
    assert sync(kit, *ITEMS, "pie").changes["added"] == 1
    assert sync(kit).changes == {}
    with_new_ids = simple_catalog(
        {"Food": [ExternalItem(item_id=f"{id}-2", name=id, base_price=ZERO) for id in (*ITEMS, "pie")]}
    )
    FakePos.catalogs["main"] = with_new_ids
    assert sync(kit).outcome is SyncOutcome.REJECTED_SHRINK
    assert sync(kit, force=True).changes["new-id"] == 7
    assert [e["count"] for e in events if e["event"] == "catalog_ids_changed"] == [7]


def test_carts_are_checked_against_the_synchronised_catalog(kit: Kit) -> None:
    (store,) = kit.stores
    sync(kit)
    FakePos.catalogs["main"] = RuntimeError("the POS is down")
    assert kit.catalogs.get(store).items.keys() == set(ITEMS)


def test_catalog_is_only_stored_without_a_public_url(make_kit: Callable[..., Kit]) -> None:
    FakePos.catalogs = {"main": catalog_of(*ITEMS)}
    kit = make_kit(pos_adapter=f"{__name__}:FakePos")
    assert sync(kit) == SyncReport("main", SyncOutcome.STORED, 6)
    assert notified(kit) == []


def test_published_catalog_can_be_notified_again_without_the_pos(kit: Kit) -> None:
    sync(kit)
    FakePos.catalogs["main"] = RuntimeError("the POS is down")
    assert publish(kit).outcome is SyncOutcome.UNCHANGED
    assert publish(kit, force=True).outcome is SyncOutcome.PUBLISHED
    assert kit.lanes.counts()["appended"] == 2


def test_nothing_can_be_published_before_the_first_catalog(kit: Kit) -> None:
    report = publish(kit)
    assert (report.outcome, report.failed) == (SyncOutcome.FAILED, True)
    assert "no good catalog yet" in report.reasons[0]


# -- shrink guard ------------------------------------------------------------------------------------------------------


def test_catalog_that_lost_more_than_a_third_is_rejected_without_force(kit: Kit) -> None:
    sync(kit)
    notified(kit)
    report = sync(kit, *ITEMS[:3])
    assert (report.outcome, report.items) == (SyncOutcome.REJECTED_SHRINK, 6)
    assert "3 of 6 items" in report.reasons[0]
    assert "--force" in report.reasons[0]
    assert (notified(kit), published(kit)["items"].keys()) == ([], set(ITEMS))
    (store,) = kit.stores
    assert kit.catalogs.get(store).items.keys() == set(ITEMS), "carts are checked against the last good catalog too"
    assert sync(kit, force=True).outcome is SyncOutcome.PUBLISHED
    assert published(kit)["items"].keys() == set(ITEMS[:3])


def test_a_third_may_be_missing_and_new_items_do_not_compensate(kit: Kit) -> None:
    sync(kit)
    assert sync(kit, *ITEMS[:4]).outcome is SyncOutcome.PUBLISHED
    assert sync(kit, "soup", "salad", "a", "b", "c", "d").outcome is SyncOutcome.REJECTED_SHRINK


def test_shrink_guard_works_in_a_new_process(kit: Kit, make_kit: Callable[..., Kit]) -> None:
    sync(kit)
    other = make_kit(pos_adapter=f"{__name__}:FakePos", public_url=BASE, key_prefix=kit.keys.prefix)
    assert sync(other, "soup").outcome is SyncOutcome.REJECTED_SHRINK


def test_unavailable_items_do_not_count_as_missing(kit: Kit) -> None:
    sync(kit)
    for item in ITEMS[:4]:
        kit.availability.mark_unavailable("main", item)
    assert sync(kit).outcome is SyncOutcome.PUBLISHED
    assert published(kit)["items"].keys() == {"tea", "wine"}


# -- failures ----------------------------------------------------------------------------------------------------------

FAILURES = {
    "a dangling reference": (DANGLING, "there is no item 'nothing'"),
    "a dict": ({"items": {}}, "fetch_catalog() returned dict, not a CatalogSet"),
    "nothing": (None, "fetch_catalog() returned NoneType, not a CatalogSet"),
    "a bug": (KeyError("plu"), "the adapter raised KeyError('plu')"),
    "a busy POS": (PosUnavailable("the POS restarts", retry_after=5), "the POS restarts"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_bad_catalog_never_replaces_a_good_one_and_the_reason_is_reported(
    case: str, kit: Kit, events: list[MutableMapping[str, Any]]
) -> None:
    sync(kit)
    notified(kit)
    FakePos.catalogs["main"], reason = FAILURES[case]
    report = sync(kit)
    assert (report.outcome, report.items) == (SyncOutcome.FAILED, 6)
    assert reason in report.reasons[0]
    assert (notified(kit), published(kit)["items"].keys()) == ([], set(ITEMS))
    (store,) = kit.stores
    status = kit.catalog_sync.status(store)
    assert (status.items, status.outcome, status.reasons) == (6, "failed", report.reasons)
    assert status.version is not None
    assert status.fetched is not None
    assert [event for event in events if event["event"] == "catalog_rejected"]
    assert sync(kit, *ITEMS).outcome is SyncOutcome.UNCHANGED
    assert kit.catalog_sync.status(store).outcome == "unchanged"


def test_inexact_price_of_an_adapter_is_reported_with_its_item_and_noise_is_rounded(
    kit: Kit, events: list[Any]
) -> None:
    sync(kit)
    catalog = catalog_of(*ITEMS).model_copy(deep=True)
    catalog.items["soup"] = ExternalItem.model_validate({"itemId": "soup", "name": "Soup", "basePrice": 2.495})
    FakePos.catalogs["main"] = catalog
    assert sync(kit).reasons[0].startswith("$.items['soup'].basePrice: 2.495 has fractions of a cent (item 'Soup')")
    catalog.items["soup"] = ExternalItem.model_validate({"itemId": "soup", "name": "Soup", "basePrice": 2.4900000095})
    assert sync(kit).outcome is SyncOutcome.PUBLISHED
    assert published(kit)["items"]["soup"]["basePrice"] == 2.49


def test_price_that_cannot_be_read_is_reported_in_one_line_with_its_item(kit: Kit, events: list[Any]) -> None:
    try:
        ExternalItem.model_validate({"itemId": "soup", "name": "Soup", "basePrice": "2,50"})
    except ValidationError as error:
        FakePos.catalogs["main"] = error
    (reason,) = sync(kit).reasons
    assert (
        reason
        == "the adapter built an invalid catalog: ExternalItem.basePrice: item 'soup': should be a number, not '2,50'"
    )


def test_too_large_catalog_is_rejected_with_its_size(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    sync(kit)
    monkeypatch.setattr(last_good_module, "MAX_CATALOG_BYTES", 1_000_000)
    large = catalog_of(*ITEMS)
    large.items["soup"].description = "so " * 1_000_000
    FakePos.catalogs["main"] = large
    report = sync(kit)
    assert report.outcome is SyncOutcome.FAILED
    assert "limit is 1,000,000" in report.reasons[0]
    assert published(kit)["items"].keys() == set(ITEMS)


def test_number_of_reasons_is_limited(kit: Kit) -> None:
    broken = catalog_of(*ITEMS).model_copy(deep=True)
    broken.sections[next(iter(broken.sections))].item_ids += [f"missing-{number}" for number in range(500)]
    FakePos.catalogs["main"] = broken
    report = sync(kit)
    assert len(report.reasons) == 101
    assert report.reasons[-1] == "and 400 more"


def test_rejected_catalog_raises_one_alert_for_the_same_reasons(kit: Kit) -> None:
    def incidents() -> list[Any]:
        return [json.loads(entry) for entry in kit.redis.lrange(kit.keys.incidents, 0, -1)]

    FakePos.catalogs["main"] = DANGLING
    sync(kit)
    sync(kit)
    (incident,) = incidents()
    assert (incident["kind"], incident["store"]) == ("catalog_not_published", "main")
    assert "nothing" in incident["why"]
    other = catalog_of(*ITEMS).model_copy(deep=True)
    other.sections[next(iter(other.sections))].item_ids.append("missing")
    FakePos.catalogs["main"] = other
    sync(kit)
    newest, _ = incidents()
    assert (newest["store"], "missing" in newest["why"]) == ("main", True)


def test_failure_of_one_store_does_not_stop_the_others(
    make_kit: Callable[..., Kit], tmp_path: Path, events: list[MutableMapping[str, Any]]
) -> None:
    names = ("one", "bad", "two", "worse")
    stores = tmp_path / "stores.toml"
    stores.write_text(
        "".join(f'[stores.{name}]\ngett_id = "{uuid4()}"\nadapter = "{__name__}:FakePos"\n' for name in names)
    )
    FakePos.catalogs = dict.fromkeys(names, catalog_of(*ITEMS)) | {"bad": RuntimeError("a bug"), "worse": DANGLING}
    kit = make_kit(pos_adapter=None, gett_store_id=None, stores_file=stores, public_url=BASE)
    done: list[str] = []
    reports = kit.catalog_sync.sync_all(kit.stores, lambda report: done.append(report.store_id))
    assert sorted(done) == sorted(names)
    assert [(report.store_id, report.failed) for report in reports] == [
        ("one", False),
        ("bad", True),
        ("two", False),
        ("worse", True),
    ]
    assert set(kit.lanes.all_waiting()) == {"catalog:one", "catalog:two"}


def test_missing_redis_is_reported_for_every_store(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(redis_url="redis://127.0.0.1:1/0", public_url=BASE)
    (report,) = kit.catalog_sync.sync_all(kit.stores)
    assert (report.outcome, "Redis" in report.reasons[0]) == (SyncOutcome.FAILED, True)


def test_only_one_process_synchronises_a_store_at_a_time(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webhook_kit.publishing.sync._LOCK_WAIT_SECONDS", 0.05)
    lock = kit.redis.lock(kit.keys.sync_lock("main"), timeout=60)
    assert lock.acquire()
    report = sync(kit)
    assert (report.outcome, "another process" in report.reasons[0]) == (SyncOutcome.FAILED, True)
    lock.release()
    assert sync(kit).outcome is SyncOutcome.PUBLISHED


# -- unavailable items -------------------------------------------------------------------------------------------------


def test_unavailable_item_is_not_published_but_stays_in_the_checked_catalog(kit: Kit) -> None:
    sync(kit)
    kit.availability.mark_unavailable("main", "cake")
    assert publish(kit).outcome is SyncOutcome.PUBLISHED
    assert published(kit)["items"].keys() == set(ITEMS) - {"cake"}
    (store,) = kit.stores
    catalog, unavailable = kit.catalogs.current(store)
    assert ("cake" in catalog.items, unavailable) == (True, frozenset({"cake"}))
    without_cake = published(kit)["catalogSetId"]
    kit.availability.mark_available("main", "cake")
    assert publish(kit).outcome is SyncOutcome.PUBLISHED
    assert published(kit)["items"].keys() == set(ITEMS)
    assert published(kit)["catalogSetId"] != without_cake
    assert kit.lanes.counts()["appended"] == 3


def test_item_that_is_available_again_before_publication_changes_nothing(kit: Kit) -> None:
    sync(kit)
    kit.availability.mark_unavailable("main", "cake")
    kit.availability.mark_available("main", "cake")
    assert publish(kit).outcome is SyncOutcome.UNCHANGED
    assert kit.lanes.counts()["appended"] == 1


@pytest.mark.parametrize("hours", [0, -14])
def test_item_that_is_unavailable_until_the_last_day_has_no_end(kit: Kit, hours: int) -> None:
    sync(kit)
    last = datetime.max.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert kit.availability.mark_unavailable("main", "cake", last)
    assert kit.availability.unavailable_items("main") == {"cake": None}
    kit.redis.zadd(kit.keys.unavailable("main"), {"tea": last.timestamp()})
    assert kit.availability.unavailable_items("main") == {"cake": None, "tea": None}
    assert publish(kit).outcome is SyncOutcome.PUBLISHED


def test_end_of_unavailability_schedules_a_publication(kit: Kit) -> None:
    sync(kit)
    soon, late = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) + timedelta(hours=2)
    kit.availability.mark_unavailable("main", "tea", late)
    kit.availability.mark_unavailable("main", "cake", soon)
    kit.redis.delete(kit.keys.catalogs_due)  # as if a worker had claimed the work
    publish(kit)
    due: Any = kit.redis.zrange(kit.keys.catalogs_due, 0, -1, withscores=True)
    assert due == [(b"publish:main", soon.timestamp())]


def test_empty_catalog_is_never_published(kit: Kit) -> None:
    sync(kit)
    for item in ITEMS:
        kit.availability.mark_unavailable("main", item)
    report = publish(kit)
    assert report.outcome is SyncOutcome.FAILED
    assert "every item is unavailable" in report.reasons[0]
    assert published(kit)["items"].keys() == set(ITEMS)


# -- due work ----------------------------------------------------------------------------------------------------------


def test_due_work_is_claimed_once_and_not_too_early(make_kit: Callable[..., Kit], kit: Kit) -> None:
    (store,) = kit.stores
    kit.catalog_sync.request(store)
    kit.catalog_sync.request(store)
    kit.availability.mark_unavailable("main", "cake")
    other = make_kit(key_prefix=kit.keys.prefix)
    assert [*kit.catalog_sync.claim_due(), *other.catalog_sync.claim_due()] == [("sync", "main")]
    kit.redis.zadd(kit.keys.catalogs_due, {"publish:main": 1})
    assert [*other.catalog_sync.claim_due(), *kit.catalog_sync.claim_due()] == [("publish", "main")]
