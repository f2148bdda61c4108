"""What holds all sending back: a 429, a breakdown of Gett, a key that it refuses."""

from __future__ import annotations

import json
import time
from email.utils import formatdate

import pytest

from tests.outbox.outbox_env import HOUR, Workbench
from webhook_kit.gett.http import ApiResponse
from webhook_kit.outbox.lanes import LeaseStatus

# -- 429 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "40"}, {}, 40),
        ({"Retry-After": formatdate(time.time() + 3000, usegmt=True)}, {}, 3000),
        ({"Retry-After": "7"}, {"retryAfter": 50}, 50),
        ({}, {}, 100),
        ({"Retry-After": "999999999"}, {}, 3600),
    ],
    ids=["seconds", "date", "problem", "nothing", "absurd"],
)
def test_after_429_everything_waits_as_long_as_gett_asks(
    bench: Workbench, headers: dict[str, str], body: dict[str, int], seconds: float
) -> None:
    bench.order("2", "confirmed")
    bench.fails(ApiResponse(429, headers, json.dumps(body).encode()), first=100)
    found = bench.lanes.lease(1, 60_000)
    assert found.verdict is LeaseStatus.BLOCKED
    # A date was written when these tests were collected.
    assert seconds * 0.6 < found.wait <= seconds
    bench.order("3", "cancelled")
    assert bench.verdict() is LeaseStatus.BLOCKED
    assert bench.attempts("order:2") == bench.attempts() == 0
    bench.skip(seconds * 1000)
    bench.all_due()
    assert bench.push() == 3
    assert bench.lanes.counts() == {"appended": 3, "sent": 3}


def test_a_shorter_wait_does_not_cut_a_longer_one(bench: Workbench) -> None:
    bench.gate.record_rate_limited(60)
    bench.gate.record_rate_limited(1)
    bench.order("1", "confirmed")
    assert bench.lanes.lease(1, 60_000).wait > 50


# -- the circuit -------------------------------------------------------------------------------------------------------


def break_down(bench: Workbench, failures: int = 5) -> None:
    """So many new orders fail, one after the other; then the clock is turned back."""
    for _ in range(failures):
        bench.order(f"b{bench.lanes.counts().get('appended', 0)}", "confirmed")
    assert bench.push(*[503] * failures) == failures
    bench.hold()


def test_failures_in_a_row_open_the_circuit(bench: Workbench) -> None:
    break_down(bench, 4)
    bench.order("1", "cancelled")
    assert bench.push() == 1
    break_down(bench)
    bench.order("2", "cancelled")
    assert bench.verdict() is LeaseStatus.OPEN


def test_an_answer_in_between_keeps_the_circuit_closed(bench: Workbench) -> None:
    for ref in range(12):
        bench.order(f"o{ref}", "confirmed")
    bench.push(503, 503, 503, 503, 422, 503, 503, 503, 503, 202, 503, 503)
    bench.order("1", "confirmed")
    assert bench.push() == 1


def test_one_probe_goes_through_an_open_circuit_and_closes_it(bench: Workbench) -> None:
    break_down(bench)
    for ref in range(6):
        bench.order(f"o{ref}", "confirmed")
    bench.skip(HOUR + 1_001)
    probe = bench.lease(16)
    assert len(probe) == 1
    assert bench.verdict() is LeaseStatus.OPEN
    bench.lanes.acknowledge(probe[0], 202)
    assert len(bench.lease(16)) == 5


def test_a_failed_probe_opens_the_circuit_for_longer(bench: Workbench) -> None:
    break_down(bench)
    for ref, pause in enumerate((2, 4, 8, 16, 30, 30)):
        bench.order(f"o{ref}", "confirmed")
        bench.skip(2 * HOUR)
        lease, before = bench.one(), bench.now()
        bench.gett.will(503)
        bench.pusher().send(lease)
        assert before <= float(bench.gate_field("open_until")) - pause * 1000 <= bench.now()


def test_what_was_under_way_when_the_circuit_opened_does_not_lengthen_the_pause(bench: Workbench) -> None:
    for ref in range(16):
        bench.order(f"o{ref}", "confirmed")
    leases, pusher = bench.lease(16), bench.pusher()
    bench.gett.will(*[503] * 16)
    for lease in leases[:5]:
        pusher.send(lease)
    bench.hold()
    opened = bench.gate_field("open_until")
    for lease in leases[5:]:
        pusher.send(lease)
    assert bench.gate_field("open_until") == opened


def test_a_probe_whose_sender_dies_is_followed_by_another(bench: Workbench) -> None:
    break_down(bench)
    bench.order("1", "cancelled")
    bench.order("2", "cancelled")
    bench.skip(HOUR + 1_001)
    assert len(bench.lease()) == 1
    bench.skip(60_001)
    assert len(bench.lease()) == 1


def test_a_probe_that_the_quota_does_not_grant_is_not_used_up(bench: Workbench) -> None:
    bench.limit(5, HOUR)
    for ref in range(5):
        bench.order(f"b{ref}", "cancelled")
    bench.push(*[503] * 5)
    bench.order("1", "cancelled")
    bench.skip(1_001)
    assert bench.verdict() is LeaseStatus.WAIT
    bench.skip(HOUR)
    assert len(bench.lease()) == 1


def test_429_closes_the_circuit_because_gett_is_there(bench: Workbench) -> None:
    break_down(bench)
    bench.order("1", "cancelled")
    bench.order("2", "cancelled")
    bench.skip(HOUR + 1_001)
    assert bench.push(ApiResponse(429, {"Retry-After": "30"})) == 1
    assert bench.verdict() is LeaseStatus.BLOCKED
    bench.skip(30_001)
    assert bench.push() == 1


def test_an_open_circuit_costs_no_attempt(bench: Workbench) -> None:
    break_down(bench)
    bench.order("1", "confirmed")
    assert bench.push() == 0
    assert bench.attempts() == 0


def test_after_a_breakdown_sending_starts_slowly(bench: Workbench) -> None:
    bench.limit(100, HOUR)
    break_down(bench)
    for ref in range(60):
        bench.order(f"o{ref}", "confirmed")
    bench.skip(2 * HOUR)
    assert bench.push() == 2  # the probe, and one more
    bench.skip(360_001)
    assert bench.push() == 10


# -- 401 and 403 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_stops_all_sending_and_costs_nothing(bench: Workbench, status: int) -> None:
    bench.order("2", "cancelled")
    bench.fails(status)
    assert bench.verdict() is LeaseStatus.HALTED
    assert str(status) in (bench.gate.halt_reason() or "")
    assert bench.attempts() == bench.attempts("order:2") == 0
    assert bench.lanes.counts() == {"appended": 2}


def test_a_halt_tries_once_a_minute_and_is_lifted_by_a_success(bench: Workbench) -> None:
    for ref in range(5):
        bench.order(f"o{ref}", "confirmed")
    assert bench.push(401) == 1
    for _ in range(3):
        bench.skip(30_000)
        assert bench.verdict() is LeaseStatus.HALTED
        bench.skip(30_001)
        (probe,) = bench.lease(16)
        bench.gett.will(401)
        bench.pusher().send(probe)
    bench.skip(60_001)
    assert bench.push() >= 1
    assert bench.gate.halt_reason() is None
    bench.all_due()
    bench.push()
    assert bench.lanes.counts() == {"appended": 5, "sent": 5}


def test_a_refusal_that_shows_that_the_key_is_right_lifts_the_halt(bench: Workbench) -> None:
    bench.gate.halt("401")
    bench.skip(60_001)
    bench.fails(422)
    assert bench.gate.halt_reason() is None


def test_a_probe_of_a_halt_that_another_gate_stops_is_not_used_up(bench: Workbench) -> None:
    bench.gate.halt("401")
    bench.gate.record_rate_limited(120)
    bench.order("1", "cancelled")
    bench.skip(60_001)
    assert bench.verdict() is LeaseStatus.BLOCKED
    bench.skip(60_001)
    assert bench.push() == 1
