"""Sending state: a 429, the circuit breaker, a refused API key."""

from __future__ import annotations

import json
import time
from email.utils import formatdate

import pytest

from tests.outbox.outbox_env import HOUR, OutboxEnv
from webhook_kit.gett.http import ApiResponse
from webhook_kit.outbox.lanes import LeaseStatus
from webhook_kit.outbox.sending_state import SendingState

# -- 429 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "40"}, {}, 40),
        ({"Retry-After": "a date"}, {}, 3000),
        ({"Retry-After": "7"}, {"retryAfter": 50}, 50),
        ({}, {}, 100),
        ({"Retry-After": "999999999"}, {}, 100),
    ],
    ids=["seconds", "date", "problem", "nothing", "absurd"],
)
def test_429_delays_all_sending_for_as_long_as_gett_asks(
    outbox: OutboxEnv, headers: dict[str, str], body: dict[str, int], seconds: float
) -> None:
    if headers.get("Retry-After") == "a date":
        headers = {"Retry-After": formatdate(time.time() + seconds, usegmt=True)}
    outbox.append_order("2", "confirmed")
    outbox.send_once(ApiResponse(429, headers, json.dumps(body).encode()), first_delay=100)
    result = outbox.lanes.lease(1, 60_000)
    assert result.status is LeaseStatus.RATE_LIMITED
    assert seconds * 0.6 < result.wait <= seconds
    outbox.append_order("3", "cancelled")
    assert outbox.lease_status() is LeaseStatus.RATE_LIMITED
    assert outbox.attempts("order:2") == outbox.attempts() == 0
    outbox.skip_time(seconds * 1000)
    outbox.make_all_due()
    assert outbox.send_all() == 3
    assert outbox.lanes.counts() == {"appended": 3, "sent": 3}


def test_a_shorter_429_does_not_shorten_a_longer_one(outbox: OutboxEnv) -> None:
    outbox.sending.record_rate_limited(60)
    outbox.sending.record_rate_limited(1)
    outbox.append_order("1", "confirmed")
    assert outbox.lanes.lease(1, 60_000).wait > 50


# -- the circuit breaker ----------------------------------------------------------------------------------------------------


def break_down(outbox: OutboxEnv, failures: int = 5) -> None:
    """Let the updates of so many new orders fail one after the other, then turn the clock back."""
    for _ in range(failures):
        outbox.append_order(f"b{outbox.lanes.counts().get('appended', 0)}", "confirmed")
    assert outbox.send_all(*[503] * failures) == failures
    outbox.turn_clock_back()


def test_failures_in_a_row_open_the_circuit_breaker(outbox: OutboxEnv) -> None:
    break_down(outbox, 4)
    outbox.append_order("1", "cancelled")
    assert outbox.send_all() == 1
    break_down(outbox)
    outbox.append_order("2", "cancelled")
    assert outbox.lease_status() is LeaseStatus.CIRCUIT_OPEN


def test_a_response_between_failures_keeps_the_circuit_breaker_closed(outbox: OutboxEnv) -> None:
    for ref in range(12):
        outbox.append_order(f"o{ref}", "confirmed")
    outbox.send_all(503, 503, 503, 503, 422, 503, 503, 503, 503, 202, 503, 503)
    outbox.append_order("1", "confirmed")
    assert outbox.send_all() == 1


def test_one_successful_probe_closes_the_circuit_breaker(outbox: OutboxEnv) -> None:
    break_down(outbox)
    for ref in range(6):
        outbox.append_order(f"o{ref}", "confirmed")
    outbox.skip_time(HOUR + 1_001)
    probe = outbox.lease(16)
    assert len(probe) == 1
    assert outbox.lease_status() is LeaseStatus.CIRCUIT_OPEN
    outbox.lanes.acknowledge(probe[0], 202)
    assert len(outbox.lease(16)) == 5


def test_a_failed_probe_opens_the_circuit_breaker_for_longer(outbox: OutboxEnv) -> None:
    break_down(outbox)
    for ref, pause in enumerate((2, 4, 8, 16, 30, 30)):
        outbox.append_order(f"o{ref}", "confirmed")
        outbox.skip_time(2 * HOUR)
        lease, before = outbox.lease_one(), outbox.now()
        outbox.gett.respond_with(503)
        outbox.make_dispatcher().send(lease)
        assert before <= float(outbox.sending_field("open_until")) - pause * 1000 <= outbox.now()


def test_failures_of_earlier_sends_do_not_prolong_an_open_circuit_breaker(outbox: OutboxEnv) -> None:
    for ref in range(16):
        outbox.append_order(f"o{ref}", "confirmed")
    leases, dispatcher = outbox.lease(16), outbox.make_dispatcher()
    outbox.gett.respond_with(*[503] * 16)
    for lease in leases[:5]:
        dispatcher.send(lease)
    outbox.turn_clock_back()
    opened = outbox.sending_field("open_until")
    for lease in leases[5:]:
        dispatcher.send(lease)
    assert outbox.sending_field("open_until") == opened


def test_a_probe_whose_sender_dies_is_repeated(outbox: OutboxEnv) -> None:
    break_down(outbox)
    outbox.append_order("1", "cancelled")
    outbox.append_order("2", "cancelled")
    outbox.skip_time(HOUR + 1_001)
    assert len(outbox.lease()) == 1
    outbox.skip_time(60_001)
    assert len(outbox.lease()) == 1


def test_a_probe_that_the_quota_delays_is_not_used_up(outbox: OutboxEnv) -> None:
    outbox.set_quota(5, HOUR)
    for ref in range(5):
        outbox.append_order(f"b{ref}", "cancelled")
    outbox.send_all(*[503] * 5)
    outbox.append_order("1", "cancelled")
    outbox.skip_time(1_001)
    assert outbox.lease_status() is LeaseStatus.PACED
    outbox.skip_time(HOUR)
    assert len(outbox.lease()) == 1


def test_429_closes_the_circuit_breaker(outbox: OutboxEnv) -> None:
    break_down(outbox)
    outbox.append_order("1", "cancelled")
    outbox.append_order("2", "cancelled")
    outbox.skip_time(HOUR + 1_001)
    assert outbox.send_all(ApiResponse(429, {"Retry-After": "30"})) == 1
    assert outbox.lease_status() is LeaseStatus.RATE_LIMITED
    outbox.skip_time(30_001)
    assert outbox.send_all() == 1


def test_an_open_circuit_breaker_counts_no_attempt(outbox: OutboxEnv) -> None:
    break_down(outbox)
    outbox.append_order("1", "confirmed")
    assert outbox.send_all() == 0
    assert outbox.attempts() == 0


def test_sending_starts_slowly_after_the_circuit_breaker_closes(outbox: OutboxEnv) -> None:
    outbox.set_quota(100, HOUR)
    break_down(outbox)
    for ref in range(60):
        outbox.append_order(f"o{ref}", "confirmed")
    outbox.skip_time(2 * HOUR)
    assert outbox.send_all() == 2  # the probe, and one more
    outbox.skip_time(360_001)
    assert outbox.send_all() == 10


# -- 401 and 403 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_api_key_halts_sending_and_counts_no_attempt(outbox: OutboxEnv, status: int) -> None:
    outbox.append_order("2", "cancelled")
    outbox.send_once(status)
    assert outbox.lease_status() is LeaseStatus.HALTED
    assert str(status) in (outbox.sending.halt_reason() or "")
    assert outbox.attempts() == outbox.attempts("order:2") == 0
    assert outbox.lanes.counts() == {"appended": 2}


def test_a_halt_is_probed_once_a_minute_and_ended_by_a_success(outbox: OutboxEnv) -> None:
    for ref in range(5):
        outbox.append_order(f"o{ref}", "confirmed")
    assert outbox.send_all(401) == 1
    for _ in range(3):
        outbox.skip_time(30_000)
        assert outbox.lease_status() is LeaseStatus.HALTED
        outbox.skip_time(30_001)
        (probe,) = outbox.lease(16)
        outbox.gett.respond_with(401)
        outbox.make_dispatcher().send(probe)
    outbox.skip_time(60_001)
    assert outbox.send_all() >= 1
    assert outbox.sending.halt_reason() is None
    outbox.make_all_due()
    outbox.send_all()
    assert outbox.lanes.counts() == {"appended": 5, "sent": 5}


def test_a_rejection_with_an_accepted_key_ends_the_halt(outbox: OutboxEnv) -> None:
    outbox.sending.halt("401")
    outbox.skip_time(60_001)
    outbox.send_once(422)
    assert outbox.sending.halt_reason() is None


def test_a_halt_belongs_to_the_refused_key_and_a_right_one_sends_at_once(outbox: OutboxEnv) -> None:
    right = outbox.make_lanes(outbox.quota, api_key_id="right")
    outbox.append_order("2", "confirmed")
    outbox.send_once(401)
    assert outbox.lease_status() is LeaseStatus.HALTED
    assert SendingState(outbox.redis, outbox.keys, "right").halt_reason() is None
    (lease,) = right.lease(16, 60_000).leases
    assert right.acknowledge(lease, 202)
    assert outbox.sending.halt_reason() is not None, "the other key is still refused"
    outbox.make_all_due()
    assert len(right.lease(16, 60_000).leases) == 1


def test_a_process_without_a_key_reports_a_halt_of_any(outbox: OutboxEnv) -> None:
    SendingState(outbox.redis, outbox.keys, "wrong").halt("401: the key is wrong")
    assert SendingState(outbox.redis, outbox.keys).halt_reason() == "401: the key is wrong"
    assert SendingState(outbox.redis, outbox.keys, "right").halt_reason() is None
    SendingState(outbox.redis, outbox.keys, "wrong").record_response()
    assert SendingState(outbox.redis, outbox.keys).halt_reason() is None


def test_a_probe_of_a_halt_that_a_429_delays_is_not_used_up(outbox: OutboxEnv) -> None:
    outbox.sending.halt("401")
    outbox.sending.record_rate_limited(120)
    outbox.append_order("1", "cancelled")
    outbox.skip_time(60_001)
    assert outbox.lease_status() is LeaseStatus.RATE_LIMITED
    outbox.skip_time(60_001)
    assert outbox.send_all() == 1
