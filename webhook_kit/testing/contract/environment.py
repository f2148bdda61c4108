"""Environment of one contract test: a Kit behind its web application, Gett's requests to it, and the state of the POS."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from http import HTTPStatus
from typing import Any, NoReturn, Self
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from webhook_kit.adapter import CatalogSet, PosAdapter, Store
from webhook_kit.app import create_app
from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.settings import Settings
from webhook_kit.stores import StoreDirectory
from webhook_kit.stores.adapters import load_adapter, store_mistakes
from webhook_kit.stores.source import FixedStores
from webhook_kit.testing.contract.hooks import HOOKS, ContractHooks, PosTicket, PosWebhook
from webhook_kit.testing.contract.spy import AdapterSpy, captured_output, lose_session_requests
from webhook_kit.testing.lossy_proxy import Loss, LossyHttpProxy
from webhook_kit.testing.orderable import CartLine, OrderableCatalog
from webhook_kit.testing.signer import signed

__all__ = ["ContractEnvironment", "ContractResponse"]

_SECRET = "whsec_contract"  # noqa: S105 - shared by the suite and its own kit only
_CANARIES = {"contract_canary": "canary-credential-5f3d9a"}
_OK = HTTPStatus.OK

Order = dict[str, Any]


class _Kit(Kit):
    """A kit of one store, which does not have to fit into environment variables."""

    def __init__(self, settings: Settings, store: Store) -> None:
        super().__init__(settings)
        self._store = store

    @cached_property
    def stores(self) -> StoreDirectory:
        return StoreDirectory(FixedStores([self._store]))


class ContractResponse:
    """The kit's response to one request of Gett or of the POS."""

    def __init__(self, response: TestResponse, complaints: Sequence[str] = ()) -> None:
        """:param complaints: reasons that the kit has logged and does not tell Gett."""
        self.complaints = list(complaints)
        self.status = response.status_code
        self.raw = response.get_data()
        self.body: Any = json.loads(self.raw) if self.raw else None

    @property
    def code(self) -> str | None:
        """The error code of the problem document, if it is one."""
        return self.body.get("errorCode") if isinstance(self.body, dict) else None

    @property
    def valid(self) -> bool:
        """True if validateOrder accepted the order."""
        return self.status == _OK and self.body["isValid"] is True

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The errors that validateOrder reported."""
        return self.body.get("errors") or []

    def __repr__(self) -> str:
        because = f"; the kit's log says: {'; '.join(self.complaints)}" if self.complaints else ""
        return f"{self.status} {self.raw.decode(errors='replace')}{because}"


class ContractEnvironment:
    """Kit, store and POS of one test. A context manager.

    :param hooks: the vendor's contract class.
    :param redis_url: a real Redis; the environment uses its own key prefix.
    :param on_skip: called with the reason before a test is skipped.
    """

    def __init__(self, hooks: ContractHooks, redis_url: str, on_skip: Callable[[str], None] = lambda _: None) -> None:
        self.hooks = hooks
        self._redis_url = redis_url
        self._on_skip = on_skip
        self._prefix = f"contract-{uuid4().hex}:"[:40]
        self._resources = ExitStack()
        self._kits: list[Kit] = []
        self._proxy: LossyHttpProxy | None = None
        self.output: list[str] = []
        """Lines that were logged or printed."""

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            self.output = starting.enter_context(captured_output())
            opened = starting.enter_context(self.hooks.open_store())
            self.pos_store = opened
            """The store as ``open_store`` returned it; hooks are called with it."""
            self.store = self._behind_proxy(self._with_canary(opened), starting)
            """The store as the kit has it."""
            self.spy = starting.enter_context(AdapterSpy(self.hooks.adapter))
            starting.callback(self._close)
            self.start()
            self._resources = starting.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._resources.close()

    def start(self, **settings: Any) -> None:
        """Start the kit, or start it again with other settings. Its state stays in Redis."""
        defaults: dict[str, Any] = {
            "redis_url": self._redis_url,
            "key_prefix": self._prefix,
            "gett_webhook_secrets": [_SECRET],
            "gett_api_key": "key_contract",
            "redis_timeout": 30.0,
            "lookup_retry_delay": 0.05,
            "pos_breaker_failures": 1000,  # a lost reply must not open the circuit breaker for the next step
        }
        self.kit: Kit = _Kit(Settings(**defaults | settings), self.store)
        self._kits.append(self.kit)
        self.app = create_app(self.kit)

    @cached_property
    def adapter(self) -> PosAdapter:
        """The adapter object that the kit uses."""
        adapter = load_adapter(self.store.adapter)
        assert type(adapter) is self.hooks.adapter, (
            f"open_store() returns a store with the adapter {self.store.adapter!r}, which is {type(adapter).__name__}; "
            f"expected {self.hooks.adapter.__name__}"
        )
        return adapter

    @cached_property
    def catalog(self) -> CatalogSet:
        """The catalog that the adapter returns."""
        return self.adapter.fetch_catalog(self.store)

    @cached_property
    def orderable(self) -> OrderableCatalog:
        """The part of the catalog that can be ordered now.

        :raises AssertionError: when it is empty.
        """
        orderable = OrderableCatalog(self.catalog, timezone=self.store.timezone, leave_out=self.hooks.leave_out)
        assert orderable.item_ids, "no item of the catalog can be ordered now; open_store() has to return an open store"
        return orderable

    # -- skipped tests -------------------------------------------------------------------------------------------------

    def skip(self, reason: str) -> NoReturn:
        """Skip the test and show the reason in the report."""
        self._on_skip(reason)
        pytest.skip(reason)

    def require_hook(self, hook: str, *, declared: bool = False) -> None:
        """Skip the test if the vendor has not defined this hook.

        :param declared: fail instead, because a capability that the adapter declares cannot be tested without the hook.
        """
        if self.hooks.defines(hook):
            return
        reason = f"{type(self.hooks).__name__}.{hook}() is not defined: {HOOKS[hook]}"
        if declared:
            pytest.fail(f"{reason}; define it, because the adapter declares a capability that needs it", pytrace=False)
        self.skip(reason)

    # -- Gett ----------------------------------------------------------------------------------------------------------

    def order(self, *cart: CartLine, **members: Any) -> Order:
        """Return a new order with these lines; with the simplest item when there are none."""
        lines = cart or (self.simplest_line(),)
        numbered = [{"lineItemId": str(number), **line} for number, line in enumerate(lines, 1)]
        return {
            "gettOrderId": str(uuid4()),
            "cart": {"storeId": self.store.gett_id, "lineItems": numbered},
            "fulfillmentType": self.fulfillment,
            **members,
        }

    @property
    def fulfillment(self) -> str:
        """A fulfillment type of the store; Pickup if the store offers it."""
        offered = self.store.fulfillment_types
        return "Pickup" if offered is None or "Pickup" in offered else min(offered)

    def simplest_line(self, quantity: int = 1) -> CartLine:
        """Return the item with the fewest required options."""
        lines = (self.orderable.minimal_line(item_id, quantity) for item_id in self.orderable.item_ids)
        return min(lines, key=lambda line: len(json.dumps(line)))

    def validate(self, order: Order) -> ContractResponse:
        """Call validateOrder."""
        return self._call("validateOrder", order)

    def place(self, order: Order, key: str | None = None) -> ContractResponse:
        """Call placeOrder, with a new idempotency key unless one is given."""
        return self._call("placeOrder", order, key or str(uuid4()))

    def validated_order(self, order: Order) -> Order:
        """Validate an order, and return it as Gett places it after that: with token and payment.

        :raises AssertionError: when the order is not valid.
        """
        response = self.validate(order)
        assert response.valid, f"validateOrder rejected a valid order: {response}"
        token = response.body["validatedOrderToken"]
        return {**order, "validatedOrderToken": token, "payment": {"type": "gettPayment"}}

    def validate_and_place(self, order: Order, key: str | None = None) -> ContractResponse:
        """Call validateOrder, then placeOrder, and return the receipt.

        :raises AssertionError: when one of them is not successful.
        """
        response = self.place(self.validated_order(order), key)
        assert response.status == _OK, f"placeOrder returned {response}"
        return response

    def _call(self, path: str, body: Order, key: str | None = None) -> ContractResponse:
        raw = json.dumps(body).encode()
        headers = signed(raw, _SECRET, key=key)
        logged = len(self.output)
        response = self.app.test_client().post(f"/{path}", data=raw, headers=headers)
        return ContractResponse(response, list(_complaints(self.output[logged:])))

    @staticmethod
    def concurrently(count: int, call: Callable[[], Any]) -> list[Any]:
        """Call from several threads at the same time, and return all results."""
        with ThreadPoolExecutor(count) as pool:
            return [pending.result() for pending in [pool.submit(call) for _ in range(count)]]

    # -- the POS -------------------------------------------------------------------------------------------------------

    def tickets(self) -> list[PosTicket]:
        """Return every ticket that the POS has."""
        self.require_hook("tickets", declared=True)
        return list(self.hooks.tickets(self.pos_store))

    @contextmanager
    def expect_new_tickets(self, count: int) -> Iterator[list[PosTicket]]:
        """Fail unless the POS gets exactly this many new tickets within the block; they are in the list after it."""
        before = {ticket.id for ticket in self.tickets()}
        created: list[PosTicket] = []
        yield created
        created += [ticket for ticket in self.tickets() if ticket.id not in before]
        ids = [ticket.id for ticket in created]
        assert len(created) == count, f"the POS created {len(created)} tickets, expected {count}: {ids}"

    @contextmanager
    def lose_next(self, loss: Loss) -> Iterator[None]:
        """Apply a loss to the next placement: on the wire if the POS has plain HTTP, otherwise between adapter and kit."""
        if loss is Loss.CONNECTION:
            with self.pos_down():
                yield
            return
        if self._proxy is None:
            with self.spy.lose_next(loss):
                yield
            triggered = self.spy.triggered
        else:
            with self._proxy.lose_next(loss, self.hooks.place_order_request):
                yield
            triggered = self._proxy.triggered
        assert triggered.is_set(), (
            f"place_order() sent no request that matches place_order_request ({self.hooks.place_order_request!r}); correct the pattern"
        )

    @contextmanager
    def lose_all(self, loss: Loss, *, after: int = 0) -> Iterator[threading.Event]:
        """Apply a loss to every request of the adapter within the block: on the wire if the POS has plain HTTP, else in ``http``.

        :param after: number of requests that pass before the first loss.
        :return: an event that is set when the loss was applied.
        """
        if self._proxy is None:
            with lose_session_requests(loss, after=after) as triggered:
                yield triggered
        else:
            with self._proxy.lose_all(loss, after=after):
                yield self._proxy.triggered

    @contextmanager
    def pos_down(self) -> Iterator[None]:
        """Take the POS down within the block; if that is not possible, only the next placement fails."""
        if self.hooks.defines("down"):
            with self.hooks.down(self.pos_store):
                yield
        elif self._proxy is not None:
            with self._proxy.down():
                yield
        else:
            with self.spy.lose_next(Loss.CONNECTION):
                yield

    @property
    def has_wire(self) -> bool:
        """True if all requests to the POS pass the suite's proxy."""
        return self._proxy is not None

    @property
    def can_take_pos_down(self) -> bool:
        """True if the POS itself can be taken down."""
        return self.has_wire or self.hooks.defines("down")

    def advance(self, order_id: str, step: str) -> PosWebhook | None:
        """Move an order to a step at the POS. The POS's webhook about it is returned, not delivered."""
        return self.hooks.advance(self.pos_store, order_id, step)

    def deliver(self, webhook: PosWebhook) -> ContractResponse:
        """Deliver a webhook of the POS to the kit."""
        headers = dict(webhook.headers)
        path = f"/pos/{self.store.adapter}/events"
        return ContractResponse(self.app.test_client().post(path, data=webhook.body, headers=headers))

    # -- results -------------------------------------------------------------------------------------------------------

    def placement_state(self, order: Order) -> str:
        """Return the state of an order's placement record."""
        return (self.kit.placement_store.find(order["gettOrderId"]) or {}).get("state", "unknown")

    def sent_statuses(self, order: Order) -> list[str]:
        """Return the statuses and end states that the kit sends to Gett for an order, in order."""
        entries = self.kit.lanes.history(lane_name(Kind.ORDER, order["gettOrderId"]))
        bodies = [entry["body"] for entry in entries if entry["event"] == "appended"]
        return [body.get("state") or body["status"] for body in bodies]

    def empty_redis(self) -> None:
        """Delete everything that the kit has in Redis, as a loss of Redis does. The kit continues to run."""
        for key in self.kit.redis.scan_iter(f"{self._prefix}*"):
            self.kit.redis.delete(key)

    # -- set-up --------------------------------------------------------------------------------------------------------

    @staticmethod
    def _with_canary(store: Store) -> Store:
        """Add a credential to search the logs for, if the store has none and its adapter accepts any."""
        with_canary = replace(store, credentials=_CANARIES)
        return store if store.credentials or store_mistakes(with_canary) else with_canary

    def _behind_proxy(self, store: Store, resources: ExitStack) -> Store:
        option = self.hooks.base_url_option
        url = store.options.get(option)
        if not isinstance(url, str) or not url.startswith("http://"):
            return store
        self._proxy = resources.enter_context(LossyHttpProxy(url))
        return replace(store, options={**store.options, option: self._proxy.url})

    def _close(self) -> None:
        self.empty_redis()
        for kit in self._kits:
            kit.redis.connection_pool.disconnect()


def _complaints(lines: Iterable[str]) -> Iterator[str]:
    """Yield what the kit's error lines say about the adapter's answers."""
    for line in lines:
        with suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict) and entry.get("level") == "error" and "complaint" in entry:
                yield str(entry["complaint"])
