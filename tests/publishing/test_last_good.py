"""Menus: a second old at most, shared between processes, and a good one is never given up for a bad one."""

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


class Kitchen(PosAdapter):
    """Its menu is whatever the test last put on the board of the store."""

    boards: ClassVar[dict[str, Any]] = {}

    def fetch_catalog(self, store: Store) -> CatalogSet:
        board = self.boards[store.options["board"]]
        board["fetches"] += 1
        board["gate"].wait(PATIENCE)
        if isinstance(board["menu"], BaseException):
            raise board["menu"]
        menu: CatalogSet = board["menu"]
        return menu.model_copy(deep=True) if isinstance(menu, CatalogSet) else menu

    def place_order(self, *_: object) -> Placed:
        raise NotImplementedError


def menu_of(*dishes: str) -> CatalogSet:
    return simple_catalog({"Food": [ExternalItem(item_id=id, name=id, base_price=Decimal(1)) for id in dishes]})


DANGLING = menu_of("soup").model_copy(deep=True)
DANGLING.sections[next(iter(DANGLING.sections))].item_ids.append("nothing")


class Board:
    """The POS's menu, and as many processes as a test likes that know it."""

    def __init__(self, make_kit: Callable[..., Kit]) -> None:
        self.id = uuid4().hex
        self.board: dict[str, Any] = {"menu": menu_of("soup"), "fetches": 0, "gate": threading.Event()}
        self.board["gate"].set()
        Kitchen.boards[self.id] = self.board
        self._make_kit = make_kit
        self._prefix = f"t{self.id}:"
        self.store = next(iter(self.kit().stores))

    def kit(self, **changes: Any) -> Kit:
        spec = {"pos_adapter": f"{__name__}:Kitchen", "options": {"board": self.id}, "key_prefix": self._prefix}
        return self._make_kit(**spec | changes)

    def process(self, refresh_after: float = 300, **changes: Any) -> LastGoodCatalogs:
        """What another process would have."""
        kit = self.kit(**changes)
        return LastGoodCatalogs(kit.redis, kit.keys, kit.stores, PosExecutor(kit.settings), refresh_after=refresh_after)

    def writes(self, *dishes: str) -> None:
        self.board["menu"] = menu_of(*dishes)

    def dishes(self, process: LastGoodCatalogs) -> set[str]:
        return set(process.get(self.store).items)


@pytest.fixture
def board(make_kit: Callable[..., Kit]) -> Board:
    return Board(make_kit)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at a menu is a second after the last one."""
    monkeypatch.setattr(module, "_LOOK_AGAIN", 0.0)


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def test_a_menu_is_fetched_once_for_all_threads_and_processes(board: Board) -> None:
    process = board.process()
    with ThreadPoolExecutor(8) as pool:
        assert all(dishes == {"soup"} for dishes in pool.map(lambda _: board.dishes(process), range(20)))
    assert board.dishes(board.process()) == {"soup"}
    assert board.board["fetches"] == 1


def test_within_its_second_a_copy_is_trusted_without_asking_redis(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOOK_AGAIN", 1000.0)  # a long second
    process = board.process()
    board.dishes(process)
    board.writes("soup", "cake")
    board.process().refresh(board.store)
    assert board.dishes(process) == {"soup"}


@pytest.mark.usefixtures("impatient")
def test_after_a_second_another_processes_refresh_is_seen(board: Board) -> None:
    process = board.process()
    board.dishes(process)
    board.writes("soup", "cake")
    board.process().refresh(board.store)
    assert board.dishes(process) == {"soup", "cake"}
    assert board.board["fetches"] == 2


def test_the_refreshing_process_itself_knows_at_once(board: Board) -> None:
    process = board.process()
    board.dishes(process)
    board.writes("cake")
    process.refresh(board.store)
    assert board.dishes(process) == {"cake"}


@pytest.mark.usefixtures("impatient")
def test_an_old_menu_is_fetched_again_by_one_process_and_nobody_waits(board: Board) -> None:
    processes = [board.process(refresh_after=0.0) for _ in range(3)]
    assert board.dishes(processes[0]) == {"soup"}
    board.writes("soup", "cake")
    board.board["gate"].clear()
    board.kit().redis.hset(board.kit().keys.catalog(board.store.id), "fetched", 1)
    for process in processes * 2:
        assert board.dishes(process) == {"soup"}
    board.board["gate"].set()
    wait_until(lambda: all(board.dishes(process) == {"soup", "cake"} for process in processes))
    assert board.board["fetches"] == 2


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "bad", [DANGLING, None, "menu", RuntimeError("the POS is down")], ids=lambda bad: repr(bad)[:20]
)
def test_what_is_no_sound_menu_never_replaces_a_good_one(
    bad: Any, board: Board, events: list[MutableMapping[str, Any]]
) -> None:
    process = board.process(refresh_after=0.0)
    assert board.dishes(process) == {"soup"}
    board.board["menu"] = bad
    with pytest.raises(RuntimeError if isinstance(bad, Exception) else CatalogInvalid):
        process.refresh(board.store)
    assert board.dishes(process) == {"soup"}
    assert board.dishes(board.process()) == {"soup"}
    board.kit().redis.hset(board.kit().keys.catalog(board.store.id), "fetched", 1)
    board.dishes(process)
    wait_until(lambda: [e for e in events if e["event"] == "menu not refreshed, the last good one stays"])
    assert board.dishes(process) == {"soup"}


GARBAGE = {
    "nothing": b"",
    "no gzip": b"menu",
    "half of a gzip": gzip.compress(b"{}")[:12],
    "no menu": gzip.compress(b"[]"),
    "a menu that contradicts itself": gzip.compress(DANGLING.to_json()),
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("garbage", GARBAGE)
def test_what_somebody_else_wrote_into_redis_never_replaces_a_good_menu(garbage: str, board: Board) -> None:
    warm = board.process()
    assert board.dishes(warm) == {"soup"}
    kit = board.kit()
    kit.redis.hset(kit.keys.catalog(board.store.id), mapping={"version": "other", "body": GARBAGE[garbage]})
    assert board.dishes(warm) == {"soup"}
    assert board.dishes(board.process()) == {"soup"}  # a cold one asks the POS


@pytest.mark.usefixtures("impatient")
def test_with_redis_down_the_last_known_menu_goes_on_and_comes_up_to_date_afterwards(
    board: Board, own_redis: RedisServer
) -> None:
    process = board.process(redis_url=own_redis.url)
    assert board.dishes(process) == {"soup"}
    own_redis.stop()
    board.writes("soup", "cake")
    assert board.dishes(process) == {"soup"}
    process.refresh(board.store)  # the POS is there: known here, shared with nobody
    assert board.dishes(process) == {"soup", "cake"}
    own_redis.start()
    board.process(redis_url=own_redis.url).refresh(board.store)
    assert board.dishes(process) == {"soup", "cake"}


def test_a_cold_process_gets_its_menu_from_redis_without_the_pos(board: Board) -> None:
    board.dishes(board.process())
    board.board["menu"] = RuntimeError("the POS is down")
    assert board.dishes(board.process()) == {"soup"}


@pytest.mark.parametrize("reason", [RuntimeError("down"), DANGLING, None], ids=lambda reason: repr(reason)[:20])
def test_a_cold_process_that_gets_no_menu_says_so_and_tries_again_next_time(reason: Any, board: Board) -> None:
    process = board.process()
    board.board["menu"] = reason
    with pytest.raises(CatalogUnavailable):
        process.get(board.store)
    board.writes("cake")
    assert board.dishes(process) == {"cake"}


@pytest.mark.usefixtures("impatient")
def test_an_emptied_redis_is_filled_again(board: Board) -> None:
    process, kit = board.process(), board.kit()
    board.dishes(process)
    kit.redis.delete(kit.keys.catalog(board.store.id))
    assert board.dishes(process) == {"soup"}
    wait_until(lambda: kit.redis.exists(kit.keys.catalog(board.store.id)))
