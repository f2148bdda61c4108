"""A whole installation on a cluster, under load, while its hash slot changes its node: every order has one ticket and its updates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.redis_cluster import RQ_PREFIX, TAG, ClusterNode, RedisCluster
from tests.scenario.restaurant_env import LEVELS, SELF_RESOLVING, Order, RestaurantEnv
from webhook_kit.sandbox.local_gett import WebhookResponse
from webhook_kit.testing.processes import wait_until

PER_LEVEL = 6


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    with RedisCluster(replicas=True, node_timeout=1) as started:
        yield started


@pytest.fixture
def restaurant(cluster: RedisCluster, tmp_path: Path) -> Iterator[RestaurantEnv]:
    address = {"REDIS_URL": cluster.url, "KEY_PREFIX": f"{TAG}:", "RQ_KEY_PREFIX": RQ_PREFIX}
    env = {**address, "REDIS_WAIT_REPLICAS": "1", "RECONCILE_EVERY": "5", "GETT_WRITES_PER_MINUTE": "0"}
    with RestaurantEnv(tmp_path, web=2, worker=True, env=env) as started:
        yield started


def other_primary(cluster: RedisCluster) -> ClusterNode:
    serving = cluster.serving
    return next(node for node in cluster.nodes if node is not serving and node("ROLE")[0] == b"master")


def place_during(event: Callable[[], object], levels: Sequence[str], restaurant: RestaurantEnv) -> None:
    """Place orders in several threads; the event happens when some are placed and others are not."""
    orders = [Order(level, ("salad",)) for _ in range(PER_LEVEL) for level in levels]
    placed: list[Order] = []

    def place(order: Order) -> WebhookResponse:
        web = orders.index(order) % 2
        responses = iter(lambda: restaurant.place(order, web=web), None)
        response = wait_until(
            lambda: next(answer if answer.status == 200 else None for answer in responses),
            message=f"{order.level}: the order to be placed",
        )
        assert response is not None
        placed.append(order)
        return response

    with ThreadPoolExecutor(4) as threads:
        placing = [threads.submit(place, order) for order in orders]
        wait_until(lambda: len(placed) > len(levels), message="some orders to be placed")
        event()
        for order, future in zip(orders, placing, strict=True):
            restaurant.assert_placed_once(order, future.result())
    for order in orders:
        restaurant.await_confirmation(order)
        restaurant.assert_placed_once(order, restaurant.place(order))


def test_the_slot_moves_to_another_node_and_a_replica_takes_over(
    cluster: RedisCluster, restaurant: RestaurantEnv
) -> None:
    place_during(lambda: cluster.move_slot(other_primary(cluster)), tuple(LEVELS), restaurant)
    place_during(cluster.fail_over, tuple(LEVELS), restaurant)
    assert "Traceback" not in restaurant.stack.worker.output()


def test_the_node_of_the_slot_is_killed(cluster: RedisCluster, restaurant: RestaurantEnv) -> None:
    """A replica may lack the writes of the last moment; the POS knows what they said."""

    def kill() -> None:
        failed, replica = cluster.serving, cluster.kill_serving()
        wait_until(lambda: cluster.serving is replica, message="the replica to take over")
        failed.start()  # orders wait for a replica

    place_during(kill, SELF_RESOLVING, restaurant)
