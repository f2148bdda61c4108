"""An adapter on HTTP: replies are lost on the wire, and whoever treats that wrongly is found out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing.contract.http_pos import HttpContract, NeverPlaced, Refuses, TriesAgain
from tests.testing.contract.run import failures
from webhook_kit.adapter import PosAdapter
from webhook_kit.testing.redis_server import RedisServer

LOST_REPLY = "test_a_reply_lost_after_the_pos_committed"
LOST_REQUEST = "test_a_request_lost_before_the_pos_committed"
TOO_LATE = "test_a_pos_that_answers_too_late"


class TestHttpPos(HttpContract):
    pass


@pytest.mark.parametrize(
    ("adapter", "fails"),
    [
        (TriesAgain, {LOST_REPLY, LOST_REQUEST}),
        (NeverPlaced, {LOST_REPLY, LOST_REQUEST, TOO_LATE}),
        (Refuses, {LOST_REPLY, LOST_REQUEST, TOO_LATE}),
    ],
)
def test_who_treats_a_broken_line_wrongly_fails(
    adapter: type[PosAdapter], fails: set[str], redis_server: RedisServer, tmp_path: Path
) -> None:
    contract = type("Contract", (HttpContract,), {"adapter": adapter})
    assert set(failures(contract, redis_server.url, tmp_path)) == fails
