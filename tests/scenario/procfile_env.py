"""A Procfile that honcho runs, with a Redis as small as a plan of Heroku's, a local Gett, and customers who order."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import uuid4

import psutil
import redis
import requests

from webhook_kit.sandbox.local_gett import LocalGett
from webhook_kit.testing.processes import PATIENCE, Process, free_port, wait_until
from webhook_kit.testing.redis_server import RedisServer

__all__ = ["HONCHO", "PATH", "PATIENT", "Plan", "ProcfileEnv", "honcho"]

HONCHO = (sys.executable, "-m", "honcho")
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
"""Search path with the commands of this environment."""

PATIENT = {"REDIS_TIMEOUT": "30", "POS_DEADLINE": "40", "WEBHOOK_DEADLINE": "60"}
"""Settings with which no deadline passes because the machine is busy."""

_SECRET, _API_KEY = "5ec2e7" * 10 + "5ec2", "key_local"
_CUSTOMERS = 8


@contextmanager
def honcho(arguments: str, env: Mapping[str, str], folder: Path, url: str) -> Iterator[Process]:
    """Run processes of a Procfile until the end of the block, and then end them with SIGTERM.

    :param url: address that answers as soon as they can be used.
    """
    process = Process([*HONCHO, *arguments.split()], env=env, cwd=folder).start()
    children: list[psutil.Process] = []
    try:
        process.wait_http(url)
        children = psutil.Process(process.pid).children(recursive=True)
        yield process
        os.kill(process.pid, signal.SIGTERM)
        process.wait()
        assert psutil.wait_procs(children, PATIENCE)[1] == []
    finally:
        for child in children:  # honcho gives each a session of its own, so that the guard does not reach them
            with suppress(psutil.NoSuchProcess):
                child.kill()
        process.kill()


@dataclass(frozen=True)
class Plan:
    """A plan of Heroku's Redis, and the settings that fit it."""

    connections: int
    memory: str
    settings: Mapping[str, str]


class ProcfileEnv:
    """A context manager around the processes of a Procfile.

    :param folder: folder with the Procfile.
    :param env: adapter of the store and its settings.
    :param item: an item that the store sells, and its price.
    :param tickets: SQLite file of the POS.
    :ivar taken: orders that were answered 200, as Gett knows them.
    :ivar open: orders that were sent, and not answered 200.
    :ivar most_connections: connections to Redis at the most, as Redis counted them.
    """

    def __init__(
        self, folder: Path, plan: Plan, env: Mapping[str, str], item: tuple[str, float], tickets: Path
    ) -> None:
        self.folder, self._item, self._tickets = folder, item, tickets
        limits = {"maxclients": str(plan.connections), "maxmemory": plan.memory}
        self.redis = RedisServer(options=limits)
        self.gett = LocalGett("", _SECRET, _API_KEY, str(uuid4()), timeout=PATIENCE)
        self._env = {**env, **plan.settings}
        self._resources = ExitStack()
        self.taken: list[str] = []
        self.open: list[str] = []
        self.most_connections = 0

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.enter_context(self.redis)
            self._port = free_port()
            self.gett.webhooks = f"http://127.0.0.1:{self._port}"
            self.env = {
                "PATH": PATH,
                "PORT": str(self._port),
                "PUBLIC_URL": self.gett.webhooks,
                "REDIS_URL": self.redis.url,
                **PATIENT,
                "GETT_API_URL": starting.enter_context(self.gett.serve()),
                "GETT_API_KEY": _API_KEY,
                "GETT_WEBHOOK_SECRETS": _SECRET,
                "GETT_WRITES_PER_MINUTE": "0",
                "GETT_STORE_ID": self.gett.store_id,
                **self._env,
            }
            starting.enter_context(self._counted_connections())
            self._resources = starting.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._resources.close()

    def release(self, **changes: str) -> Process:
        """Run the release process to its end, with changed settings."""
        process = Process([*HONCHO, "start", "release"], env=self.env | changes, cwd=self.folder).start()
        process.wait()
        return process

    def running(self) -> AbstractContextManager[Process]:
        """Start web, push and sync, and end them with SIGTERM: honcho kills what has not ended 5 s later."""
        return honcho("start web push sync", self.env, self.folder, f"{self.gett.webhooks}/healthz")

    @contextmanager
    def ordering(self) -> Iterator[None]:
        """Let customers order without a pause, each until an order of theirs is not taken, or the block ends."""
        ended = threading.Event()

        def order_always() -> None:
            while not ended.is_set() and self._place(str(uuid4())):
                pass

        threads = [threading.Thread(target=order_always) for _ in range(_CUSTOMERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            for thread in threads:
                thread.join()

    def order(self) -> str:
        """Place one order, and return its id."""
        order_id = str(uuid4())
        assert self._place(order_id), self.open
        return order_id

    def place_open_orders(self) -> None:
        """Send each order that was not answered 200 again, as Gett does."""
        for order_id in list(self.open):
            wait_until(lambda order_id=order_id: self._place(order_id), message=f"order {order_id}")  # type: ignore[misc]

    def _place(self, order_id: str) -> bool:
        item, price = self._item
        order = {
            "gettOrderId": order_id,
            "cart": {"lineItems": [{"lineItemId": "1", "itemId": item, "quantity": 1}]},
            "fulfillmentType": "Pickup",
            "amounts": {"total": price},
            "customer": {"firstName": order_id},
        }
        if order_id not in self.open:
            self.open.append(order_id)
        try:
            answer = self.gett.place(order, key=order_id)
        except requests.exceptions.RequestException:
            return False
        if answer.status != 200:
            return False
        self.taken.append(order_id)
        self.open.remove(order_id)
        return True

    def await_confirmations(self) -> None:
        """Wait until the state of every order has reached Gett."""
        confirmed = self.gett.update_log.updates

        def waiting() -> set[str]:
            return set(self.taken) - {update.order_id for update in confirmed() if update.status == 202}

        wait_until(lambda: not waiting(), message="the state of every order")

    def tickets(self) -> list[str]:
        """Return the order of each ticket in the POS."""
        with closing(sqlite3.connect(self._tickets)) as database:
            return [ref for (ref,) in database.execute("SELECT ref FROM tickets")]

    @contextmanager
    def _counted_connections(self) -> Iterator[None]:
        """Count the connections to Redis during the block, besides the one that counts."""
        ended = threading.Event()

        def count() -> None:
            with redis.Redis(port=self.redis.port) as client:
                while not ended.wait(0.02):
                    connected: int = client.info("clients")["connected_clients"]
                    self.most_connections = max(self.most_connections, connected - 1)

        thread = threading.Thread(target=count)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
