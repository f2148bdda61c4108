"""The primary of a Redis with sentinels is lost again and again: each order has one ticket, and Gett has the last state of each.

``make chaos-sentinel SEEDS="1 2 3" KILLS=10`` does it for longer, and prints figures.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from random import Random

import pytest

from tests.chaos.sentinel_traffic import STEPS, Traffic
from tests.scenario.restaurant_env import Order, RestaurantEnv
from tests.storage.sentinel_env import PRIMARY, SentinelEnv
from webhook_kit.testing.processes import wait_until

SEEDS = [int(seed) for seed in os.environ.get("CHAOS_SEEDS", "1").split()]
KILLS = int(os.environ.get("CHAOS_KILLS", "2"))

WAYS = ("kill", "kill", "hang") if KILLS > 2 else ("kill",)
"""Ways to lose the primary. After a hang the sentinels take long until they make it a replica: not in the short form."""

SCENARIOS: dict[tuple[str, ...], str] = {("native", "look-up"): "0", ("claim", "bare"): "1"}
"""Guarantees, and the REDIS_WAIT_REPLICAS with which they hold although Redis loses the last writes (``docs/availability.md``)."""

SETTINGS = {
    "REDIS_TIMEOUT": "5",
    "GETT_WRITES_PER_MINUTE": "0",
    "RECONCILE_EVERY": "5",  # finds an update that was acknowledged and lost
    "POS_BREAKER_FAILURES": "1000",
    "HEALTH_CHECK_INTERVAL": "0",
}


@pytest.mark.parametrize("levels", list(SCENARIOS)[: 2 if KILLS > 2 else 1], ids=" and ".join)
@pytest.mark.parametrize("seed", SEEDS)
def test_one_ticket_for_each_order_and_its_last_state_at_gett(
    seed: int, levels: tuple[str, ...], tmp_path: Path
) -> None:
    random = Random(seed)
    recoveries: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    (tmp_path / "sentinels").mkdir()
    with (
        SentinelEnv(tmp_path / "sentinels", down_after=1000) as sentinels,
        RestaurantEnv(
            tmp_path,
            options={"delay": 0.05},
            env={**SETTINGS, "REDIS_URL": sentinels.url, "REDIS_WAIT_REPLICAS": SCENARIOS[levels]},
            worker=True,
        ) as restaurant,
        Traffic(restaurant, seed, levels) as traffic,
    ):
        for _ in range(KILLS):
            traffic.wait_accepted(random.randint(5, 15))
            time.sleep(random.uniform(0, 0.2))  # any moment of a placement and of a push
            way = random.choice(WAYS)
            lost = sentinels.hang_primary() if way == "hang" else sentinels.kill_primary()
            at = time.monotonic()
            recovered = traffic.wait_recovery(at)
            wait_for_update(restaurant)
            recoveries[way].append((recovered - at, time.monotonic() - at))
            sentinels.wait_failed_over(lost)
            sentinels.revive(lost)
        traffic.finish()
        orders = [order for order, _ in traffic.accepted]
        wait_until(
            lambda: not [order for order in orders if traffic.at_gett(order)[-1:] != STEPS[-1:]],
            message="the last update of each order",
            interval=0.1,
        )
        report(seed, levels, traffic, restaurant, recoveries)
        for order, response in traffic.accepted:
            restaurant.assert_placed_once(order, response)
            assert is_in_order(traffic.at_gett(order)), traffic.at_gett(order)
        assert_no_other_ticket(restaurant, levels, orders)
        assert f"the primary {PRIMARY} is 127.0.0.1:{sentinels.primary().port}" in restaurant.cli("check", "--offline")
        assert restaurant.stack.web[0].running
        assert restaurant.stack.worker.running


def wait_for_update(restaurant: RestaurantEnv) -> None:
    """Wait until Gett has got one more update."""
    log = restaurant.stack.gett.update_log
    before = len(log.updates())
    wait_until(lambda: len(log.updates()) > before, message="an update to be sent")


def is_in_order(steps: list[str]) -> bool:
    """Return True if no step comes after a later one; one may be left out, or come again."""
    ranks = [STEPS.index(step) for step in steps]
    return ranks == sorted(ranks)


def assert_no_other_ticket(restaurant: RestaurantEnv, levels: tuple[str, ...], orders: list[Order]) -> None:
    """Assert that the POS has tickets of accepted orders only."""
    for level in levels:
        refs = {order.ref for order in orders if order.level == level}
        tickets = [ticket.ref for ticket in restaurant.all_tickets(level)]
        assert sorted(tickets) == sorted(refs), level


def report(
    seed: int,
    levels: tuple[str, ...],
    traffic: Traffic,
    restaurant: RestaurantEnv,
    recoveries: dict[str, list[tuple[float, float]]],
) -> None:
    """Print figures, which pytest shows with -s."""
    refused = sum(status == 503 for _, _, status in traffic.answers)
    updates = len(restaurant.stack.gett.update_log.updates())
    print(f"seed {seed}, {levels}: {len(traffic.accepted)} orders, {updates} updates, {refused} answers 503")  # noqa: T201
    for way, seconds in recoveries.items():
        for what, values in zip(("orders are taken", "updates are sent"), zip(*seconds, strict=True), strict=False):
            print(f"  {way}: s until {what}: {', '.join(f'{each:.1f}' for each in sorted(values))}")  # noqa: T201
