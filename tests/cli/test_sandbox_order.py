"""``webhook-kit sandbox order`` against a kit at the sandbox: a customer without a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from webhook_kit.sandbox.sandbox import GettSandbox
from webhook_kit.testing.local_kit import LocalKit

Order = Callable[..., Any]


@pytest.fixture
def order(run: Callable[..., Any], gett_sandbox: GettSandbox) -> Order:
    return lambda *arguments: run(
        "sandbox", "order", *arguments, "--url", gett_sandbox.url, "--api-key", f"{gett_sandbox.api_key},old"
    )


def test_order_reaches_the_store_and_a_refusal_is_told(
    order: Order, webhook_kit_local: LocalKit, gett_sandbox: GettSandbox
) -> None:
    done = order()
    assert (done.status, done.err) == (0, "")
    (gett_id,) = gett_sandbox.context.state.orders
    assert done.out.startswith(f"order {gett_id} is placed; the store's number is bogus-")
    assert order("cola", "cola", "--store", webhook_kit_local.store.gett_id).status == 0
    for item, reason in (("out-of-stock", "out-of-stock has run out"), ("payment-declined", "PAYMENT_DECLINED")):
        refused = order(item)
        assert refused.status == 1
        assert reason in refused.err
    assert "ITEM: nothing is no item that can be ordered" in order("nothing").err


def test_store_has_to_be_known(order: Order, gett_sandbox: GettSandbox) -> None:
    assert "--store is missing; the sandbox has 0 stores" in order().err
    gett_sandbox.add_store("main")
    assert "has no catalog at the sandbox yet" in order().err
