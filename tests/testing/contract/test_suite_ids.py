"""The contract's rule for ticket ids: a POS that uses an id again is found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.testing.contract.rest_pos import FakeRestPos, RestContract
from tests.testing.contract.run_contract import contract_failures
from webhook_kit.adapter import Store
from webhook_kit.testing.contract import PosTicket
from webhook_kit.testing.redis_server import RedisServer

pytestmark = pytest.mark.slow

RULE = "test_ticket_ids_are_not_used_again"


class NumberPos(FakeRestPos):
    """Numbers its tickets from 1."""

    def next_id(self) -> str:
        return str(len(self.orders) + 1)


class DailyNumberPos(NumberPos):
    """Numbers its tickets from 1 each day."""

    def start_new_day(self) -> None:
        self.orders.clear()


class DatedNumberPos(DailyNumberPos):
    """The same, with the day in the ticket's id."""

    day = 1

    def next_id(self) -> str:
        return f"day{self.day}-{super().next_id()}"

    def start_new_day(self) -> None:
        super().start_new_day()
        self.day += 1


class TablePos(NumberPos):
    """Numbers its open tickets: a ticket that ends frees its number."""

    def next_id(self) -> str:
        ended = [id for id, row in self.orders.items() if row["step"] == "completed"]
        return min(ended, default=super().next_id())

    def post(self, path: list[str], content: dict[str, str]) -> object:
        if len(path) == 1:
            self.orders.pop(id := self.next_id(), None)
            self.orders[id] = {"step": "confirmed", **content}
            return {"id": id}
        return super().post(path, content)


class ContentPos(NumberPos):
    """Has one ticket for equal orders."""

    def next_id(self) -> str:
        return "the only one"


class NumberContract(RestContract):
    pos_class: type[FakeRestPos] = NumberPos

    @contextmanager
    def open_store(self) -> Iterator[Store]:
        with self.pos_class() as self.pos:
            yield self.make_store(base_url=self.pos.url)

    def tickets(self, store: Store) -> Sequence[PosTicket]:
        return []


class DailyContract(NumberContract):
    pos: DailyNumberPos

    def start_new_day(self, store: Store) -> None:
        self.pos.start_new_day()


@pytest.mark.parametrize(
    ("contract", "pos", "failing"),
    [
        (NumberContract, NumberPos, set()),
        (NumberContract, TablePos, {RULE}),
        (NumberContract, ContentPos, {RULE}),
        (DailyContract, DailyNumberPos, {RULE}),
        (DailyContract, DatedNumberPos, set()),
    ],
)
def test_an_id_that_is_used_again_is_found(
    contract: type[NumberContract],
    pos: type[FakeRestPos],
    failing: set[str],
    redis_server: RedisServer,
    tmp_path: Path,
) -> None:
    tested = type("Contract", (contract,), {"pos_class": pos})
    assert set(contract_failures(tested, redis_server.url, tmp_path, RULE)) == failing
