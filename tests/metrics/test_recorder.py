from __future__ import annotations

import threading

import pytest

from tests.executed_lines import executed_lines
from webhook_kit.metrics.recorder import CounterMetric, HistogramMetric, Totals, take_observations

SEEN = CounterMetric(
    "seen_total", "Things seen.", {"colour": ("red", "blue")}, graphed=lambda colour: "seen" if colour == "red" else ""
)
TOOK = HistogramMetric("took_seconds", "Time taken.", (0.1, 1), {"colour": ("red", "blue")})


def taken() -> tuple[Totals, Totals]:
    totals: Totals = {}
    graphed: Totals = {}
    take_observations(totals, graphed)
    return totals, graphed


def test_counts_add_up_by_labels() -> None:
    for colour in ("red", "blue", "red"):
        SEEN.count(colour)
    assert taken() == ({"seen_total|red": 2, "seen_total|blue": 1}, {"seen": 2})
    assert taken() == ({}, {})


def test_a_value_outside_of_the_closed_list_becomes_other() -> None:
    SEEN.count("store 4711")
    SEEN.count("red|blue\ud800")
    assert taken()[0] == {"seen_total|other": 2}


@pytest.mark.parametrize(
    ("seconds", "bound"), [(0.0, "0.1"), (0.1, "0.1"), (0.11, "1"), (1.0, "1"), (9.0, "+Inf"), (-1.0, "0.1")]
)
def test_a_duration_is_counted_in_the_bucket_with_the_next_bound(seconds: float, bound: str) -> None:
    TOOK.observe(seconds, "red")
    assert taken() == ({f"took_seconds|red|{bound}": 1, "took_seconds|red|sum": max(0, int(seconds * 1e6))}, {})


def test_the_wait_for_a_flush_is_bounded() -> None:
    for _ in range(30_000):
        SEEN.count("red")
    assert taken()[0] == {"seen_total|red": 20_000}


def test_threads_lose_nothing() -> None:
    def count() -> None:
        for _ in range(2_000):
            SEEN.count("blue")

    threads = [threading.Thread(target=count) for _ in range(8)]
    sums: Totals = {}
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        take_observations(sums, {})
    take_observations(sums, {})
    assert sums == {"seen_total|blue": 16_000}


def test_an_observation_is_one_append() -> None:
    assert executed_lines(lambda: TOOK.observe(0.25, "red")) == 2
