"""The processes of the Procfile with a Redis, a local Gett and stores of the fake POS."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from unittest.mock import patch
from uuid import uuid4

import psutil

from benchmarks.servers import ROOT, kit, procfile_command
from webhook_kit.adapter import Store
from webhook_kit.kit import Kit
from webhook_kit.settings import Settings
from webhook_kit.stores.file import as_toml
from webhook_kit.testing.bogus_tickets import Tickets
from webhook_kit.testing.processes import Process, free_port
from webhook_kit.testing.redis_server import RedisServer

__all__ = ["METRICS_TOKEN", "SECRET", "Installation"]

SECRET, _API_KEY, METRICS_TOKEN = "whsec_load", "key_load", "metrics_load_0123456789abcdef0123"


class Installation:
    """A context manager that starts everything, and ends it.

    :param stores: options of each store for the fake POS, by its id.
    :param workers: workers to run.
    :param console: also serve the console.
    :param env: further settings.
    :ivar gett_ids: Gett's ids of the stores, by their own.
    :ivar tickets: state of the POS of all stores.
    """

    def __init__(
        self,
        stores: Mapping[str, Mapping[str, Any]],
        *,
        workers: Sequence[str] = ("push", "sync"),
        console: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.gett_ids = {store: str(uuid4()) for store in stores}
        self.redis = RedisServer()
        self._options = stores
        self._env = env or {}
        self._workers = workers
        self._with_console = console
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            self._start(starting)
            self._resources = starting.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._resources.close()

    def _start(self, resources: ExitStack) -> None:
        folder = Path(resources.enter_context(TemporaryDirectory(prefix="webhook-kit-load-")))
        resources.enter_context(self.redis)
        self.tickets_file = folder / "pos.sqlite"
        self.tickets = Tickets(self.tickets_file)
        self.tickets.all()  # creates the file, before several processes do
        stores = folder / "stores.toml"
        stores.write_text(
            as_toml(
                Store(store, self.gett_ids[store], "bogus", options={"file": str(self.tickets_file), **options})
                for store, options in self._options.items()
            )
        )
        port = free_port()
        gett_ids = [f"{store}={gett_id}" for store, gett_id in self.gett_ids.items()]
        gett = [sys.executable, "-m", "tests.load.gett", str(port), SECRET, _API_KEY, *gett_ids]
        self.gett = resources.enter_context(Process(gett, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}))
        self.env = {
            "PYTHONPATH": os.environ.get("PYTHONPATH", str(ROOT)),
            "REDIS_URL": self.redis.url,
            "STORES_FILE": str(stores),
            "GETT_API_URL": f"http://127.0.0.1:{port}",
            "GETT_API_KEY": _API_KEY,
            "GETT_WEBHOOK_SECRETS": SECRET,
            "GETT_WRITES_PER_MINUTE": "0",
            "METRICS_TOKEN": METRICS_TOKEN,
            "CONSOLE_PASSWORDS": "true",
            "LOG_FORMAT": "json",
            **self._env,
        }
        self.gett.wait_http(f"http://127.0.0.1:{port}/")
        self.web = kit(self.env)
        self.env["PUBLIC_URL"] = f"http://127.0.0.1:{self.web.port}"
        self.web.process.env.update(self.env)
        resources.enter_context(self.web)
        self.servers = {"web": self.web}
        self.workers = {
            name: resources.enter_context(Process(procfile_command(name), env=self.env, cwd=ROOT))
            for name in self._workers
        }
        if self._with_console:
            self.servers["console"] = resources.enter_context(kit({**self.env, "WEB_THREADS": "8"}, "console"))
            added = Process(
                [*procfile_command("web")[:3], "console", "add-token", "load", "--role", "viewer"], env=self.env
            ).start()
            added.wait()
            self.console_token = added.output().split()[-1]

    def kit(self) -> Kit:
        """Return a kit with the same settings in this process."""
        with patch.dict(os.environ, self.env):
            return Kit(Settings.from_env())

    def processes(self) -> dict[str, psutil.Process]:
        """Return the processes of the kit and of Redis, by what they do."""
        roots = {name: server.process for name, server in self.servers.items()} | self.workers
        found = dict(self._tree((name, process.pid) for name, process in roots.items()))
        found["redis"] = psutil.Process(self.redis.pid)
        return found

    @staticmethod
    def _tree(roots: Iterator[tuple[str, int]]) -> Iterator[tuple[str, psutil.Process]]:
        for name, pid in roots:
            root = psutil.Process(pid)
            yield name, root
            children = [
                each for each in root.children(recursive=True) if "resource_tracker" not in "".join(each.cmdline())
            ]
            for number, child in enumerate(sorted(children, key=lambda each: each.pid), 1):
                yield f"{name} {number}", child
