"""Dispatcher: a failure while an outcome is recorded counts as an attempt, is logged, and ends as a dead letter."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest

from tests.outbox.outbox_env import LANE, OutboxEnv
from webhook_kit.gett.http import ApiResponse
from webhook_kit.outbox.lanes import Lanes
from webhook_kit.outbox.retry_policy import RetryPolicy
from webhook_kit.outbox.sending_state import SendingState

Events = list[MutableMapping[str, Any]]

HALF_EMOJI = rb'{"detail": "no pizza \ud83c today", "errorCode": "X\udf55"}'

STEPS: dict[str, tuple[type, str, int]] = {
    "acknowledge": (Lanes, "acknowledge", 202),
    "postpone": (Lanes, "postpone", 503),
    "dead_letter": (Lanes, "dead_letter", 400),
    "decide": (RetryPolicy, "decide", 503),
    "record_failure": (SendingState, "record_failure", 503),
    "record_response": (SendingState, "record_response", 404),
    "record_rate_limited": (SendingState, "record_rate_limited", 429),
    "halt": (SendingState, "halt", 401),
    "record_rate_limit_headers": (SendingState, "_record_limits", 503),
}
"""Every step of recording and settling, with a response of Gett that leads to it."""

ERRORS = [UnicodeEncodeError("utf-8", "\ud83c", 0, 1, "surrogates not allowed"), TypeError("a bug"), MemoryError()]


def fail_once(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, error: Exception) -> None:
    """Let the next call of a method raise this error."""
    original = getattr(owner, name)

    def method(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(owner, name, original)
        raise error

    monkeypatch.setattr(owner, name, method)


def response(status: int, body: bytes = b"{}") -> ApiResponse:
    return ApiResponse(status, {"X-RateLimit-Remaining": "5", "X-RateLimit-Reset": "99999999999"}, body)


@pytest.mark.parametrize("status", [400, 401, 404, 409, 429, 500, 503])
def test_half_an_emoji_in_gett_s_answer_changes_nothing(outbox: OutboxEnv, status: int) -> None:
    outbox.send_once(response(status, HALF_EMOJI))
    last = outbox.lanes.history(LANE)[-1]
    assert "no pizza \ufffd today" in last["why"]
    assert last["event"] == ("dead_lettered" if status == 400 else "postponed")
    if status == 401:
        assert "no pizza \ufffd today" in (outbox.sending.halt_reason() or "")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("step", STEPS)
def test_error_in_one_step_still_settles_the_update(
    step: str, error: Exception, outbox: OutboxEnv, monkeypatch: pytest.MonkeyPatch, events: Events
) -> None:
    owner, name, status = STEPS[step]
    outbox.append_order("1", "confirmed")
    fail_once(monkeypatch, owner, name, error)
    outbox.send_all(response(status), first_delay=900)
    assert outbox.lanes.history(LANE)[-1]["event"] in ("postponed", "dead_lettered")
    assert outbox.lanes.state(LANE).get("owner", "") == ""
    assert [event for event in events if event["log_level"] in ("error", "warning")]
    if status in (202, 404, 503):
        assert outbox.attempts() == 1


@pytest.mark.parametrize("step", ["acknowledge", "postpone", "record_failure", "decide"])
def test_step_that_always_fails_ends_as_a_dead_letter(
    step: str, outbox: OutboxEnv, monkeypatch: pytest.MonkeyPatch, events: Events
) -> None:
    owner, name, status = STEPS[step]

    def fail(*_: Any, **__: Any) -> Any:
        raise ValueError("a bug")

    monkeypatch.setattr(owner, name, fail)
    outbox.append_order("1", "confirmed")
    dispatcher = outbox.make_dispatcher(threads=1, min_attempts=3, max_age=0.0)
    for _ in range(5):
        outbox.gett.respond_with(response(status))
        outbox.make_all_due()
        outbox.skip_time(3_600_000)
        dispatcher.drain(0.05)
    assert [letter.lane for letter in outbox.dead_letters.find()] == [LANE]
    assert [event for event in events if event["log_level"] == "error"]


def test_leases_that_run_out_one_after_the_other_count_as_attempts(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed")
    for attempts in (0, 0, 1, 2):  # once, the sender may just have died
        assert outbox.lease_one().attempts == attempts
        outbox.make_due(LANE)


def test_absurd_figures_of_gett_do_not_repeat_an_update(outbox: OutboxEnv) -> None:
    reset = str(int(outbox.now() / 1000) + 60)
    outbox.send_once(ApiResponse(202, {"X-RateLimit-Remaining": "9" * 40, "X-RateLimit-Reset": reset}, b"{}"))
    assert outbox.lanes.counts() == {"appended": 1, "sent": 1}
