"""A running sandbox for tests, with helpers for common actions."""

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

_CUSTOMER = {
    "firstName": "Ada",
    "lastName": "Lovelace",
    "email": "ada@example.com",
    "phone": "+15551234567",
    "partnerUserId": "u-1",
}
_TIMEOUT = 60.0  # seconds; longer than the sandbox waits for a webhook


class GettSandbox:
    """A sandbox that is being served.

    :ivar url: base URL, the ``GETT_API_URL`` of a kit.
    :ivar context: state, clock, faults, options and logs of the sandbox.
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
        hosts: Sequence[str] = (),
    ) -> Iterator[Self]:
        """Serve a sandbox during the block.

        :param port: loopback port; a free one when 0.
        :param hosts: names by which it is called, in addition to ``127.0.0.1`` and ``localhost``.
        """
        context = SandboxContext(api_key, secret=secret, options=options, seed=seed, hosts=hosts)
        with serve(create_app(context), port) as url:
            try:
                yield cls(context, url)
            finally:
                context.close()

    @property
    def api_key(self) -> str:
        """The partner's API key, the ``GETT_API_KEY`` of a kit."""
        return self.context.api_key

    @property
    def secret(self) -> str:
        """The secret that signs webhooks, the ``GETT_WEBHOOK_SECRETS`` of a kit."""
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
        """Add a store, as after its registration, and return Gett's id of it.

        :param webhooks: base URL of the partner's webhooks.
        :param catalog: the store's CatalogSet, which is not checked.
        """
        with self.context.lock:
            store = CommerceStore(store_id=store_id or self.context.random.uuid("store"), name=name, timezone=timezone)
            self.context.state.stores[store.store_id] = StoreRecord(store=store, partner_store_id=partner_store_id)
            self.configure_store(store.store_id, webhooks=webhooks, catalog=catalog)
        return store.store_id

    def configure_store(self, store_id: str, *, webhooks: str, catalog: ExternalCatalogSet | None = None) -> None:
        """Set the URL of a store's webhooks, and its catalog unless it is None."""
        with self.context.lock:
            record = self.context.state.stores[store_id]
            record.webhook_url = webhooks
            if catalog is not None:
                record.catalog_set_id = catalog.catalog_set_id or self.context.random.uuid("catalog set")
                versioned = catalog.model_copy(update={"catalog_set_id": record.catalog_set_id})
                self.context.state.catalogs[record.catalog_set_id] = versioned

    def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Call the sandbox with the partner's API key, unless ``headers`` has another ``Authorization``.

        :param path: path that begins with ``/v1`` or ``/__sandbox``.
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
        """Return an order for pickup, as a consumer sends it.

        :param lines: lines of the cart; a missing ``lineItemId`` is added.
        :param members: members of the order to add or to replace.
        """
        catalog = self.context.state.stores[store_id].catalog_set_id
        numbered = [{"lineItemId": str(number), **line} for number, line in enumerate(lines, 1)]
        return {
            "cart": {"storeId": store_id, "catalogSetId": catalog, "lineItems": numbered},
            "fulfillmentType": "Pickup",
            "customer": _CUSTOMER,
            **members,
        }

    def validate(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Validate an order and return the validated order, or the problem document."""
        validated: dict[str, Any] = self.call("POST", "/v1/marketplace/orders/validate", dict(order)).json()
        return validated

    def place(self, order: Mapping[str, Any], *, key: str | None = None) -> dict[str, Any]:
        """Place an order and return the placed order, or the problem document.

        An order without a ``validatedOrderToken`` is validated first.

        :param key: the ``Idempotency-Key``; a new one when None.
        """
        body = {"payment": {"type": "gettPayment"}, **order}
        if "validatedOrderToken" not in body:
            body["validatedOrderToken"] = self.validate(order).get("validatedOrderToken")
        headers = {"Idempotency-Key": key or str(uuid4())}
        placed: dict[str, Any] = self.call("POST", "/v1/marketplace/orders/place", body, headers).json()
        return placed
