"""One environment for all tests that kill nothing; the others start their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenario.restaurant_env import RestaurantEnv


@pytest.fixture(scope="session")
def restaurant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestaurantEnv]:
    """Two web processes and a worker. Each test uses orders of its own and leaves every process running."""
    env = {"POS_BREAKER_FAILURES": "1000"}  # failures of one test must not open the circuit breaker for the next
    stores = {"look-up": {"terse": True}}
    directory = tmp_path_factory.mktemp("restaurant")
    with RestaurantEnv(directory, store_options=stores, env=env, web=2, worker=True) as restaurant:
        yield restaurant
