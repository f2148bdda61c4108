"""A replica of Redis takes over that has not got the claim on an order: one ticket, if REDIS_WAIT_REPLICAS is set."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.storage.sentinel_env import SentinelEnv
from tests.webhooks.webhook_client import JsonResponse, WebhookClient, expect_problem, order
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.testing.processes import PATIENCE, wait_until

MakeClient = Callable[..., WebhookClient]

CLAIM, LOOK_UP, NATIVE = (f"webhook_kit.testing.bogus:Bogus{level}" for level in ("Claim", "LookUp", "Native"))
TOTAL = {"amounts": {"total": 2.75}}


def answered(client: WebhookClient, body: Any, key: str) -> JsonResponse:
    """Place an order again and again, as Gett does, until it is answered."""

    def place() -> JsonResponse | None:
        response = client.place(body, key)
        return response if response.status_code == 200 else None

    response = wait_until(place, message="the order to be answered")
    assert response is not None
    return response


@pytest.fixture
def sentinels(tmp_path: Path) -> Iterator[SentinelEnv]:
    # Long enough that no fail-over begins before the primary is killed, and that the replica is still taken for usable then.
    with SentinelEnv(tmp_path, down_after=3000) as env:
        yield env


@pytest.fixture
def make_process(sentinels: SentinelEnv, make_client: MakeClient) -> MakeClient:
    """``make_process(redis_wait_replicas=1)``: a web process of one installation on these servers; its POS knows claims only."""
    prefix = f"t{uuid4().hex}:"

    def make(**settings: Any) -> WebhookClient:
        return make_client(
            redis_url=sentinels.url, redis_timeout=10.0, key_prefix=prefix, pos_adapter=CLAIM, **settings
        )

    return make


def test_without_it_a_claim_that_is_lost_doubles_the_ticket(
    sentinels: SentinelEnv, make_process: MakeClient, tmp_path: Path
) -> None:
    first = make_process(options={"pause_at": "after_commit", "pause_directory": str(tmp_path)})
    other = make_process()
    sentinels.cut_replication()
    key, body = str(uuid4()), order(**TOTAL)
    attempt = threading.Thread(target=first.place, args=(body, key), daemon=True)
    attempt.start()
    wait_until((tmp_path / "after_commit").exists, message="the POS to have the ticket")

    sentinels.wait_failed_over(sentinels.kill_primary())
    retry = answered(other, body, key)
    assert retry.json["partnerOrderId"] != other.tickets()[0].id
    assert len(other.tickets()) == 2

    (tmp_path / "after_commit.go").touch()
    attempt.join(PATIENCE)
    (incident,) = other.kit.placement_store.incidents()  # at least a person learns of it
    assert (incident["kind"], incident["order"]) == ("duplicate_ticket", key)


def test_with_it_the_pos_is_not_called_before_a_replica_has_the_claim(
    sentinels: SentinelEnv, make_process: MakeClient
) -> None:
    process = make_process(redis_wait_replicas=1, redis_wait_timeout=0.3)
    key, body = str(uuid4()), order(**TOTAL)
    former = sentinels.primary()
    sentinels.cut_replication()
    expect_problem(process.place(body, key), 503, ErrorCode.SERVICE_UNAVAILABLE)
    assert process.tickets() == []
    wait_until(lambda: process.state(key) == "released", message="the claim to be released")

    former.kill()
    sentinels.wait_failed_over(former)
    expect_problem(process.place(body, key), 503, ErrorCode.SERVICE_UNAVAILABLE)  # the new primary has no replica
    assert process.tickets() == []
    sentinels.revive(former)
    assert answered(process, body, key).json["partnerOrderId"] == process.tickets()[0].id
    assert len(process.tickets()) == 1


def test_with_it_a_claim_survives_the_loss_of_the_primary_during_the_call(
    sentinels: SentinelEnv, make_process: MakeClient, tmp_path: Path
) -> None:
    pause = {"pause_at": "after_commit", "pause_directory": str(tmp_path)}
    first = make_process(redis_wait_replicas=1, redis_wait_timeout=5.0, options=pause)
    other = make_process(redis_wait_replicas=1, redis_wait_timeout=5.0)
    key, body = str(uuid4()), order(**TOTAL)
    attempt = threading.Thread(target=first.place, args=(body, key), daemon=True)
    attempt.start()
    wait_until((tmp_path / "after_commit").exists, message="the POS to have the ticket")
    sentinels.cut_replication()
    sentinels.wait_failed_over(sentinels.kill_primary())
    assert wait_until(lambda: other.state(key), message="the new primary") == "calling"

    (tmp_path / "after_commit.go").touch()
    attempt.join(PATIENCE)
    assert answered(other, body, key).json["partnerOrderId"] == other.tickets()[0].id
    assert len(other.tickets()) == 1


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[SentinelEnv]:
    with SentinelEnv(tmp_path, sentinels=0) as env:
        yield env


@pytest.mark.parametrize("adapter", [LOOK_UP, CLAIM])
def test_a_replica_that_hangs_refuses_orders_and_none_is_doubled_when_it_is_back(
    adapter: str, pair: SentinelEnv, make_client: MakeClient
) -> None:
    server, replica = pair.servers
    process = make_client(redis_url=server.url, pos_adapter=adapter, redis_wait_replicas=1, redis_wait_timeout=0.3)
    key, body = str(uuid4()), order(**TOTAL)
    os.kill(replica.pid, signal.SIGSTOP)
    try:
        expect_problem(process.place(body, key), 503, ErrorCode.SERVICE_UNAVAILABLE)
        assert process.tickets() == []
    finally:
        os.kill(replica.pid, signal.SIGCONT)
    answered(process, body, key)
    assert len(process.tickets()) == 1


def test_an_adapter_with_native_idempotency_needs_no_replica(make_client: MakeClient) -> None:
    process = make_client(pos_adapter=NATIVE, redis_wait_replicas=1, redis_wait_timeout=0.3)
    assert process.place(order(**TOTAL)).status_code == 200
