"""``webhook-kit sandbox order`` against a kit at the sandbox: a customer without a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from webhook_kit.sandbox.sandbox import GettSandbox
from webhook_kit.testing.local_kit import LocalKit

Order = Callable[..., Any]


@pytest.fixture
def order(run: Callable[..., Any], gett_sandbox: GettSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Order:
    monkeypatch.setenv("BOGUS_POS_FILE", str(tmp_path / "pos.sqlite"))  # orders of each sandbox have the same ids
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
    refused = order("out-of-stock")
    assert (refused.status, "out-of-stock has run out" in refused.err) == (1, True)
    assert "ITEM: nothing is no item that can be ordered" in order("nothing").err


@pytest.mark.usefixtures("webhook_kit_local")
@pytest.mark.parametrize(("item", "reason"), [("payment-declined", "PAYMENT_DECLINED"), ("crashes", "answered 503")])
def test_an_order_that_was_not_placed_is_named(order: Order, gett_sandbox: GettSandbox, item: str, reason: str) -> None:
    ran = order(item)
    (gett_id,) = gett_sandbox.context.state.orders
    assert ran.status == 1
    assert f"webhook-kit: order {gett_id}: " in ran.err
    assert reason in ran.err


def test_store_has_to_be_known(order: Order, gett_sandbox: GettSandbox) -> None:
    assert "--store is missing; the sandbox has 0 stores" in order().err
    gett_sandbox.add_store("main")
    assert "has no catalog at the sandbox yet" in order().err
