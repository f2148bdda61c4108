"""One shop for all tests that kill nothing; the others open their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenario.restaurant_env import Shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Two web processes and a worker. Each test brings orders of its own and leaves every process as it found it."""
    env = {"POS_BREAKER_FAILURES": "1000"}  # what one test lets fail must not close the store for the next
    stores = {"look-up": {"terse": True}}
    directory = tmp_path_factory.mktemp("shop")
    with Shop(directory, store_options=stores, env=env, web=2, worker=True) as shop:
        yield shop
