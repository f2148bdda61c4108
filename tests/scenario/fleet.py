"""An installation as a platform runs it (two web servers, a push and a sync worker), restarted one by one, and orders all the time."""

from __future__ import annotations

import itertools
import json
import random
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import requests

from webhook_kit.adapter import Store
from webhook_kit.kit import Kit
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.processes import PATIENCE, Process, wait_until
from webhook_kit.testing.signer import signed
from webhook_kit.testing.stack import Stack

ROOT = Path(__file__).parents[2]
ADAPTER = "tests.scenario.pos_variants:WithPassword"
STEPS = ({"status": "preparing"}, {"status": "ready"}, {"state": "completed"})
"""Progress of each order at the POS, after its confirmation."""

RETRIED = (408, 409, 429, 502, 503, 504)
"""Statuses after which Gett, or the POS, sends a webhook again."""


class Fleet:
    """A context manager that starts everything. The store is in Redis, and its POS needs the store's password.

    :ivar processes: by name: ``web0``, ``web1``, ``push``, ``sync``.
    """

    def __init__(self, directory: Path, **env: str) -> None:
        self.tickets_file = directory / "pos.sqlite"
        settings = {
            "CATALOG_REFRESH": "3",
            "POS_BREAKER_FAILURES": "1000",
            "REDIS_TIMEOUT": "30",
            "GETT_WRITES_PER_MINUTE": "0",
        }
        self._directory = directory
        self.stack = Stack(
            "",
            configured=False,
            env={"PYTHONPATH": f"{ROOT}", **settings, **env},
            web=2,
            worker=False,
            cwd=directory,  # not the project's own directory, from which Python would always take this version
        )
        self.processes: dict[str, Process] = {}
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.enter_context(self.stack)
            options = {"file": str(self.tickets_file)}
            store = Store(
                "main", self.stack.store_id, ADAPTER, options=options, credentials={"password": "open sesame"}
            )
            self.kit().stores.add(store)
            self.processes = {f"web{number}": process for number, process in enumerate(self.stack.web)}
            self._resources = starting.pop_all()
        for kind in ("push", "sync"):
            self.add_worker(kind, kind)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._resources.close()

    def add_worker(self, name: str, kind: str, **env: str) -> None:
        """Start a worker, ``push`` or ``sync``, with settings that are changed for it."""
        command = [sys.executable, "-m", "webhook_kit.cli", "worker", kind]
        process = Process(command, env={**self.stack.env, **env}, cwd=self._directory)
        self.processes[name] = self._resources.enter_context(process)

    def kit(self) -> Kit:
        """Return a kit with today's settings in this process."""
        return self.stack.kit()

    def restart(self, *names: str, **env: str) -> None:
        """Restart these processes (all when none is named) one by one, with settings that are changed for them."""
        if not names:
            self.stack.env.update(env)
        for name in names or self.processes:
            process = self.processes[name]
            assert process.terminate() == 0, process.output()
            process.env.update(env)
            process.start()
            if name.startswith("web"):
                process.wait_http(f"{self.stack.urls[int(name[-1])]}/healthz")

    def cli(self, *arguments: str) -> str:
        process = self.stack.cli(*arguments)
        assert process.returncode == 0, process.output()
        return process.output()

    def output(self) -> str:
        """Return what all processes have logged."""
        return "".join(process.output() for process in self.processes.values())


@dataclass
class PlacedOrder:
    """An order of the load.

    :ivar answers: statuses of all deliveries.
    """

    id: str = field(default_factory=lambda: str(uuid4()))
    answers: list[int] = field(default_factory=list)
    body: dict[str, Any] = field(default_factory=dict)
    ticket: str = ""
    done: bool = False


class OrderLoad:
    """A context manager. In it, customers validate and place orders, and the POS reports the progress of each, without an end.

    A webhook that is not answered, or with a status of :data:`RETRIED`, is sent again to the other server, as Gett does.
    Gett signs with its secret of the moment.
    """

    def __init__(self, fleet: Fleet, customers: int = 3) -> None:
        self.fleet = fleet
        self.orders: list[PlacedOrder] = []
        self.unexpected: list[str] = []
        """Answers that lose an order or an event."""
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._customer, daemon=True) for _ in range(customers)]

    def __enter__(self) -> Self:
        for url in self.fleet.stack.urls:  # a server asks for a store that it does not know 20 times a second at most
            wait_until(lambda url=url: self._knows_store(url), message=f"the store at {url}")  # type: ignore[misc]
        for thread in self._threads:
            thread.start()
        self.more(1)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def more(self, count: int = 5) -> None:
        """Wait until so many further orders were placed and completed at the POS."""
        started = len(self.orders)
        wait_until(
            lambda: self.unexpected or sum(order.done for order in self.orders[started:]) >= count,
            message=f"{count} more orders",
        )
        assert not self.unexpected, f"{self.unexpected}\n{self.fleet.output()[-10_000:]}"

    def _knows_store(self, url: str) -> bool:
        body = json.dumps(self._cart()).encode()
        headers = signed(body, self.fleet.stack.gett.context.secret)
        return requests.post(f"{url}/validateOrder", data=body, headers=headers, timeout=PATIENCE).status_code == 200

    def _customer(self) -> None:
        while not self._stopping.is_set() and not self.unexpected:
            order = PlacedOrder()
            self.orders.append(order)
            try:
                self._run(order)
            except Exception as error:  # noqa: BLE001 - the thread of the test reports it
                self.unexpected.append(f"order {order.id}: {error!r}")

    def _run(self, order: PlacedOrder) -> None:
        self.place(order)
        for step in STEPS:
            self.report(order, step)
        order.done = True

    def place(self, order: PlacedOrder) -> None:
        """Validate and place an order, until it is answered for good."""
        cart = self._cart()
        validated = self._deliver("/validateOrder", cart, order)
        order.body = {
            **cart,
            "gettOrderId": order.id,
            "validatedOrderToken": validated["validatedOrderToken"],
            "payment": {"type": "gettPayment"},
            "customer": {"firstName": order.id},
        }
        order.ticket = self._deliver("/placeOrder", order.body, order, key=order.id)["partnerOrderId"]

    def report(self, order: PlacedOrder, step: Mapping[str, str]) -> list[str]:
        """Let the POS report a step of an order until it is taken, and return the outcome."""
        event = {"type": "order", "store_id": "main", "order_id": order.ticket, **step}
        body = json.dumps({"events": [event]}).encode()
        outcome: list[str] = self._send(
            f"/pos/{ADAPTER}/events", lambda: (body, {"x-bogus-secret": "bogus-secret"}), order
        )
        return outcome

    def _cart(self) -> dict[str, Any]:
        lines = [{"lineItemId": "1", "itemId": "salad", "quantity": 1}]
        return {"cart": {"storeId": self.fleet.stack.store_id, "lineItems": lines}, "fulfillmentType": "Pickup"}

    def _deliver(self, path: str, document: Mapping[str, Any], order: PlacedOrder, key: str | None = None) -> Any:
        body = json.dumps(document).encode()
        # Signed for each attempt: Gett's secret may have changed.
        return self._send(path, lambda: (body, signed(body, self.fleet.stack.gett.context.secret, key=key)), order)

    def _send(self, path: str, request: Callable[[], tuple[bytes, dict[str, str]]], order: PlacedOrder) -> Any:
        servers = itertools.cycle(random.sample(self.fleet.stack.urls, len(self.fleet.stack.urls)))

        def answer() -> tuple[requests.Response] | None:
            body, headers = request()
            try:
                with requests.Session() as session:
                    session.trust_env = False
                    response = session.post(next(servers) + path, data=body, headers=headers, timeout=PATIENCE)
            except requests.ConnectionError:
                return None  # this server is being restarted
            order.answers.append(response.status_code)
            return None if response.status_code in RETRIED else (response,)  # a response of 4xx is false

        answered = wait_until(answer, message=f"an answer to {path}", interval=0.1)
        assert answered is not None
        (response,) = answered
        if response.status_code != 200:
            raise AssertionError(f"{path}: {response.status_code} {response.text}")
        return response.json()

    def try_to_place(self, order: PlacedOrder, web: int) -> int:
        """Deliver the order's placeOrder once more, to one server, and return the status of the answer."""
        body = json.dumps(order.body).encode()
        headers = signed(body, self.fleet.stack.gett.context.secret, key=order.id)
        url = f"{self.fleet.stack.urls[web]}/placeOrder"
        return requests.post(url, data=body, headers=headers, timeout=PATIENCE).status_code

    def assert_nothing_lost(self) -> None:
        """Assert that each order has one ticket, and that Gett got all its updates in order. Call it after the load."""
        assert not self.unexpected, f"{self.unexpected}\n{self.fleet.output()[-10_000:]}"
        gett = self.fleet.stack.gett
        wait_until(
            lambda: all("completed" in statuses(gett.update_log.updates(order.id)) for order in self.orders),
            message="the last updates",
        )
        expected = ["confirmed", *(step.get("status") or step["state"] for step in STEPS)]
        tickets: dict[str, int] = {}
        for ticket in BogusAdapter.tickets(self.fleet.tickets_file):
            tickets[ticket.ref] = tickets.get(ticket.ref, 0) + 1
        wrong = {
            order.id: (tickets.get(order.id, 0), order.answers) for order in self.orders if tickets.get(order.id) != 1
        }
        assert not wrong, f"tickets and answers of orders without exactly one ticket: {wrong}"
        for order in self.orders:
            got = statuses(gett.update_log.updates(order.id))
            # An update that waits is merged into a newer one; the rest is in order, and the last one is there.
            assert got == [status for status in expected if status in got], (order.id, got)
        assert self.fleet.kit().lanes.counts().get("dead_letters", 0) == 0


def statuses(updates: list[Any]) -> list[str]:
    """Return the statuses that Gett took, in order of arrival; the same one twice in a row counts once."""
    taken = [each.body.get("status") or each.body.get("state") for each in updates if each.status == 202]
    return [status for status, _ in itertools.groupby(taken)]
