"""Tests of the quota and its headers."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.sandbox.sandbox_env import STORE, Call, check_problem
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.options import Options


def test_writes_and_reads_have_separate_quotas(call: Call, context: SandboxContext) -> None:
    context.options.writes_per_minute = 2
    context.options.reads_per_minute = 3
    context.clock.set(speed=1)
    write = {"status": "online"}
    remaining = [call("POST", f"stores/{STORE}/status", write).headers["X-RateLimit-Remaining"] for _ in range(2)]
    assert remaining == ["1", "0"]
    refused = call("POST", f"stores/{STORE}/status", write)
    problem = check_problem(refused, 429, "RATE_LIMITED")
    assert problem["retryable"] is True
    assert 1 <= problem["retryAfter"] <= 60
    assert refused.headers["Retry-After"] == str(problem["retryAfter"])
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert 0 <= int(refused.headers["X-RateLimit-Reset"]) - time.time() <= 61
    assert call("GET", "stores").headers["X-RateLimit-Remaining"] == "2"
    assert [update.status for update in context.update_log.updates(STORE)] == [200, 200, 429]


def test_the_limits_are_those_of_getts_sandbox() -> None:
    options = Options()
    assert (options.writes_per_minute, options.reads_per_minute, options.discoveries_per_minute) == (500, 5_000, 300)


def test_new_minute_has_a_new_quota(call: Call, context: SandboxContext) -> None:
    context.options.reads_per_minute = 1
    assert [call("GET", "stores").status_code for _ in range(3)] == [200, 429, 429]
    context.clock.advance(59)
    assert call("GET", "stores").status_code == 429
    context.clock.advance(1)
    assert [call("GET", "stores").status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("change", [lambda context: None, lambda context: context.clock.advance(3600)])
def test_quota_can_be_disabled(change: Callable[[SandboxContext], None], call: Call, context: SandboxContext) -> None:
    context.options.reads_per_minute = 0
    change(context)
    responses = [call("GET", "stores") for _ in range(5)]
    assert [response.status_code for response in responses] == [200] * 5
    assert not any("X-RateLimit-Remaining" in response.headers for response in responses)


def test_calls_without_key_do_not_count(call: Call, context: SandboxContext) -> None:
    context.options.reads_per_minute = 1
    client = call("GET", "stores", query_string="x")
    assert client.status_code == 200
    context.quota.reset()
    from webhook_kit.sandbox.app import create_app

    for _ in range(3):
        assert create_app(context).test_client().get("/v1/commerce/stores").status_code == 401
    assert call("GET", "stores").status_code == 200
