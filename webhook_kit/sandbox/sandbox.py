"""A Gett that runs, as a test or a demo holds it: its address, and what is done with it every day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self
from uuid import uuid4

import requests

from webhook_kit.gett.models.catalog import ExternalCatalogSet
from webhook_kit.gett.models.store import CommerceStore
from webhook_kit.sandbox.app import create_app
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.options import Options
from webhook_kit.sandbox.server import serve
from webhook_kit.sandbox.state import StoreRecord

__all__ = ["GettSandbox"]

_TIMEOUT = 60.0  # seconds; the sandbox itself gives a webhook less


class GettSandbox:
    """A local Gett that is served.

    :ivar url: its base URL: the ``GETT_API_URL`` of a kit.
    :ivar context: its parts: state, clock, faults, options, log.
    """

    def __init__(self, context: SandboxContext, url: str) -> None:
        self.context = context
        self.url = url

    @classmethod
    @contextmanager
    def start(
        cls,
        *,
        api_key: str = "key_sandbox",
        secret: str = "whsec_sandbox",  # noqa: S107 - a secret between two processes of one machine
        options: Options | None = None,
        seed: str = "sandbox",
        port: int = 0,
    ) -> Iterator[Self]:
        """One that runs for the length of the block.

        :param port: loopback port; a free one when 0.
        """
        context = SandboxContext(api_key, secret=secret, options=options, seed=seed)
        with serve(create_app(context), port) as url:
            try:
                yield cls(context, url)
            finally:
                context.close()

    @property
    def api_key(self) -> str:
        """The partner's key: the ``GETT_API_KEY`` of a kit."""
        return self.context.api_key

    @property
    def secret(self) -> str:
        """What webhooks are signed with: the ``GETT_WEBHOOK_SECRETS`` of a kit."""
        return self.context.secret

    def add_store(
        self,
        partner_store_id: str,
        *,
        webhooks: str = "",
        catalog: ExternalCatalogSet | None = None,
        store_id: str | None = None,
        name: str = "Store",
        timezone: str = "UTC",
    ) -> str:
        """A store as it would be after its registration. Gett's id of it.

        :param webhooks: base URL of its partner's webhooks.
        :param catalog: its menu, taken as it is.
        """
        with self.context.lock:
            store = CommerceStore(store_id=store_id or self.context.random.uuid("store"), name=name, timezone=timezone)
            self.context.state.stores[store.store_id] = StoreRecord(store=store, partner_store_id=partner_store_id)
            self.offer(store.store_id, webhooks=webhooks, catalog=catalog)
        return store.store_id

    def offer(self, store_id: str, *, webhooks: str, catalog: ExternalCatalogSet | None = None) -> None:
        """Say where a store's webhooks are, and what is on its menu."""
        with self.context.lock:
            record = self.context.state.stores[store_id]
            record.webhook_url = webhooks
            if catalog is not None:
                record.catalog_set_id = catalog.catalog_set_id or self.context.random.uuid("catalog set")
                kept = catalog.model_copy(update={"catalog_set_id": record.catalog_set_id})
                self.context.state.catalogs[record.catalog_set_id] = kept

    def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """One call, with the partner's key unless the headers say otherwise.

        :param path: from ``/v1`` or ``/__sandbox`` on.
        """
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method,
                f"{self.url}{path}",
                json=body,
                headers={"Authorization": f"Bearer {self.api_key}", **(headers or {})},
                timeout=_TIMEOUT,
            )

    def order(self, store_id: str, lines: Sequence[Mapping[str, Any]], **members: Any) -> dict[str, Any]:
        """An order for pickup, as a consumer sends it.

        :param lines: lines of the cart; each gets a ``lineItemId`` when it has none.
        :param members: further members of the order, or others.
        """
        catalog = self.context.state.stores[store_id].catalog_set_id
        numbered = [{"lineItemId": str(number), **line} for number, line in enumerate(lines, 1)]
        return {
            "cart": {"storeId": store_id, "catalogSetId": catalog, "lineItems": numbered},
            "fulfillmentType": "Pickup",
            "customer": {"firstName": "Ada", "lastName": "L", "phone": "+15551234567", "partnerUserId": "u-1"},
            **members,
        }

    def validate(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Have an order validated; the order as it comes back, or the problem."""
        validated: dict[str, Any] = self.call("POST", "/v1/marketplace/orders/validate", dict(order)).json()
        return validated

    def place(self, order: Mapping[str, Any], *, key: str | None = None) -> dict[str, Any]:
        """Place an order, validated first unless it carries a token; the order as it comes back, or the problem.

        :param key: the ``Idempotency-Key``; a new one when None.
        """
        body = {"payment": {"type": "gettPayment"}, **order}
        if "validatedOrderToken" not in body:
            body["validatedOrderToken"] = self.validate(order).get("validatedOrderToken")
        headers = {"Idempotency-Key": key or str(uuid4())}
        placed: dict[str, Any] = self.call("POST", "/v1/marketplace/orders/place", body, headers).json()
        return placed
