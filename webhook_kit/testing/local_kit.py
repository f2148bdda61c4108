"""A kit for one test, within its process: a store at a local Gett, served webhooks, and updates that are sent on request."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self
from uuid import uuid4

from webhook_kit.adapter import Store
from webhook_kit.app import create_app
from webhook_kit.kit import Kit
from webhook_kit.sandbox.sandbox import GettSandbox
from webhook_kit.sandbox.server import serve
from webhook_kit.settings import Settings
from webhook_kit.stores.adapters import load_adapter
from webhook_kit.testing.processes import PATIENCE

__all__ = ["LocalKit"]

_DRAIN_SECONDS = 5.0


class LocalKit(Kit):
    """A kit with one store, ``main``.

    :ivar store: the store.
    :ivar url: base URL of its webhooks.
    """

    store: Store
    url: str

    @classmethod
    @contextmanager
    def start(
        cls,
        gett: GettSandbox,
        redis_url: str,
        adapter: str,
        *,
        options: Mapping[str, Any] | None = None,
        credentials: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> Iterator[Self]:
        """Run a kit within the block, with its own key prefix. Its keys are deleted at the end.

        :param adapter: a registered name, or ``module:Class``.
        :param options: options of the store for its adapter.
        :param credentials: credentials of the store.
        :param settings: further settings, by their names in :class:`~webhook_kit.settings.Settings`.
        """
        store_id = gett.add_store("main")
        defaults: dict[str, Any] = {
            "redis_url": redis_url,
            "key_prefix": f"test-{uuid4().hex}:",
            "gett_api_url": gett.url,
            "gett_api_key": gett.api_key,
            "gett_webhook_secrets": [gett.secret],
            "pos_adapter": adapter,
            "gett_store_id": store_id,
            "store_options": dict(options or {}),
            "store_credentials": dict(credentials or {}),
        }
        kit = cls(Settings(**defaults | settings))
        kit.store = next(iter(kit.stores))
        catalog = load_adapter(adapter).fetch_catalog(kit.store)
        with serve(create_app(kit)) as kit.url:
            gett.configure_store(store_id, webhooks=f"{kit.url}{kit.settings.webhook_prefix}", catalog=catalog)
            try:
                yield kit
            finally:
                for key in kit.redis.scan_iter(f"{kit.keys.prefix}*", count=1_000):
                    kit.redis.delete(key)
                kit.redis.connection_pool.disconnect()

    def push(self, timeout: float = PATIENCE) -> None:
        """Send all pending updates to Gett.

        :param timeout: in seconds.
        :raises TimeoutError: when there are still pending updates; the message names them.
        """
        deadline = time.monotonic() + timeout
        while (remaining := deadline - time.monotonic()) > 0:
            self.dispatcher.drain(min(remaining, _DRAIN_SECONDS))
            if not self.lanes.all_waiting():
                return
            time.sleep(0.01)
        raise TimeoutError(f"updates not sent to Gett after {timeout:g} s: {self.lanes.all_waiting()}")
