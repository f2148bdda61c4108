"""A signed body that somebody else sends again: refused under another Idempotency-Key, answered under its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.webhooks.scripted_pos import TOTAL
from tests.webhooks.webhook_client import SECRET, WebhookClient, expect_problem, order
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.testing.signer import signed


def post(client: WebhookClient, body: dict[str, Any], key: str, *, age: float = 0, secret: str = SECRET) -> Any:
    raw = json.dumps(body).encode()
    return client.post("placeOrder", raw, signed(raw, secret, key=key, age=age))


def tickets(client: WebhookClient) -> int:
    return len(client.tickets())


def test_same_body_under_another_key_is_refused(client: WebhookClient) -> None:
    body, key = order(**TOTAL), str(uuid4())
    first = post(client, body, key)
    assert first.status_code == 200
    for age in (0, 200, -200):
        expect_problem(post(client, body, str(uuid4()), age=age), 401, ErrorCode.UNAUTHENTICATED)
    assert post(client, body, key, age=-200).data == first.data
    assert tickets(client) == 1


def test_same_body_signed_with_another_valid_secret_is_refused_too(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(gett_webhook_secrets=[SECRET, "whsec_other"])
    body = order(**TOTAL)
    assert post(client, body, str(uuid4())).status_code == 200
    expect_problem(post(client, body, str(uuid4()), secret="whsec_other"), 401, ErrorCode.UNAUTHENTICATED)


def test_of_many_at_once_one_is_placed(client: WebhookClient) -> None:
    body = order(**TOTAL)
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda _: post(client, body, str(uuid4())).status_code, range(8)))
    assert sorted(responses) == [200] + [401] * 7
    assert tickets(client) == 1


def test_order_with_gett_s_id_is_answered_under_any_key(client: WebhookClient) -> None:
    body = order(**TOTAL, gettOrderId=str(uuid4()))
    first, second = (post(client, body, str(uuid4())) for _ in range(2))
    assert second.data == first.data
    assert tickets(client) == 1


def test_body_is_remembered_as_long_as_its_signature_may_be_fresh(client: WebhookClient) -> None:
    body = order(**TOTAL)
    post(client, body, str(uuid4()))
    (key,) = client.kit.redis.keys(client.kit.keys.signed_body("*"))
    assert 590 < client.kit.redis.ttl(key) <= 600


def test_static_authorization_header_proves_every_body(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(gett_webhook_secrets=[], gett_webhook_authorization=["Bearer x"])
    body = json.dumps(order(**TOTAL)).encode()
    for _ in range(2):
        headers = {"Authorization": "Bearer x", "Idempotency-Key": str(uuid4()), "Content-Type": "application/json"}
        assert client.post("placeOrder", body, headers).status_code == 200


@pytest.mark.parametrize("refused_first", [True, False])
def test_retry_with_the_same_key_is_answered(refused_first: bool, client: WebhookClient) -> None:
    body, key = order("no-such-item" if refused_first else "cola", **TOTAL), str(uuid4())
    first, second = post(client, body, key), post(client, body, key)
    assert (second.status_code, second.data) == (first.status_code, first.data)
