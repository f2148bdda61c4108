"""A menu's way from the POS to Gett, and everything that can go wrong on it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from webhook_kit.adapter import CatalogSet, Placed, PosAdapter, Store
from webhook_kit.catalog.build import simple_catalog
from webhook_kit.errors import PosUnavailable
from webhook_kit.gett.models.catalog import ExternalItem
from webhook_kit.gett.models.money import ZERO
from webhook_kit.kit import Kit
from webhook_kit.publishing import last_good as menus_module
from webhook_kit.publishing.sync import SyncOutcome, SyncReport

BASE = "https://pos.example.org"


class Kitchen(PosAdapter):
    """Its menus are whatever the test last put there, by store; an exception is raised."""

    menus: ClassVar[dict[str, Any]] = {}

    def fetch_catalog(self, store: Store) -> CatalogSet:
        menu = self.menus[store.id]
        if isinstance(menu, Exception):
            raise menu
        made: CatalogSet = menu
        return made

    def place_order(self, *_: object) -> Placed:
        raise NotImplementedError


def menu_of(*dishes: str) -> CatalogSet:
    return simple_catalog({"Food": [ExternalItem(item_id=id, name=id, base_price=ZERO) for id in dishes]})


DISHES = ("soup", "salad", "burger", "cake", "tea", "wine")
DANGLING = menu_of(*DISHES).model_copy(deep=True)
DANGLING.sections[next(iter(DANGLING.sections))].item_ids.append("nothing")


@pytest.fixture
def kit(make_kit: Callable[..., Kit], events: list[MutableMapping[str, Any]]) -> Kit:
    Kitchen.menus = {"main": menu_of(*DISHES)}
    return make_kit(pos_adapter=f"{__name__}:Kitchen", public_url=BASE)


def sync(kit: Kit, *dishes: str, force: bool = False) -> SyncReport:
    if dishes:
        Kitchen.menus["main"] = menu_of(*dishes)
    (store,) = kit.stores
    return kit.catalog_sync.sync(store, force=force)


def publish(kit: Kit, **more: bool) -> SyncReport:
    (store,) = kit.stores
    return kit.catalog_sync.publish(store, **more)


def told(kit: Kit, store_id: str = "main") -> list[str]:
    """The addresses that Gett is told, oldest first; what is waiting is taken."""
    found = []
    while leases := kit.lanes.lease(10, 60_000).leases:
        for lease in leases:
            if lease.store_id == store_id:
                found.append(lease.body["callbackUrl"])
            kit.lanes.acknowledge(lease, 202)
    return found


def pulled(kit: Kit) -> dict[str, Any]:
    """What Gett would pull now."""
    current = kit.publisher.current("main")
    assert current is not None
    body = kit.publisher.body(current.version)
    assert body is not None
    found: dict[str, Any] = json.loads(gzip.decompress(body))
    return found


# -- a good menu -------------------------------------------------------------------------------------------------------


def test_a_menu_is_published_and_gett_is_told_where(kit: Kit) -> None:
    assert sync(kit) == SyncReport("main", SyncOutcome.PUBLISHED, 6)
    (address,) = told(kit)
    assert address == kit.publisher.address("main")
    menu = pulled(kit)
    assert menu["items"].keys() == set(DISHES)
    assert menu["storeId"] == kit.settings.gett_store_id
    assert menu["catalogSetId"] in address


def test_unchanged_content_pushes_nothing(kit: Kit) -> None:
    sync(kit)
    assert sync(kit).outcome is SyncOutcome.UNCHANGED
    assert len(told(kit)) == 1
    assert sync(kit, *DISHES, "pie").outcome is SyncOutcome.PUBLISHED
    assert len(told(kit)) == 1


def test_what_changed_is_counted_and_ids_that_churn_are_warned_of(
    kit: Kit, events: list[MutableMapping[str, Any]]
) -> None:
    assert sync(kit).changes == {}
    assert sync(kit, *DISHES, "pie").changes["added"] == 1
    assert sync(kit).changes == {}
    churned = simple_catalog(
        {"Food": [ExternalItem(item_id=f"{id}-2", name=id, base_price=ZERO) for id in (*DISHES, "pie")]}
    )
    Kitchen.menus["main"] = churned
    assert sync(kit).outcome is SyncOutcome.REJECTED_SHRINK
    assert sync(kit, force=True).changes["new-id"] == 7
    assert [e["count"] for e in events if e["event"] == "ids of the same things changed"] == [7]


def test_carts_are_checked_against_what_was_synchronised(kit: Kit) -> None:
    (store,) = kit.stores
    sync(kit)
    Kitchen.menus["main"] = RuntimeError("the POS is down")
    assert kit.catalogs.get(store).items.keys() == set(DISHES)


def test_without_a_public_address_the_menu_is_kept_and_nobody_told(make_kit: Callable[..., Kit]) -> None:
    Kitchen.menus = {"main": menu_of(*DISHES)}
    kit = make_kit(pos_adapter=f"{__name__}:Kitchen")
    assert sync(kit) == SyncReport("main", SyncOutcome.KEPT, 6)
    assert told(kit) == []


def test_what_is_published_can_be_told_again_without_the_pos(kit: Kit) -> None:
    sync(kit)
    Kitchen.menus["main"] = RuntimeError("the POS is down")
    assert publish(kit).outcome is SyncOutcome.UNCHANGED
    assert publish(kit, again=True).outcome is SyncOutcome.PUBLISHED
    assert kit.lanes.counts()["appended"] == 2


def test_nothing_can_be_published_before_there_is_a_menu(kit: Kit) -> None:
    report = publish(kit)
    assert (report.outcome, report.failed) == (SyncOutcome.FAILED, True)
    assert "no good menu yet" in report.why[0]


# -- the brake ---------------------------------------------------------------------------------------------------------


def test_a_menu_that_lost_more_than_a_third_is_braked_until_it_is_forced(kit: Kit) -> None:
    sync(kit)
    told(kit)
    report = sync(kit, *DISHES[:3])
    assert (report.outcome, report.items) == (SyncOutcome.REJECTED_SHRINK, 6)
    assert "3 of 6 items" in report.why[0]
    assert "--force" in report.why[0]
    assert (told(kit), pulled(kit)["items"].keys()) == ([], set(DISHES))
    (store,) = kit.stores
    assert kit.catalogs.get(store).items.keys() == set(DISHES), "carts are checked against the last good one, too"
    assert sync(kit, force=True).outcome is SyncOutcome.PUBLISHED
    assert pulled(kit)["items"].keys() == set(DISHES[:3])


def test_a_third_may_go_and_new_items_do_not_make_up_for_lost_ones(kit: Kit) -> None:
    sync(kit)
    assert sync(kit, *DISHES[:4]).outcome is SyncOutcome.PUBLISHED
    assert sync(kit, "soup", "salad", "a", "b", "c", "d").outcome is SyncOutcome.REJECTED_SHRINK


def test_the_brake_holds_in_a_process_that_has_seen_no_menu_yet(kit: Kit, make_kit: Callable[..., Kit]) -> None:
    sync(kit)
    other = make_kit(pos_adapter=f"{__name__}:Kitchen", public_url=BASE, key_prefix=kit.keys.prefix)
    assert sync(other, "soup").outcome is SyncOutcome.REJECTED_SHRINK


def test_what_has_merely_run_out_does_not_count(kit: Kit) -> None:
    sync(kit)
    for dish in DISHES[:4]:
        kit.availability.mark_unavailable("main", dish)
    assert sync(kit).outcome is SyncOutcome.PUBLISHED
    assert pulled(kit)["items"].keys() == {"tea", "wine"}


# -- what goes wrong ---------------------------------------------------------------------------------------------------

WRONG = {
    "a dangling reference": (DANGLING, "there is no item 'nothing'"),
    "a dict": ({"items": {}}, "fetch_catalog() returned dict, not a CatalogSet"),
    "nothing": (None, "fetch_catalog() returned NoneType, not a CatalogSet"),
    "a bug": (KeyError("plu"), "the adapter raised KeyError('plu')"),
    "a busy POS": (PosUnavailable("the till is rebooting", retry_after=5), "the till is rebooting"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_never_replaces_a_good_menu_and_says_why(
    case: str, kit: Kit, events: list[MutableMapping[str, Any]]
) -> None:
    sync(kit)
    told(kit)
    Kitchen.menus["main"], why = WRONG[case]
    report = sync(kit)
    assert (report.outcome, report.items) == (SyncOutcome.FAILED, 6)
    assert why in report.why[0]
    assert (told(kit), pulled(kit)["items"].keys()) == ([], set(DISHES))
    (store,) = kit.stores
    status = kit.catalog_sync.status(store)
    assert (status.items, status.outcome, status.why) == (6, "failed", report.why)
    assert status.version is not None
    assert status.fetched is not None
    assert [event for event in events if event["event"] == "menu not taken"]
    assert sync(kit, *DISHES).outcome is SyncOutcome.UNCHANGED
    assert kit.catalog_sync.status(store).outcome == "unchanged"


def test_a_menu_beyond_all_measure_is_refused_with_its_size(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    sync(kit)
    monkeypatch.setattr(menus_module, "MAX_CATALOG_BYTES", 1_000_000)
    giant = menu_of(*DISHES)
    giant.items["soup"].description = "so " * 1_000_000
    Kitchen.menus["main"] = giant
    report = sync(kit)
    assert report.outcome is SyncOutcome.FAILED
    assert "at most 1,000,000" in report.why[0]
    assert pulled(kit)["items"].keys() == set(DISHES)


def test_endless_findings_have_an_end(kit: Kit) -> None:
    broken = menu_of(*DISHES).model_copy(deep=True)
    broken.sections[next(iter(broken.sections))].item_ids += [f"missing-{number}" for number in range(500)]
    Kitchen.menus["main"] = broken
    report = sync(kit)
    assert len(report.why) == 101
    assert report.why[-1] == "and 400 more"


def test_a_menu_that_is_refused_is_an_alert_once(kit: Kit) -> None:
    Kitchen.menus["main"] = DANGLING
    sync(kit)
    sync(kit)
    (incident,) = [json.loads(entry) for entry in kit.redis.lrange(kit.keys.incidents, 0, -1)]
    assert incident["kind"] == "menu not taken"
    assert "nothing" in incident["why"]


def test_one_stores_failure_stops_no_other(
    make_kit: Callable[..., Kit], tmp_path: Path, events: list[MutableMapping[str, Any]]
) -> None:
    names = ("one", "bad", "two", "worse")
    stores = tmp_path / "stores.toml"
    stores.write_text(
        "".join(f'[stores.{name}]\ngett_id = "{uuid4()}"\nadapter = "{__name__}:Kitchen"\n' for name in names)
    )
    Kitchen.menus = dict.fromkeys(names, menu_of(*DISHES)) | {"bad": RuntimeError("a bug"), "worse": DANGLING}
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


def test_without_redis_every_store_says_so(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(redis_url="redis://127.0.0.1:1/0", public_url=BASE)
    (report,) = kit.catalog_sync.sync_all(kit.stores)
    assert (report.outcome, "Redis" in report.why[0]) == (SyncOutcome.FAILED, True)


def test_two_processes_do_not_synchronise_one_store_at_a_time(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webhook_kit.publishing.sync._WAIT_SECONDS", 0.05)
    lock = kit.redis.lock(kit.keys.sync_lock("main"), timeout=60)
    assert lock.acquire()
    report = sync(kit)
    assert (report.outcome, "elsewhere" in report.why[0]) == (SyncOutcome.FAILED, True)
    lock.release()
    assert sync(kit).outcome is SyncOutcome.PUBLISHED


# -- what has run out --------------------------------------------------------------------------------------------------


def test_what_has_run_out_is_published_as_gone_and_checked_as_out(kit: Kit) -> None:
    sync(kit)
    kit.availability.mark_unavailable("main", "cake")
    assert publish(kit).outcome is SyncOutcome.PUBLISHED
    assert pulled(kit)["items"].keys() == set(DISHES) - {"cake"}
    (store,) = kit.stores
    menu, unavailable = kit.catalogs.current(store)
    assert ("cake" in menu.items, unavailable) == (True, frozenset({"cake"}))
    whole = pulled(kit)["catalogSetId"]
    kit.availability.mark_available("main", "cake")
    assert publish(kit).outcome is SyncOutcome.PUBLISHED
    assert pulled(kit)["items"].keys() == set(DISHES)
    assert pulled(kit)["catalogSetId"] != whole
    assert kit.lanes.counts()["appended"] == 3


def test_out_and_back_before_it_was_published_pushes_nothing(kit: Kit) -> None:
    sync(kit)
    kit.availability.mark_unavailable("main", "cake")
    kit.availability.mark_available("main", "cake")
    assert publish(kit).outcome is SyncOutcome.UNCHANGED
    assert kit.lanes.counts()["appended"] == 1


def test_what_is_back_by_itself_is_published_then(kit: Kit) -> None:
    sync(kit)
    soon, late = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) + timedelta(hours=2)
    kit.availability.mark_unavailable("main", "tea", late)
    kit.availability.mark_unavailable("main", "cake", soon)
    kit.redis.delete(kit.keys.catalogs_due)  # the worker has taken it
    publish(kit)
    due: Any = kit.redis.zrange(kit.keys.catalogs_due, 0, -1, withscores=True)
    assert due == [(b"publish:main", soon.timestamp())]


def test_an_empty_menu_is_never_published(kit: Kit) -> None:
    sync(kit)
    for dish in DISHES:
        kit.availability.mark_unavailable("main", dish)
    report = publish(kit)
    assert report.outcome is SyncOutcome.FAILED
    assert "everything on the menu has run out" in report.why[0]
    assert pulled(kit)["items"].keys() == set(DISHES)


# -- when --------------------------------------------------------------------------------------------------------------


def test_what_is_due_is_handed_out_once_and_in_its_time(make_kit: Callable[..., Kit], kit: Kit) -> None:
    (store,) = kit.stores
    kit.catalog_sync.request(store)
    kit.catalog_sync.request(store)
    kit.availability.mark_unavailable("main", "cake")
    other = make_kit(key_prefix=kit.keys.prefix)
    assert [*kit.catalog_sync.claim_due(), *other.catalog_sync.claim_due()] == [("sync", "main")]
    kit.redis.zadd(kit.keys.catalogs_due, {"publish:main": 1})
    assert [*other.catalog_sync.claim_due(), *kit.catalog_sync.claim_due()] == [("publish", "main")]
