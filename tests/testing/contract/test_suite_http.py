"""The contract for an adapter with HTTP: replies are lost on the wire, and wrong reactions to that are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing.contract.http_pos import (
    DelayIsNoTicket,
    ErrorIsNoTicket,
    GatewayErrorIsNotPlaced,
    HttpContract,
    RaisesNotPlaced,
    RefusesOnFailure,
    RetriesInPlaceOrder,
    SearchFailureIsNoTicket,
)
from tests.testing.contract.run_contract import contract_failures
from webhook_kit.adapter import PosAdapter
from webhook_kit.testing.redis_server import RedisServer

pytestmark = pytest.mark.slow

LOST_REPLY = "test_retry_after_lost_reply_creates_no_second_ticket"
LOST_REQUEST = "test_retry_after_lost_request_places_the_order"
TIMEOUT = "test_retry_after_timeout_creates_no_second_ticket"
GATEWAY = "test_retry_after_gateway_timeout_creates_no_second_ticket"
PLACE_ORDER = "test_place_order_reports_failures"
FIND_ORDER = "test_find_order_reports_failures"


class TestHttpPos(HttpContract):
    pass


@pytest.mark.parametrize(
    ("adapter", "failing"),
    [
        (RetriesInPlaceOrder, {LOST_REPLY, LOST_REQUEST}),
        (RaisesNotPlaced, {LOST_REPLY, LOST_REQUEST, TIMEOUT, GATEWAY}),
        (RefusesOnFailure, {LOST_REPLY, LOST_REQUEST, TIMEOUT, GATEWAY, PLACE_ORDER}),
        (GatewayErrorIsNotPlaced, {GATEWAY}),
        (SearchFailureIsNoTicket, {FIND_ORDER}),
        (ErrorIsNoTicket, {FIND_ORDER}),
        (DelayIsNoTicket, {FIND_ORDER}),
    ],
)
def test_wrong_reactions_to_a_failure_are_found(
    adapter: type[PosAdapter], failing: set[str], redis_server: RedisServer, tmp_path: Path
) -> None:
    contract = type("Contract", (HttpContract,), {"adapter": adapter})
    assert set(contract_failures(contract, redis_server.url, tmp_path)) == failing
