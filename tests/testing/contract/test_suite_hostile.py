"""Every hostile adapter fails the contract tests that are meant for it, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing.contract.hostile import HOSTILE_ADAPTERS
from tests.testing.contract.run_contract import contract_failures
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.bogus_contract import BogusContract
from webhook_kit.testing.redis_server import RedisServer

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("adapter", list(HOSTILE_ADAPTERS), ids=lambda adapter: adapter.__name__.lstrip("_"))
def test_a_hostile_adapter_fails_exactly_its_tests(
    adapter: type[BogusAdapter], redis_server: RedisServer, tmp_path: Path
) -> None:
    contract = type("Contract", (BogusContract,), {"adapter": adapter, "pos_deadline": 0.5})
    failures = contract_failures(contract, redis_server.url, tmp_path)
    messages = "\n\n".join(f"{name}: {message[:600]}" for name, message in failures.items())
    assert set(failures) == HOSTILE_ADAPTERS[adapter], messages
