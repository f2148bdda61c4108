"""The dev environment: Redis, a sandbox with its storefront, web server, worker, and one onboarded store."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from shlex import quote
from tempfile import TemporaryDirectory
from typing import Any, Self
from uuid import uuid4
from zoneinfo import ZoneInfo

from webhook_kit.adapter import Store
from webhook_kit.dev.files import SourceFiles
from webhook_kit.dev.load import MARK
from webhook_kit.dev.random_customer import RandomCustomer
from webhook_kit.dev.relay import Relay
from webhook_kit.errors import ConfigurationError, WebhookKitError
from webhook_kit.gett.marketfront import Marketfront
from webhook_kit.gett.models.order import ExternalOrder, PlaceOrderRequest
from webhook_kit.gett.models.session import SessionCreateRequest
from webhook_kit.sandbox.app import create_app
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.faults import Fault
from webhook_kit.sandbox.server import serve
from webhook_kit.stores.adapters import load_adapter, require_usable
from webhook_kit.stores.cipher import new_key
from webhook_kit.stores.onboarding import Progress
from webhook_kit.testing.processes import Process, free_port
from webhook_kit.testing.stack import API_KEY, SECRET, Stack

__all__ = ["DevEnvironment", "OrderInvalid"]

_CUSTOMER = {"email": "sam@example.org", "first_name": "Sam", "last_name": "Sample", "phone": "+15550100"}


class OrderInvalid(WebhookKitError):
    """The store's validateOrder found errors in an order."""


@dataclass(frozen=True, slots=True)
class _StoreConfig:
    adapter: str
    options: Mapping[str, Any]
    credentials: Mapping[str, str]
    timezone: str


class DevEnvironment:
    """A context manager that starts every process and stops all of them at the end.

    :param adapter: a registered name, or ``module:Class``.
    :param options: options of the store for its adapter.
    :param credentials: credentials of the store for its adapter.
    :param timezone: IANA name of the store's zone.
    :param seed: random seed of the sandbox and of the random customer.
    :param gett_port: port of the sandbox and its storefront; a free one when 0.
    :param web_port: port of the kit's web server; a free one when 0.
    :param hosts: names by which the sandbox is called, in addition to ``127.0.0.1`` and ``localhost``.
    :param on_progress: called with each step of the onboarding.
    """

    def __init__(
        self,
        adapter: str,
        *,
        options: Mapping[str, Any] | None = None,
        credentials: Mapping[str, str] | None = None,
        timezone: str = "UTC",
        seed: str = "dev",
        gett_port: int = 0,
        web_port: int = 0,
        hosts: Sequence[str] = (),
        on_progress: Callable[[Progress], object] = lambda _: None,
    ) -> None:
        self._config = _StoreConfig(adapter, options or {}, credentials or {}, timezone)
        self._ports = (gett_port, web_port)
        self._on_progress = on_progress
        self._resources = ExitStack()
        self._random = Random(seed)  # noqa: S311 - random customers, not secrets
        require_usable(Store("main", "", adapter, options=self._config.options, credentials=self._config.credentials))
        self.files = SourceFiles(type(load_adapter(adapter)).__module__)
        self.sandbox = SandboxContext(API_KEY, secret=SECRET, seed=seed, hosts=hosts)

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
            self.gett_url = resources.enter_context(serve(create_app(self.sandbox), gett_port))
        except OSError as error:
            raise ConfigurationError(f"--port {gett_port}: {error.strerror}; choose another port") from error
        resources.callback(self.sandbox.close)
        backend = free_port()
        try:
            self._relay = resources.enter_context(Relay(web_port, backend))
        except OSError as error:
            raise ConfigurationError(f"--web-port {web_port}: {error.strerror}; choose another port") from error
        self.webhook_url = f"http://127.0.0.1:{self._relay.port}"
        self.stack = resources.enter_context(
            Stack(
                self._config.adapter,
                env={
                    "LOG_FORMAT": "json",
                    "LOG_LEVEL": "DEBUG",
                    "WEBHOOK_KIT_KEY": new_key(),
                    "PUBLIC_URL": self.webhook_url,
                    # A file that is saved twice within a second with the same size would be loaded from its old bytecode.
                    "PYTHONDONTWRITEBYTECODE": "1",
                },
                gett_url=self.gett_url,
                configured=False,
                port=backend,
                cwd=Path.cwd(),
            )
        )
        self.variables = self._write_variables(
            Path(resources.enter_context(TemporaryDirectory(prefix="webhook-kit-dev-")))
        )
        self._web = self.stack.web[0]
        self.kit = self.stack.kit()
        self.store = self._onboard()
        self.marketfront = self._log_in()

    def _write_variables(self, folder: Path) -> Path:
        """Write the variables with which commands in another terminal act on this environment, for ``.`` of a shell."""
        file = folder / "env"
        variables = {**self.stack.env, "SANDBOX_URL": self.gett_url}
        file.write_text(
            "".join(f"export {name}={quote(value)}\n" for name, value in variables.items()), encoding="utf-8"
        )
        return file

    def _onboard(self) -> Store:
        config = self._config
        new = Store(
            "main",
            "",
            config.adapter,
            timezone=ZoneInfo(config.timezone),
            name="Your restaurant",
            options=config.options,
            credentials=config.credentials,
        )
        self.kit.stores.add(new)
        self.kit.onboarding.onboard(new, on_progress=self._on_progress)
        store = self.kit.stores.by_id(new.id)
        assert store is not None
        return store

    def _log_in(self) -> Marketfront:
        session = Marketfront(self.gett_url, API_KEY).create_session(SessionCreateRequest(**_CUSTOMER))
        # Gett answers a customer only after the store has answered, for which it waits 25 s.
        return Marketfront(self.gett_url, session.token, read_timeout=60)

    # -- actions -------------------------------------------------------------------------------------------------------

    def logs(self) -> dict[str, Path]:
        """Return the log file of each process, by the process's name."""
        return {"web": self.stack.web[0].log, "worker": self.stack.worker.log}

    def restart(self) -> None:
        """Load the changed adapter in new processes, and publish its catalog. Until then the old ones serve.

        :raises ConfigurationError: it cannot be loaded; one line per mistake. The old processes go on.
        :raises TimeoutError: a new process does not start in time.
        :raises ChildProcessError: a new process does not start.
        """
        with Process([sys.executable, "-m", "webhook_kit.dev.load"], env=self.stack.env, cwd=Path.cwd()) as loading:
            if loading.wait() != 0:
                lines = loading.output().splitlines()
                mistakes = [line.removeprefix(MARK) for line in lines if line.startswith(MARK)]
                raise ConfigurationError(*mistakes or lines[-1:])
        port = free_port()
        new = self.stack.web_process(port, log=self.stack.web[0].log).start()
        try:
            new.wait_http(f"http://127.0.0.1:{port}/healthz")
        except BaseException:
            new.terminate()
            raise
        self._resources.callback(new.terminate)
        old, self._web = self._web, new
        self._relay.switch(port)
        old.terminate()
        self.stack.worker.terminate()
        self.stack.worker.start()
        # A process of its own fetches the catalog, because this one still has the old adapter loaded.
        self.stack.cli("catalog", "sync", self.store.id, "--force")

    def random_order(self) -> dict[str, Any]:
        """Return a valid order of items that are available now, as a customer's client sends it.

        :raises InvalidTransition: when nothing can be ordered now.
        """
        catalog = self.marketfront.catalog_set(self.marketfront.store(self.store.gett_id).catalog_set_id or "")
        cart = RandomCustomer(catalog, self.store.timezone, self._random).cart()
        cart |= {"storeId": self.store.gett_id, "catalogSetId": catalog.catalog_set_id}
        tip = self._random.choice([0, 1, 2.5])
        return {"cart": cart, "fulfillmentType": "Pickup", "amounts": {"tip": tip}}

    def order(self, order: Mapping[str, Any] | None = None) -> ExternalOrder:
        """Validate and place an order; a random one when None.

        :raises OrderInvalid: when the store finds errors in it.
        :raises GettError: when Gett or the store refuses it.
        """
        order = order or self.random_order()
        validated = self.marketfront.validate_order(ExternalOrder.model_validate(order))
        if not validated.is_valid:
            raise OrderInvalid("; ".join(error.message for error in validated.errors or []) or "the order is not valid")
        request = {**validated.to_wire(), "payment": {"type": "gettPayment"}}
        return self.marketfront.place_order(PlaceOrderRequest.model_validate(request), key=str(uuid4()))

    def trigger(self, fault: Fault) -> None:
        """Add a fault to the sandbox."""
        self.sandbox.faults.add(fault)
