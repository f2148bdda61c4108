"""The two sides against each other: the kit's own client and receiver, and the Gett of the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from flask import Flask, Response

from tests.sandbox.sandbox_env import CATALOG
from webhook_kit.app import create_app
from webhook_kit.catalog.build import versioned
from webhook_kit.errors import GettConflict, GettNotFound, GettRateLimited, GettUnauthorized, GettUnreachable
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.models.store import (
    OnboardingRequest,
    OrderStatusUpdate,
    StoreStatusUpdate,
    StoreUpdate,
)
from webhook_kit.kit import Kit
from webhook_kit.sandbox.faults import Fault
from webhook_kit.sandbox.sandbox import GettSandbox
from webhook_kit.sandbox.server import serve
from webhook_kit.stores.adapters import load_adapter
from webhook_kit.testing.processes import wait_until


def test_every_call_of_the_client_is_understood(gett_sandbox: GettSandbox) -> None:
    client = GettClient(gett_sandbox.url, gett_sandbox.api_key)
    app = Flask("menu")
    app.get("/menu.json")(lambda: Response(CATALOG.to_json(), mimetype="application/json"))
    with serve(app) as base:
        wanted = OnboardingRequest(
            partner_store_id="p-1", name="P", catalog_callback_url=f"{base}/menu.json", webhook_url=f"{base}/hooks"
        )
        begun = client.register_store(wanted)
        with pytest.raises(GettConflict):
            client.register_store(wanted)
        ready = "ready_to_activate"
        wait_until(lambda: client.onboarding(begun.onboarding_id).status == ready, message="the menu to be taken in")
        store_id = str(client.activate_store(begun.onboarding_id).store_id)
        client.notify_catalog("p-1", f"{base}/menu.json")
        record = gett_sandbox.context.state.stores[store_id]
        wait_until(lambda: len(record.pulls) == 2, message="the menu to be pulled again")
    assert [store.store_id for store in client.stores()] == [store_id]
    assert client.update_store(store_id, StoreUpdate(name="Q")).name == "Q" == client.store(store_id).name
    paused = client.set_store_status(
        store_id, StoreStatusUpdate.model_validate({"status": "paused", "reason": "other"})
    )
    assert paused.status == "paused" == client.store_status(store_id).status
    with pytest.raises(GettConflict):
        client.cancel_onboarding(begun.onboarding_id)
    with pytest.raises(GettNotFound):
        client.set_order_status("o-9", OrderStatusUpdate.model_validate({"status": "ready"}))


def test_the_client_knows_gett_s_failures(gett_sandbox: GettSandbox) -> None:
    seen: list[str | None] = []
    client = GettClient(
        gett_sandbox.url,
        gett_sandbox.api_key,
        on_response=lambda _, headers: seen.append(headers.get("X-RateLimit-Remaining")),
    )
    gett_sandbox.context.options.reads_per_minute = 2
    client.stores()
    gett_sandbox.context.faults.add(Fault(kind="drop", times=1))
    with pytest.raises(GettUnreachable):
        client.stores()
    with pytest.raises(GettRateLimited) as limited:
        client.stores()
    assert limited.value.retry_after
    assert seen == ["1", "0"]
    with pytest.raises(GettUnauthorized):
        GettClient(gett_sandbox.url, "another_key").stores()


def test_an_order_goes_through_the_kit_to_the_pos_once(gett_sandbox: GettSandbox, make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(gett_webhook_secrets=[gett_sandbox.secret])
    adapter = load_adapter("bogus")
    (store,) = kit.stores
    menu = versioned(adapter.fetch_catalog(store), store.id)
    context = gett_sandbox.context
    with serve(create_app(kit)) as url:
        store_id = gett_sandbox.add_store(store.id, webhooks=url, catalog=menu, store_id=str(store.gett_id))
        order = gett_sandbox.order(store_id, [{"itemId": "cola", "quantity": 2}], amounts={"tip": 1.0})
        validated = gett_sandbox.validate(order)
        assert validated["isValid"], validated
        assert Decimal(str(validated["amounts"]["total"])) == Decimal("6.50")
        order |= {"validatedOrderToken": validated["validatedOrderToken"]}
        # The kit placed the order, but Gett never hears so: it asks again, and is told the same.
        context.faults.add(Fault(kind="drop", call="placeOrder", times=1))
        key = context.random.uuid("key")
        assert gett_sandbox.place(order, key=key)["errorCode"] == "BAD_GATEWAY"
        context.clock.advance(30)
        (record,) = context.state.orders.values()
        wait_until(lambda: record.placed is not None, message="Gett's retry")
        placed = gett_sandbox.place(order, key=key)
    deliveries = [e for e in context.log.after(0) if e["kind"] == "webhook" and e["call"] == "placeOrder"]
    tickets = {entry["response"]["body"]["partnerOrderId"] for entry in deliveries}
    assert (len(deliveries), tickets) == (2, {placed["partnerOrderId"]})
    assert not [entry for entry in context.log.after(0) if entry["kind"] == "finding"]
