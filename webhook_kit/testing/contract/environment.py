"""The bench on which an adapter is tried: a real Kit behind its real web application, and Gett's side of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from http import HTTPStatus
from typing import Any, NoReturn, Self
from uuid import uuid4

import pytest
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from werkzeug.test import TestResponse

from webhook_kit.adapter import CatalogSet, PosAdapter, Store
from webhook_kit.app import create_app
from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.settings import Settings
from webhook_kit.stores import StoreDirectory
from webhook_kit.stores.adapters import load_adapter
from webhook_kit.stores.source import FixedStores
from webhook_kit.testing.carts import Line, Orderable
from webhook_kit.testing.contract.hooks import HOOKS, ContractHooks, PosTicket, PosWebhook
from webhook_kit.testing.contract.spy import AdapterSpy, captured_output
from webhook_kit.testing.lossy_proxy import Loss, LossyProxy
from webhook_kit.testing.signer import signed

__all__ = ["ContractEnvironment", "ContractResponse"]

_SECRET = "whsec_contract"  # noqa: S105 - between the suite and its own kit
_CANARIES = {"contract_canary": "canary-credential-5f3d9a"}
_OK = HTTPStatus.OK

Order = dict[str, Any]


class _Settings(Settings):
    """What the suite says, and nothing of the environment."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


class _Kit(Kit):
    """A kit of one store, which need not fit into environment variables."""

    def __init__(self, settings: Settings, store: Store) -> None:
        super().__init__(settings)
        self._store = store

    @cached_property
    def stores(self) -> StoreDirectory:
        return StoreDirectory(FixedStores([self._store]))


class ContractResponse:
    """What Gett gets to read."""

    def __init__(self, response: TestResponse) -> None:
        self.status = response.status_code
        self.raw = response.get_data()
        self.body: Any = json.loads(self.raw) if self.raw else None

    @property
    def code(self) -> str | None:
        """The code of the problem document, if it is one."""
        return self.body.get("errorCode") if isinstance(self.body, dict) else None

    @property
    def valid(self) -> bool:
        """Whether validateOrder found nothing wrong."""
        return self.status == _OK and self.body["isValid"] is True

    @property
    def errors(self) -> list[dict[str, Any]]:
        """What is wrong with the order."""
        return self.body.get("errors") or []

    def __repr__(self) -> str:
        return f"{self.status} {self.raw.decode(errors='replace')}"


class ContractEnvironment:
    """One test's kit, store and POS.

    :param redis_url: a real Redis; the bench uses keys of its own in it.
    """

    def __init__(self, vendor: ContractHooks, redis_url: str, on_skip: Callable[[str], None] = lambda _: None) -> None:
        self.vendor = vendor
        self._redis_url = redis_url
        self._on_skip = on_skip
        self._prefix = f"contract-{uuid4().hex}:"[:40]
        self._resources = ExitStack()
        self._kits: list[Kit] = []
        self._proxy: LossyProxy | None = None
        self.heard: list[str] = []
        """What was logged and printed."""

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            self.heard = starting.enter_context(captured_output())
            opened = starting.enter_context(self.vendor.open_store())
            self.pos_store = opened
            """The store as the vendor knows it: what hooks are called with."""
            self.store = self._through_proxy(self._with_canary(opened), starting)
            """The store as the kit knows it."""
            self.witness = starting.enter_context(AdapterSpy(self.vendor.adapter))
            starting.callback(self._close)
            self.start()
            self._resources = starting.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._resources.close()

    def start(self, **settings: Any) -> None:
        """Start the kit, or start it again with other settings: what it knows is in Redis."""
        told: dict[str, Any] = {
            "redis_url": self._redis_url,
            "key_prefix": self._prefix,
            "gett_webhook_secrets": [_SECRET],
            "gett_api_key": "key_contract",
            "redis_timeout": 30.0,
            "lookup_retry_delay": 0.05,
            "pos_breaker_failures": 1000,  # a test that loses replies must not close the store for the next step
        }
        self.kit: Kit = _Kit(_Settings(**told | settings), self.store)
        self._kits.append(self.kit)
        self.app = create_app(self.kit)

    @cached_property
    def adapter(self) -> PosAdapter:
        """The adapter object that the kit uses."""
        adapter = load_adapter(self.store.adapter)
        assert type(adapter) is self.vendor.adapter, (
            f"the store names the adapter {self.store.adapter!r}, which is {type(adapter).__name__} and not "
            f"{self.vendor.adapter.__name__}"
        )
        return adapter

    @cached_property
    def catalog(self) -> CatalogSet:
        """The menu as the adapter has it."""
        return self.adapter.fetch_catalog(self.store)

    @cached_property
    def menu(self) -> Orderable:
        """What can be ordered now.

        :raises AssertionError: when that is nothing.
        """
        menu = Orderable(self.catalog, timezone=self.store.timezone, leave_out=self.vendor.leave_out)
        assert menu.dishes, "nothing on the menu can be ordered now: the suite needs a store that is open"
        return menu

    # -- what cannot be proven -----------------------------------------------------------------------------------------

    def skip(self, reason: str) -> NoReturn:
        """Leave a test out, with a reason that stands in the report."""
        self._on_skip(reason)
        pytest.skip(reason)

    def need(self, hook: str, *, required: bool = False) -> None:
        """Go on only when the vendor has written this hook.

        :param required: a capability that the adapter declares depends on it: without it the test fails.
        """
        if self.vendor.defines(hook):
            return
        reason = f"{type(self.vendor).__name__}.{hook}() is not defined: {HOOKS[hook]}"
        if required:
            pytest.fail(f"{reason}, and what the adapter declares cannot be proven without it", pytrace=False)
        self.skip(reason)

    # -- Gett's side ---------------------------------------------------------------------------------------------------

    def order(self, *cart: Line, **members: Any) -> Order:
        """An order; of the simplest dish when no line is given."""
        lines = cart or (self.simplest(),)
        numbered = [{"lineItemId": str(number), **one} for number, one in enumerate(lines, 1)]
        return {
            "gettOrderId": str(uuid4()),
            "cart": {"storeId": self.store.gett_id, "lineItems": numbered},
            "fulfillmentType": self.fulfillment,
            **members,
        }

    @property
    def fulfillment(self) -> str:
        """How the store hands over orders."""
        offered = self.store.fulfillment_types
        return "Pickup" if offered is None or "Pickup" in offered else min(offered)

    def simplest(self, quantity: int = 1) -> Line:
        """The dish with the fewest choices that have to be made."""
        return min((self.menu.plain(dish, quantity) for dish in self.menu.dishes), key=lambda one: len(json.dumps(one)))

    def validate(self, order: Order) -> ContractResponse:
        """Deliver validateOrder."""
        return self._deliver("validateOrder", order)

    def place(self, order: Order, key: str | None = None) -> ContractResponse:
        """Deliver placeOrder, with a fresh key unless one is given."""
        return self._deliver("placeOrder", order, key or str(uuid4()))

    def validated(self, order: Order) -> Order:
        """The order as Gett places it after validating it."""
        answer = self.validate(order)
        assert answer.valid, f"validateOrder does not accept a legal order: {answer}"
        return {**order, "validatedOrderToken": answer.body["validatedOrderToken"], "payment": {"type": "gettPayment"}}

    def placed(self, order: Order, key: str | None = None) -> ContractResponse:
        """Validate and place; the receipt."""
        answer = self.place(self.validated(order), key)
        assert answer.status == _OK, f"placeOrder was answered {answer}"
        return answer

    def _deliver(self, path: str, body: Order, key: str | None = None) -> ContractResponse:
        raw = json.dumps(body).encode()
        return ContractResponse(
            self.app.test_client().post(f"/{path}", data=raw, headers=signed(raw, _SECRET, key=key))
        )

    @staticmethod
    def at_once(count: int, call: Callable[[], Any]) -> list[Any]:
        """Call from so many threads at the same time."""
        with ThreadPoolExecutor(count) as pool:
            return [pending.result() for pending in [pool.submit(call) for _ in range(count)]]

    # -- the POS's side ------------------------------------------------------------------------------------------------

    def tickets(self) -> list[PosTicket]:
        """Every ticket that the POS has."""
        self.need("tickets", required=True)
        return list(self.vendor.tickets(self.pos_store))

    @contextmanager
    def making(self, count: int) -> Iterator[list[PosTicket]]:
        """So many tickets have to be made within this block; they are in the list at its end."""
        before = {ticket.id for ticket in self.tickets()}
        made: list[PosTicket] = []
        yield made
        made += [ticket for ticket in self.tickets() if ticket.id not in before]
        assert len(made) == count, f"{len(made)} tickets were made, not {count}: {[ticket.id for ticket in made]}"

    @contextmanager
    def losing(self, loss: Loss) -> Iterator[None]:
        """Lose that of the next placement: on the wire where there is one, else between adapter and kit."""
        if loss is Loss.CONNECTION:
            with self.down():
                yield
            return
        if self._proxy is None:
            with self.witness.losing(loss):
                yield
            struck = self.witness.struck
        else:
            with self._proxy.losing(loss, self.vendor.placing_request):
                yield
            struck = self._proxy.struck
        assert struck.is_set(), "no request of place_order() met its loss: does placing_request match it?"

    @contextmanager
    def down(self) -> Iterator[None]:
        """The POS is down: really, where that can be done, else as far as placing goes."""
        if self.vendor.defines("down"):
            with self.vendor.down(self.pos_store):
                yield
        elif self._proxy is not None:
            with self._proxy.down():
                yield
        else:
            with self.witness.losing(Loss.CONNECTION):
                yield

    @property
    def can_be_down(self) -> bool:
        """Whether the POS itself can be taken down."""
        return self._proxy is not None or self.vendor.defines("down")

    def advance(self, order_id: str, step: str) -> PosWebhook | None:
        """Let an order come to a step at the POS; what the POS sends about it has not been delivered."""
        return self.vendor.advance(self.pos_store, order_id, step)

    def pos_says(self, webhook: PosWebhook) -> ContractResponse:
        """Deliver a webhook of the POS."""
        headers = dict(webhook.headers)
        path = f"/pos/{self.store.adapter}/events"
        return ContractResponse(self.app.test_client().post(path, data=webhook.body, headers=headers))

    # -- what became of it ---------------------------------------------------------------------------------------------

    def state(self, order: Order) -> str:
        """Where an order's record stands."""
        return (self.kit.placement_store.find(order["gettOrderId"]) or {}).get("state", "unknown")

    def told(self, order: Order) -> list[str]:
        """What Gett is told of an order, in order."""
        notes = self.kit.lanes.history(lane_name(Kind.ORDER, order["gettOrderId"]))
        said = [note["body"] for note in notes if note["what"] == "appended"]
        return [body.get("state") or body["status"] for body in said]

    def empty_redis(self) -> None:
        """As after a loss of Redis; the kit itself goes on."""
        for key in self.kit.redis.scan_iter(f"{self._prefix}*"):
            self.kit.redis.delete(key)

    # -- setting up ----------------------------------------------------------------------------------------------------

    @staticmethod
    def _with_canary(store: Store) -> Store:
        """Something to look for in the logs, also where the POS wants no credentials."""
        return store if store.credentials else replace(store, credentials=_CANARIES)

    def _through_proxy(self, store: Store, resources: ExitStack) -> Store:
        option = self.vendor.base_url_option
        url = store.options.get(option)
        if not isinstance(url, str) or not url.startswith("http://"):
            return store
        self._proxy = resources.enter_context(LossyProxy(url))
        return replace(store, options={**store.options, option: self._proxy.url})

    def _close(self) -> None:
        self.empty_redis()
        for kit in self._kits:
            kit.redis.connection_pool.disconnect()
