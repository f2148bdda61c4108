"""A kit for a test: a store at a local Gett, its webhooks served, its pushes sent when the test says so; all in one process."""

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

_SLICE = 5.0


class LocalKit(Kit):
    """A kit with one store, ``main``.

    :ivar store: the store.
    :ivar url: where its webhooks are served.
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
        """One that runs for the length of the block, with keys of its own, which it deletes.

        :param adapter: a registered name, or ``module:Class``.
        :param options: of the store, for its adapter; ``credentials`` likewise.
        :param settings: whatever else, by its name in :class:`~webhook_kit.settings.Settings`.
        """
        store_id = gett.add_store("main")
        given: dict[str, Any] = {
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
        kit = cls(Settings(**given | settings))
        kit.store = next(iter(kit.stores))
        menu = load_adapter(adapter).fetch_catalog(kit.store)
        with serve(create_app(kit)) as kit.url:
            gett.configure_store(store_id, webhooks=f"{kit.url}{kit.settings.webhook_prefix}", catalog=menu)
            try:
                yield kit
            finally:
                for key in kit.redis.scan_iter(f"{kit.keys.prefix}*", count=1_000):
                    kit.redis.delete(key)
                kit.redis.connection_pool.disconnect()

    def push(self, seconds: float = PATIENCE) -> None:
        """Send what waits for Gett, until nothing does.

        :raises TimeoutError: when something still waits after so many seconds; it says what.
        """
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.dispatcher.drain(min(left, _SLICE))
            if not self.lanes.all_waiting():
                return
            time.sleep(0.01)
        raise TimeoutError(f"after {seconds:g} s there still wait for Gett: {self.lanes.all_waiting()}")
