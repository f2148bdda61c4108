"""The stores of one partner, one per level of guarantee, as real processes; and Gett, which orders there."""

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
from webhook_kit.testing.bogus_menu import bogus_menu
from webhook_kit.testing.processes import PATIENCE, wait_until
from webhook_kit.testing.signer import signed
from webhook_kit.testing.stack import SECRET, Stack

T = TypeVar("T")
R = TypeVar("R")

LEVELS = {"native": "Native", "look-up": "LookUp", "both": "Both", "claim": "Claim", "bare": "Bare"}
"""Each level of guarantee (``docs/receiving.md``) and its adapter in ``pos_variants.py``; the level is also the store's id.

``bare`` is ``claim`` without ``quote``, so that nothing has to be asked between the claim and the call.
"""

SAFE = ("native", "look-up", "both")
"""The levels that need no person after a crash."""

UNSAFE = ("claim", "bare")
"""The levels that do: there is at most one ticket, and whether there is one, a person has to say."""

FINDS = ("look-up", "both")

CALM = {
    "POS_DEADLINE": "50",
    "WEBHOOK_DEADLINE": "60",
    "REDIS_TIMEOUT": "30",
    "LOOKUP_RETRY_DELAY": "0.1",
    "CATALOG_REFRESH": "0.5",
}
"""Settings for tests: no deadline strikes because the machine is busy, and what the kit waits for by itself comes soon."""

HASTY = {"POS_DEADLINE": "3"}
"""For tests of a POS that answers too late."""

KEYS = Keys("wk:")

_PRICES = {id: item.base_price for id, item in bogus_menu().items.items()}


@dataclass(frozen=True)
class Order:
    """One order as Gett delivers it, however often."""

    level: str
    items: tuple[str, ...]
    key: str = field(default_factory=lambda: str(uuid4()))
    gett_id: str = field(default_factory=lambda: str(uuid4()))

    @property
    def total(self) -> float:
        return float(sum((_PRICES[item] for item in self.items), Decimal(0)))

    @property
    def ref(self) -> str:
        return self.gett_id or self.key

    def again(self, **changes: Any) -> Order:
        """The same order, delivered with another key, id or content."""
        return replace(self, **changes)


class Shop:
    """A context manager around :class:`Stack`.

    :param directory: for stores, tickets and gates.
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
            own = {
                "file": str(self.pos_file(level)),
                "gate": str(directory / level),
                "offline": str(directory / level / "offline"),
                "off_menu": str(directory / level / "off-menu"),
                **(options or {}),
                **(store_options or {}).get(level, {}),
            }
            tables += [
                f"[stores.{level}]",
                f'gett_id = "{self.gett_ids[level]}"',
                f'adapter = "tests.scenario.pos_variants:{adapter}"',
            ]
            tables += [f"[stores.{level}.options]", *(f"{name} = {json.dumps(value)}" for name, value in own.items())]
        stores.write_text("\n".join(tables))
        # An empty variable counts as absent: the stores come from the file.
        settings = {"STORES_FILE": str(stores), **CALM, **(env or {})}
        self.stack = Stack("", env=settings, web=web, worker=worker, cwd=Path(__file__).parents[2])

    def __enter__(self) -> Self:
        self.stack.__enter__()
        self.redis = redis.Redis.from_url(self.stack.redis.url)
        return self

    def __exit__(self, *_exc: object) -> None:
        self.redis.close()
        self.stack.close()

    # -- Gett's side ---------------------------------------------------------------------------------------------------

    def place(self, order: Order, *, web: int = 0, age: float = 0.0, **members: Any) -> WebhookResponse:
        """Deliver placeOrder once.

        :param web: to which web process.
        :param age: how many seconds ago Gett's clock says it was signed.
        :param members: further members of the order.
        :raises requests.exceptions.RequestException: when no answer came.
        """
        return self._deliver("placeOrder", self.body(order, **members), web, age, order.key)

    def validate(self, order: Order, *, web: int = 0, age: float = 0.0) -> WebhookResponse:
        body = self.body(order, gettOrderId="", amounts=None)
        return self._deliver("validateOrder", body, web, age, None)

    def insist(self, order: Order, *, web: int = 0) -> WebhookResponse:
        """Deliver placeOrder again and again, as Gett does, while it is told that the order is being placed right now.

        Or that the wait for the attempt before it left no time to call the POS.
        """

        def another() -> WebhookResponse | None:
            answer = self.place(order, web=web)
            if answer.status == 503 and "no time was left" in answer.body["detail"]:
                return None
            if answer.status != 409:
                return answer
            assert answer.body["errorCode"] == "CONFLICT"
            assert answer.body["retryable"] is True
            assert int(answer.headers["Retry-After"]) > 0
            return None

        answer = wait_until(another, message=f"the claim on order {order.ref} to lapse")
        assert answer is not None
        return answer

    @contextmanager
    def hanging_up(self, order: Order, *, web: int = 0) -> Iterator[socket.socket]:
        """Deliver placeOrder, and drop the connection at the end of the block, whatever came over it until then."""
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
        }
        return json.dumps({**content, **members}).encode()

    def confirmations(self, order: Order) -> list[int]:
        """How Gett answered each update of the order; only 202 counts."""
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

    # -- the POS's side ------------------------------------------------------------------------------------------------

    def pos_file(self, level: str) -> Path:
        return self.directory / level / "pos.sqlite"

    def tickets(self, order: Order) -> list[Ticket]:
        return [ticket for ticket in BogusAdapter.tickets(self.pos_file(order.level)) if ticket.ref == order.ref]

    def ticket(self, order: Order) -> str:
        """The id of the order's one ticket."""
        tickets = self.tickets(order)
        assert len(tickets) == 1, f"{order.level}: {len(tickets)} tickets"
        return tickets[0].id

    def assert_placed_once(self, order: Order, answer: WebhookResponse) -> None:
        """Gett has the right answer, and the POS one ticket."""
        assert answer.status == 200, (order.level, answer.body)
        assert answer.body["partnerOrderId"] == self.ticket(order), order.level
        assert answer.body["cart"]["lineItems"][0]["itemId"] == order.items[0]
        assert answer.body["amounts"]["total"] == order.total
        assert answer.body["isValid"] is True

    def await_gate(self, order: Order, point: str) -> None:
        """Wait until the POS stands still with this store's order."""
        wait_until((self.directory / order.level / point).exists, message=f"{order.level} to stand still at {point}")

    def close_gates(self, point: str) -> None:
        """The POS stands still there again."""
        for level in LEVELS:
            for gate in (point, f"{point}.go"):
                (self.directory / level / gate).unlink(missing_ok=True)

    def open_gates(self, point: str) -> None:
        for level in LEVELS:
            (self.directory / level / f"{point}.go").touch()

    # -- the machine room ----------------------------------------------------------------------------------------------

    def kill(self, web: int = 0) -> None:
        """SIGKILL to a web process."""
        self.stack.web[web].kill()

    def start(self, web: int = 0, **env: str) -> None:
        """Start a web process again, on the same port."""
        process = self.stack.web[web]
        process.env.update(env)
        process.start().wait_http(f"{self.stack.urls[web]}/healthz")

    def shown(self, order: Order) -> dict[str, Any]:
        """What ``webhook-kit order show`` says of an order."""
        shown = json.loads(self.cli("order", "show", "--json", order.ref))
        assert isinstance(shown, dict)
        return shown

    def cli(self, *arguments: str) -> str:
        process = self.stack.cli(*arguments)
        assert process.returncode == 0, process.output()
        return process.output()

    def state(self, order: Order) -> str | None:
        """The state of an order's record."""
        return text(self.redis.hget(KEYS.order(order.ref), "state")) or None

    def attempts(self, order: Order) -> int:
        """How many claims there have been."""
        return int(text(self.redis.hget(KEYS.order(order.ref), "attempt")))

    def await_state(self, order: Order, state: str) -> None:
        wait_until(lambda: self.state(order) == state, message=f"order {order.ref} ({order.level}) to be {state}")

    def lapse(self, order: Order) -> None:
        """Let the time pass for which the claim of a process that was killed is believed to be alive."""
        assert self.redis.hset(KEYS.order(order.ref), "lease", 0) == 0, "the order has no claim"

    def scripts_run(self) -> int:
        """How many scripts Redis has run so far."""
        stats = self.redis.info("commandstats")
        return sum(int(stats.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("evalsha", "eval"))


def together(function: Callable[[T], R], things: Sequence[T]) -> list[R]:
    """Call the function with all of them at the same time."""
    with ThreadPoolExecutor(len(things)) as pool:
        return list(pool.map(function, things))
