"""Gett for a single partner: delivers signed webhooks and receives updates of the orders placed."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from webhook_kit.gett.models.order import ExternalOrder
from webhook_kit.gett.models.store import CommerceStore
from webhook_kit.sandbox.app import create_app
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.options import Options
from webhook_kit.sandbox.server import serve
from webhook_kit.sandbox.state import StoreRecord
from webhook_kit.sandbox.webhooks import Webhook, Webhooks

__all__ = ["LocalGett", "WebhookResponse"]


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    """The partner's response to a webhook.

    :ivar status: HTTP status.
    :ivar body: the parsed JSON, or the text if it is not JSON.
    :ivar headers: case-insensitive names.
    """

    status: int
    body: Any
    headers: Mapping[str, str]


class LocalGett:
    """Gett for one store of one partner.

    :param webhooks: base URL of the partner's webhooks; can be set later.
    :param secret: the webhook secret.
    :param api_key: the key with which the partner calls :meth:`serve`'s URL.
    :param store_id: Gett's id of the store.
    :param partner_store_id: the partner's own id of it.
    :param timeout: seconds that the response to a webhook may take.
    """

    def __init__(
        self,
        webhooks: str,
        secret: str,
        api_key: str,
        store_id: str,
        *,
        partner_store_id: str = "main",
        timeout: float = 30.0,
    ) -> None:
        self.webhooks = webhooks
        self.store_id = store_id
        # The caller chooses the order ids and is not limited by a quota.
        lenient = Options(
            adopt_unknown=True,
            writes_per_minute=0,
            reads_per_minute=0,
            discoveries_per_minute=0,
            answer_timeout=timeout,
        )
        self.context = SandboxContext(api_key, secret=secret, options=lenient, seed=str(uuid4()))
        """State that the calls to :meth:`serve` read and change."""
        self.context.state.stores[store_id] = StoreRecord(
            store=CommerceStore(store_id=store_id, name=partner_store_id), partner_store_id=partner_store_id
        )
        self.update_log = self.context.update_log
        """The updates received by :meth:`serve`."""
        self.app = create_app(self.context)
        self._deliveries = Webhooks(self.context)
        self.order_ids: dict[str, str] = {}
        """The Gett order ids created so far, by Idempotency-Key."""
        self._lock = threading.Lock()

    @contextmanager
    def serve(self, port: int = 0) -> Iterator[str]:
        """Serve the Commerce Partner API from threads of this process during the block.

        :param port: loopback port; a free one when 0.
        :return: its base URL.
        """
        with serve(self.app, port) as url:
            yield url

    def validate(self, order: ExternalOrder | Mapping[str, Any]) -> WebhookResponse:
        """Deliver validateOrder. An order without a store gets this store.

        :raises requests.exceptions.RequestException: when no response was received.
        """
        return self._deliver("validateOrder", self._for_this_store(order), {})

    def place(self, order: ExternalOrder | Mapping[str, Any], *, key: str | None = None) -> WebhookResponse:
        """Deliver placeOrder. A missing store, payment or ``gettOrderId`` is added.

        The added ``gettOrderId`` is kept in :attr:`order_ids` and is the same for each delivery with the same key. An
        existing one is not changed, even if it is empty.

        :param key: the ``Idempotency-Key``; a new one when None.
        :raises requests.exceptions.RequestException: when no response was received.
        """
        key = str(uuid4()) if key is None else key
        body = self._for_this_store(order)
        if body.get("gettOrderId") is None:
            with self._lock:
                body["gettOrderId"] = self.order_ids.setdefault(key, str(uuid4()))
        body.setdefault("payment", {"type": "gettPayment"})
        return self._deliver("placeOrder", body, {"Idempotency-Key": key})

    def _for_this_store(self, order: ExternalOrder | Mapping[str, Any]) -> dict[str, Any]:
        body = order.to_wire() if isinstance(order, ExternalOrder) else dict(order)
        body["cart"] = {"storeId": self.store_id, **body["cart"]}
        return body

    def _deliver(
        self, webhook: Literal["validateOrder", "placeOrder"], order: Mapping[str, Any], headers: Mapping[str, str]
    ) -> WebhookResponse:
        attempt = self._deliveries.deliver(
            Webhook(webhook, self.webhooks, order, store_id=self.store_id, headers=headers)
        )
        if attempt.error is not None:
            raise attempt.error
        return WebhookResponse(attempt.status or 0, attempt.body, attempt.headers)
