"""The contract's rules for a POS that does not answer, over HTTP: the failure of any request of a call is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing.contract import rest_pos
from tests.testing.contract.rest_pos import RestContract, RestPos
from tests.testing.contract.run_contract import contract_failures
from webhook_kit.adapter import PosAdapter
from webhook_kit.testing.redis_server import RedisServer

pytestmark = pytest.mark.slow

FIND_ORDER = "test_find_order_reports_failures"
QUOTE = "test_quote_reports_failures"
STORE_STATUS = "test_store_status_reports_failures"
ORDERS_SINCE = "test_orders_since_reports_failures"
CANCEL_ORDER = "test_cancel_order_reports_failures"
FETCH_CATALOG = "test_fetch_catalog_reports_failures"
PARSE_EVENT = "test_parse_event_reports_failures"
PLACE_ORDER = "test_place_order_reports_failures"
RULES = (FIND_ORDER, PLACE_ORDER, QUOTE, STORE_STATUS, ORDERS_SINCE, CANCEL_ORDER, FETCH_CATALOG, PARSE_EVENT)


class TestRestPos(RestContract):
    pass


class SecureContract(RestContract):
    """A POS whose connection the suite cannot intercept."""

    base_url_option = "none"


@pytest.mark.parametrize(
    ("adapter", "failing"),
    [
        (rest_pos.SkipsTickets, {FIND_ORDER}),
        (rest_pos.RefusesUnreadableStores, {PLACE_ORDER}),
        (rest_pos.QuotesWithoutFee, {QUOTE, PLACE_ORDER}),
        (rest_pos.OpenOnError, {STORE_STATUS}),
        (rest_pos.SkipsOrders, {ORDERS_SINCE}),
        (rest_pos.CancelsWithoutCheck, {CANCEL_ORDER}),
        (rest_pos.SkipsSections, {FETCH_CATALOG}),
        (rest_pos.DropsUnreadableEvents, {PARSE_EVENT}),
        (rest_pos.RejectsUnreadableEvents, {PARSE_EVENT}),
        (
            rest_pos.DefaultsOnTimeout,
            {PLACE_ORDER, QUOTE, STORE_STATUS, ORDERS_SINCE, CANCEL_ORDER, FETCH_CATALOG, PARSE_EVENT},
        ),
        (rest_pos.AnswersFromMemory, {FIND_ORDER, ORDERS_SINCE}),
    ],
)
def test_an_ignored_failure_is_found(
    adapter: type[PosAdapter], failing: set[str], redis_server: RedisServer, tmp_path: Path
) -> None:
    tested = type("Contract", (RestContract,), {"adapter": adapter})
    assert set(contract_failures(tested, redis_server.url, tmp_path, *RULES)) == failing


@pytest.mark.parametrize(
    ("adapter", "failing"),
    [(rest_pos.SkipsTickets, {FIND_ORDER}), (rest_pos.SkipsSections, {FETCH_CATALOG}), (RestPos, set())],
)
def test_a_failure_is_found_without_the_proxy(
    adapter: type[PosAdapter], failing: set[str], redis_server: RedisServer, tmp_path: Path
) -> None:
    tested = type("Contract", (SecureContract,), {"adapter": adapter})
    assert set(contract_failures(tested, redis_server.url, tmp_path, *RULES)) == failing
