"""Gett as a partner meets it: it delivers signed webhooks, and hears about the orders it placed."""

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
    """What the partner answered.

    :ivar status: HTTP status.
    :ivar body: the parsed JSON, or the text when it is none.
    :ivar headers: names in any case.
    """

    status: int
    body: Any
    headers: Mapping[str, str]


class LocalGett:
    """Gett for one store of one partner.

    :param webhooks: base URL of the partner's webhooks; may be set later.
    :param secret: the webhook secret.
    :param api_key: the key with which the partner calls :meth:`serve`'s URL.
    :param store_id: Gett's id of the store.
    :param partner_store_id: the partner's own id of it.
    :param timeout: seconds that a webhook's answer may take.
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
        # Orders are named by whoever places them here, and as many as he likes.
        lenient = Options(
            adopt_unknown=True,
            writes_per_minute=0,
            reads_per_minute=0,
            discoveries_per_minute=0,
            answer_timeout=timeout,
        )
        self.context = SandboxContext(api_key, secret=secret, options=lenient, seed=str(uuid4()))
        """What the calls to :meth:`serve` see and change."""
        self.context.state.stores[store_id] = StoreRecord(
            store=CommerceStore(store_id=store_id, name=partner_store_id), partner_store_id=partner_store_id
        )
        self.update_log = self.context.update_log
        """The updates that came to :meth:`serve`, and the faults to answer them with."""
        self.app = create_app(self.context)
        self._deliveries = Webhooks(self.context)
        self.order_ids: dict[str, str] = {}
        """The Gett order ids minted so far, by Idempotency-Key."""
        self._lock = threading.Lock()

    @contextmanager
    def serve(self, port: int = 0) -> Iterator[str]:
        """Serve the commerce API from threads of this process, for the length of the block.

        :param port: loopback port; a free one when 0.
        :return: its base URL.
        """
        with serve(self.app, port) as url:
            yield url

    def validate(self, order: ExternalOrder | Mapping[str, Any]) -> WebhookResponse:
        """Deliver validateOrder. An order without a store gets this one.

        :raises requests.exceptions.RequestException: when no answer came.
        """
        return self._deliver("validateOrder", self._for_this_store(order), {})

    def place(self, order: ExternalOrder | Mapping[str, Any], *, key: str | None = None) -> WebhookResponse:
        """Deliver placeOrder. Without a store, a payment or a ``gettOrderId`` the order gets one.

        The ``gettOrderId`` is kept in :attr:`order_ids`, and is the same for each delivery with one key. One that is there
        is left alone, even an empty one.

        :param key: the ``Idempotency-Key``; a new one when None.
        :raises requests.exceptions.RequestException: when no answer came.
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
