"""Everything on one machine: Redis, a local Gett with its storefront, the web server, the workers, one store onboarded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Self
from uuid import uuid4
from zoneinfo import ZoneInfo

from webhook_kit.adapter import Store
from webhook_kit.dev.files import Files
from webhook_kit.dev.random_customer import RandomCustomer
from webhook_kit.errors import ConfigurationError, WebhookKitError
from webhook_kit.gett.marketfront import Marketfront
from webhook_kit.gett.models.order import ExternalOrder, PlaceOrderRequest
from webhook_kit.gett.models.session import SessionCreateRequest
from webhook_kit.sandbox.app import create_app
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.faults import Fault
from webhook_kit.sandbox.server import serve
from webhook_kit.stores.adapters import load_adapter
from webhook_kit.stores.cipher import new_key
from webhook_kit.stores.onboarding import Progress
from webhook_kit.testing.stack import API_KEY, SECRET, Stack

__all__ = ["DevEnvironment", "OrderInvalid"]

_CUSTOMER = {"email": "sam@example.org", "first_name": "Sam", "last_name": "Sample", "phone": "+15550100"}


class OrderInvalid(WebhookKitError):
    """validateOrder found something wrong with an order."""


@dataclass(frozen=True, slots=True)
class _Expected:
    adapter: str
    options: Mapping[str, Any]
    credentials: Mapping[str, str]
    timezone: str
    seed: str


class DevEnvironment:
    """A context manager that starts everything and leaves nothing running.

    :param adapter: a registered name, or ``module:Class``.
    :param options: of the store, for its adapter; ``credentials`` likewise.
    :param timezone: IANA name of the store's zone.
    :param seed: of everything random at the local Gett and of the customers.
    :param gett_port: of the local Gett and its storefront; a free one when 0. ``web_port`` is the kit's.
    :param on_progress: called with each step of the onboarding.
    """

    def __init__(
        self,
        adapter: str,
        *,
        options: Mapping[str, Any] | None = None,
        credentials: Mapping[str, str] | None = None,
        timezone: str = "UTC",
        seed: str = "desk",
        gett_port: int = 0,
        web_port: int = 0,
        on_progress: Callable[[Progress], object] = lambda _: None,
    ) -> None:
        self._wanted = _Expected(adapter, options or {}, credentials or {}, timezone, seed)
        self._ports = (gett_port, web_port)
        self._on_progress = on_progress
        self._resources = ExitStack()
        self._random = Random(seed)  # noqa: S311 - customers at random, not secrets
        self.files = Files(type(load_adapter(adapter)).__module__)
        self.context = SandboxContext(API_KEY, secret=SECRET, seed=seed)

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            self._start(starting)
            self._resources = starting.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._resources.close()

    def _start(self, resources: ExitStack) -> None:
        gett_port, web_port = self._ports
        try:
            self.gett_url = resources.enter_context(serve(create_app(self.context), gett_port))
        except OSError as error:
            raise ConfigurationError(f"--port {gett_port}: {error.strerror}") from error
        resources.callback(self.context.close)
        self.stack = resources.enter_context(
            Stack(
                self._wanted.adapter,
                env={"LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG", "WEBHOOK_KIT_KEY": new_key()},
                gett_url=self.gett_url,
                configured=False,
                port=web_port,
                cwd=Path.cwd(),
            )
        )
        self.kit = self.stack.kit()
        self.store = self._onboard()
        self.market = self._customer()

    def _onboard(self) -> Store:
        wanted = self._wanted
        new = Store(
            "main",
            "",
            wanted.adapter,
            timezone=ZoneInfo(wanted.timezone),
            name="Your restaurant",
            options=wanted.options,
            credentials=wanted.credentials,
        )
        self.kit.stores.add(new)
        self.kit.onboarding.onboard(new, on_progress=self._on_progress)
        store = self.kit.stores.by_id(new.id)
        assert store is not None
        return store

    def _customer(self) -> Marketfront:
        session = Marketfront(self.gett_url, API_KEY).create_session(SessionCreateRequest(**_CUSTOMER))
        # An answer from the store takes as long as Gett waits for it.
        return Marketfront(self.gett_url, session.token, read_timeout=60)

    # -- what a vendor does at his desk --------------------------------------------------------------------------------

    def logs(self) -> dict[str, Path]:
        """The log file of each process, by its name."""
        return {"web": self.stack.web[0].log, "worker": self.stack.worker.log}

    def restart(self) -> None:
        """Start the kit's processes anew: the adapter has changed."""
        for process in (*self.stack.web, self.stack.worker):
            process.terminate()
            process.start()
        self.stack.web[0].wait_http(f"{self.stack.env['PUBLIC_URL']}/healthz")
        # The menu may have changed, too; this process still has the old code, so another one looks.
        self.stack.cli("catalog", "sync", self.store.id, "--force")

    def random_order(self) -> dict[str, Any]:
        """A legal order of what is on the menu now, as a customer's client sends it.

        :raises InvalidTransition: when nothing can be ordered now.
        """
        menu = self.market.catalog_set(self.market.store(self.store.gett_id).catalog_set_id or "")
        cart = RandomCustomer(menu, self.store.timezone, self._random).cart()
        cart |= {"storeId": self.store.gett_id, "catalogSetId": menu.catalog_set_id}
        tip = self._random.choice([0, 1, 2.5])
        return {"cart": cart, "fulfillmentType": "Pickup", "amounts": {"tip": tip}}

    def order(self, wanted: Mapping[str, Any] | None = None) -> ExternalOrder:
        """Validate an order and place it; a random one when none is given.

        :raises OrderInvalid: when it is found wrong.
        :raises GettError: when it is refused.
        """
        wanted = wanted or self.random_order()
        validated = self.market.validate_order(ExternalOrder.model_validate(wanted))
        if not validated.is_valid:
            raise OrderInvalid("; ".join(error.message for error in validated.errors or []) or "the order is not valid")
        placing = {**validated.to_wire(), "payment": {"type": "gettPayment"}}
        return self.market.place_order(PlaceOrderRequest.model_validate(placing), key=str(uuid4()))

    def trigger(self, fault: Fault) -> None:
        """Let something go wrong at the local Gett."""
        self.context.faults.add(fault)
