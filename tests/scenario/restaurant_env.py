"""A partner's stores, one per level of guarantee, served by real processes; and Gett, which places orders."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import redis
import requests

from webhook_kit.sandbox.local_gett import WebhookResponse
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.testing.bogus import BogusAdapter, Ticket
from webhook_kit.testing.bogus_catalog import bogus_catalog
from webhook_kit.testing.processes import PATIENCE, wait_until
from webhook_kit.testing.signer import signed
from webhook_kit.testing.stack import SECRET, Stack

T = TypeVar("T")
R = TypeVar("R")

LEVELS = {"native": "Native", "look-up": "LookUp", "both": "Both", "claim": "Claim", "bare": "Bare"}
"""Each level of guarantee (``docs/receiving.md``) and its adapter in ``pos_variants.py``; also the store's id.

``bare`` is ``claim`` without ``quote``, so that no question to the POS comes between the claim and the call.
"""

SELF_RESOLVING = ("native", "look-up", "both")
"""The levels that need no person after a crash."""

NEEDING_A_PERSON = ("claim", "bare")
"""The levels that do: there is at most one ticket, and a person has to check if there is one."""

WITH_LOOK_UP = ("look-up", "both")

LONG_DEADLINES = {
    "POS_DEADLINE": "50",
    "WEBHOOK_DEADLINE": "60",
    "REDIS_TIMEOUT": "30",
    "LOOKUP_RETRY_DELAY": "0.1",
    "CATALOG_REFRESH": "3",
}
"""Settings for tests: no deadline passes because the machine is busy, but the kit's own pauses are short."""

SHORT_POS_DEADLINE = {"POS_DEADLINE": "3"}
"""Settings for tests of a POS that replies too late."""

KEYS = Keys("wk:")

_PRICES = {id: item.base_price for id, item in bogus_catalog().items.items()}


@dataclass(frozen=True)
class Order:
    """One order, which Gett may deliver several times.

    :ivar customer: first name; two orders without an id of Gett's differ at least in it, else they are one captured webhook.
    """

    level: str
    items: tuple[str, ...]
    key: str = field(default_factory=lambda: str(uuid4()))
    gett_id: str = field(default_factory=lambda: str(uuid4()))
    customer: str = field(default_factory=lambda: str(uuid4()))

    @property
    def total(self) -> float:
        return float(sum((_PRICES[item] for item in self.items), Decimal(0)))

    @property
    def ref(self) -> str:
        return self.gett_id or self.key

    def changed(self, **changes: Any) -> Order:
        """Return the order with another key, id or content."""
        return replace(self, **changes)


class RestaurantEnv:
    """A context manager around :class:`Stack`.

    :param directory: for stores, tickets and the files that pause the POS.
    :param options: options of every store.
    :param store_options: options of one store, by level.
    :param env: further settings.
    """

    def __init__(
        self,
        directory: Path,
        *,
        options: Mapping[str, Any] | None = None,
        store_options: Mapping[str, Mapping[str, Any]] | None = None,
        env: Mapping[str, str] | None = None,
        web: int = 1,
        worker: bool = False,
    ) -> None:
        self.directory = directory
        self.gett_ids = {level: str(uuid4()) for level in LEVELS}
        stores = directory / "stores.toml"
        tables = []
        for level, adapter in LEVELS.items():
            (directory / level).mkdir()
            options_of_store = {
                "file": str(self.pos_file(level)),
                "pause_directory": str(directory / level),
                "offline": str(directory / level / "offline"),
                "removed": str(directory / level / "removed"),
                **(options or {}),
                **(store_options or {}).get(level, {}),
            }
            tables += [
                f"[stores.{level}]",
                f'gett_id = "{self.gett_ids[level]}"',
                f'adapter = "tests.scenario.pos_variants:{adapter}"',
            ]
            tables += [
                f"[stores.{level}.options]",
                *(f"{name} = {json.dumps(value)}" for name, value in options_of_store.items()),
            ]
        stores.write_text("\n".join(tables))
        # An empty variable counts as absent: the stores come from the file.
        settings = {"STORES_FILE": str(stores), **LONG_DEADLINES, **(env or {})}
        self.stack = Stack("", env=settings, web=web, worker=worker, cwd=Path(__file__).parents[2])

    def __enter__(self) -> Self:
        self.stack.__enter__()
        self.redis = redis.Redis.from_url(self.stack.redis.url)
        return self

    def __exit__(self, *_exc: object) -> None:
        self.redis.close()
        self.stack.close()

    # -- as Gett -------------------------------------------------------------------------------------------------------

    def place(self, order: Order, *, web: int = 0, age: float = 0.0, **members: Any) -> WebhookResponse:
        """Deliver placeOrder once.

        :param web: index of the web process.
        :param age: seconds since Gett signed the request, by its clock.
        :param members: further members of the order.
        :raises requests.exceptions.RequestException: when no response came.
        """
        return self._deliver("placeOrder", self.body(order, **members), web, age, order.key)

    def validate(self, order: Order, *, web: int = 0, age: float = 0.0) -> WebhookResponse:
        body = self.body(order, gettOrderId="", amounts=None)
        return self._deliver("validateOrder", body, web, age, None)

    def place_until_answered(self, order: Order, *, web: int = 0) -> WebhookResponse:
        """Deliver placeOrder again and again, as Gett does, while the response is 409 CONFLICT.

        Also while the wait for the attempt before left no time to call the POS.
        """

        def place() -> WebhookResponse | None:
            response = self.place(order, web=web)
            if response.status == 503 and "no time was left" in response.body["detail"]:
                return None
            if response.status != 409:
                return response
            assert response.body["errorCode"] == "CONFLICT"
            assert response.body["retryable"] is True
            assert int(response.headers["Retry-After"]) > 0
            return None

        response = wait_until(place, message=f"the claim on order {order.ref} to lapse")
        assert response is not None
        return response

    @contextmanager
    def delivery_cut_off(self, order: Order, *, web: int = 0) -> Iterator[socket.socket]:
        """Deliver placeOrder, and close the connection at the end of the block, with or without a response."""
        body = self.body(order)
        address = urlsplit(self.stack.urls[web])
        headers = {**self._headers(body, order.key, 0.0), "Host": address.netloc, "Content-Length": str(len(body))}
        head = "\r\n".join(["POST /placeOrder HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())])
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=PATIENCE) as connection:
            connection.sendall(head.encode() + b"\r\n\r\n" + body)
            yield connection

    def body(self, order: Order, **members: Any) -> bytes:
        lines = [{"lineItemId": str(n), "itemId": item, "quantity": 1} for n, item in enumerate(order.items)]
        content = {
            "gettOrderId": order.gett_id,
            "cart": {"storeId": self.gett_ids[order.level], "lineItems": lines},
            "fulfillmentType": "Pickup",
            "amounts": {"total": order.total},
            "payment": {"type": "gettPayment"},
            "customer": {"firstName": order.customer},
        }
        return json.dumps({**content, **members}).encode()

    def confirmations(self, order: Order) -> list[int]:
        """Return Gett's status for each update of the order; only 202 means success."""
        return [update.status for update in self.stack.gett.update_log.updates(order.gett_id)]

    def await_confirmation(self, order: Order) -> None:
        wait_until(lambda: 202 in self.confirmations(order), message=f"the confirmation of {order.level} order")

    def _deliver(self, webhook: str, body: bytes, web: int, age: float, key: str | None) -> WebhookResponse:
        with requests.Session() as session:
            session.trust_env = False
            url = f"{self.stack.urls[web]}/{webhook}"
            response = session.post(url, data=body, headers=self._headers(body, key, age), timeout=PATIENCE)
        return WebhookResponse(response.status_code, response.json(), response.headers)

    @staticmethod
    def _headers(body: bytes, key: str | None, age: float) -> dict[str, str]:
        return signed(body, SECRET, key=key, age=age)

    # -- at the POS ----------------------------------------------------------------------------------------------------

    def pos_file(self, level: str) -> Path:
        return self.directory / level / "pos.sqlite"

    def all_tickets(self, level: str) -> list[Ticket]:
        return BogusAdapter.tickets(self.pos_file(level))

    def tickets(self, order: Order) -> list[Ticket]:
        return [ticket for ticket in self.all_tickets(order.level) if ticket.ref == order.ref]

    def ticket(self, order: Order) -> str:
        """Return the id of the order's one ticket."""
        tickets = self.tickets(order)
        assert len(tickets) == 1, f"{order.level}: {len(tickets)} tickets"
        return tickets[0].id

    def assert_placed_once(self, order: Order, response: WebhookResponse) -> None:
        """Assert that Gett has the right response and the POS one ticket."""
        assert response.status == 200, (order.level, response.body)
        assert response.body["partnerOrderId"] == self.ticket(order), order.level
        assert response.body["cart"]["lineItems"][0]["itemId"] == order.items[0]
        assert response.body["amounts"]["total"] == order.total
        assert response.body["isValid"] is True

    def await_pause(self, order: Order, point: str) -> None:
        """Wait until the POS of this order's store pauses at this point."""
        wait_until((self.directory / order.level / point).exists, message=f"{order.level} to pause at {point}")

    def pause_pos_again(self, point: str) -> None:
        """Let every POS pause at this point again."""
        for level in LEVELS:
            for file in (point, f"{point}.go"):
                (self.directory / level / file).unlink(missing_ok=True)

    def resume_pos(self, point: str) -> None:
        for level in LEVELS:
            (self.directory / level / f"{point}.go").touch()

    # -- processes and records -----------------------------------------------------------------------------------------

    def kill(self, web: int = 0) -> None:
        """Kill a web process with SIGKILL."""
        self.stack.web[web].kill()

    def start(self, web: int = 0, **env: str) -> None:
        """Start a web process again, on the same port."""
        process = self.stack.web[web]
        process.env.update(env)
        process.start().wait_http(f"{self.stack.urls[web]}/healthz")

    def order_show(self, order: Order) -> dict[str, Any]:
        """Return the output of ``webhook-kit order show``."""
        record = json.loads(self.cli("order", "show", "--json", order.ref))
        assert isinstance(record, dict)
        return record

    def cli(self, *arguments: str) -> str:
        process = self.stack.cli(*arguments)
        assert process.returncode == 0, process.output()
        return process.output()

    def state(self, order: Order) -> str | None:
        """Return the state of an order's placement record."""
        return text(self.redis.hget(KEYS.order(order.ref), "state")) or None

    def attempts(self, order: Order) -> int:
        """Return the number of claims on an order so far."""
        return int(text(self.redis.hget(KEYS.order(order.ref), "attempt")))

    def await_state(self, order: Order, state: str) -> None:
        wait_until(lambda: self.state(order) == state, message=f"order {order.ref} ({order.level}) to be {state}")

    def expire_lease(self, order: Order) -> None:
        """End the lease of a killed process's claim."""
        assert self.redis.hset(KEYS.order(order.ref), "lease", 0) == 0, "the order has no claim"

    def script_calls(self) -> int:
        """Return the number of scripts that Redis has run so far."""
        stats = self.redis.info("commandstats")
        return sum(int(stats.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("evalsha", "eval"))


def run_concurrently(function: Callable[[T], R], arguments: Sequence[T]) -> list[R]:
    """Call the function with all arguments at the same time."""
    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(function, arguments))
