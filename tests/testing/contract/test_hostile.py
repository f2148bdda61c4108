"""Every adapter that is wrong on purpose fails the tests meant for it, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing.contract.hostile import HOSTILE
from tests.testing.contract.run import failures
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.bogus_contract import BogusContract
from webhook_kit.testing.redis_server import RedisServer


@pytest.mark.parametrize("adapter", list(HOSTILE), ids=lambda adapter: adapter.__name__.lstrip("_"))
def test_it_fails_what_is_meant_for_it(adapter: type[BogusAdapter], redis_server: RedisServer, tmp_path: Path) -> None:
    contract = type("Contract", (BogusContract,), {"adapter": adapter, "pos_deadline": 0.5})
    found = failures(contract, redis_server.url, tmp_path)
    assert set(found) == HOSTILE[adapter], "\n\n".join(f"{name}: {said[:600]}" for name, said in found.items())
